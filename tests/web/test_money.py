from decimal import Decimal

import pytest

from config.web.money import interval, money, number, percent, signed


@pytest.mark.parametrize(
    ("amount", "currency", "options", "text"),
    [
        (Decimal(12400), "EUR", {}, "€12,400"),
        (Decimal("12400.5"), "EUR", {"cents": True}, "€12,400.50"),
        (Decimal(430600), "EUR", {"tight": True}, "€430.6k"),
        (Decimal(5170000), "EUR", {"tight": True}, "€5.17M"),
        (Decimal(999950), "EUR", {"tight": True}, "€1.00M"),
        (Decimal(9999), "EUR", {"tight": True}, "€9,999"),
        (Decimal(-350), "EUR", {"sign": True}, "−€350"),
        (Decimal(350), "EUR", {"sign": True}, "+€350"),
        (Decimal(0), "EUR", {"sign": True}, "€0"),
        (Decimal("-0.4"), "EUR", {}, "€0"),
        (Decimal(1200), "CHF", {}, "CHF\xa01,200"),
        (Decimal("1200.456"), "KWD", {"cents": True}, "KWD\xa01,200.456"),
        (Decimal(1200), "JPY", {"cents": True}, "¥1,200"),
        (None, "EUR", {}, "–"),
    ],
)
def test_money_as_people_read_it(amount, currency, options, text):
    assert money(amount, currency, **options) == text


def test_numbers_with_real_minus_signs():
    assert signed(Decimal("-13.6")) == "−13.6"
    assert signed(Decimal("3.25")) == "+3.3"
    assert signed(0) == "0.0"
    assert number(Decimal("-1234.5"), 1) == "−1,234.5"
    assert number(None) == signed(None) == percent(None) == "–"


def test_a_share_below_one_never_reads_as_all():
    assert percent(Decimal("0.867"), 1) == "86.7\xa0%"
    assert percent(Decimal("0.9999")) == "99\xa0%"
    assert percent(Decimal(1)) == "100\xa0%"


def test_intervals():
    assert interval(24, 55, unit="%") == "24–55\xa0%"
    assert interval(16, 41, sign=True) == "+16 to +41"
    assert interval(None, 41) == "–"
