"""What one measure alone said of those who left (HD-5)."""

import pytest

from metrics.queries.measures import catalog
from metrics.services.measure_worth import worth
from tests.metrics.test_backtests import AS_OF, NOW, company, ready  # noqa: F401 - a company of past outcomes

pytestmark = pytest.mark.django_db


def test_hb_5_few_outcomes_give_a_sentence_and_no_figure(company):  # noqa: F811
    found = worth(catalog()["pulse", 1], as_of=AS_OF, now=NOW)
    assert found["said"] == f"not enough outcomes ({found['outcomes']} of 30 outcomes, 8 of 10 churns)"
    assert found["auc"] is None


def test_hd_5_a_measure_that_told_churners_apart_ranks_them_and_its_opposite_does_not(company, ready):  # noqa: F811
    measures = catalog()
    pulse, age = (worth(measures[key, 1], as_of=AS_OF, now=NOW) for key in ("pulse", "ebr_age_days"))
    assert pulse["ranks"]
    assert pulse["auc"] > 0.6
    assert pulse["low"] <= pulse["auc"] <= pulse["high"]
    assert (age["outcomes"], age["without"], age["auc"]) == (0, pulse["outcomes"] + pulse["without"], None)
