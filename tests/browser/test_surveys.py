"""Survey pages in a real browser: every state of the public page, the staff pages, and answering without script."""

from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse

from surveys.models import Case, Invitation, Message, Response, Suppression
from surveys.services import case_intake, delivery
from tests.browser.looks import findings
from tests.factories.surveys import answer, launch, make_audience, make_campaign, make_sent_message
from tests.factories.users import make_team, make_user
from tests.surveys.conftest import path_of

pytestmark = pytest.mark.browser


@pytest.fixture
def now():
    return datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
def owner(admin):
    return make_user("Anna Berg", team=make_team("North"), email="anna@tend.example")


def test_every_state_of_the_public_page_is_clean(visit, admin, owner, axe, now):
    message, links = make_sent_message(owner, by=admin, now=now - timedelta(hours=1))
    window = visit()
    found = []

    def look(path):
        window.page.goto(window.base + path)
        found.extend(findings(axe, window, path))

    start = path_of(links.answer)
    for path in (
        start,
        f"{start}?r=7",
        path_of(links.honeypot),
        path_of(links.unsubscribe),
        "/s/unknown",
        "/privacy",
    ):
        look(path)
    window.page.goto(window.base + start)
    window.page.click("main button")
    found.extend(findings(axe, window, "error"))
    answer(message, 9, now=now)
    for path in (start, f"{start}?change=1", f"{start}/thanks"):
        look(path)
    Invitation.objects.update(expires_at=now, response_state="none")
    Response.objects.update(first_answered_at=now - timedelta(days=90))
    look(start)
    assert found == []


@pytest.mark.parametrize("kind", ["csat5", "ces7"])
def test_the_other_scales_are_clean_too(visit, admin, owner, axe, now, kind):
    _, links = make_sent_message(owner, by=admin, kind=kind, now=now - timedelta(hours=1))
    window = visit()
    window.page.goto(window.base + path_of(links.answer) + "?r=3")
    assert findings(axe, window, kind) == []


def test_answering_works_without_script_by_keyboard_and_records_once(visit, admin, owner, now):
    _, links = make_sent_message(owner, by=admin, now=now - timedelta(hours=1))
    window = visit(390, 844, java_script_enabled=False)
    page = window.page
    page.goto(window.base + path_of(links.answer) + "?r=7")
    assert Response.objects.count() == 0
    page.focus("#p7")
    page.keyboard.press("ArrowRight")
    assert page.is_checked("#p8")
    assert Response.objects.count() == 0
    page.fill("#c", "Line one\nLine two")
    page.click("main button")
    assert page.url.endswith("/thanks")
    page.reload()
    response = Response.objects.get()
    assert (response.score, response.comment) == (8, "Line one\nLine two")


def test_a_scanner_with_scripts_answers_nothing(visit, admin, owner, now):
    _, links = make_sent_message(owner, by=admin, now=now - timedelta(hours=1))
    window = visit()
    for path in [*(f"{links.answer}?r={n}" for n in range(11)), links.answer, links.unsubscribe]:
        window.page.goto(window.base + path_of(path))
        window.page.wait_for_timeout(100)
    assert (Response.objects.count(), Suppression.objects.count()) == (0, 0)


def test_every_staff_page_of_surveys_is_clean(visit, admin, owner, axe, now):
    make_audience(owner, customers=4, contacts=2)
    launched = make_campaign(by=admin, now=now, name="Spring NPS")
    launch(launched, by=admin, now=now)
    delivery.send_due(clock=lambda: now, seconds=120)
    for message, score in zip(Message.objects.order_by("pk")[:6], (10, 9, 9, 8, 3, 10), strict=True):
        answer(message, score, now=now, comment="The planner saves an hour a day.")
    case_intake.open_cases(now=now)
    suspect = Response.objects.order_by("pk").last()
    Response.objects.filter(pk=suspect.pk).update(status="suspect")
    Invitation.objects.filter(pk=suspect.invitation_id).update(response_state="suspect")
    left = Message.objects.order_by("pk").last()
    Message.objects.filter(pk=left.pk).update(delivery_state="uncertain", accepted_at=None, settled_by="")
    draft = make_campaign(by=admin, now=now, name="Draft CSAT", kind="csat5")
    customer = Response.objects.first().customer
    window = visit()
    window.sign_in()
    found = []
    for path in (
        reverse("surveys:campaigns"),
        reverse("surveys:campaign_new"),
        reverse("surveys:campaign", args=[draft.pk]),
        reverse("surveys:left_out", args=[draft.pk]),
        reverse("surveys:campaign", args=[launched.pk]),
        reverse("surveys:campaign_preview", args=[draft.pk]),
        reverse("surveys:campaign_words", args=[draft.pk, "ar"]),
        reverse("surveys:wave", args=[launched.pk, 1]),
        reverse("surveys:results", args=[launched.pk]),
        f"{reverse('surveys:scores')}?method=mrr",
        f"{reverse('surveys:funnel_panel')}?by=domain",
        *(
            reverse(f"surveys:{name}")
            for name in ("comparison", "responses", "topics", "topic_effects", "silence")
        ),
        reverse("surveys:deliveries"),
        reverse("surveys:suppressions"),
        reverse("surveys:suspects"),
        reverse("surveys:policy"),
        reverse("surveys:customer_panel", args=[customer.pk]),
        f"{reverse('surveys:cases')}?tab=team",
        reverse("surveys:cases_panel"),
        reverse("surveys:case", args=[Case.objects.get().pk]),
        reverse("surveys:case_close", args=[Case.objects.get().pk]),
    ):
        window.go(path)
        found += findings(axe, window, path)
    assert found == []
