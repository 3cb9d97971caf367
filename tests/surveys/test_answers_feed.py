"""The stream of answers, exports, the read API and topics: who sees what, and nothing said twice."""

import csv
import io
import json
from datetime import timedelta
from uuid import UUID

import pytest
import time_machine
from django.db.models import F
from django.urls import reverse

from accounts.models import Organisation
from config.work import jobs
from config.work.models import AuditEntry, Job
from customers.connectors.table import Columns
from customers.services.imports.run import Request, run_import
from surveys.formulas.scales import SCALES
from surveys.models import CampaignVersion, Response, ResponseTopic, Topic
from surveys.queries import feed, topics
from surveys.queries.feed import Wanted
from surveys.services import topics as service
from surveys.tasks import retag_topic
from tests.factories.customers import make_contact, make_customer
from tests.factories.surveys import make_campaign
from tests.surveys.test_scores_pages import give

pytestmark = pytest.mark.django_db
FORMULAS = ["=HYPERLINK(1)", "+1 for that", "-1", "@x", "\tslow", "'=kept", "plain"]


@pytest.fixture(autouse=True)
def _frozen(now):
    with time_machine.travel(now + timedelta(hours=1), tick=False):
        yield


def url(name, *args):
    return reverse(f"surveys:{name}", args=args)


def body(response):
    assert response.status_code == 200
    return b"".join(response).decode()


@pytest.fixture
def said(anna, now):
    """Three answers of Anna's customer, one of a contact, each with words that can be told apart."""
    customer = make_customer(owner=anna, name="Zyxcustomer", segment="big")
    contact = make_contact(customer, "zyxmail@x.example", name="Zyxperson")
    at = now - timedelta(days=2)
    rows = give(customer, [2], at=at, contact=contact, comment="Zyxcomment is SLOW and clunky", phase="live")
    rows += give(customer, [9], at=at - timedelta(hours=1), comment="Zyxpraise", language="de")
    rows += give(customer, [8], at=at - timedelta(hours=2))
    return rows


PLANTED = ("Zyxcustomer", "Zyxperson", "Zyxcomment", "zyxmail", "Zyxpraise")


def test_f44_named_answers_are_for_admins_the_team_and_the_owner(client, request, said):
    links = [
        url("responses"), url("responses") + "?topic=1&series=nps-series", url("survey_export", "responses", "csv"),
        url("survey_export", "revisions", "json"), url("api_responses"), url("scores"), url("comparison"), url("silence"),
        url("topic_effects"), url("funnel_panel") + "?by=customer",
    ]  # fmt: skip
    for who in ("anna", "mia", "vera", "ben", "carl", "vic"):
        client.force_login(request.getfixturevalue(who))
        for href in links:
            for headers in ({}, {"hx-request": "true", "hx-target": "answers-feed"}):
                response = client.get(href, headers=headers)
                text = b"".join(response).decode()
                if who in ("ben", "carl", "vic"):
                    assert not [word for word in PLANTED if word in text], (who, href)
                elif href == url("responses") or "responses.csv" in href or "api" in href:
                    assert "Zyxcomment" in text, (who, href)
                if who == "vic":
                    expected = 403 if "export" in href or "api" in href else 200
                    assert response.status_code == expected, href


def test_s_142_a_csm_who_may_look_at_all_books_still_reads_named_answers_of_the_own_book_alone(
    client, said, carl
):
    Organisation.objects.update_or_create(pk=1, defaults={"csm_read_scope": "all"})
    client.force_login(carl)
    assert "Zyxcomment" not in body(client.get(url("responses")))
    assert json.loads(body(client.get(url("api_responses"))))["results"] == []


def test_f44_anonymous_answers_have_no_person_and_are_hidden_while_few(client, said, vera, anna, now):
    campaign = make_campaign(by=vera, now=now)
    CampaignVersion.objects.filter(pk=campaign.current_id).update(is_anonymous=True)
    fields = {"channel": "email", "is_anonymous": True, "campaign": campaign, "external_id": ""}

    def anonymous(number):
        for _ in range(number):
            Response.objects.create(
                kind="nps", series_key="anon", scale_min=0, scale_max=10, score=5, comment="Zyxsecret", answered_at=now,
                first_answered_at=now, anonymous_key=UUID(int=Response.objects.count()), **fields,
            )  # fmt: skip

    anonymous(4)
    client.force_login(vera)
    assert "Zyxsecret" not in body(client.get(url("responses")))
    anonymous(1)
    assert "Anonymous" in body(client.get(url("responses")))
    client.force_login(anna)
    assert "Zyxsecret" not in body(client.get(url("responses")))


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({}, [2, 9, 8]),
        ({"bucket": "negative"}, [2]),
        ({"bucket": "neutral"}, [8]),
        ({"bucket": "positive"}, [9]),
        ({"commented": True}, [2, 9]),
        ({"phase": "live"}, [2]),
        ({"segment": "big"}, [2, 9, 8]),
        ({"segment": "small"}, []),
        ({"language": "de"}, [9]),
        ({"kind": "csat5"}, []),
        ({"series": "nps-series", "kind": "nps"}, [2, 9, 8]),
    ],
)
def test_vo_1_the_stream_is_filtered(said, anna, filters, found):
    page = feed.page(anna, Wanted(**filters), least_anonymous=5)
    assert [row.score for row in page.rows] == found


def test_the_stream_is_read_by_key_and_no_answer_is_shown_twice_or_missed(client, said, anna, now):
    customer = said[0].customer
    give(
        customer,
        [number % 11 for number in range(feed.PAGE + 7)],
        at=now - timedelta(days=3),
        series_key="other",
    )
    client.force_login(anna)
    seen, href = [], url("responses")
    while href:
        response = client.get(href)
        seen += [item["row"].pk for item in response.context["items"]]
        href = response.context["next_href"]
    assert len(seen) == len(set(seen)) == feed.PAGE + 10
    for nonsense in (
        "?after=x",
        "?after=2026-03-01_1",
        "?after=2026-03-01T00:00:00Z_x",
        "?kind=%00&campaign=9e9",
    ):
        assert client.get(url("responses") + nonsense).status_code == 200


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))


def test_f30_cells_that_a_spreadsheet_would_run_get_one_apostrophe_and_grow_no_more(
    client, anna, vera, now, tmp_path
):
    customer = make_customer(owner=anna, name="=cmd()", external_ids={"import": "k1"})
    for number, comment in enumerate(FORMULAS):
        give(customer, [number], at=now - timedelta(days=number + 1), comment=comment)
    client.force_login(vera)
    kept = ["'=HYPERLINK(1)", "'+1 for that", "'-1", "'@x", "'\tslow", "'=kept", "plain"]
    export = url("survey_export", "responses", "csv")
    for turn in range(3):
        rows = rows_of(body(client.get(export)))[-len(FORMULAS) :]
        assert [row["comment"] for row in rows] == kept
        assert [row["score"] for row in rows] == [str(number) for number in range(len(FORMULAS))]
        assert {row["customer"] for row in rows} == {"'=cmd()"}
        path = tmp_path / f"turn{turn}.csv"
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(
                file, ["answered_at_utc", "kind", "score", "comment"], extrasaction="ignore"
            )
            writer.writeheader()
            writer.writerows(rows)
        columns = Columns(fields={"answered_at": "answered_at_utc"}, constants={"customer_id": "k1"})
        request = Request(kind="responses", path=path, file_name=path.name, columns=columns)
        counts = run_import(request=request, by=None, now=now).counts
        # From the second turn on the import finds what it said before: the apostrophe has not grown.
        assert (counts.created, counts.unchanged) == ((7, 0) if not turn else (0, 7))


def test_s_143_an_export_names_formula_scale_both_clocks_and_is_in_the_log(client, said, vera):
    Organisation.objects.update_or_create(pk=1, defaults={"time_zone": "Asia/Kathmandu"})
    client.force_login(vera)
    row = rows_of(body(client.get(url("survey_export", "responses", "csv") + "?bucket=negative")))[0]
    assert (row["score"], row["scale"], row["direction"]) == ("2", "0..10", "high_is_good")
    assert row["formula"].startswith("NPS = 100 x")
    assert (row["answered_at_utc"], row["answered_at_local"]) == (
        "2026-03-14T10:00:00+00:00", "2026-03-14T15:45:00+05:45",
    )  # fmt: skip
    entry = AuditEntry.objects.get(action="survey.exported")
    assert entry.after["what"] == "responses"
    as_json = json.loads(body(client.get(url("survey_export", "responses", "json"))))
    assert [line["score"] for line in as_json] == [2, 9, 8]
    assert as_json[0]["comment"] == "Zyxcomment is SLOW and clunky"
    for what in ("revisions", "invitations", "messages", "events", "deliveries"):
        assert json.loads(body(client.get(url("survey_export", what, "json")))) == []
    assert client.get("/surveys/export/users.csv").status_code == 404
    assert client.get("/surveys/export/responses.xml").status_code == 404


def test_s_142_exports_need_the_grant(client, said, anna):
    anna.grants = []
    anna.save(update_fields=["grants"])
    client.force_login(anna)
    assert client.get(url("survey_export", "responses", "csv")).status_code == 403
    assert url("survey_export", "responses", "csv") not in body(client.get(url("responses")))


def test_s_145_the_api_pages_by_last_change_and_since_is_inclusive(client, said, anna, now):
    for number, row in enumerate(said):
        Response.objects.filter(pk=row.pk).update(updated_at=now - timedelta(days=3 - number // 2))
    client.force_login(anna)
    seen, href = [], url("api_responses") + "?limit=1"
    while href:
        answer = json.loads(body(client.get(href)))
        seen += [row["id"] for row in answer["results"]]
        href = answer["next"]
    assert seen == [row.pk for row in said]
    since = (now - timedelta(days=2)).isoformat().replace("+00:00", "Z")
    found = json.loads(body(client.get(url("api_responses"), {"updated_since": since})))["results"]
    assert [row["id"] for row in found] == [said[2].pk]
    assert found[0]["answered_at"].endswith("+00:00")
    Response.objects.filter(pk=said[2].pk).update(status="void")
    assert (
        json.loads(body(client.get(url("api_responses"), {"updated_since": since})))["results"][0]["status"]
        == "void"
    )
    Response.objects.filter(pk=said[2].pk).update(status="suspect")
    assert json.loads(body(client.get(url("api_responses"), {"updated_since": since})))["results"] == []


@pytest.mark.parametrize(
    "query", ["?limit=0", "?limit=x", "?limit=501", "?updated_since=yesterday", "?updated_since=2026-03-01", "?cursor=x", "?cursor=2026-03-01T00:00:00Z_x"],
)  # fmt: skip
def test_s_145_a_parameter_that_cannot_be_read_is_named(client, anna, query):
    client.force_login(anna)
    response = client.get(url("api_responses") + query)
    assert response.status_code == 400
    problem = response.json()
    assert problem["type"] == "bad_parameter"
    assert problem["errors"] == [
        {"field": query[1:].split("=")[0], "code": "bad_parameter", "message": problem["detail"]}
    ]
    client.logout()
    assert client.get(url("api_responses")).status_code == 302


def tags():
    rows = ResponseTopic.objects.order_by("response__score", "topic__name", "source")
    return list(rows.values_list("response__score", "topic__name", "source"))


def run_jobs():
    assert jobs.KINDS[service.JOB_KIND] is retag_topic
    for job in Job.objects.filter(kind=service.JOB_KIND, state="queued"):
        jobs.run(job.pk)


def test_s_208_new_answers_are_tagged_once_and_changed_terms_look_through_history(said, vera, now):
    topic, job = service.save_topic(
        topic=None, name="Speed", terms={"en": ["slow"], "de": []}, by=vera, now=now
    )
    run_jobs()
    job.refresh_from_db()
    assert (job.state, job.progress_done, job.progress_total) == ("done", 2, 2)
    assert tags() == [(2, "Speed", "automatic")]
    topic.refresh_from_db()
    assert (topic.version, topic.tagged_version) == (1, 1)
    later = give(said[0].customer, [4], at=now, comment="slower than before")
    assert service.tag_new(now=now) == 3  # the two of before have never been read by the ticker
    assert service.tag_new(now=now) == 0
    assert [row[0] for row in tags()] == [2, 4]
    Response.objects.filter(pk=later[0].pk).update(
        comment="quick", updated_at=F("updated_at") + timedelta(hours=2)
    )
    assert service.tag_new(now=now) == 1
    assert [row[0] for row in tags()] == [2]
    service.tag_by_hand(response=later[0], topic=topic, by=vera, now=now)
    _, again = service.save_topic(topic=topic, name="Speed", terms={"en": ["quick"]}, by=vera, now=now)
    run_jobs()
    again.refresh_from_db()
    assert again.state == "done"
    assert tags() == [(4, "Speed", "automatic"), (4, "Speed", "manual")]
    assert service.save_topic(topic=topic, name="Pace", terms={"en": ["quick"]}, by=vera, now=now)[1] is None


def test_s_208_a_job_of_terms_that_changed_meanwhile_does_nothing(said, vera, now):
    topic, old = service.save_topic(topic=None, name="Speed", terms={"en": ["slow"]}, by=vera, now=now)
    service.save_topic(topic=topic, name="Speed", terms={"en": ["praise"]}, by=vera, now=now)
    old = jobs.run(old.pk)
    old.refresh_from_db()
    assert old.result == {**old.result, "outdated": True}
    assert tags() == []


def test_s_208_tags_of_words_and_of_people_count_once_and_show_their_impact(said, vera, anna, now):
    customer = said[0].customer
    give(customer, [10] * 5 + [8] * 2, at=now, comment="fine")
    give(customer, [1], at=now, comment="very slow")
    topic, _ = service.save_topic(topic=None, name="Speed", terms={"en": ["slow"]}, by=vera, now=now)
    service.tag_new(now=now)
    slow = Response.objects.get(comment="very slow")
    service.tag_by_hand(response=slow, topic=topic, by=anna, now=now)
    rows = Response.objects.counted().exclude(comment="Zyxpraise")
    found = topics.effects(rows, SCALES["nps"], is_share=False, least=1, hides_rest=False)
    effect = found["lines"][0]["effect"]
    assert (effect.n, float(effect.impact)) == (2, -32.5)
    assert (
        topics.effects(rows, SCALES["nps"], is_share=False, least=5, hides_rest=False)["hidden_topics"] == 1
    )


def test_topics_are_made_by_admins_and_refused_with_words(client, said, vera, anna, vic):
    client.force_login(vera)
    done = client.post(
        url("topics"), {"name": "Speed", "terms_en": "slow, Clunk\nslow", "terms_de": "langsam"}, follow=True
    )
    assert "is saved. All answers are being looked through" in done.content.decode()
    topic = Topic.objects.get()
    assert topic.terms == {"en": ["slow", "Clunk"], "de": ["langsam"]}
    assert AuditEntry.objects.filter(action="topic.saved").exists()
    for posted, words in (
        ({"name": "Speed", "terms_en": "x y"}, "There is a topic of this name"),
        ({"name": "Other", "terms_en": "+a"}, "cannot be looked for"),
        ({"name": "Other", "terms_en": "a"}, "cannot be looked for"),
        ({"name": ""}, "This field is required"),
    ):
        refused = client.post(url("topics"), posted)
        assert refused.status_code == 422
        assert words in refused.content.decode()
    client.post(url("topic_switch", topic.pk), {"act": "retire"})
    assert not Topic.objects.get().is_active
    client.post(url("topic_switch", topic.pk), {"act": "resume"})
    assert Topic.objects.get().version == 2
    client.force_login(anna)
    assert "Change" not in body(client.get(url("topics"))).partition("<main")[2].partition("</main")[0]
    client.post(url("topics"), {"name": "Mine", "terms_en": "mine"})
    assert Topic.objects.count() == 1
    assert client.post(url("topic_switch", topic.pk)).status_code == 403
    client.force_login(vic)
    assert client.get(url("topics")).status_code == 403


def test_a_tag_by_hand_needs_an_answer_of_ones_own_customers(client, said, vera, anna, carl, vic, now):
    topic, _ = service.save_topic(topic=None, name="Speed", terms={"en": ["slow"]}, by=vera, now=now)
    href = url("response_tag", said[1].pk)
    for who, status in ((carl, 404), (vic, 403), (anna, 302)):
        client.force_login(who)
        assert client.post(href, {"topic": topic.pk, "act": "add"}).status_code == status
    assert tags() == [(9, "Speed", "manual")]
    assert client.post(href, {"topic": "x"}).status_code == 302
    back = client.post(href, {"topic": topic.pk, "act": "remove", "back": "https://evil.example/"})
    assert back.headers["Location"] == url("responses")
    assert tags() == []
