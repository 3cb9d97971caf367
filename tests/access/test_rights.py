"""Rights that no role or grant may get around: names for viewers, campaigns of others, one's own promotion."""

from urllib.parse import urlsplit

import pytest
from django.test import Client
from django.urls import reverse

from accounts.choices import Role
from accounts.services import users
from accounts.services.users import NotYoursToGiveError
from customers.models import FollowUp
from surveys.models import Campaign, Suppression
from surveys.services import case_intake
from surveys.services.campaign_moves import NotAllowedError
from surveys.services.campaigns import pause, resume
from tests.factories.surveys import answer, make_sent_message
from tests.factories.users import make_team


@pytest.fixture
def unhappy(anna, vera, now):
    """A named person of Anna's customer answered 2, and a follow-up was opened for it."""
    message, links = make_sent_message(anna, by=vera)
    contact = message.invitation.contact
    contact.name = "Zyxperson"
    contact.save(update_fields=["name"])
    answer(message, 2, comment="Zyxcomment")
    case_intake.open_cases(now=now)
    return message, links


def pages(customer):
    yield reverse("customers:customer", args=[customer])
    yield reverse("customers:customer_follow_ups", args=[customer])
    yield reverse("customers:customer_timeline", args=[customer])
    yield reverse("customers:follow_ups") + "?tab=team"
    yield reverse("customers:follow_ups") + "?tab=done"
    yield reverse("customers:today")


@pytest.mark.parametrize("state", ["open", "done"])
def test_a_follow_up_on_an_answer_tells_a_viewer_neither_who_nor_what(client, unhappy, anna, vic, now, state):
    row = FollowUp.objects.get()
    if state == "done":
        FollowUp.objects.update(state="done", done_at=now, done_by=anna, outcome="Zyxoutcome")
    for person, named in ((vic, False), (anna, True)):
        client.force_login(person)
        text = "".join(client.get(href).content.decode() for href in pages(row.customer_id))
        assert ("Zyxperson" in text) is named
        assert "Zyxcomment" not in text or named
        assert "Zyxoutcome" not in text or named
        assert ("Follow up on a survey answer" in text) is not named


def test_a_viewer_starts_and_stops_no_campaign_whatever_the_grants(client, unhappy, vic):
    vic.grants = ["send_campaign"]
    vic.save(update_fields=["grants"])
    client.force_login(vic)
    campaign = Campaign.objects.get()
    for act in ("launch", "pause", "resume", "cancel"):
        assert client.post(reverse(f"surveys:campaign_{act}", args=[campaign.pk])).status_code == 403


def test_a_manager_stops_only_campaigns_that_ask_the_own_team(unhappy, mia, carl, now):
    campaign = Campaign.objects.get()
    carl.role, carl.grants = Role.MANAGER, ["send_campaign"]
    carl.save(update_fields=["role", "grants"])
    with pytest.raises(NotAllowedError):
        pause(campaign=campaign, by=carl, now=now)
    pause(campaign=campaign, by=mia, now=now)
    resume(campaign=campaign, by=mia, now=now)


def test_managing_users_is_no_way_to_see_more_oneself(anna, company, now):
    anna.grants = ["manage_users"]
    anna.save(update_fields=["grants"])
    same = {"name": anna.name, "role": anna.role, "team": anna.team, "grants": anna.grants, "read_scope": ""}
    for more in (
        {"role": "viewer"},
        {"role": "manager"},
        {"team": company},
        {"grants": ["manage_users", "export"]},
    ):
        with pytest.raises(NotYoursToGiveError):
            users.change_user(user=anna, by=anna, now=now, **(same | more))
    users.change_user(user=anna, by=anna, now=now, **(same | {"name": "Anna B."}))


def test_an_invitation_gives_no_right_the_giver_does_not_hold(anna, now):
    anna.grants = ["manage_users"]
    anna.save(update_fields=["grants"])
    with pytest.raises(users.NotYoursToGiveError):
        users.invite(
            email="new@tend.example", name="New", role="manager", team=make_team("West"), by=anna, now=now
        )
    person = users.invite(
        email="new@tend.example", name="New", role="csm", team=make_team("East"), by=anna, now=now
    )
    assert person.grants == []


def test_few_answers_are_not_shown_by_score_to_strangers(client, unhappy, carl):
    client.force_login(carl)
    page = client.get(reverse("surveys:results", args=[Campaign.objects.get().pk]))
    assert page.status_code == 200
    assert "too few for a score" in page.content.decode()
    assert "Answers per score" not in page.content.decode()
    assert "1 detractor" not in page.content.decode().lower()


@pytest.mark.parametrize(
    "kind", ["multipart/form-data", "multipart/form-data; boundary=", "text/plain; charset=rot13"]
)
def test_one_click_ends_surveys_whatever_the_body(unhappy, kind):
    _, links = unhappy
    path = urlsplit(links.unsubscribe).path
    response = Client(enforce_csrf_checks=True).generic(
        "POST", path, b"List-Unsubscribe=One-Click", content_type=kind
    )
    assert response.status_code == 200
    assert Suppression.objects.filter(lifted_at=None).count() == 1
