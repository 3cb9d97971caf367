"""Random timelines: recorded forwards or backwards they give the movements of a plain day-by-day count."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from metrics.formulas.money import quantise
from metrics.formulas.movements import movement_kind
from metrics.formulas.mrr import exact
from metrics.formulas.periods import period_end_after
from metrics.management.examples.checking import answer
from metrics.management.examples.rows import Setting

FIRST = date(2024, 1, 1)
NOW = datetime(2025, 6, 1, tzinfo=UTC)
MONTHS = {"month": 1, "quarter": 3, "year": 12, "week": Fraction(12, 52), "day": Fraction(12, 365)}

days = st.integers(0, 100).map(lambda number: FIRST + timedelta(days=number))
money = st.decimals(0, 500, places=2)
intervals = st.sampled_from(["day", "week", "month", "quarter", "year"])
discount_lists = st.lists(
    st.tuples(st.sampled_from(["percent", "fixed"]), st.integers(0, 100), st.none() | days), max_size=3
)


@st.composite
def subscriptions(draw, number):
    sub = str(number)
    start = draw(days)
    trial = draw(st.none() | st.integers(1, 40))
    first = {
        "at": start,
        "type": "start",
        "customer": draw(st.sampled_from("AB")),
        "sub": sub,
        "amount": draw(money),
        "interval": draw(intervals),
        "quantity": draw(st.integers(0, 3)),
        "interval_count": draw(st.integers(1, 2)),
        "discounts": [
            {"type": kind, "value": value, "until": until} for kind, value, until in draw(discount_lists)
        ],
    }
    if trial is not None:
        first["trial_until"] = start + timedelta(days=trial)
    events = [first]
    for _ in range(draw(st.integers(0, 4))):
        event = {"at": start + timedelta(days=draw(st.integers(0, 90))), "sub": sub}
        kind = draw(st.sampled_from(["change", "status", "cancel"]))
        if kind == "change":
            event |= draw(
                st.fixed_dictionaries(
                    {}, optional={"amount": money, "quantity": st.integers(0, 3), "interval": intervals}
                )
            )
        elif kind == "status":
            event["status"] = draw(st.sampled_from(["active", "past_due", "unpaid", "paused"]))
        else:
            event["effective"] = draw(st.sampled_from(["immediate", "period_end"]))
        events.append(event | {"type": kind})
    return events


@st.composite
def timelines(draw):
    events = [event for number in range(draw(st.integers(1, 3))) for event in draw(subscriptions(number))]
    config = draw(
        st.fixed_dictionaries(
            {},
            optional={
                "churn_recognition": st.sampled_from(["service_end", "cancel_date"]),
                "pause_policy": st.sampled_from(["zero", "keep"]),
                "unpaid_policy": st.sampled_from(["churn", "keep"]),
                "discount_policy": st.sampled_from(["in_force", "forever_only", "list_price"]),
            },
        )
    )
    return events, config


def as_texts(event):
    plain = {key: value.isoformat() if isinstance(value, date) else value for key, value in event.items()}
    if "discounts" in plain:
        plain["discounts"] = [
            {
                key: str(value) if isinstance(value, date) else value
                for key, value in one.items()
                if value is not None
            }
            for one in plain["discounts"]
        ]
    return plain


def value_on(events, day, config):
    """MRR of one subscription at the end of a day, straight from its events."""
    known = [event for event in events if event["at"] <= day]
    if not known:
        return Decimal(0)
    state, gone = dict(known[0]) | {"status": "active"}, date.max
    for event in known:
        if event["type"] in {"change", "status"}:
            state |= {key: value for key, value in event.items() if key not in {"type", "at", "sub"}}
        elif event["type"] == "cancel":
            leaves = event["at"]
            if event["effective"] == "period_end" and config.get("churn_recognition") != "cancel_date":
                leaves = period_end_after(
                    known[0]["at"], state["interval"], state["interval_count"], event["at"]
                )
            gone = min(gone, leaves)
    counted = {"active", "past_due"}
    counted |= {"paused"} if config.get("pause_policy") == "keep" else set()
    counted |= {"unpaid"} if config.get("unpaid_policy") == "keep" else set()
    in_trial = day < state.get("trial_until", date.min)
    if day >= gone or state["status"] not in counted or in_trial:
        return Decimal(0)
    policy = config.get("discount_policy", "in_force")
    running = [one for one in state["discounts"] if one["until"] is None or day < one["until"]]
    if policy == "forever_only":
        running = [one for one in running if one["until"] is None]
    price = Fraction(state["amount"]) * state["quantity"]
    for one in running if policy != "list_price" else []:
        price *= 1 - Fraction(one["value"], 100) if one["type"] == "percent" else 1
    for one in running if policy != "list_price" else []:
        price -= one["value"] if one["type"] == "fixed" else 0
    return quantise(exact(max(price, Fraction(0)) / (MONTHS[state["interval"]] * state["interval_count"])))


def counted_by_day(events, config):
    by_sub = {}
    for event in sorted(events, key=lambda one: one["at"]):
        by_sub.setdefault(event["sub"], []).append(event)
    found = []
    for customer in "AB":
        mine = [listed for listed in by_sub.values() if listed[0]["customer"] == customer]
        before, paid = Decimal(0), False
        for number in range(1400):
            day = FIRST + timedelta(days=number)
            after = sum((value_on(listed, day, config) for listed in mine), Decimal(0))
            kind = movement_kind(before, after, paid_before=paid)
            if kind:
                found.append((day.isoformat(), customer, kind, after - before, after))
            before, paid = after, paid or after > 0
    return sorted(found)


@pytest.mark.django_db
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(timelines())
def test_i_8_any_recording_order_gives_what_a_day_by_day_count_gives(drawn):
    events, config = drawn
    inputs = {"config": config, "events": [as_texts(event) for event in events]}
    expected = counted_by_day(events, config)
    for backwards in (False, True):
        got = answer("mrr_movements", inputs, Setting(now=NOW, backwards=backwards)).values["movements"]
        rows = [
            (row["date"], row["customer"], row["category"], row["amount"], row["mrr_after"]) for row in got
        ]
        assert [row[:3] for row in rows] == [row[:3] for row in expected]
        for row, other in zip(rows, expected, strict=True):
            assert abs(row[3] - other[3]) <= Decimal("0.0000001")
            assert abs(row[4] - other[4]) <= Decimal("0.0000001")
