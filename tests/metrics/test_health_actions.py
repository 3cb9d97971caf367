"""The health panel of an actions card, and the roll-up over the customers below."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.urls import reverse

from customers.models import Customer
from customers.services import summaries
from metrics.formulas.health_cards import body_hash
from metrics.models import HealthScore, Scorecard, ScorecardVersion
from metrics.queries.explanation import explanation_of
from metrics.queries.hierarchy import roll_up_of
from tests.factories.customers import NOW, make_customer, make_ticket
from tests.factories.health import score_now

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def frozen(time_machine):
    time_machine.move_to(NOW, tick=False)


def live_actions_card(*actions):
    """An actions card in force for everybody."""
    card = Scorecard.objects.create(key="doing", title="Doing", is_default=True)
    body = {"kind": "actions", "window_days": 30, "actions": list(actions)}
    return ScorecardVersion.objects.create(
        scorecard=card,
        number=1,
        kind="actions",
        state="live",
        body=body,
        body_hash=body_hash(body),
        edited_at=NOW,
        live_from=NOW - timedelta(days=1),
    )


def action(measure, title, impact, **more):
    return {"measure": measure, "version": 1, "title": title, "impact": impact * 10_000, **more}


def panel_of(client, user, customer):
    client.force_login(user)
    return client.get(reverse("metrics:health_panel", args=[customer.pk]), headers={"HX-Request": "true"})


def test_he_3_the_panel_shows_impact_segment_count_and_value_and_the_sum_is_the_score(client, anna):
    live_actions_card(
        action("open_tickets", "Ticket open", -5, impacts=[{"segment": "tier=gold", "impact": -120_000}]),
        action("severe_tickets", "Severe ticket", 30, max_count=1),
        action("overdue_days", "Day overdue", 10),
    )
    customer = make_customer(owner=anna, tier="gold", mrr="10")
    for number in range(2):
        make_ticket(customer, ticket_id=f"T{number}", priority="urgent")
    score_now()
    score = HealthScore.objects.get(customer=customer, to_at=None)
    found = explanation_of(score)
    by_title = {row.title: row for row in found.actions}
    ticket, severe = by_title["Ticket open"], by_title["Severe ticket"]
    assert (ticket.impact, ticket.segment, ticket.count, ticket.value) == (-12, "tier=gold", 2, -24)
    assert (severe.segment, severe.count, severe.counted, severe.value) == ("", 2, 1, 30)
    assert sum(row.value for row in found.actions) == score.score == Decimal(6)
    response = panel_of(client, anna, customer)
    text = " ".join(response.content.decode().split())
    assert "tier=gold" in text
    assert "1 counted at most" in text
    assert response.context["sum"] == Decimal(6)


def test_ha_4_an_actions_card_without_any_fact_is_grey(client, anna):
    live_actions_card(action("open_tickets", "Ticket open", -5))
    customer = make_customer(owner=anna)
    score_now()
    text = " ".join(panel_of(client, anna, customer).content.decode().split())
    assert "Not enough data" in text
    assert "never" in text


# The roll-up


def stands(customer, score, mrr, tone):
    summaries.publish({customer.pk: {"score": score, "mrr": Decimal(mrr), "tone": tone}})
    return customer


@pytest.fixture
def family(anna):
    """G-19: own 70 (MRR 1000), children 80 (1000) and 40 (3000); a grandchild without a score."""
    own = stands(make_customer(owner=anna, name="Own"), Decimal(70), 1000, "amber")
    children = [
        stands(make_customer(owner=anna, name="Good", parent=own), Decimal(80), 1000, "green"),
        stands(make_customer(owner=anna, name="Bad", parent=own), Decimal(40), 3000, "red"),
    ]
    below = stands(make_customer(owner=anna, name="New", parent=children[0]), None, 10, "none")
    return own, *children, below


def test_ht_1_g_19_by_rows(anna, family):
    found = roll_up_of(family[0].pk, anna)
    assert (found.mean, found.worst.row.score, found.worst.row.customer.name) == (54, 40, "Bad")
    assert (found.found.scored, found.found.members) == (3, 4)
    assert [(one.row.customer.name, one.depth) for one in found.members] == [
        ("Bad", 1),
        ("Good", 1),
        ("New", 2),
    ]


def test_ht_1_the_share_in_green_is_of_scored_mrr(anna, family):
    assert roll_up_of(family[0].pk, anna).good_share == Decimal("0.2")
    stands(family[0], Decimal(70), 1000, "green")
    assert roll_up_of(family[0].pk, anna).good_share == Decimal("0.4")  # as in G-19, where 70 is healthy


def test_ht_1_customers_of_others_neither_count_nor_show(client, anna, carl, family):
    stranger = stands(make_customer(owner=carl, name="Zyx", parent=family[0]), Decimal(1), 9000, "red")
    found = roll_up_of(family[0].pk, anna)
    assert found.mean == 54
    score_now(family[0])
    text = panel_of(client, anna, family[0]).content.decode()
    assert stranger.name not in text
    assert roll_up_of(family[3].pk, anna) is None


def test_ht_1_a_circle_of_parents_ends(anna, family):
    Customer.objects.filter(pk=family[0].pk).update(parent=family[3])
    assert len(roll_up_of(family[0].pk, anna).members) == 3


def test_ht_1_the_panel_of_a_parent_shows_it(client, anna, family):
    score_now(family[0])
    text = " ".join(panel_of(client, anna, family[0]).content.decode().split())
    assert "With the customers below it" in text
    assert "scored and paying" in text
