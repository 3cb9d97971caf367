"""The pages of a scorecard's life: list, versions, comparing, sending, approving, card rules, files."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from config.work import jobs
from metrics import tasks  # noqa: F401 - the kinds of jobs
from metrics.models import Backtest, HealthScore, ScorecardVersion
from metrics.queries.card_of import card_of
from metrics.queries.scorecards import live_version
from metrics.services import card_files, lint, rescoring, scorecard_review, scorecards
from metrics.services.refresh import refresh_all_stale
from tests.factories.customers import NOW
from tests.factories.health import TODAY, make_scored_customer, put_in_force, score_now, send_draft, starter
from tests.factories.users import make_user

pytestmark = pytest.mark.django_db

NOTE = "Sentiment decides from now on"


@pytest.fixture(autouse=True)
def frozen(time_machine):
    time_machine.move_to(NOW, tick=False)


def text_of(response) -> str:
    return " ".join(response.content.decode().split()).replace("\N{NO-BREAK SPACE}", " ")


def get(client, user, name, *args, **query):
    client.force_login(user)
    return client.get(reverse(f"metrics:{name}", args=args), query)


def post(client, user, name, *args, **data):
    client.force_login(user)
    return client.post(reverse(f"metrics:{name}", args=args), data)


def changed_draft(by, **changes):
    draft = scorecards.start_draft(scorecard=starter().scorecard, by=by, now=NOW)
    body = {**draft.body, "min_coverage": 3_000, **changes}
    return scorecards.save_body(draft=draft, body=body, version=1, by=by, now=NOW)


def put_rules(by, *rules, default="core"):
    draft = scorecards.start_rules_draft(by=by, now=NOW)
    body = {
        "kind": "rules",
        "rules": [{"when": [when], "card": card} for when, card in rules],
        "default": default,
    }
    saved = scorecards.save_body(draft=draft, body=body, version=draft.version, by=by, now=NOW)
    return put_in_force(saved, by=by)


def second_card(by, title="Enterprise"):
    return put_in_force(scorecards.new_card(title=title, kind="weighted", by=by, now=NOW), by=by)


# The list


def test_sc_1_everybody_reads_the_cards_and_sees_the_bands_of_the_own_book(client, anna, carl):
    make_scored_customer(owner=anna)
    refresh_all_stale(as_of=TODAY, now=NOW)
    mine = get(client, anna, "health_settings")
    (one,) = mine.context["cards"]
    assert [(row.label, row.customers) for row in one["bands"]] == [
        ("Healthy", 1), ("Watch", 0), ("At risk", 0), ("No score", 0),
    ]  # fmt: skip
    assert (one["row"].customers, one["row"].coverage) == (1, Decimal("0.9"))
    assert "New draft" not in text_of(mine)
    (theirs,) = get(client, carl, "health_settings").context["cards"]
    assert (theirs["row"].customers, theirs["row"].coverage) == (0, None)


def test_the_list_shows_drafts_what_is_scheduled_and_the_last_backtest(client, vera):
    live, tomorrow = starter(), TODAY + timedelta(days=1)
    put_in_force(changed_draft(vera), by=vera, on=tomorrow)
    scorecards.start_draft(scorecard=live.scorecard, by=vera, now=NOW)
    for auc in (0.5, 0.81):
        Backtest.objects.create(
            body_hash=live.body_hash, engine=1, parameters={}, result={"enough": True, "auc": {"value": auc}}
        )
    response = get(client, vera, "health_settings")
    (one,) = response.context["cards"]
    assert (one["auc"], one["row"].next_on, len(one["row"].drafts)) == (0.81, tomorrow, 1)
    text = text_of(response)
    assert "AUC 0.81" in text
    assert "No rules yet: Core scores every customer" in text


def test_the_list_takes_the_same_queries_whatever_the_cards(client, vera):
    starter()
    client.force_login(vera)
    counts = []
    for title in ("", "Enterprise", "Partners"):
        if title:
            second_card(vera, title)
        with CaptureQueriesContext(connection) as counted:
            client.get(reverse("metrics:health_settings"))
        counts.append(len(counted))
    assert counts == [counts[0]] * 3


def test_a_fresh_installation_shows_how_to_begin(client, vera, vic):
    assert "No scorecard yet" in text_of(get(client, vic, "health_settings"))
    response = post(client, vera, "start_draft")
    draft = ScorecardVersion.objects.get(state="draft")
    assert response.url == reverse("metrics:scorecard_draft", args=[draft.pk])
    assert live_version().number == 1


# One version, and all of them


def test_a_version_shows_weights_curves_and_bands(client, vic):
    live = starter()
    text = text_of(get(client, vic, "scorecard", live.pk))
    assert "0 % → 0, 30 % → 20, 60 % → 60, 80 % → 90, 100 % → 100" in text
    assert "from 40 to below 70" in text
    assert get(client, vic, "scorecard", 987654).status_code == 404


def test_a_new_version_says_what_it_changed_and_who_approved_it(client, vera, vic):
    live = put_in_force(changed_draft(vera), by=vera)
    text = text_of(get(client, vic, "scorecard", live.pk))
    assert "Least weight with a reading 50 % → 30 %." in text
    assert "Second Admin" in text
    assert "Roll back" not in text


def test_versions_are_listed_and_any_two_compared(client, vera, vic):
    live = put_in_force(changed_draft(vera), by=vera)
    first = ScorecardVersion.objects.get(number=1)
    ScorecardVersion.objects.filter(pk=live.pk).update(approved_alone="Nobody else was there")
    page = text_of(get(client, vic, "scorecard_versions", "core"))
    assert "approved alone: Nobody else was there" in page
    assert live.body_hash[:12] in page
    compared = get(client, vic, "scorecard_versions", "core", **{"from": live.pk, "to": first.pk})
    assert compared.context["changes"] == ("Least weight with a reading 30 % → 50 %.",)
    for odd in ("x", "²", "999999999999999999999"):
        odd_page = get(client, vic, "scorecard_versions", "core", **{"from": odd, "to": odd})
        assert odd_page.status_code == 200
    assert get(client, vic, "scorecard_versions", "nothing").status_code == 404


def test_hv_6_the_version_shows_what_was_promised_and_what_came(client, vera, vic):
    customer = make_scored_customer(name="Larch", mrr="100.00")
    refresh_all_stale(as_of=TODAY, now=NOW)
    draft = changed_draft(vera)
    get(client, vera, "scorecard_preview", draft.pk)
    draft.refresh_from_db()
    promised = draft.preview
    sent = send_draft(draft, by=vera)
    ScorecardVersion.objects.filter(pk=sent.pk).update(
        preview={**promised, "movers": {str(customer.pk): "weak"}}
    )
    sent.refresh_from_db()
    live = scorecard_review.approve(version=sent, by=make_user("Omar Admin", "admin"), now=NOW)
    jobs.run(rescoring.job_of(live).pk)
    text = text_of(get(client, vic, "scorecard", live.pk))
    assert "What was promised, what came" in text
    assert "At risk was promised, Healthy came" in text


# From draft to version


def test_hc_3_the_page_keeps_notes_and_says_what_is_missing(client, vera):
    draft = changed_draft(vera)
    page = text_of(get(client, vera, "send_scorecard", draft.pk))
    assert "has not been previewed" in page
    assert "No backtest of this body" in page
    data = {
        "version": draft.version,
        "note": "short",
        "effective_on": "2026-03-16",
        "note-L-21:": "first release",
    }
    refused = post(client, vera, "send_scorecard", draft.pk, **data)
    assert (refused.status_code, list(refused.context["form"].errors)) == (422, ["note"])
    draft.refresh_from_db()
    assert draft.acknowledged == {"L-21:": "first release"}
    refused = post(client, vera, "send_scorecard", draft.pk, **{**data, "note": NOTE})
    assert "has not been previewed" in text_of(refused)
    get(client, vera, "scorecard_preview", draft.pk)
    stale = post(client, vera, "send_scorecard", draft.pk, **{**data, "note": NOTE, "version": 1})
    assert stale.context["form"]["version"].value() == str(draft.version)
    assert "saved this draft while you were editing it" in text_of(stale)
    sent = post(client, vera, "send_scorecard", draft.pk, **{**data, "note": NOTE})
    assert sent.url == reverse("metrics:scorecard", args=[draft.pk])
    draft.refresh_from_db()
    assert (draft.state, draft.note) == ("in_review", NOTE)


def test_rl_2_a_manager_with_the_grant_approves_and_cannot_edit(client, vera, mia, anna):
    customer = make_scored_customer()
    score_now()
    sent = send_draft(changed_draft(vera), by=vera)
    assert get(client, mia, "review_scorecard", sent.pk).status_code == 403
    mia.grants = [*mia.grants, "publish_scorecard"]
    mia.save()
    page = get(client, mia, "review_scorecard", sent.pk)
    assert "Least weight with a reading 50 % → 30 %." in text_of(page)
    assert "seen and meant" in text_of(page)
    assert get(client, mia, "send_scorecard", sent.pk).status_code == 403
    assert post(client, anna, "approve_scorecard", sent.pk).status_code == 403
    assert post(client, mia, "approve_scorecard", sent.pk).status_code == 302
    live = live_version()
    assert (live.number, live.approved_by) == (2, mia)
    jobs.run(rescoring.job_of(live).pk)
    assert HealthScore.objects.get(customer=customer, to_at=None).version == live


def test_hc_4_the_last_editor_is_shown_who_else_approves_or_asked_why_nobody(client, vera, mia):
    sent = send_draft(changed_draft(vera), by=vera)
    refused = post(client, vera, "approve_scorecard", sent.pk)
    assert refused.status_code == 422
    assert "only one who may approve" in text_of(refused)
    mia.grants = [*mia.grants, "publish_scorecard"]
    mia.save()
    assert "somebody else approves it: Mia Holm" in text_of(get(client, vera, "review_scorecard", sent.pk))
    mia.is_active = False
    mia.save()
    post(client, vera, "approve_scorecard", sent.pk, alone_reason="Mia left the company last week")
    assert live_version().approved_alone == "Mia left the company last week"


def test_hc_1_a_version_is_sent_back_with_a_note(client, vera):
    sent = send_draft(changed_draft(vera), by=vera)
    assert post(client, vera, "send_back_scorecard", sent.pk, note="").status_code == 422
    post(client, vera, "send_back_scorecard", sent.pk, note="Too low for small customers")
    sent.refresh_from_db()
    assert (sent.state, sent.review_note) == ("draft", "Too low for small customers")
    assert "Too low for small customers" in text_of(get(client, vera, "health_settings"))
    again = post(client, vera, "send_back_scorecard", sent.pk, note="Once more")
    assert again.status_code == 302  # somebody was first


def test_hc_6_one_click_and_a_reason_roll_back(client, vera, mia):
    put_in_force(changed_draft(vera), by=vera)
    first = ScorecardVersion.objects.get(number=1)
    assert post(client, mia, "roll_back_scorecard", first.pk, reason=NOTE).status_code == 403
    post(client, vera, "roll_back_scorecard", first.pk, reason="oops")
    assert live_version().number == 2
    response = post(client, vera, "roll_back_scorecard", first.pk, reason="Half of the book turned red")
    assert (live_version().number, live_version().rollback_of) == (3, first)
    assert response.url == reverse("metrics:scorecard", args=[live_version().pk])


def test_a_scheduled_version_is_withdrawn(client, vera):
    waiting = put_in_force(changed_draft(vera), by=vera, on=TODAY + timedelta(days=1))
    post(client, vera, "withdraw_scorecard", waiting.pk)
    post(client, vera, "withdraw_scorecard", waiting.pk)
    waiting.refresh_from_db()
    assert waiting.state == "withdrawn"


def test_discarding_a_draft_leaves_what_is_in_force(client, vera):
    draft = changed_draft(vera)
    assert post(client, vera, "discard_draft", draft.pk).url == reverse("metrics:health_settings")
    assert list(ScorecardVersion.objects.values_list("number", flat=True)) == [1]


# New cards and files


def test_hc_1_a_new_card_offers_actions_first(client, vera):
    page = get(client, vera, "new_scorecard")
    assert page.context["form"]["kind"].value() == "actions"
    response = post(client, vera, "new_scorecard", title="Product led", kind="actions")
    draft = ScorecardVersion.objects.get(scorecard__key="product-led")
    assert (draft.kind, response.url) == ("actions", reverse("metrics:scorecard_draft", args=[draft.pk]))
    assert post(client, vera, "new_scorecard", title="", kind="x").status_code == 422


def test_a_card_is_copied_and_drafted_from_any_version(client, vera):
    live = starter()
    post(client, vera, "copy_scorecard", live.pk, title="Core for partners")
    copy = ScorecardVersion.objects.get(scorecard__key="core-for-partners")
    assert (copy.state, copy.body_hash) == ("draft", live.body_hash)
    post(client, vera, "copy_scorecard", live.pk, title="")
    post(client, vera, "draft_from_version", live.pk)
    assert ScorecardVersion.objects.filter(base=live, state="draft").count() == 1


def test_hc_1_an_exported_file_comes_back_as_an_equal_draft(client, vera, vic):
    live = starter()
    file = get(client, vic, "export_scorecard", live.pk)
    assert file["Content-Disposition"] == 'attachment; filename="core-1.yaml"'
    upload = SimpleUploadedFile("core.yaml", file.content)
    response = post(client, vera, "new_scorecard", **{"import": 1, "file": upload})
    draft = ScorecardVersion.objects.get(state="draft")
    assert (response.status_code, draft.body, draft.body_hash) == (302, live.body, live.body_hash)
    assert (draft.base, live_version()) == (live, live)
    assert get(client, vic, "export_scorecard", draft.pk).status_code == 404


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"a: [", b"scorecard: core\ncard: {kind: weighted}"])
def test_a_file_that_is_no_card_is_refused_at_its_field(client, vera, content):
    starter()
    response = post(
        client, vera, "new_scorecard", **{"import": 1, "file": SimpleUploadedFile("core.yaml", content)}
    )
    assert (response.status_code, list(response.context["upload"].errors)) == (422, ["file"])
    assert ScorecardVersion.objects.count() == 1


def test_a_file_of_another_kind_does_not_change_a_card(vera):
    starter()
    text = "scorecard: core\ncard: {kind: actions, actions: []}"
    with pytest.raises(scorecards.NotADraftError, match="under another key, such as core-2"):
        card_files.import_card(file=card_files.card_from_yaml(text), by=vera, now=NOW)


# Card rules


def rows(*rules, default="core", version=1):
    data = {"version": version, "default": default}
    for place, (order, segment, card) in enumerate(rules):
        data |= {f"place-{place}": order, f"segment-{place}": segment, f"card-{place}": card}
    return data


def test_hg_1_rules_are_edited_in_order_and_show_whom_they_take(client, vera):
    second_card(vera)
    make_scored_customer(tier="gold", region="EU")
    make_scored_customer(tier="gold")
    score_now()
    response = post(client, vera, "start_rules_draft")
    draft = ScorecardVersion.objects.get(kind="rules")
    assert response.url == reverse("metrics:rules_draft", args=[draft.pk])
    data = rows((2, "tier=gold", "core"), (1, "tier=gold & region=EU", "enterprise"), (3, "", "core"))
    assert post(client, vera, "rules_draft", draft.pk, **data).status_code == 302
    draft.refresh_from_db()
    assert draft.body["rules"] == [
        {"when": ["tier=gold", "region=EU"], "card": "enterprise"},
        {"when": ["tier=gold"], "card": "core"},
    ]
    page = get(client, vera, "rules_draft", draft.pk)
    assert [row["customers"] for row in page.context["rows"]][:2] == [1, 1]
    assert {"tier=gold", "region=EU"} <= set(page.context["labels"])


def test_l_07_rules_that_cannot_match_or_name_no_live_card_are_not_published(client, vera):
    starter()
    absent = scorecards.new_card(title="Later", kind="weighted", by=vera, now=NOW)
    draft = scorecards.start_rules_draft(by=vera, now=NOW)
    body = {
        "kind": "rules",
        "rules": [
            {"when": ["tier=gold"], "card": "core"},
            {"when": ["tier=gold", "region=EU"], "card": absent.scorecard.key},
        ],
        "default": "core",
    }
    saved = scorecards.save_body(draft=draft, body=body, version=1, by=vera, now=NOW)
    texts = [one.text for one in lint.findings_of(saved, now=NOW)]
    assert texts == [
        "Rule 2 can never match: rule 1 covers its segment.",
        "The scorecard later has no version in force.",
    ]
    with pytest.raises(scorecards.CannotPublishError, match="can never match"):
        send_draft(saved, by=vera)
    assert "can never match" in text_of(get(client, vera, "rules_draft", draft.pk))


@pytest.mark.parametrize("segment", ["gold", "tier=gold & x", "="])
def test_a_segment_that_is_no_label_is_named_at_its_field(client, vera, segment):
    starter()
    draft = scorecards.start_rules_draft(by=vera, now=NOW)
    response = post(client, vera, "rules_draft", draft.pk, **rows((1, segment, "core")))
    assert (response.status_code, list(response.context["form"].errors)) == (422, ["segment-0"])


def test_hg_2_the_panel_says_which_card_by_which_rule_since_when(client, vera, anna):
    customer = make_scored_customer(owner=anna, tier="gold")
    other = make_scored_customer(owner=anna)
    starter()
    score_now()
    assert card_of(customer.pk).words == "Core card"
    second_card(vera)
    rules = put_rules(vera, ("region=EU", "core"), ("tier=gold", "enterprise"))
    later = NOW + timedelta(days=2)
    score_now(now=later)
    found = card_of(customer.pk)
    assert (found.words, found.since) == ("Enterprise card, by rule 2 “tier=gold”", later)
    assert card_of(other.pk).words == "Core card, by no rule"
    score = HealthScore.objects.get(customer=customer, to_at=None)
    assert (score.rules, score.rule) == (rules, 1)
    text = text_of(get(client, anna, "health_panel", customer.pk))
    assert 'by rule 2 “tier=gold”, since <time datetime="2026-03-18">' in text
    assert card_of(987654) is None
