"""Every survey route for every identity (F44): status, scope, and planted names that must not appear (S-142).

One row per route; a route that is missing here fails the first test. Campaigns belong to the organisation, and what
they ask is scoped inside their pages; whatever names a customer, a contact, an answer or a case is 404 for strangers.
"""

from datetime import timedelta

import pytest
import time_machine
from django.db import transaction
from django.test import override_settings
from django.urls import reverse

from accounts.choices import Role
from config.checks import routes
from config.work.models import AuditEntry, OutgoingMail
from customers.models import Contact, Customer
from surveys.models import Case, CaseEvent, Message, Response, Suppression
from surveys.queries import responses as answers
from surveys.services import advance, case_intake, claims, suppressions
from surveys.services.topics import save_topic
from surveys.views import panels
from tests.factories.customers import make_contact, make_customer, make_ticket
from tests.factories.surveys import NOW, answer, launch, make_campaign
from tests.factories.users import make_team, make_user

HOUR = timedelta(hours=1)

PEOPLE = ("anna", "ben", "carl", "nora", "mia", "vera", "vic")
PERSONAL = ("Zyxperson", "zyxmail", "Zyxcomment", "Zyxnote", "Zyxsuspect", "Zyxleft")
PLANTED = ("Zyxalder", *PERSONAL)
HIDDEN = {
    "ben": PLANTED,
    "carl": PLANTED,
    "vic": PERSONAL,
}  # nora leads: the list of suppressed addresses is hers

# The status of a GET. A page of figures is opened by those three whose views differ most; all others by everybody.
OPEN = {"anna": 200, "carl": 200, "vic": 200}
STAFF = OPEN | {"vic": 403}
OWN = {"anna": 200, "ben": 404, "carl": 404, "nora": 404, "mia": 200, "vera": 200, "vic": 403}
NOBODY = dict.fromkeys(PEOPLE, 403)
LEADERS = NOBODY | {"nora": 200, "mia": 200, "vera": 200}
ADMINS = NOBODY | {"vera": 200}
READ = {
    "campaigns": OPEN, "campaign": OPEN, "campaign_preview": OPEN, "campaign_mail": OPEN, "campaign_preflight": OPEN,
    "wave": OPEN, "results": OPEN, "responses": OPEN, "scores": OPEN, "funnel_panel": OPEN, "topic_effects": OPEN,
    "comparison": OPEN, "silence": OPEN, "customer_panel": OWN | {"vic": 200},
    "campaign_new": STAFF, "audience_count": STAFF, "campaign_edit": STAFF, "campaign_words": STAFF, "left_out": STAFF,
    "firings": STAFF, "cases": STAFF, "cases_panel": STAFF, "suspects": STAFF, "topics": STAFF,
    "survey_export": STAFF, "api_responses": STAFF,
    "case": OWN, "case_contact": OWN, "case_wait": OWN, "case_note": OWN, "case_close": OWN,
    "case_reassign": OWN | {"anna": 403, "ben": 403, "carl": 403},
    "deliveries": LEADERS, "suppressions": LEADERS, "policy": ADMINS, "subject_export": ADMINS,
}  # fmt: skip
IN_PARTS = {"customer_panel", "responses", "cases", "suspects", "results", "campaign", "wave"}
# Without these, the absence of names would prove nothing.
SHOWS = {
    "customer_panel": ("anna", "Zyxalder", "Zyxperson", "Zyxcomment", "Zyxleft"),
    "cases": ("anna", "Zyxalder", "Zyxperson", "Zyxcomment"),
    "case": ("anna", "Zyxalder", "Zyxperson", "zyxmail", "Zyxcomment", "Zyxnote"),
    "suspects": ("anna", "Zyxperson", "Zyxsuspect"),
    "responses": ("anna", "Zyxperson", "Zyxcomment"),
    "results": ("anna", "Zyxperson", "Zyxcomment"),
    "api_responses": ("anna", "Zyxalder", "Zyxcomment"),
    "survey_export": ("anna", "Zyxalder"),
    "wave": ("anna", "Zyxalder", "Zyxleft"),
    "left_out": ("anna", "Zyxalder", "Zyxleft"),
    "firings": ("anna", "Zyxalder", "Zyxperson"),
    "deliveries": ("mia", "Zyxalder", "Zyxperson"),
    "suppressions": ("mia", "zyxmail"),
    "subject_export": ("vera", "Zyxperson", "Zyxcomment", "Zyxnote"),
}

# What a POST without data answers; a negative code is an answer after which nothing has happened.
ASK = dict.fromkeys(PEOPLE, 422) | {"vic": 403}
DONE = dict.fromkeys(PEOPLE, 302) | {"vic": 403}
ACT = NOBODY | {"nora": -302, "mia": 302, "vera": 302}  # a campaign is stopped by who may change all it asks
ADJUST = NOBODY | {"nora": 422, "mia": 422, "vera": 422}
JUDGE = NOBODY | {"nora": 404, "mia": 302, "vera": 302}
ADMIN = NOBODY | {"vera": 302}
WORK = {"anna": 422, "ben": 404, "carl": 404, "nora": 404, "mia": 422, "vera": 422, "vic": 403}
WORK_DONE = WORK | {"anna": 302, "mia": 302, "vera": 302}
OF_AUTHOR = DONE | {"anna": -302, "ben": -302, "carl": -302}
WRITE = {
    "campaign_new": ASK, "campaign_edit": ASK, "campaign_words": OF_AUTHOR | {"anna": 422, "ben": 422, "carl": 422},
    "campaign_clone": DONE, "campaign_test": DONE, "campaign_delete": OF_AUTHOR, "campaign_unspeak": OF_AUTHOR,
    "campaign_leave_out": OF_AUTHOR | {"ben": 404, "carl": 404, "nora": 404}, "campaign_archive": OF_AUTHOR,
    "campaign_launch": ACT, "campaign_pause": ACT, "campaign_resume": ACT, "campaign_cancel": ACT, "campaign_close": ACT,
    "campaign_unschedule": ACT, "wave_add": ACT, "campaign_extend": ADJUST, "campaign_adjust": ADJUST,
    "case_contact": WORK, "case_note": WORK, "case_close": WORK, "case_wait": WORK_DONE, "case_resume": WORK_DONE,
    "case_reassign": WORK | {"anna": 403, "ben": 403, "carl": 403}, "response_tag": WORK_DONE,
    "response_accept": JUDGE, "response_reject": JUDGE, "response_void": JUDGE, "response_restore": JUDGE,
    "message_resend": JUDGE, "message_close": JUDGE, "message_requeue": ADMIN, "hold_release": ADMIN,
    "suppressions": NOBODY | {"nora": 422, "mia": 422, "vera": 422}, "suppression_lift": ADMIN,
    "policy": NOBODY | {"vera": 200}, "topic_switch": ADMIN,
    "topics": dict.fromkeys(PEOPLE, -200) | {"vera": 422, "vic": 403},
}  # fmt: skip


def mails_to(customer, people, *, by, now):
    """A launched campaign that has sent a mail to each of these people of the customer, and left one out."""
    for name in people:
        make_contact(customer, f"{name.lower()}.zyxmail@x.example", name=f"Zyxperson {name}")
    left = make_contact(customer, "left.zyxmail@x.example", name="Zyxleft")
    Contact.objects.filter(pk=left.pk).update(do_not_survey=True)
    wave = launch(make_campaign(by=by, now=now), by=by, now=now)
    claims.release_due(now=now)
    while claims.claim_next(now=now):
        pass
    mails = Message.objects.filter(invitation__wave=wave)
    mails.update(
        delivery_state="sent", phase="", lease_token="", lease_until=None, accepted_at=now, settled_by="reply"
    )
    return wave.campaign, list(mails.order_by("invitation__email_norm"))


def make_cast():
    """The people of all tests, and a manager of the other team."""
    company = make_team("Customer success")
    north, south = make_team("North", parent=company), make_team("South", parent=company)
    roles = (
        ("anna", "Anna Berg", Role.CSM, north), ("ben", "Ben Ode", Role.CSM, north), ("carl", "Carl Voss", Role.CSM, south),
        ("nora", "Nora Lind", Role.MANAGER, south), ("mia", "Mia Holm", Role.MANAGER, north),
        ("vera", "Vera Lund", Role.ADMIN, None), ("vic", "Vic Ray", Role.VIEWER, None),
    )  # fmt: skip
    return {
        key: make_user(name, role, team=team, email=f"{key}@tend.example") for key, name, role, team in roles
    }


@pytest.fixture(scope="module")
def cast(django_db_setup, django_db_blocker):
    """Everybody by name; all that this module makes is taken back when it ends."""
    with django_db_blocker.unblock():
        held = transaction.atomic()
        held.__enter__()
        yield make_cast()
        transaction.set_rollback(True)
        held.__exit__(None, None, None)


@pytest.fixture(scope="module")
def planted(cast):
    """A customer of Anna's of which every part of surveys knows something, and the ids of all of it."""
    now, anna, vera = NOW, cast["anna"], cast["vera"]
    customer = make_customer(owner=anna, name="Zyxalder", now=now)
    running, (low, seen, lost, failed) = mails_to(
        customer, ("Answers", "Betrays", "Cannot", "Denied"), by=vera, now=now
    )
    counted = answer(low, 2, now=now, comment="Zyxcomment")
    suspect = answer(seen, 9, now=now, comment="Zyxsuspect")
    Response.objects.filter(pk=suspect.pk).update(status="suspect")
    Message.objects.filter(pk=lost.pk).update(delivery_state="uncertain", accepted_at=None, settled_by="")
    Message.objects.filter(pk=failed.pk).update(
        delivery_state="failed", failure="content", accepted_at=None, settled_by=""
    )
    with override_settings(EMAIL_BACKEND="config.work.mail.OutgoingMailBackend"):
        case_intake.open_cases(now=now)
    case = Case.objects.get()
    CaseEvent.objects.create(case=case, kind="noted", note="Zyxnote", by=anna, occurred_at=now)
    suppressions.suppress(email_norm="gone.zyxmail@x.example", reason="manual", source="t", now=now)
    topic, _ = save_topic(topic=None, name="Speed", terms={"en": ["slow"]}, by=vera, now=now)
    draft = make_campaign(by=vera, now=now, name="Draft")
    started = make_campaign(
        by=vera, now=now, kind="csat5", name="After a ticket", trigger_event="ticket_solved", trigger_delay_hours=0,
        nature="transactional",
    )  # fmt: skip
    launch(started, by=vera, now=now)
    make_ticket(customer, ticket_id="zyx-ticket", opened_at=now, solved_at=now + HOUR, now=now)
    advance.advance_campaigns(now=now + HOUR)
    return {
        "customer": customer.pk, "contact": low.invitation.contact_id, "running": running.pk, "draft": draft.pk,
        "started": started.pk, "case": case.pk, "counted": counted.pk, "suspect": suspect.pk, "lost": lost.pk,
        "failed": failed.pk, "suppression": Suppression.objects.get().pk, "topic": topic.pk,
    }  # fmt: skip


def address(name, row):
    """The route with the planted ids, and the query that would show the names."""
    args = {
        "customer_panel": ["customer"], "subject_export": ["contact"], "topic_switch": ["topic"],
        "suppression_lift": ["suppression"], "message_resend": ["lost"], "message_close": ["lost"],
        "message_requeue": ["failed"], "response_accept": ["suspect"], "response_reject": ["suspect"],
        "response_void": ["counted"], "response_restore": ["counted"], "response_tag": ["counted"],
        "firings": ["started"], "results": ["running"], "left_out": ["running"],
    }.get(name)  # fmt: skip
    if args is None:
        is_case = name.startswith("case_") and not name.startswith("cases")
        is_one = name == "case" or is_case
        args = ["case"] if is_one else ["running"] if name.startswith(("campaign_", "wave")) else []
        args = ["running"] if name == "campaign" else [] if name == "campaign_new" else args
        if name in {
            "campaign_edit",
            "campaign_words",
            "campaign_unspeak",
            "campaign_leave_out",
            "campaign_delete",
        }:
            args = ["draft"]
    ids = [row[one] for one in args]
    more = {
        "wave": [1],
        "campaign_words": ["en"],
        "campaign_unspeak": ["en"],
        "campaign_leave_out": [row["contact"]],
        "survey_export": ["responses", "csv"],
    }.get(name, [])
    return reverse(f"surveys:{name}", args=[*ids, *more])


def body(response):
    parts = response.streaming_content if response.streaming else [response.content]
    return b"".join(parts).decode("utf-8", "replace")


@pytest.fixture(autouse=True)
def _later(db, planted):
    with time_machine.travel(NOW + 2 * HOUR, tick=False):
        yield


def test_the_table_knows_every_route():
    ours = [one for one in routes() if one["name"].startswith("surveys:")]
    signed_in = {
        one["name"].removeprefix("surveys:") for one in ours if one["view"].declaration.access == "login"
    }
    assert signed_in == set(READ) | set(WRITE)


def reading(client, cast, row, names=READ):
    """What is wrong: another status than the table's, or a planted name before those who must not see it."""
    wrong = []
    for who, user in cast.items():
        client.force_login(user)
        for name in names:
            allowed = READ[name]
            if who not in allowed or (who == "anna" and allowed in (OPEN, STAFF) and name not in SHOWS):
                continue  # pages of figures, which other tests open as a CSM
            for headers in ({}, {"hx-request": "true"}) if name in IN_PARTS and who in HIDDEN else ({},):
                response = client.get(address(name, row), headers=headers)
                text = body(response)
                wrong += [(name, who, response.status_code)] if response.status_code != allowed[who] else []
                wrong += [(name, who, word) for word in HIDDEN.get(who, ()) if word in text]
                if who == SHOWS.get(name, ("",))[0]:
                    wrong += [(name, who, "lacks", word) for word in SHOWS[name][1:] if word not in text]
    return wrong


def test_f44_reading(client, cast, planted):
    assert reading(client, cast, planted) == []


def test_f44_guard_off_names_shown_to_viewers_and_strangers_are_noticed(client, cast, planted, monkeypatch):
    monkeypatch.setattr(panels, "may_see_identities", lambda _user: True)
    monkeypatch.setattr(answers, "customers_to_edit", lambda _user: Customer.objects.all())
    few = {who: cast[who] for who in ("carl", "vic")}
    found = reading(client, few, planted, ("customer_panel", "responses"))
    assert {("customer_panel", "vic", "Zyxperson"), ("responses", "carl", "Zyxcomment")} <= set(found)


def test_f44_writing(client, cast, planted):
    """A POST without data. 302 after a refusal in the service looks like success: then nothing may be in the log."""
    wrong = []
    for who, user in cast.items():
        client.force_login(user)
        for name, allowed in WRITE.items():
            if who == "ben" or (who == "vera" and allowed[who] == allowed["mia"]):
                continue  # as carl; and what a manager may, an admin may
            with transaction.atomic():
                before = AuditEntry.objects.count()
                code = client.post(address(name, planted)).status_code
                done = AuditEntry.objects.count() > before
                transaction.set_rollback(True)
            expected = allowed[who]
            if code != abs(expected) or (expected < 0 and done):
                wrong.append((name, who, code, done, expected))
    assert wrong == []


def test_f44_those_who_may_do_it(client, cast, planted):
    """Without this, a table of refusals would prove nothing."""
    for name, who in (("campaign_pause", "mia"), ("message_resend", "mia"), ("case_wait", "anna")):
        client.force_login(cast[who])
        before = AuditEntry.objects.count()
        client.post(address(name, planted))
        assert AuditEntry.objects.count() > before, name


def test_f44_nobody_is_sent_to_the_login(client, planted):
    for name in {**READ, **WRITE}:
        response = getattr(client, "get" if name in READ else "post")(address(name, planted))
        assert response.headers.get("Location", "").startswith("/login/"), name


def test_f44_the_mail_about_an_answer_goes_to_the_owner_alone(planted):
    told = [mail for mail in OutgoingMail.objects.all() if b"Zyxcomment" in bytes(mail.raw)]
    assert [mail.recipient for mail in told] == ["anna@tend.example"]
