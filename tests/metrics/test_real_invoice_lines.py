"""Real invoice lines in six currencies with credit notes: imported by command, and every month recounted."""

import csv
import io
import zipfile
from collections import defaultdict
from datetime import date
from fractions import Fraction

import pytest

from customers.models import Customer, LineVersion
from tests.factories.ledgers import DATA
from tests.factories.real_data import (
    CENT_OF_A_CENT,
    Line,
    Quotes,
    Recount,
    assert_cohorts_agree,
    assert_ledger_agrees,
    assert_months_agree,
    bring,
    installation,
    month_ends,
    rounded,
    rows_of,
    table,
)

FILE = DATA / "q_invoice_lines" / "q_invoice_lines.csv"
RATES = DATA / "ecb_rates" / "eurofxref-hist.zip"
FOREIGN = ("USD", "GBP", "NZD", "AUD", "CNY")  # besides the euro itself
FIRST, LAST, UNTIL = "2007-09", "2016-05", date(2016, 5, 31)  # later, ends are only the last invoice known
pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(not FILE.exists(), reason="the shared data folder is not beside the repository"),
]


def ecb_rows():
    """The bank's rows for the years of the invoices, newest first."""
    with zipfile.ZipFile(RATES) as packed, packed.open("eurofxref-hist.csv") as file:
        rows = list(csv.DictReader(io.TextIOWrapper(file, "ascii")))
    return [row for row in rows if "2007" <= row["Date"] < "2017"]


def net(row):
    return Fraction(row["Amount"]) - Fraction(row["Tax"])


def months_of(start, end):
    """Whole months when the term ends on the start's day of month, else days x 12/365."""
    whole = (end.year - start.year) * 12 + end.month - start.month
    if whole > 0 and end.day == start.day:
        return Fraction(whole)
    return Fraction((end - start).days * 12, 365)


def line_of(row):
    start, end = date.fromisoformat(row["ValidFrom"]), date.fromisoformat(row["ValidTo"])
    return Line(row["CustOrgID"], start, end, rounded(net(row) / months_of(start, end), 8), row["currency"])


@pytest.fixture(scope="module")
def vendor(django_db_setup, django_db_blocker, tmp_path_factory):
    """Imported by command; the answers of the imports by their names."""
    rates = tmp_path_factory.mktemp("rates") / "rates.csv"
    with rates.open("w", newline="") as file:
        out = csv.DictWriter(file, ["Date", *FOREIGN], extrasaction="ignore")
        out.writeheader()
        out.writerows(ecb_rows())
    with installation(django_db_blocker, "AUD"):
        yield {
            "rates": bring("rates", rates),
            "customers": bring("customers", FILE, "q_invoice_lines_customers"),
            "lines": bring("subscriptions", FILE, "q_invoice_lines_subscriptions", "--skip-bad"),
        }


@pytest.fixture(scope="module")
def recount():
    quoted = defaultdict(dict)
    for row in ecb_rows():
        for name in FOREIGN:
            quoted[name][date.fromisoformat(row["Date"])] = Fraction(row[name])
    lines = [line_of(row) for _, row in rows_of(FILE) if net(row) >= 0]
    return Recount(lines, Quotes("AUD", quoted), until=UNTIL)


def test_every_row_is_taken_or_named(vendor):
    refused = [number for number, row in rows_of(FILE) if net(row) < 0]
    lines, customers = vendor["lines"], vendor["customers"]
    assert (lines["rows"], lines["created"], lines["rejected"]) == (3769, 3769 - len(refused), len(refused))
    assert [(error["row"], error["column"]) for error in lines["errors"]] == [
        (row, "Amount") for row in refused
    ]
    assert {error["reason"] for error in lines["errors"]} == {"is negative, a credit or a refund"}
    assert len(refused) == 15
    assert (customers["rows"], customers["created"], customers["rejected"]) == (778, 778, 0)
    assert [(item["reason"], item["rows"]) for item in customers["left_out"]] == [
        ("an earlier row has the same CustOrgID", 3769 - 778)
    ]


def test_two_ids_under_one_name_stay_two_customers_and_the_far_year_stays(vendor):
    assert Customer.objects.filter(name="Organization 182").count() == 2
    far = LineVersion.objects.get(to_on__year=2090)
    assert (far.from_on, far.mrr) == (date(2007, 9, 10), 0)


def test_the_same_file_twice_changes_nothing(vendor):
    again = bring("subscriptions", FILE, "q_invoice_lines_subscriptions", "--skip-bad")
    assert (again["created"], again["updated"], again["unchanged"]) == (0, 0, 3754)


def test_native_mrr_at_each_month_end_is_that_of_the_file(vendor, recount):
    stored = list(LineVersion.objects.current().values_list("currency", "from_on", "to_on", "mrr"))
    for day in month_ends((2007, 9), (2017, 12)):
        ours, files = defaultdict(Fraction), defaultdict(Fraction)
        for currency, start, end, mrr in stored:
            if start <= day < end:
                ours[currency] += Fraction(mrr)
        for held in recount.held.values():
            for line in held:
                if line.start <= day < line.end:
                    files[line.currency] += line.mrr
        assert ours == files, day


def test_every_month_is_what_a_recount_in_reporting_currency_finds(vendor, recount):
    rows = table("metrics", "--from", FIRST, "--to", LAST)
    assert (len(rows), rows[-1]["close_day"]) == (105, UNTIL.isoformat())
    assert_months_agree(rows, recount)
    assert_ledger_agrees(table("movements", "--to", UNTIL), recount)
    assert_cohorts_agree(table("cohorts"), recount, UNTIL)


def test_regions_sum_to_the_whole_and_are_those_of_the_first_lines(vendor, recount):
    region, since = {}, {}
    for _, row in rows_of(FILE):
        name = row["CustOrgID"]
        if name not in since or row["ValidFrom"] < since[name]:
            region[name], since[name] = row["country"], row["ValidFrom"]
    wanted = defaultdict(Fraction)
    for name, mrr in recount.closing(UNTIL).items():
        wanted[region[name]] += mrr
    rows = table("metrics", "--from", LAST, "--to", LAST, "--by", "region")
    found = {row["region"]: Fraction(row["close_mrr"]) for row in rows if float(row["close_mrr"])}
    assert found.keys() == wanted.keys()
    assert all(abs(found[name] - mrr) < CENT_OF_A_CENT for name, mrr in wanted.items())


def test_a_line_that_follows_another_is_a_renewal(vendor, recount):
    renewals = set()
    for name, held in recount.held.items():
        starts = {line.start for line in held if line.mrr}
        renewals |= {(name, line.end.isoformat()) for line in held if line.mrr and line.end in starts}
    rows = table("movements", "--to", UNTIL)
    gone = {(row["customer"], row["day"]) for row in rows if row["kind"] in {"churn", "new", "reactivation"}}
    assert len(renewals) > 1000
    assert gone.isdisjoint(renewals)
