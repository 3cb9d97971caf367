"""Real purchases and real answers through their maps: every row taken, left out or named, and each figure recounted."""

import csv
import os
from collections import Counter, defaultdict
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest
from django.db.models import Sum

from customers.models import Customer, FxRate, Order
from metrics.formulas.definition import DEFAULT
from metrics.formulas.periods import month_period
from metrics.queries import answers
from metrics.queries.commerce import commerce_metrics
from metrics.queries.questions import Question
from tests.factories.ledgers import DATA
from tests.factories.real_data import bring, installation, rounded

SHOP = DATA / "cdnow_transactions" / "CDNOW_master.txt"
AIRLINES = [DATA / "nps_airlines" / name for name in ("prep_air.csv", "other_airlines.csv")]
PATIENTS = DATA / "nhs_fft_comments" / "v6framework_230831.csv"
RATES = DATA / "ecb_rates" / "eurofxref-hist.zip"
ASKED = "How likely are you to recommend this airline?"
ASKED_ON = date(2020, 1, 31)
FIRST_BUYERS = 4_000
UTC_ZONE = ZoneInfo("UTC")
pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(not SHOP.exists(), reason="the shared data folder is not beside the repository"),
]


def taken(answer):
    return tuple(answer[name] for name in ("rows", "created", "updated", "unchanged", "rejected"))


@pytest.fixture(scope="module")
def shop_file(tmp_path_factory):
    """All 69,659 purchases with FULL_DATA=1, else those of the first 4,000 buyers."""
    if os.environ.get("FULL_DATA"):
        return SHOP
    header, *lines = SHOP.read_text().splitlines(keepends=True)
    kept = tmp_path_factory.mktemp("shop") / SHOP.name
    kept.write_text("".join([header, *(line for line in lines if int(line.split()[0]) <= FIRST_BUYERS)]))
    return kept


@pytest.fixture(scope="module")
def purchases(shop_file):
    """Customer, day and amount of every line of the file."""
    with shop_file.open() as file:
        next(file)
        cells = [line.split() for line in file]
    return [
        (name, datetime.strptime(day, "%Y%m%d").date(), Decimal(amount)) for name, day, _, amount in cells
    ]


@pytest.fixture(scope="module")
def shop(django_db_setup, django_db_blocker, shop_file):
    with installation(django_db_blocker, "USD"):
        yield [
            bring("customers", shop_file, "cdnow_customers"),
            bring("orders", shop_file, "cdnow_orders"),
            bring("orders", shop_file, "cdnow_orders"),
        ]


def test_every_purchase_is_an_order_and_none_twice(shop, purchases):
    customers, first, second = shop
    buyers, bought = len({row[0] for row in purchases}), len(purchases)
    assert taken(customers) == (buyers, buyers, 0, 0, 0)
    assert taken(first) == (bought, bought, 0, 0, 0)
    assert taken(second) == (bought, 0, 0, bought, 0)
    assert Order.objects.current().aggregate(sum=Sum("amount"))["sum"] == sum(row[2] for row in purchases)
    assert Customer.objects.filter(external_ids__value="00001").count() == 1


def test_repeat_purchases_are_what_a_count_over_the_file_finds(shop, purchases):
    periods = [month_period(date(1997, 3, 1)), month_period(date(1998, 6, 1))]
    definition = replace(DEFAULT, reporting_currency="USD")
    question = Question(periods=periods, as_of=date(1998, 6, 30), definition=definition)
    for period, values in zip(periods, commerce_metrics(question), strict=True):
        ever = Counter(name for name, day, _ in purchases if day < period.end)
        inside = Counter(name for name, day, _ in purchases if period.start <= day < period.end)
        for key, counted in (("repeat_purchase_rate", ever), ("repeat_purchase_rate_in_period", inside)):
            repeated = sum(number > 1 for number in counted.values())
            assert (values[key].numerator, values[key].denominator) == (repeated, len(counted)), key
        revenue = sum(amount for _, day, amount in purchases if period.start <= day < period.end)
        assert values["one_time_revenue"].value == revenue
    known = (11_662, 23_570) if os.environ.get("FULL_DATA") else (2_009, FIRST_BUYERS)
    assert (sum(number > 1 for number in ever.values()), len(ever)) == known


@pytest.fixture(scope="module")
def voters():
    """Scores of each airline."""
    found = defaultdict(list)
    for path in AIRLINES:
        with path.open(encoding="utf-8-sig") as file:
            for row in csv.DictReader(file):
                found[row["Airline"]].append(int(row[ASKED]))
    return found


@pytest.fixture(scope="module")
def airlines(django_db_setup, django_db_blocker):
    day = ("--set", f"answered_at={ASKED_ON}")
    with installation(django_db_blocker, "USD"):
        for path in AIRLINES:
            bring("customers", path, "nps_airlines_customers")
        yield [bring("responses", path, "nps_airlines_responses", *day) for path in (*AIRLINES, *AIRLINES)]


def counted(scores):
    """Answers, promoters, detractors and their NPS to six digits."""
    promoters, detractors = sum(score >= 9 for score in scores), sum(score <= 6 for score in scores)
    nps = Fraction(100 * (promoters - detractors), len(scores))
    return len(scores), promoters, detractors, rounded(nps, 6)


def shown(found):
    return found.n, found.hits, found.misses, rounded(Fraction(found.result.value), 6)


def test_every_vote_is_an_answer_and_none_twice(airlines):
    assert [taken(answer) for answer in airlines] == [
        (184, 184, 0, 0, 0),
        (5723, 5723, 0, 0, 0),
        (184, 0, 0, 184, 0),
        (5723, 0, 0, 5723, 0),
    ]


def test_nps_of_every_airline_is_what_a_count_over_the_files_finds(airlines, voters):
    assert len(voters) == 99
    for name, scores in voters.items():
        pks = {Customer.objects.get(external_ids__value=name).pk}
        assert shown(answers.nps_at(ASKED_ON, zone=UTC_ZONE, customers=pks)) == counted(scores), name
    everybody = [score for scores in voters.values() for score in scores]
    assert shown(answers.nps_at(ASKED_ON, zone=UTC_ZONE)) == counted(everybody)


@pytest.fixture(scope="module")
def comments():
    """The last answer of each respondent as (points from 1 = best, day or None), and how many rows said nothing."""
    last, silent, earlier = {}, 0, 0
    with PATIENTS.open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            points, key = int(row["FFT categorical answer"]), (row["Trust"], row["Respondent ID"])
            if points > 5:
                silent += 1
                continue
            earlier += key in last
            last[key] = (points, row["Date"])
    return last, silent, earlier


def day_of(text):
    try:
        return datetime.strptime(text, "%d/%m/%Y").date()
    except ValueError:
        return None


@pytest.fixture(scope="module")
def patients(django_db_setup, django_db_blocker):
    with installation(django_db_blocker, "GBP"):
        bring("customers", PATIENTS, "nhs_fft_customers")
        yield [bring("responses", PATIENTS, "nhs_fft_responses", "--skip-bad") for _ in range(2)]


def test_every_comment_is_taken_left_out_or_named(patients, comments):
    last, silent, earlier = comments
    bad = sum(day_of(day) is None for _, day in last.values())
    first, second = patients
    assert taken(first) == (len(last), len(last) - bad, 0, 0, bad)
    assert taken(second) == (len(last), 0, 0, len(last) - bad, bad)
    assert [item["rows"] for item in first["left_out"]] == [silent, earlier]
    assert {error["column"] for error in first["errors"]} == {"Date"}
    assert len(last) + silent + earlier == 7908


def test_satisfaction_of_every_month_is_what_a_count_over_the_file_finds(patients, comments):
    months = defaultdict(list)
    for points, text in comments[0].values():
        if (day := day_of(text)) is not None:
            months[day.replace(day=1)].append(points)
    assert len(months) > 12
    for month, given in months.items():
        found = answers.csat_in(month_period(month), zone=UTC_ZONE)
        assert (found.n, found.hits) == (len(given), sum(points <= 2 for points in given)), month


def test_the_history_of_the_central_bank_is_read_from_its_archive(db):
    rows = bring("rates", RATES)
    assert rows["errors"] == []
    assert (rows["rows"], rows["created"]) == (221_702, 221_702)
    rate = FxRate.objects.current().get(currency="USD", day=date(2026, 10, 30))
    assert (rate.base, rate.rate) == ("EUR", Decimal("1.1172"))
