"""Survey campaigns of the demo: launched in the past, mailed into the outbox, answered by part of the contacts."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from random import Random
from typing import Any

from django.conf import settings

from accounts.models import User
from accounts.queries import organisation
from config.management.demo_company import words
from config.management.demo_company.story import Story
from config.web.errors import DomainError
from config.work.models import OutgoingMail
from surveys.choices import DeliveryState, Nature, SurveyKind, TokenPurpose
from surveys.models import Campaign, Case, LinkToken, Response
from surveys.queries import links as links_of
from surveys.services import (
    advance,
    campaigns,
    case_alerts,
    case_intake,
    cases,
    delivery,
    drafts,
    responses,
    test_sends,
    topics,
)
from surveys.services.evidence import Press

EVERY_DAY = list(range(7))
ANSWERING = 0.7  # share of the contacts that answer
SCANNED = 2  # answers per campaign that a mail gateway gives
GATEWAY_CLIENT = "0" * 32
GATEWAY = Press(fingerprints=(GATEWAY_CLIENT,), is_scanner=True)
HIGHEST = {SurveyKind.NPS: 10, SurveyKind.CSAT5: 5, SurveyKind.CES7: 7}


@dataclass(frozen=True)
class Asking:
    """One campaign: days ago, kind, audience."""

    name: str
    days_ago: int
    kind: str
    nature: str
    audience: dict[str, list[str]]


CAMPAIGNS = (
    Asking("Relationship survey, Nordics", 64, SurveyKind.NPS, Nature.RELATIONSHIP,
           {"region": ["Nordics"], "tier": ["High touch"], "role": ["sponsor", "champion"]}),
    Asking("After onboarding", 9, SurveyKind.CES7, Nature.TRANSACTIONAL, {"phase": ["onboarding"]}),
)  # fmt: skip


def ask(story: Story, *, by: User, now: datetime) -> str:
    """Run the campaigns; needs the built-in outbox, because nobody real may be mailed. Returns what was done."""
    if settings.EMAIL["transport"] != "outbox":
        return "no survey mails: EMAIL_URL is not outbox://"
    answered = sum(_run(asking, story, by) for asking in CAMPAIGNS)
    for name, terms in words.TOPICS.items():
        topics.save_topic(topic=None, name=name, terms={"en": terms}, by=by, now=now)
    topics.tag_new(now=now)
    worked = _work_cases(now)
    return f"{len(CAMPAIGNS)} survey campaigns, {answered} answers, {worked} cases"


def _work_cases(now: datetime) -> int:
    """Cases open when their answers came; the older ones are closed, one of the newer ones is being looked after."""
    unhappy = Response.objects.exclude(needs_follow_up_at=None).order_by("needs_follow_up_at")
    for moment in list(unhappy.values_list("needs_follow_up_at", flat=True)):
        case_intake.open_cases(now=moment)
    for number, case in enumerate(Case.objects.select_related("assignee", "contact").order_by("opened_at")):
        called, over = case.opened_at + timedelta(hours=20), case.opened_at + timedelta(days=6)
        if over > now and number % 3:
            continue  # nobody has called yet
        by, (said, outcome) = case.assignee, words.CASE_ENDS[number % len(words.CASE_ENDS)]
        if by is None or called > now:
            continue
        held = cases.contact(case=case, kind="call", occurred_at=called, note=said, by=by, now=called)
        if over <= now:
            cases.close(case=held, outcome=outcome, note=said, by=by, now=over)
    OutgoingMail.objects.filter(mail_class=case_alerts.MAIL_CLASS).delete()  # read long ago
    return Case.objects.count()


def _run(asking: Asking, story: Story, by: User) -> int:
    sent_on = story.today - timedelta(days=asking.days_ago)
    moment = datetime.combine(sent_on, time(9, 30), organisation.zone())
    plan = drafts.Plan(
        name=asking.name,
        kind=asking.kind,
        nature=asking.nature,
        audience=asking.audience,
        send_days=EVERY_DAY,
        send_from=time(),
        send_until=time(),
    )
    campaign = drafts.create_draft(plan=plan, by=by, now=moment)
    test_sends.send_test(campaign=campaign, to=by, now=moment)
    delivery.send_due(clock=lambda: moment, seconds=60)
    try:
        campaign = campaigns.launch(campaign=campaign, by=by, now=moment)
    except DomainError:
        return 0  # a small demo may have nobody to ask; the draft stays and says so
    advance.advance_campaigns(now=moment)
    later = moment + timedelta(hours=2)  # beyond the hold after the first mails
    for clock in (moment, later):
        advance.advance_campaigns(now=clock)
        delivery.send_due(clock=lambda at=clock: at, seconds=60)
    return _answers(campaign, asking, story, later, sent_on)


def _answers(campaign: Campaign, asking: Asking, story: Story, sent_at: datetime, sent_on: date) -> int:
    rng = Random(f"{story.seed}:{asking.name}")
    moods = {row["email"]: customer for customer in story.customers for row in customer.contacts}
    links = (
        LinkToken.objects.filter(
            purpose=TokenPurpose.ANSWER,
            message__invitation__wave__campaign=campaign,
            message__invitation__is_test=False,
            message__delivery_state=DeliveryState.SENT,
        )
        .select_related("message__invitation__wave__version")
        .order_by("message__invitation__email_norm")
    )
    given, scanned = 0, 0
    for link in links:
        email = link.message.invitation.email_norm
        if rng.random() > ANSWERING:
            if scanned < SCANNED:  # a mail gateway that presses the button
                moment, scanned = sent_at + timedelta(seconds=4), scanned + 1
                suspect = responses.Answer(score=HIGHEST[SurveyKind(asking.kind)])
                pressed = links_of.find_for_press(
                    link.sha256, TokenPurpose.ANSWER, clients=[GATEWAY_CLIENT], now=moment
                )
                responses.record_response(link=pressed, answer=suspect, now=moment, press=GATEWAY)
            continue
        mood = moods[email].mood(sent_on)
        moment = sent_at + timedelta(minutes=rng.randrange(5, 60 * 24 * min(4, asking.days_ago)))
        responses.record_response(link=link, answer=_answer(rng, asking.kind, mood), now=moment)
        given += 1
    return given


def _answer(rng: Random, kind: str, mood: float) -> responses.Answer:
    top = HIGHEST[SurveyKind(kind)]
    least = 0 if kind == SurveyKind.NPS else 1
    score = min(top, max(least, round(mood * top * 1.12 + rng.gauss(0, top / 8))))
    said: Any = (
        words.PROMOTER if score > top * 0.85 else words.PASSIVE if score > top * 0.65 else words.DETRACTOR
    )
    return responses.Answer(score=score, comment=rng.choice(said))
