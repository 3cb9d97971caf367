"""The closed loop (S-130 to S-134): when a case opens, whose it is, what its clock does, how it ends."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import IntegrityError, InternalError, connection, transaction

from config.work.models import OutgoingMail
from customers.models import Alert, FollowUp, Touchpoint
from customers.services import assignments
from surveys.choices import CaseOutcome, CaseState
from surveys.models import Case, CaseEvent, Response, SurveyPolicy
from surveys.queries.case_clock import clock_at
from surveys.services import case_escalation, case_intake, cases
from surveys.services.cases import CaseInputError, CaseStateError
from tests.factories.cases import make_case, make_low_answer
from tests.factories.customers import make_assignment, make_contact, make_customer
from tests.factories.surveys import answer, make_sent_message

pytestmark = pytest.mark.django_db

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def contact(anna):
    return make_contact(make_customer(owner=anna, name="Larch"), "robin@larch.example", name="Robin Ash")


@pytest.fixture
def case(contact, now):
    """Opened on Monday 16 March 2026, 11:00 in Berlin."""
    return make_case(contact, at=now)


def kinds(case):
    return list(case.events.order_by("pk").values_list("kind", flat=True))


def mails():
    return list(OutgoingMail.objects.order_by("pk").values_list("recipient", "subject"))


# Opening (S-130)


@pytest.mark.parametrize(
    ("kind", "opens", "fine"),
    [("nps", 6, 7), ("csat5", 2, 3), ("csat7", 3, 4), ("ces7", 3, 4), ("ces5", 2, 3)],
)
def test_s_130_vector_each_kind_opens_a_case_up_to_its_own_border(contact, now, kind, opens, fine):
    make_low_answer(contact, fine, at=now, kind=kind)
    case_intake.open_cases(now=now)
    assert Case.objects.count() == 0
    make_low_answer(contact, opens, at=now, kind=kind)
    case_intake.open_cases(now=now)
    assert Case.objects.get().response.score == opens


def test_s_130_a_wish_to_be_called_opens_a_case_with_any_score(contact, now):
    make_low_answer(contact, 10, at=now, wants_contact=True)
    case_intake.open_cases(now=now)
    assert Case.objects.get().state == CaseState.OPEN


@pytest.mark.parametrize("status", ["suspect", "discarded", "void", "test"])
def test_s_130_answers_that_do_not_count_open_nothing(contact, now, status):
    make_low_answer(contact, at=now, status=status)
    assert case_intake.open_cases(now=now) == 0
    assert not Case.objects.exists()


def test_s_130_a_score_without_words_waits_ten_minutes_for_them(anna, vera, now):
    message, _ = make_sent_message(anna, by=vera, now=now)
    answer(message, 2, now=now)
    case_intake.open_cases(now=now + 9 * MINUTE)
    assert not Case.objects.exists()
    case_intake.open_cases(now=now + 10 * MINUTE)
    assert Case.objects.get().response.score == 2


def test_s_130_a_slip_that_is_put_right_in_time_opens_nothing(anna, vera, now):
    message, _ = make_sent_message(anna, by=vera, now=now)
    answer(message, 1, now=now)
    answer(message, 10, now=now + MINUTE)
    case_intake.open_cases(now=now + HOUR)
    assert not Case.objects.exists()


def test_an_answer_that_is_void_ends_its_case(case, now):
    Response.objects.update(status="void")
    case_intake.open_cases(now=now + HOUR)
    case.refresh_from_db()
    assert (case.state, case.outcome) == (CaseState.CLOSED, CaseOutcome.NOT_ACTIONABLE)
    assert FollowUp.objects.get().state == "done"
    Response.objects.update(status="counted", needs_follow_up_at=now + HOUR)
    case_intake.open_cases(now=now + 2 * HOUR)
    case.refresh_from_db()
    assert case.state == CaseState.OPEN


# Episodes (S-131)


def test_s_131_another_low_answer_joins_and_is_told(case, contact, now):
    second = make_low_answer(contact, 1, at=now + DAY, kind="ces7", comment="Still slow")
    case_intake.open_cases(now=now + DAY)
    case.refresh_from_db()
    assert (Case.objects.count(), case.response) == (1, second)
    assert kinds(case) == ["answered", "opened", "answered"]
    assert [subject for _, subject in mails()] == [
        "New case: Larch, NPS 2",
        "Another unhappy answer: Larch, CES 1",
    ]


@pytest.mark.parametrize(("days", "reopens"), [(30, True), (31, False)])
def test_s_131_within_thirty_days_a_low_answer_reopens_the_case(case, contact, anna, now, days, reopens):
    cases.close(case=case, outcome="resolved", note="Fixed", by=anna, now=now + HOUR)
    later = now + HOUR + days * DAY
    make_low_answer(contact, 2, at=later, kind="csat5")
    case_intake.open_cases(now=later)
    case.refresh_from_db()
    assert Case.objects.count() == (1 if reopens else 2)
    assert case.reopened == int(reopens)
    newest = Case.objects.order_by("-pk").first()
    assert (newest.state, newest.outcome, newest.closed_at) == ("open", "", None)
    assert newest.due_at > later
    assert newest.follow_up.state == "open"
    assert FollowUp.objects.filter(state="open").count() == 1
    assert mails()[-1][1] == f"{'Case open again' if reopens else 'New case'}: Larch, CSAT 2"


def test_s_131_raising_is_noted_and_closes_nothing_lowering_reopens(anna, vera, now):
    message, _ = make_sent_message(anna, by=vera, now=now)
    answer(message, 5, now=now, comment="Slow")
    case_intake.open_cases(now=now)
    case = Case.objects.get()
    answer(message, 9, now=now + HOUR)
    case_intake.open_cases(now=now + HOUR)
    assert kinds(case) == ["answered", "opened", "answered"]
    cases.close(case=case, outcome="resolved", note="Fixed", by=anna, now=now + 2 * HOUR)
    answer(message, 4, now=now + 3 * HOUR)
    case_intake.open_cases(now=now + 4 * HOUR)
    case.refresh_from_db()
    assert (case.state, case.reopened) == ("open", 1)
    cases.close(case=case, outcome="resolved", note="Fixed", by=anna, now=now + 5 * HOUR)
    answer(message, 3, now=now + 6 * HOUR)  # lower, in the same group
    case_intake.open_cases(now=now + 7 * HOUR)
    case.refresh_from_db()
    assert (case.state, case.reopened) == ("open", 2)
    cases.close(case=case, outcome="resolved", note="Fixed", by=anna, now=now + 8 * HOUR)
    answer(message, 6, now=now + 9 * HOUR)  # still low, but better
    case_intake.open_cases(now=now + 10 * HOUR)
    case.refresh_from_db()
    assert (case.state, case.reopened) == ("closed", 2)


def test_two_contacts_of_a_customer_have_cases_of_their_own(case, contact, now):
    other = make_contact(contact.customer, "kim@larch.example")
    make_low_answer(other, at=now)
    case_intake.open_cases(now=now)
    assert Case.objects.filter(state="open").count() == 2


def test_s_131_whoever_comes_second_joins_what_the_first_opened(case, contact, now, monkeypatch):
    """Two workers look for a case at once and find none; the database lets one of them open it."""
    real, looks = case_intake._newest_case, []
    monkeypatch.setattr(case_intake, "_newest_case", lambda row: real(row) if looks else looks.append(row))
    second = make_low_answer(contact, 1, at=now, kind="ces7")
    case_intake.open_cases(now=now)
    case.refresh_from_db()
    assert (Case.objects.count(), case.response) == (1, second)
    assert FollowUp.objects.count() == 1


# Whose case it is (S-132)


def test_s_132_the_primary_csm_gets_one_follow_up_and_one_mail(case, anna, now):
    assert case.assignee == anna
    row = FollowUp.objects.get()
    assert (row.owner, row.kind, row.note, row.dedupe_key) == (
        anna,
        "survey",
        "Slow",
        f"survey-case:{case.pk}",
    )
    assert row.title == "Robin Ash at Larch gave NPS 2"
    assert row.due_on == date(2026, 3, 18)
    assert mails() == [("anna@tend.example", "New case: Larch, NPS 2")]
    assert not Alert.objects.exists()


def test_s_132_whoever_covers_that_day_gets_it(contact, anna, ben, now):
    make_assignment(contact.customer, ben, role="cover", from_on=date(2026, 3, 10), to_on=date(2026, 3, 20))
    make_low_answer(contact, at=now)
    case_intake.open_cases(now=now)
    assert Case.objects.get().assignee == ben


def test_s_132_the_manager_stands_in_for_a_csm_who_has_left(contact, anna, mia, now):
    anna.is_active = False
    anna.save()
    make_low_answer(contact, at=now)
    case_intake.open_cases(now=now)
    assert Case.objects.get().assignee == mia


def test_s_132_without_anybody_it_waits_for_the_admins(vera, now):
    contact = make_contact(make_customer(name="Bare"))
    make_low_answer(contact, at=now)
    case_intake.open_cases(now=now)
    assert Case.objects.get().assignee is None
    assert FollowUp.objects.get().owner is None
    assert mails() == [("vera@tend.example", "New case: Bare, NPS 2")]


def test_s_132_comments_are_escaped_in_mail(contact, now):
    make_low_answer(contact, at=now, comment="<script>x</script>\r\nBcc: a@b.example")
    case_intake.open_cases(now=now)
    raw = bytes(OutgoingMail.objects.get().raw).decode()
    html = raw[raw.index("text/html") :]
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert "\r\nBcc:" not in raw[: raw.index("\r\n\r\n")]


def test_ho_1_open_cases_follow_a_hand_over_of_their_customer(case, contact, ben, now):
    tomorrow = date(2026, 3, 17)
    assignments.assign(customer=contact.customer, user=ben, from_on=tomorrow, by=None, now=now)
    assert case_escalation.move_cases(now=now) == 0
    assert case_escalation.move_cases(now=now + DAY) == 1
    assert case_escalation.move_cases(now=now + DAY) == 0
    case.refresh_from_db()
    assert (case.assignee, FollowUp.objects.get().owner) == (ben, ben)
    assert mails()[-1] == ("ben@tend.example", "Case for you: Larch, NPS 2")


def test_a_case_a_manager_gave_away_stays_there(case, contact, mia, ben, now):
    make_assignment(contact.customer, ben, role="co_owner", from_on=date(2026, 3, 1))
    cases.reassign(case=case, to=ben, by=mia, now=now + HOUR)
    assert case_escalation.move_cases(now=now + 2 * HOUR) == 0
    assert Case.objects.get().assignee == ben


def test_a_case_of_nobody_goes_to_the_csm_the_customer_gets(vera, anna, now):
    contact = make_contact(make_customer(name="Bare"))
    make_low_answer(contact, at=now)
    case_intake.open_cases(now=now)
    make_assignment(contact.customer, anna, from_on=date(2026, 3, 16))
    case_escalation.move_cases(now=now + HOUR)
    assert (Case.objects.get().assignee, FollowUp.objects.get().owner) == (anna, anna)


def test_a_case_goes_only_to_people_who_may_work_for_the_customer(case, mia, carl, now):
    with pytest.raises(CaseInputError, match="may not work"):
        cases.reassign(case=case, to=carl, by=mia, now=now)


# The clock (S-133)


def test_s_133_deadlines_run_in_the_zone_of_the_assignee(contact, anna, now):
    anna.time_zone = "America/New_York"
    anna.save()
    make_low_answer(contact, at=now)
    case_intake.open_cases(now=now)
    case = Case.objects.get()
    assert case.due_at == datetime(2026, 3, 17, 21, tzinfo=UTC)  # 17:00 there
    assert case.close_by == datetime(2026, 3, 27, 21, tzinfo=UTC)


def test_s_133_hours_and_holidays_come_from_the_policy(contact, now):
    SurveyPolicy.objects.create(
        valid_from=now - DAY, case_first_contact_hours=8, holidays=[date(2026, 3, 17)]
    )
    make_low_answer(contact, at=now)
    case_intake.open_cases(now=now)
    assert Case.objects.get().due_at == clock_at(now).plain.after(now, 8 * 3600)
    assert FollowUp.objects.get().due_on == date(2026, 3, 18)


def test_a_policy_nobody_could_work_by_does_not_stop_cases(contact, now):
    SurveyPolicy.objects.create(valid_from=now - DAY, work_days=[])
    make_low_answer(contact, at=now)
    assert case_intake.open_cases(now=now) == 1


def test_s_133_reminder_at_three_quarters_escalation_when_over_each_once(case, anna, mia, now):
    calendar = clock_at(now).plain
    soon, over = calendar.after(now, 12 * 3600), calendar.after(now, 16 * 3600)
    assert case_escalation.escalate_cases(now=soon - MINUTE) == 0
    assert [case_escalation.escalate_cases(now=soon) for _ in range(2)] == [1, 0]
    assert mails()[1:] == [("anna@tend.example", "Case soon due: Larch, NPS 2")]
    assert [case_escalation.escalate_cases(now=over) for _ in range(2)] == [1, 0]
    assert mails()[2:] == [("mia@tend.example", "Case over its time: Larch, NPS 2")]
    alert = Alert.objects.get()
    assert (alert.receiver, alert.state, "Robin" in alert.title) == (mia, "open", False)
    cases.contact(case=case, kind="call", occurred_at=over + HOUR, note="", by=anna, now=over + HOUR)
    assert Alert.objects.get().state == "cleared"
    case.refresh_from_db()
    assert (case.contact_in_time, case.contact_s) == (False, 17 * 3600)
    assert case_escalation.escalate_cases(now=over + HOUR) == 0
    assert [case_escalation.escalate_cases(now=case.close_by) for _ in range(2)] == [1, 0]
    assert kinds(case)[2:] == ["reminded", "escalated", "contacted", "escalated"]


def test_s_133_waiting_stops_the_clock(case, anna, now):
    wait_from, wait_to = now + HOUR, now + DAY + HOUR  # eight working hours
    due = case.due_at
    cases.wait(case=case, note="They look it up", by=anna, now=wait_from)
    assert case_escalation.escalate_cases(now=due - MINUTE) == 0
    cases.wait_over(case=case, by=anna, now=wait_to)
    case.refresh_from_db()
    assert case.due_at == clock_at(now).plain.after(due, 8 * 3600)
    assert case.waited_s == 8 * 3600
    assert FollowUp.objects.get().due_on == date(2026, 3, 19)
    assert kinds(case)[2:] == ["waiting", "wait_over"]


def test_s_133_a_wait_ends_by_itself_after_five_working_days(case, anna, now):
    cases.wait(case=case, note="", by=anna, now=now)
    five = now + 7 * DAY  # a weekend lies between
    assert case_escalation.escalate_cases(now=five - MINUTE) == 0
    assert [case_escalation.escalate_cases(now=five + HOUR) for _ in range(2)] == [1, 0]
    case.refresh_from_db()
    assert (case.waiting_since, case.waited_s) == (None, 5 * 8 * 3600)
    assert case.events.get(kind="wait_over").occurred_at == five
    with pytest.raises(CaseStateError, match="five working days"):
        cases.wait(case=case, note="", by=anna, now=five + HOUR)


def test_a_reassigned_case_keeps_the_working_time_that_is_left(case, contact, mia, ben, now):
    ben.time_zone = "America/New_York"
    ben.save()
    make_assignment(contact.customer, ben, role="co_owner", from_on=date(2026, 3, 1))
    left = clock_at(now).plain.between(now, case.due_at)
    cases.reassign(case=case, to=ben, by=mia, now=now, note="Speaks Spanish")
    case.refresh_from_db()
    assert case.due_at == clock_at(now).calendar_of(ben).after(now, left)
    assert FollowUp.objects.get().owner == ben
    assert case.events.get(kind="reassigned").note == "To Ben Ode. Speaks Spanish"


# Contact and end (S-134)


def test_s_134_the_first_contact_is_a_touchpoint_and_starts_the_deadline_of_closing(case, anna, contact, now):
    at = now + 3 * HOUR
    cases.contact(case=case, kind="call", occurred_at=at, note="Has a plan", by=anna, now=at)
    case.refresh_from_db()
    touch = Touchpoint.objects.get()
    assert (touch.kind, touch.contact, touch.author, touch.body) == ("call", contact, anna, "Has a plan")
    assert (case.state, case.contacted_at, case.contact_s) == ("contacted", at, 3 * 3600)
    assert case.contact_in_time is True
    assert FollowUp.objects.get().due_on == case.close_by.date()


def test_a_contact_before_the_answer_is_none(case, anna, now):
    with pytest.raises(CaseInputError, match="before the answer"):
        cases.contact(case=case, kind="call", occurred_at=now - HOUR, note="", by=anna, now=now)


def test_s_134_closing_needs_outcome_and_note_and_ends_the_follow_up(case, anna, now):
    for outcome, note in (("", "Fixed"), ("won", "Fixed"), ("resolved", "  ")):
        with pytest.raises(CaseInputError):
            cases.close(case=case, outcome=outcome, note=note, by=anna, now=now)
    cases.close(case=case, outcome="resolved", note="Fixed", by=anna, now=now)
    case.refresh_from_db()
    row = FollowUp.objects.get()
    assert (case.state, case.outcome, case.closed_at) == ("closed", "resolved", now)
    assert (row.state, row.outcome, row.done_by) == ("done", "Resolved: Fixed", anna)


# The machine: each listed transition works, each other one is refused (A8)


STATES = ("open", "contacted", "open, waiting", "contacted, waiting", "closed")
ACTS = ("contact", "wait", "wait_over", "reassign", "note", "close")
LISTED = {
    ("open", "contact"): "contacted",
    ("open, waiting", "contact"): "contacted, waiting",
    ("open", "wait"): "open, waiting",
    ("contacted", "wait"): "contacted, waiting",
    ("open, waiting", "wait_over"): "open",
    ("contacted, waiting", "wait_over"): "contacted",
    **{(state, "reassign"): state for state in STATES if state != "closed"},
    **{(state, "note"): state for state in STATES},
    **{(state, "close"): "closed" for state in STATES if state != "closed"},
}


def do(act, case, people, at):
    by = people["by"]
    options = {
        "contact": {"kind": "call", "occurred_at": at, "note": ""},
        "wait": {"note": ""},
        "wait_over": {},
        "reassign": {"to": people["to"]},
        "note": {"note": "Called the CFO"},
        "close": {"outcome": "no_reply", "note": "Silent"},
    }[act]
    run = cases.add_note if act == "note" else getattr(cases, act)
    run(case=case, by=by, now=at, **options)


def state_of(case):
    case.refresh_from_db()
    return f"{case.state}, waiting" if case.waiting_since else case.state


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("state", STATES)
def test_a8_each_listed_transition_of_a_case_works_and_each_other_is_refused(
    case, anna, mia, now, state, act
):
    people = {"by": anna, "to": mia}
    way = {
        "contacted": ["contact"],
        "open, waiting": ["wait"],
        "contacted, waiting": ["contact", "wait"],
        "closed": ["close"],
    }
    for step in way.get(state, []):
        do(step, case, people, now + HOUR)
    assert state_of(case) == state
    events = case.events.count()
    if (state, act) in LISTED:
        do(act, case, people, now + 2 * HOUR)
        assert state_of(case) == LISTED[state, act]
        assert case.events.count() == events + 1
    else:
        with pytest.raises(CaseStateError):
            do(act, case, people, now + 2 * HOUR)
        assert state_of(case) == state
        assert case.events.count() == events


# What the database refuses (A9)


def test_a9_the_database_refuses_a_second_open_case(case):
    with connection.cursor() as cursor, pytest.raises(IntegrityError, match="surveys_case_one_open"):
        cursor.execute(
            """INSERT INTO surveys_case (customer_id, contact_id, response_id, state, opened_at, due_at, close_by,
                                         waited_s, outcome, reopened, version)
               SELECT customer_id, contact_id, response_id, 'contacted', now(), now(), now(), 0, '', 0, 1
               FROM surveys_case"""
        )


def test_a9_a_case_is_closed_with_an_outcome_or_not_at_all(case):
    for change in (
        "state = 'closed'",
        "outcome = 'resolved'",
        "state = 'closed', closed_at = now()",
        "state = 'x'",
    ):
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"UPDATE surveys_case SET {change}")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE surveys_caseevent SET occurred_at = now()",
        "UPDATE surveys_caseevent SET note = 'other'",
        "DELETE FROM surveys_caseevent",
    ],
)
def test_a9_what_happened_in_a_case_stays(case, statement):
    with connection.cursor() as cursor, pytest.raises((IntegrityError, InternalError), match="only added"):
        cursor.execute(statement)


def test_a9_words_of_an_erased_person_may_be_blanked(case):
    with connection.cursor() as cursor:
        cursor.execute("UPDATE surveys_caseevent SET note = ''")
    assert set(CaseEvent.objects.values_list("note", flat=True)) == {""}


# Twice, shuffled, at once (A10)


def test_a10_every_run_twice_in_any_order_makes_one_of_everything(contact, anna, mia, now):
    make_low_answer(contact, at=now)
    later = clock_at(now).plain.after(now, 20 * 3600)
    runs = (case_intake.open_cases, case_escalation.escalate_cases, case_escalation.move_cases)
    for moment in (now, now, later, later):
        for run in (*runs, *reversed(runs)):
            run(now=moment)
    case = Case.objects.get()
    assert kinds(case) == ["answered", "opened", "escalated"]
    assert (FollowUp.objects.count(), OutgoingMail.objects.count()) == (1, 2)
    assert Response.objects.get().needs_follow_up_at is None
