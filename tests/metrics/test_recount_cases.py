"""Companies in which policies meet: the stored rows and the recount agree, and so do the figures worked out by hand."""

from datetime import date
from decimal import Decimal

import pytest

from metrics.models import Movement
from tests.factories.filled_ledgers import differences, fill
from tests.factories.random_ledgers import Ledger, Line, Rate, Version, defined, undone, write

pytestmark = pytest.mark.django_db
JAN, FEB, MAR, APR = (date(2024, month, 1) for month in (1, 2, 3, 4))
USD = (Rate("USD", date(2023, 12, 1), Decimal("1.25")), Rate("USD", MAR, Decimal("1.00")))


def line(product, *versions):
    return Line(product, tuple(versions))


def version(from_on, to_on, amount, currency="EUR", **fields):
    return Version(from_on, to_on, Decimal(amount), currency, fields)


CASES = {
    "grace keeps a discount for ever": (
        {"renewal_grace_days": "30"},
        [
            line(
                "a",
                version(JAN, MAR, "100", discount_percent=Decimal(50)),
                version(date(2024, 3, 20), None, "100"),
            )
        ],
        (),
        [(JAN, "new", "50"), (date(2024, 3, 20), "expansion", "50")],
    ),
    "grace keeps a discount that ends later": (
        {"renewal_grace_days": "30"},
        [
            line(
                "a",
                version(JAN, MAR, "100", discount_percent=Decimal(50), discount_until=APR),
                version(date(2024, 3, 20), None, "100"),
            )
        ],
        (),
        [(JAN, "new", "50"), (date(2024, 3, 20), "expansion", "50")],
    ),
    "no grace for a trial that was never paid": (
        {"renewal_grace_days": "30"},
        [line("a", version(JAN, MAR, "100", status="trial"), version(date(2024, 3, 20), None, "100"))],
        (),
        [(date(2024, 3, 20), "new", "100")],
    ),
    "no grace for who churned by himself": (
        {"renewal_grace_days": "30", "auto_churn_days": "15"},
        [line("a", version(JAN, MAR, "100", status="past_due"), version(date(2024, 3, 20), None, "100"))],
        (),
        [
            (JAN, "new", "100"),
            (date(2024, 1, 16), "churn", "-100"),
            (date(2024, 3, 20), "reactivation", "100"),
        ],
    ),
    "unpaid lines that count lose their discount in time": (
        {"unpaid_policy": "keep", "auto_churn_days": "15"},
        [
            line(
                "a",
                version(
                    JAN, None, "100", status="past_due", discount_percent=Decimal(50), discount_until=MAR
                ),
            )
        ],
        (),
        [(JAN, "new", "50"), (MAR, "expansion", "50")],
    ),
    "a prorated term with a discount": (
        {"term_policy": "first_partial_prorated"},
        [
            line(
                "a",
                version(
                    date(2024, 1, 10),
                    date(2024, 9, 1),
                    "18000",
                    interval="term",
                    discount_percent=Decimal(50),
                ),
            )
        ],
        (),
        None,
    ),
    "an averaged ramp of weeks": (
        {"ramp_policy": "average", "weekly_factor": "4"},
        [line("a", version(JAN, FEB, "10", interval="week"), version(FEB, MAR, "30", interval="week"))],
        (),
        [(JAN, "new", "80"), (MAR, "churn", "-80")],
    ),
    "events of several currencies on one day": (
        {"movement_grain": "event"},
        [
            line("a", version(JAN, None, "10")),
            line("b", version(JAN, None, "20")),
            line("c", version(JAN, None, "50", "USD")),
        ],
        USD,
        [(JAN, "new", "10"), (JAN, "expansion", "20"), (JAN, "expansion", "40")],
    ),
    "a price that falls while its locked rate rises as much": (
        {"fx_policy": "billing_start"},
        [line("a", version(JAN, MAR, "100", "USD"), version(MAR, None, "80", "USD"))],
        USD,
        [(JAN, "new", "80"), (MAR, "contraction", "-20")],
    ),
    "locked rates begin with the first rate there is": (
        {"fx_policy": "billing_start"},
        [line("a", version(date(2024, 1, 15), None, "33.33333333", "USD"))],
        (Rate("USD", date(2024, 2, 1), Decimal(3)), Rate("USD", date(2024, 2, 20), Decimal(7))),
        [(date(2024, 2, 1), "new", "11.11111111")],
    ),
    "a purchase before the first rate": (
        {"fx_policy": "purchase"},
        [line("a", version(date(2024, 1, 15), None, "30", "USD"))],
        (Rate("USD", date(2024, 2, 1), Decimal("1.5")), Rate("USD", date(2024, 2, 20), Decimal(7))),
        [(date(2024, 2, 1), "new", "20")],
    ),
    "notice for non-payment is involuntary": (
        {"churn_recognition": "cancel_date"},
        [line("a", version(JAN, APR, "100", cancelled_on=FEB, reason="payment_failed"))],
        (),
        [(JAN, "new", "100"), (FEB, "churn", "-100")],
    ),
    "a line that goes unpaid in another currency": (
        {},
        [line("a", version(JAN, FEB, "100", "USD"), version(FEB, None, "100", status="unpaid"))],
        USD,
        [(JAN, "new", "80"), (FEB, "churn", "-80")],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_policies_that_meet(name):
    config, lines, rates, expected = CASES[name]
    definition = defined(None, config)
    with undone():
        write(Ledger((tuple(lines),), tuple(rates)))
        fill(definition=definition)
        assert differences(definition) == []
        found = [(row.day, row.kind, row.amount) for row in Movement.objects.order_by("day", "event")]
        if expected is not None:
            assert found == [(day, kind, Decimal(amount)) for day, kind, amount in expected]
