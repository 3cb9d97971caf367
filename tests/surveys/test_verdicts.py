"""The answer's states as a table (A8), and what people decide: rights, reasons, marks, audit, the page."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.urls import reverse

from config.web.errors import DomainError
from config.work.models import AuditEntry
from customers.models import StaleMark
from surveys.choices import ResponseState, TokenPurpose
from surveys.models import Invitation, LinkToken, Response, ResponseEvent, Visit
from surveys.queries import evidence as queries
from surveys.queries import links
from surveys.services import advance, verdicts, visits
from surveys.services.evidence import Press
from surveys.services.responses import Answer, record_response
from tests.factories.surveys import make_sent_message

pytestmark = pytest.mark.django_db

SCANNER = Press(fingerprints=("s", "s"), is_scanner=True)
PERSON = Press(fingerprints=("p", "p"))
STATUS = {
    "suspect": "suspect",
    "answered": "counted",
    "locked": "counted",
    "discarded": "discarded",
    "void": "void",
    "anonymised": "counted",
}


@pytest.fixture
def sent(anna, vera, now):
    return make_sent_message(anna, by=vera, now=now)[0]


def press(message, press, score, now):
    token = LinkToken.objects.get(message=message, purpose=TokenPurpose.ANSWER).sha256
    link = links.find_for_press(token, TokenPurpose.ANSWER, clients=press.fingerprints, now=now)
    return record_response(link=link, answer=Answer(score=score), press=press, now=now)


def put(message, state, now):
    """An invitation in that state with the answer that belongs to it."""
    if state in STATUS:
        press(message, PERSON, 9, now + timedelta(hours=1))
        Response.objects.update(status=STATUS[state])
    Invitation.objects.update(response_state=state)


def look(message, now):
    token = LinkToken.objects.get(message=message, purpose=TokenPurpose.ANSWER).sha256
    Visit.objects.create(token=token, method="GET", fingerprint="p", minute=now, at=now)
    visits.settle_visits(now=now + timedelta(minutes=5))


def decide(act):
    def run(message, now):
        response = Response.objects.filter(invitation=message.invitation_id).first()
        if response is not None:
            act(response=response, reason="Looked at it", by=run.by, now=now)

    return run


EVENTS = {
    "a look": look,
    "a counted press": lambda message, now: press(message, PERSON, 3, now),
    "a suspect press": lambda message, now: press(message, SCANNER, 3, now),
    "accept": decide(verdicts.accept),
    "reject": decide(verdicts.reject),
    "void": decide(verdicts.void),
    "restore": decide(verdicts.restore),
    "edit window over": lambda message, now: advance.close_links(now=now + timedelta(days=8)),
    "link end": lambda message, now: advance.close_links(
        now=message.invitation.expires_at + timedelta(hours=1)
    ),
}
# event: state before -> state after; every pair that is not listed leaves the state as it was.
MOVES = {
    "a look": {"none": "visited"},
    "a counted press": {
        "none": "answered",
        "visited": "answered",
        "suspect": "answered",
        "expired": "answered",  # within the minutes of grace, which the page watches
    },
    "a suspect press": {"none": "suspect", "visited": "suspect", "expired": "suspect"},
    "accept": {"suspect": "answered"},
    "reject": {"suspect": "discarded"},
    "void": {"answered": "void", "locked": "void"},
    "restore": {"void": "answered"},
    "edit window over": {"answered": "locked"},
    "link end": {"none": "expired", "visited": "expired", "suspect": "discarded", "answered": "locked"},
}


@pytest.mark.parametrize("event", EVENTS)
def test_a8_the_invitation_moves_as_listed_and_no_other_way(event, sent, vera, now):
    EVENTS[event].by = vera
    found = {}
    for state in ResponseState.values:
        with transaction.atomic():
            put(sent, state, now)
            try:
                with transaction.atomic():
                    EVENTS[event](sent, now + timedelta(hours=2))
            except DomainError:
                pass
            found[state] = Invitation.objects.get().response_state
            transaction.set_rollback(True)
    assert found == {state: MOVES[event].get(state, state) for state in ResponseState.values}


def test_s_111_an_accepted_answer_counts_with_reason_audit_mark_and_follow_up(sent, vera, now):
    response = press(sent, SCANNER, 2, now + timedelta(hours=1))
    assert not StaleMark.objects.filter(cause__startswith="survey").exists()
    verdicts.accept(
        response=response, reason="She told me on the phone", by=vera, now=now + timedelta(hours=3)
    )
    response.refresh_from_db()
    assert (response.status, response.needs_follow_up_at) == ("counted", now + timedelta(hours=3))
    events = ResponseEvent.objects.order_by("pk").values_list("kind", "by", "reason")
    assert list(events) == [
        ("suspected", None, "2: E6"),
        ("accepted", vera.pk, "She told me on the phone"),
    ]
    assert AuditEntry.objects.filter(action="response.accepted").count() == 1
    mark = StaleMark.objects.get(cause="survey answer accepted")
    assert (mark.customer_id, mark.from_day) == (response.customer_id, now.date())


def test_s_7_a_voided_answer_counts_nowhere_until_it_is_restored(sent, mia, now):
    response = press(sent, PERSON, 2, now + timedelta(hours=1))
    verdicts.void(response=response, reason="Wrong person", by=mia, now=now + timedelta(hours=2))
    assert Response.objects.counted().count() == 0
    assert Response.objects.get().needs_follow_up_at is None
    late = now + timedelta(days=30)
    restored = verdicts.restore(response=response, reason="Right person after all", by=mia, now=late)
    assert (restored.status, Invitation.objects.get().response_state) == ("counted", "locked")
    assert StaleMark.objects.filter(cause__startswith="survey answer ").count() == 2


@pytest.mark.parametrize(("who", "may"), [("vera", True), ("mia", True), ("anna", False), ("vic", False)])
def test_s_142_an_admin_and_the_teams_manager_decide(sent, now, request, who, may):
    response = press(sent, SCANNER, 2, now + timedelta(hours=1))
    person = request.getfixturevalue(who)
    assert queries.may_judge(person, response) is may
    if not may:
        with pytest.raises(verdicts.VerdictError):
            verdicts.accept(response=response, reason="x", by=person, now=now)
    for reason in ("", "  ", "x" * 301):
        with pytest.raises(verdicts.VerdictError):
            verdicts.reject(response=response, reason=reason, by=person, now=now)
    assert Response.objects.get().status == "suspect"


def test_a_stranger_manager_finds_no_answer_to_decide_about(sent, client, now, south):
    from tests.factories.users import make_user

    response = press(sent, SCANNER, 2, now + timedelta(hours=1))
    stranger = make_user("Sam Far", "manager", team=south, email="sam@tend.example")
    client.force_login(stranger)
    for name in ("accept", "reject", "void", "restore"):
        path = reverse(f"surveys:response_{name}", args=[response.pk])
        assert client.post(path, {"reason": "x"}).status_code == 404
    assert response.contact.name not in client.get(reverse("surveys:suspects")).content.decode()


def test_a13_the_page_says_why_each_answer_is_suspect_and_takes_the_decision(sent, client, mia, now):
    response = press(sent, SCANNER, 2, now + timedelta(hours=1))
    client.force_login(mia)
    path = reverse("surveys:suspects")
    page = client.get(path).content.decode()
    assert "names itself as a mail scanner" in page
    assert response.contact.name in page
    domain = Invitation.objects.get().email_domain
    assert f"?domain={domain}" in page
    for query, listed in (("reason=E6", True), ("reason=E1", False), ("campaign=x&domain=%00", True)):
        assert ("mail scanner</li>" in client.get(f"{path}?{query}").content.decode()) is listed
    accept = reverse("surveys:response_accept", args=[response.pk])
    client.post(accept, {"reason": ""})
    assert Response.objects.get().status == "suspect"
    sent_back = client.post(accept, {"reason": "Known person", "next": f"{path}?reason=E6"})
    assert sent_back.headers["Location"] == f"{path}?reason=E6"
    assert Response.objects.get().status == "counted"
    assert "No answer is suspect" in client.get(path).content.decode()


def test_viewers_see_no_suspects_and_csms_only_read_their_own(sent, client, anna, carl, vic, now):
    response = press(sent, SCANNER, 2, now + timedelta(hours=1))
    path = reverse("surveys:suspects")
    client.force_login(vic)
    assert client.get(path).status_code == 403
    for person, sees in ((anna, True), (carl, False)):
        client.force_login(person)
        page = client.get(path).content.decode()
        assert (response.contact.name in page) is sees
        assert "A person: count it" not in page


def test_s_113_automatic_opens_and_the_share_by_domain_are_counted(sent, anna, now):
    token = LinkToken.objects.get(message=sent, purpose=TokenPurpose.ANSWER).sha256
    for minute, method in enumerate(("HEAD", "GET", "HEAD")):
        at = now + timedelta(minutes=minute)
        Visit.objects.create(token=token, method=method, fingerprint=method, minute=at, at=at)
    visits.settle_visits(now=now + timedelta(hours=1))
    campaign = sent.invitation.wave.campaign_id
    assert queries.automatic_opens(campaign_ids=[campaign]) == {campaign: 2}
    press(sent, SCANNER, 2, now + timedelta(hours=1))
    rate = queries.suspects_by_domain(anna, campaign_id=campaign)[0]
    assert (rate.domain, rate.suspect, rate.answered, rate.rate) == ("customer0.example", 1, 0, 100)


def test_a_look_is_settled_only_when_nothing_later_can_change_it(sent, now):
    token = LinkToken.objects.get(message=sent, purpose=TokenPurpose.ANSWER).sha256
    Visit.objects.create(token=token, method="GET", fingerprint="f", minute=now, at=now)
    assert visits.settle_visits(now=now + timedelta(seconds=119)) == 0
    assert visits.settle_visits(now=now + timedelta(seconds=120)) == 1
