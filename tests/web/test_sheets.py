import csv
from datetime import date
from decimal import Decimal
from io import StringIO

import pytest

from config.web.sheets import csv_lines, csv_response, inert


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        '=HYPERLINK("x")',
        "+1",
        "-2+3",
        "@SUM(1)",
        "\tx",
        "\rx",
        "\nx",
        "\0x",
        "＝1+1",
        "＋1",
        "－1",
        "＠x",
    ],
)
def test_text_that_would_run_is_made_inert_once(text):
    assert inert(text) == f"'{text}"
    assert inert(inert(inert(text))) == f"'{text}"


def test_numbers_and_dates_stay_what_they_are():
    assert inert(Decimal("-120.00")) == "-120.00"
    assert inert(Decimal("1E+3")) == "1000"
    assert inert(-5) == -5
    assert inert(date(2026, 3, 16)) == "2026-03-16"
    assert inert(None) == ""
    assert inert(True) == "yes"


def test_the_header_is_inert_too_and_the_file_reads_back():
    text = "".join(csv_lines(["=name", "MRR"], [["Larch, Ltd", Decimal("-1.50")], ['say "hi"', None]]))
    rows = list(csv.reader(StringIO(text.removeprefix("\ufeff"))))
    assert rows == [["'=name", "MRR"], ["Larch, Ltd", "-1.50"], ['say "hi"', ""]]


def test_a_download_is_an_attachment():
    response = csv_response("portfolio.csv", ["a"], [])
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert response.headers["Content-Disposition"] == 'attachment; filename="portfolio.csv"'
