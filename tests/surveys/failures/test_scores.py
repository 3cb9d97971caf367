"""F37: wrong buckets, a mean in the place of a score, a scale from 1 to 10."""

from statistics import mean

import pytest

from metrics.formulas import satisfaction
from surveys.formulas.scales import NEGATIVE, NEUTRAL, POSITIVE, SCALES
from surveys.models import Response
from surveys.queries.slices import bucket_rule
from tests.factories.customers import make_customer
from tests.surveys.test_scores_pages import give

# Answers per point 0 to 10, and the score as it is shown (the table of golden vectors).
VECTORS = [
    ([2, 2, 2, 2, 3, 4, 5, 10, 20, 20, 30], "+30"),
    ([1, 1, 1, 1, 1, 2, 3, 5, 10, 10, 15], "+30"),
    ([5, 5, 5, 5, 5, 5, 10, 12, 12, 18, 18], "−4"),
    ([0, 0, 0, 0, 0, 0, 395, 476, 0, 0, 291], "−9"),
    ([1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], "−100"),
    ([0, 0, 0, 0, 0, 0, 0, 3, 2, 0, 0], "0"),
]


def shown(per_point):
    scores = [point for point, count in enumerate(per_point) for _ in range(count)]
    return satisfaction.nps_shown(satisfaction.nps(satisfaction.nps_counts(scores)).value)


def vectors_are_exact(how=shown):
    assert [how(per_point) for per_point, _ in VECTORS] == [text for _, text in VECTORS]


def test_f37_vectors_are_exact():
    vectors_are_exact()


def test_f37_guard_off_cuts_of_another_scale_are_noticed(monkeypatch):
    monkeypatch.setattr(
        satisfaction,
        "nps_bucket",
        lambda score: "promoter" if score >= 8 else "detractor" if score <= 5 else "passive",
    )
    with pytest.raises(AssertionError):
        vectors_are_exact()


def test_f37_guard_off_a_mean_is_noticed():
    with pytest.raises(AssertionError):
        vectors_are_exact(lambda per_point: f"{mean(point for point, n in enumerate(per_point) if n):+.0f}")


@pytest.mark.django_db
def test_f37_the_database_cuts_as_the_formula_does(anna, now):
    give(make_customer(owner=anna), list(range(11)), at=now)
    words = {NEGATIVE: "detractor", NEUTRAL: "passive", POSITIVE: "promoter"}
    for bucket, word in words.items():
        found = Response.objects.filter(bucket_rule(SCALES["nps"], bucket)).values_list("score", flat=True)
        assert sorted(found) == [score for score in range(11) if satisfaction.nps_bucket(score) == word]
    assert (SCALES["nps"].low, SCALES["nps"].high) == (0, 10)
