"""The health panel and the scorecard pages: who sees what, and what a click does."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.urls import reverse

from customers.models import StaleMark
from metrics.models import ScorecardVersion
from metrics.services import scorecards
from metrics.services.refresh import refresh_all_stale
from tests.factories.customers import NOW, make_customer, make_pulse
from tests.factories.health import TODAY, make_answer, make_scored_customer, put_in_force, score_now, starter

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def frozen(time_machine):
    time_machine.move_to(NOW, tick=False)


def text_of(response) -> str:
    return " ".join(response.content.decode().split())


def get(client, user, name, *args, **headers):
    client.force_login(user)
    return client.get(reverse(f"metrics:{name}", args=args), headers=headers)


def new_draft(by):
    return scorecards.start_draft(scorecard=starter().scorecard, by=by, now=NOW)


def fields_of(draft, **changes):
    """The weights of a draft as its form posts them."""
    posted = {"version": draft.version}
    for group in draft.body["groups"]:
        posted[f"group-{group['key']}"] = group["weight"] // 10_000
        posted |= {f"measure-{one['measure']}": one["weight"] // 10_000 for one in group["measures"]}
    return posted | changes


# The panel


def test_the_panel_shows_score_coverage_and_parts_that_add_up(client, anna):
    customer = make_scored_customer(owner=anna)
    make_answer(customer, 9)
    refresh_all_stale(as_of=TODAY, now=NOW)
    response = get(client, anna, "health_panel", customer.pk, **{"HX-Request": "true"})
    text = text_of(response)
    assert response.status_code == 200
    assert '<span class="big band good"><b>85.8</b> <i>Healthy</i></span>' in text
    assert "based on 100 % of the weight" in text.replace("\N{NO-BREAK SPACE}", " ")
    rows = response.context["rows"]
    assert sum(row["adds"] for row in rows) == response.context["sum"]
    assert str(response.context["sum"]) == "85.8"
    assert [row["reading"] for row in rows if row["driver"].measure.key == "active_seat_share"] == [
        "40\N{NO-BREAK SPACE}%"
    ]


def test_the_panel_opened_directly_is_a_whole_page(client, anna):
    customer = make_scored_customer(owner=anna, name="Larch")
    refresh_all_stale(as_of=TODAY, now=NOW)
    text = text_of(get(client, anna, "health_panel", customer.pk))
    assert "<title>Health of Larch · Tend</title>" in text
    assert text.count('id="health-panel"') == 1


def test_the_panel_without_a_score_names_what_is_missing(client, anna):
    customer = make_customer(owner=anna)
    StaleMark.objects.all().delete()
    text = text_of(get(client, anna, "health_panel", customer.pk, **{"HX-Request": "true"}))
    assert "No score yet" in text
    assert "load delay" not in text


def test_an_insufficient_score_is_grey_and_says_what_it_would_be(client, anna):
    customer = make_customer(owner=anna, mrr="100", phase="adoption")
    refresh_all_stale(as_of=TODAY, now=NOW)
    text = text_of(get(client, anna, "health_panel", customer.pk, **{"HX-Request": "true"}))
    assert '<span class="band none big"><i>Not enough data</i></span>' in text
    assert "It would be 100.0 on 18" in text


def test_a_stale_panel_says_updating_and_asks_again_for_a_minute(client, anna):
    customer = make_scored_customer(owner=anna)
    refresh_all_stale(as_of=TODAY, now=NOW)
    make_pulse(customer, level=5)
    client.force_login(anna)
    url = reverse("metrics:health_panel", args=[customer.pk])
    first = text_of(client.get(url, headers={"HX-Request": "true"}))
    assert "updating" in first
    assert f'hx-get="{url}?polls=1" hx-trigger="customer-changed from:body, load delay:5s"' in first
    last = text_of(client.get(f"{url}?polls=12", headers={"HX-Request": "true"}))
    assert "still waiting for the worker" in last
    assert "load delay" not in last


@pytest.mark.parametrize("polls", ["x", "-1", "²", "9999999999"])
def test_a_silly_poll_count_is_no_error(client, anna, polls):
    customer = make_customer(owner=anna)
    client.force_login(anna)
    url = reverse("metrics:health_panel", args=[customer.pk])
    assert client.get(url, {"polls": polls}, headers={"HX-Request": "true"}).status_code == 200


def test_the_panel_of_a_strangers_customer_is_404(client, anna, carl):
    customer = make_scored_customer(owner=anna)
    score_now()
    assert get(client, carl, "health_panel", customer.pk).status_code == 404


def test_the_panel_takes_the_same_queries_whatever_the_history(client, anna, django_assert_max_num_queries):
    customer = make_scored_customer(owner=anna)
    for day in range(3):
        score_now(now=NOW - timedelta(days=30 - day))
    score_now()
    client.force_login(anna)
    with django_assert_max_num_queries(16):
        client.get(reverse("metrics:health_panel", args=[customer.pk]), headers={"HX-Request": "true"})


def test_the_history_marks_where_the_version_changed(client, anna, vera):
    customer = make_scored_customer(owner=anna)
    score_now(now=NOW - timedelta(days=20))
    draft = scorecards.save_draft(
        draft=new_draft(vera), group_weights={"support": 1}, measure_weights={}, version=1, by=vera, now=NOW
    )
    put_in_force(draft, by=vera)
    refresh_all_stale(as_of=TODAY, now=NOW)
    response = get(client, anna, "health_panel", customer.pk, **{"HX-Request": "true"})
    assert [mark.text for mark in response.context["plot"].marks] == ["v2"]
    assert response.context["twin"][-1][2] == "v2"


# The pages


@pytest.mark.parametrize("name", ["scorecard_draft", "scorecard_preview"])
def test_only_admins_open_drafts(client, vera, mia, anna, vic, name):
    draft = new_draft(vera)
    assert get(client, vera, name, draft.pk).status_code == 200
    for user in (mia, anna, vic):
        assert get(client, user, name, draft.pk).status_code == 403


@pytest.mark.parametrize(
    "name", ["scorecard_draft", "send_scorecard", "discard_draft", "scorecard_parts", "card_trial"]
)
def test_only_admins_change_drafts(client, vera, mia, name):
    draft = new_draft(vera)
    client.force_login(mia)
    response = client.post(
        reverse(f"metrics:{name}", args=[draft.pk]), fields_of(draft, **{"group-support": 50})
    )
    assert response.status_code == 403
    assert ScorecardVersion.objects.values().get(pk=draft.pk)["version"] == 1


def test_what_is_typed_shows_its_shares_and_stores_nothing(client, vera):
    draft = new_draft(vera)
    client.force_login(vera)
    response = client.post(
        reverse("metrics:card_trial", args=[draft.pk]),
        fields_of(draft, **{"group-support": 110}),
        headers={"HX-Request": "true", "HX-Target": "card-trial"},
    )
    text = text_of(response)
    assert 'id="share-group-support" hx-swap-oob="true"><b>55.0' in text
    shares = {row.title: row.share for row in response.context["groups"]}
    assert (shares["Support"], shares["Usage"]) == (Decimal("0.55"), Decimal("0.175"))
    draft.refresh_from_db()
    assert draft.version == 1


@pytest.mark.parametrize("weight", ["", "-1", "NaN", "1e3", "Infinity", "0.00001", "x", "99999999"])
def test_a_weight_that_is_no_number_is_named_at_its_field_and_nothing_is_saved(client, vera, weight):
    draft = new_draft(vera)
    client.force_login(vera)
    response = client.post(
        reverse("metrics:scorecard_draft", args=[draft.pk]), fields_of(draft, **{"group-support": weight})
    )
    assert response.status_code == 422
    assert list(response.context["form"].errors) == ["group-support"]
    assert ScorecardVersion.objects.get(pk=draft.pk).version == 1


def test_rc_9_the_second_editor_sees_both_texts_and_may_save_after_reading(client, vera):
    draft = new_draft(vera)
    client.force_login(vera)
    url = reverse("metrics:scorecard_draft", args=[draft.pk])
    client.post(url, fields_of(draft, **{"group-support": 20}))
    second = client.post(url, fields_of(draft, **{"group-support": 30}))
    text = text_of(second)
    assert second.status_code == 422
    assert "saved this draft while you were editing it" in text
    (support,) = (row for row in second.context["groups"] if row.title == "Support")
    assert (support.saved, support.field.value()) == (20, "30")
    assert second.context["form"]["version"].value() == "2"
    assert client.post(url, fields_of(draft, **{"group-support": 30, "version": 2})).status_code == 302


def test_a_draft_without_weights_shows_why_it_cannot_be_previewed(client, vera):
    draft = new_draft(vera)
    client.force_login(vera)
    zero = {name: 0 for name in fields_of(draft) if name.startswith("group-")}
    client.post(reverse("metrics:scorecard_draft", args=[draft.pk]), fields_of(draft, **zero))
    assert "All weights are 0" in text_of(client.get(reverse("metrics:scorecard_preview", args=[draft.pk])))
    assert "All weights are 0" in text_of(client.get(reverse("metrics:scorecard_draft", args=[draft.pk])))
