"""The bench without its machine: a wrong number is found, what is not built is refused, the facts are always the same."""

from decimal import Decimal

import pytest

from bench import check, run
from bench.data import generate
from bench.report import Row, judge, table
from bench.suites import metrics

MONTHS = {"24300": {"closing": "120.50", "new": "20.000"}, "24301": {"closing": "130.5", "new": "10"}}


def test_equal_numbers_agree_however_they_are_written():
    other = {"24300": {"closing": "120.5000", "new": "20"}, "24301": {"closing": "130.50", "new": "10.0"}}
    assert check.same(MONTHS, other, name="twin") == 4


def test_a_planted_wrong_number_is_found_and_named():
    wrong = {**MONTHS, "24301": {"closing": "130.500000000000000000000001", "new": "10"}}
    with pytest.raises(check.DifferError, match=r"duckdb: 24301, closing: the product has 130\.5"):
        check.same(MONTHS, wrong, name="duckdb")


def test_a_missing_row_is_found():
    with pytest.raises(check.DifferError, match="row 24301 is in one of both only"):
        check.same(MONTHS, {"24300": MONTHS["24300"]}, name="polars")


def test_an_engine_that_cannot_be_exact_may_be_compared_within_a_share():
    near = {"24300": {"closing": "120.50000001"}, "24301": {"closing": "130.5"}}
    assert check.same(MONTHS, near, name="floats", within=Decimal("1e-6")) == 2


@pytest.mark.parametrize("suite", ["intake", "cooking"])
def test_a_suite_that_is_not_built_is_refused_by_name(suite):
    said = []
    options = {"scales": ["1k"], "rounds": 1, "gate": False, "target": None, "anyway": False}
    assert run.main(suite=suite, say=said.append, **options) == run.REFUSED
    assert suite in said[0]


def test_an_unknown_scale_is_refused():
    assert "3k" in run.refused("metrics", ["1k", "3k"], 3)
    assert run.refused("metrics", ["1k", "1m"], 3) == ""


def test_noisy_rounds_are_discarded(monkeypatch):
    twice, share = iter([1.9, 1.1, 1.9]), iter([0.98, 0.98, 0.4])
    monkeypatch.setattr(run.machine, "two_for_one", lambda: next(twice))
    monkeypatch.setattr(run.machine, "own_share", lambda: next(share))
    noise = run.Noise(3, lambda text: None)
    assert list(noise.quiet_rounds()) == [0]
    assert (noise.measured, noise.discarded, noise.too_noisy) == (1, 2, True)


def test_the_facts_of_a_scale_are_always_the_same():
    once, again = list(generate.prices(200)), list(generate.prices(200))
    assert once == again
    assert 4.5 < len(once) / 200 < 6.5
    assert {row[2] for row in once} == set(generate.CURRENCIES)


def test_a_missed_target_is_marked():
    slow = judge(Row("PT-A1", "100k", "full recompute, 1 worker", median=20.0), ratio=6.0, limit=5.0)
    assert "MISSED" in table([slow])
    assert metrics.broken_guards([slow]) != []
