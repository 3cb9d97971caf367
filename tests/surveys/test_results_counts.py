"""Pages of results: the same figures as a recount row by row, read from small indexes instead of from the answers."""

from collections import Counter
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from surveys.choices import ACCEPTED
from surveys.formulas.scales import SCALES
from surveys.models import Invitation, Message, Response, ResponseTopic, Topic, Wave
from surveys.queries import comparison, feed, funnels, results, scores, slices, unheard
from surveys.queries import policy as policies
from surveys.queries.slices import Slice
from tests.factories.customers import make_contact, make_customer
from tests.factories.surveys import make_campaign

pytestmark = pytest.mark.django_db

NPS = SCALES["nps"]
# Where a first mail ended, with the columns its state asks for.
ENDS = [
    {"delivery_state": "sent", "settled_by": "reply"},
    {"delivery_state": "delivered", "settled_by": "event"},
    {"delivery_state": "complained", "settled_by": "event"},
    {"delivery_state": "bounced"},
    {"delivery_state": "skipped", "skip_reason": "throttled"},
    {"delivery_state": "planned"},
    {"delivery_state": "uncertain"},
]
# What became of the invitation: its state, the answer's status if there is one, its comment.
SAID = [
    ("none", "", ""), ("visited", "", ""), ("answered", "counted", ""), ("answered", "counted", "Slow"),
    ("locked", "counted", "Fine"), ("suspect", "suspect", "x"), ("void", "void", ""), ("anonymised", "counted", ""),
    ("expired", "", ""),
]  # fmt: skip


@pytest.fixture
def campaign(anna, vera, now):
    """Two waves to the same people of three customers: every end of a mail meets every kind of answer."""
    made = make_campaign(by=vera, now=now)
    type(made).objects.filter(pk=made.pk).update(state="active", launched_at=now)
    text = made.current.texts.get()
    waves = Wave.objects.bulk_create(
        Wave(campaign=made, version=made.current, number=number, snapshot_at=now, state="collecting", eligible_count=70)
        for number in (1, 2)
    )  # fmt: skip
    homes = [make_customer(owner=anna, name=f"Home {n}", segment=("small", "large")[n % 2]) for n in range(3)]
    cases = [(end, said) for end in ENDS for said in SAID]
    people = [
        make_contact(
            homes[n % 3], f"p{n}@d{n % 4}.example", role=("User", "Decision maker", "")[n % 3 - n % 2]
        )
        for n in range(len(cases))
    ]
    for wave in waves:
        asked = Invitation.objects.bulk_create(
            Invitation(
                wave=wave, contact=one, customer_id=one.customer_id, text=text, email_norm=one.email,
                email_domain=one.email.partition("@")[2], language=("en", "de")[n % 2], response_state=said[0],
                expires_at=now + timedelta(days=30),
            )
            for n, (one, (_, said)) in enumerate(zip(people, cases, strict=True))
        )  # fmt: skip
        Message.objects.bulk_create(
            Message(
                invitation=one, not_before=now, max_at=now, message_id=f"{wave.pk}-{n}",
                accepted_at=now - timedelta(hours=1) if end["delivery_state"] in (*ACCEPTED, "bounced") else None, **end,
            )
            for n, (one, (end, _)) in enumerate(zip(asked, cases, strict=True))
        )  # fmt: skip
        Response.objects.bulk_create(
            Response(
                invitation=one, campaign=made, customer_id=one.customer_id, contact_id=one.contact_id, kind="nps",
                series_key=made.current.series_key, scale_min=0, scale_max=10, score=(n * 7 + wave.number) % 11,
                status=said[1], comment=said[2], language=one.language, sent_at=now - timedelta(hours=1),
                answered_at=now, first_answered_at=now,
            )
            for n, (one, (_, said)) in enumerate(zip(asked, cases, strict=True))
            if said[1]
        )  # fmt: skip
    made.refresh_from_db()
    return made


def everybody(**rules):
    """Each invitation with its mail and counted answer, one by one."""
    said = {one.invitation_id: one for one in Response.objects.filter(status="counted")}
    rows = Invitation.objects.filter(**rules).select_related("customer", "contact", "wave")
    for one in rows.prefetch_related("messages"):
        (mail,) = one.messages.all()
        yield one, mail.delivery_state, said.get(one.pk)


KEYS = {
    "wave": lambda one: one.wave_id, "segment": lambda one: one.customer.segment, "language": lambda one: one.language,
    "domain": lambda one: one.email_domain, "customer": lambda one: one.customer_id,
}  # fmt: skip


def test_s_34_every_part_of_the_funnel_is_a_recount(campaign, vera):
    wave = campaign.waves.get(number=2)
    for chosen, rules in (
        (Slice(campaign=campaign.pk), {}),
        (Slice(series=campaign.current.series_key, language="de"), {"language": "de"}),
        (Slice(wave=wave.pk), {"wave": wave}),
    ):
        recount(chosen, list(everybody(**rules)), vera)


def recount(chosen, rows, vera):
    for by, key_of in KEYS.items():
        sums = Counter()
        for one, state, said in rows:
            key = key_of(one)
            sums[key, "sent"] += state in ACCEPTED
            sums[key, "skipped"] += state == "skipped"
            sums[key, "bounced"] += state == "bounced"
            sums[key, "visited"] += one.response_state in funnels.SEEN or said is not None
            sums[key, "answered"] += said is not None
            sums[key, "commented"] += said is not None and said.comment != ""
            sums[key, "suspect"] += one.response_state in funnels.SUSPECT
        lines = funnels.lines(chosen, by, user=vera)
        names = ("sent", "skipped", "bounced", "visited", "answered", "commented", "suspect")
        assert {(line.key, name): getattr(line, name) for line in lines for name in names} == dict(sums), by
        assert sum(line.eligible for line in lines) == len(rows)


def test_s_34_the_funnel_of_a_campaign_is_a_recount(campaign):
    wave = campaign.waves.get(number=2)
    all_in_all(results.funnel(campaign), list(everybody()))
    all_in_all(results.funnel(campaign, wave), list(everybody(wave=wave)))


def all_in_all(found, rows):
    states = Counter(state for _, state, _ in rows)
    assert (found.sent, found.bounced, found.uncertain, found.waiting, found.skipped) == (
        sum(states[state] for state in ACCEPTED),
        states["bounced"],
        states["uncertain"],
        states["planned"],
        (("throttled", states["skipped"]),),
    )
    said = [answer for _, _, answer in rows if answer]
    looked = sum(one.response_state == "visited" for one, _, _ in rows)
    assert (found.answered, found.commented, found.visited) == (
        len(said),
        sum(answer.comment != "" for answer in said),
        looked + len(said),
    )


def test_s_213_both_sides_and_who_answered_are_a_recount(campaign, now):
    (series,) = slices.series_list()
    sides = [Slice(series=series.key, wave=wave.pk) for wave in campaign.waves.order_by("number")]
    found = comparison.compare(*sides, series, policies.current(now))
    for side, held, people in zip(
        sides, (found.before, found.now), (found.people_before, found.people_now), strict=True
    ):
        given = Response.objects.filter(invitation__wave=side.wave, status="counted")
        assert held == scores.tally_all(given, series.scale)
        assert (held.n, held.total) == (len(given), sum(one.score for one in given))
        assert people == len({one.contact_id for one in given})
    rows = [row for row in everybody(wave=sides[0].wave) if row[1] in ACCEPTED]
    invited = Counter(one.contact.role or "not known" for one, _, _ in rows)
    answered = Counter(one.contact.role or "not known" for one, _, said in rows if said)
    lines = comparison.biases(sides[0])["role"]
    assert {line.name: (line.invited, line.answered) for line in lines} == {
        name: (number, answered[name]) for name, number in invited.items()
    }


def test_vo_1_silence_is_a_recount(campaign, vera, now):
    heard = {"answered", "locked", "anonymised", "suspect"}
    by_person = {}
    for one, state, _ in everybody():
        if state in ACCEPTED:
            by_person.setdefault(one.contact_id, []).append(one)
    silent = {
        pk
        for pk, asked in by_person.items()
        if len({one.wave_id for one in asked}) > 1 and not heard & {one.response_state for one in asked}
    }
    lines = unheard.silent_contacts(vera, as_of=now)
    assert {line.contact.pk for line in lines} == silent
    assert {line.waves for line in lines} == {2}
    assert unheard.silent_contacts(vera, as_of=now - timedelta(days=1)) == []


def indexes_read(work):
    """How the database reads answers, invitations and mails for `work` when these are many and vacuumed."""
    with CaptureQueriesContext(connection) as captured:
        work()
    found = set()
    with connection.cursor() as cursor:
        for query in captured.captured_queries:
            cursor.execute(f"EXPLAIN (FORMAT JSON) {query['sql']}")
            found |= set(_scans(cursor.fetchone()[0][0]["Plan"]))
    return {(kind, index) for kind, table, index in found if table in TABLES}


def _scans(plan):
    if "Relation Name" in plan:
        yield plan["Node Type"], plan["Relation Name"], plan.get("Index Name", "")
    for part in plan.get("Plans", []):
        yield from _scans(part)


TABLES = ("surveys_response", "surveys_invitation", "surveys_message")
WHOLE = "Index Only Scan"


MANY = """
    INSERT INTO surveys_response ({columns})
    SELECT {values} FROM (SELECT * FROM surveys_response WHERE status = 'counted' LIMIT 1) one, generate_series(1, 4000) n
"""


@pytest.fixture
def many(campaign):
    """Thousands of answers, as after a while: the planner is told that all of them are visible."""
    fresh = {
        "invitation_id": "NULL", "message_id": "NULL", "channel": "'import'", "score": "n % 11",
        "comment": "repeat('x', 200)", "external_id": "n::text", "source": "'many'",
    }  # fmt: skip
    names = [field.column for field in Response._meta.concrete_fields if field.column != "id"]
    with connection.cursor() as cursor:
        cursor.execute(
            MANY.format(columns=", ".join(names), values=", ".join(fresh.get(one, one) for one in names))
        )
        for table in TABLES:
            cursor.execute(f"ANALYZE {table}")
            cursor.execute("UPDATE pg_class SET relallvisible = relpages WHERE relname = %s", [table])
    return campaign


def test_bt_2_counts_read_small_indexes_and_no_answer(many):
    of_series, of_campaign = answers(series=many.current.series_key), answers(campaign=many.pk)
    for count, index in (
        (lambda: scores.tally_by(of_series, "customer", NPS), "of_series"),
        (lambda: scores.points_by_role(of_series), "of_people"),
        (lambda: scores.tally_by(of_campaign, "customer", NPS), "of_campaign"),
        (lambda: scores.points_by_role(of_campaign), "of_campaign"),
    ):
        assert indexes_read(count) == {(WHOLE, f"surveys_response_{index}")}
    read = indexes_read(lambda: results.funnel(many))
    assert not [(kind, name) for kind, name in read if "surveys_response" in name and kind != WHOLE]
    assert (WHOLE, "surveys_response_commented") in read


def answers(**wanted):
    return slices.answers(Slice(**wanted), NPS)


def test_s_208_answers_of_a_topic_come_newest_first_page_by_page(anna, vera, now):
    home, slow = make_customer(owner=anna), Topic.objects.create(name="Slow", terms={"en": ["slow"]})
    made = Response.objects.bulk_create(
        Response(
            customer=home, kind="nps", series_key="s", channel="import", scale_min=0, scale_max=10, score=n % 11,
            answered_at=now - timedelta(hours=n // 2), first_answered_at=now, source="t", external_id=str(n),
        )
        for n in range(130)
    )  # fmt: skip
    tagged = made[::2]
    ResponseTopic.objects.bulk_create(
        ResponseTopic(response=one, topic=slow, source="automatic") for one in tagged
    )
    first = feed.page(vera, feed.Wanted(topic=slow.pk), least_anonymous=5)
    rest = feed.page(vera, feed.Wanted(topic=slow.pk, after=first.next_after), least_anonymous=5)
    in_order = sorted(tagged, key=lambda one: (one.answered_at, one.pk), reverse=True)
    assert [one.pk for one in (*first.rows, *rest.rows)] == [one.pk for one in in_order]
    assert (len(first.rows), rest.next_after) == (feed.PAGE, None)
