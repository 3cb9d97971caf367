"""Public answers through the real import command, seen on the pages: a slice of rows, scores equal to the formulas."""

import csv
from collections import Counter

import pytest
from django.urls import reverse
from django.utils import timezone

from metrics.formulas import satisfaction
from surveys.formulas.weighting import tally
from surveys.models import Response
from surveys.queries import results, slices, topics
from surveys.queries.policy import current
from surveys.services.topics import save_topic, tag_new
from tests.factories.ledgers import DATA
from tests.factories.real_data import bring

AIRLINES = DATA / "nps_airlines" / "prep_air.csv"
PATIENTS = DATA / "nhs_fft_comments" / "v6framework_230831.csv"
ROWS = 300
pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(not PATIENTS.exists(), reason="the shared data folder is not beside the repository"),
]


@pytest.fixture
def patients(tmp_path):
    """The first rows of the file, with the columns that the map names."""
    path = tmp_path / PATIENTS.name
    with PATIENTS.open(encoding="utf-8-sig", newline="") as whole, path.open("w", newline="") as part:
        reader = csv.DictReader(whole)
        writer = csv.DictWriter(part, reader.fieldnames)
        writer.writeheader()
        writer.writerows(row for row, _ in zip(reader, range(ROWS), strict=False))
    return path


def test_a11_a_reversed_scale_comes_in_once_and_scores_as_the_formulas_say(client, patients, vera):
    bring("customers", patients, "nhs_fft_customers")
    first = bring("responses", patients, "nhs_fft_responses", "--skip-bad")
    second = bring("responses", patients, "nhs_fft_responses", "--skip-bad")
    assert (second["created"], second["updated"], second["unchanged"]) == (0, 0, first["created"])
    given = Counter(Response.objects.values_list("score", flat=True))
    with patients.open(newline="") as file:
        last = {(row["Trust"], row["Respondent ID"]): row for row in csv.DictReader(file)}
    answered = [row["FFT categorical answer"] for row in last.values()]
    assert given == Counter(6 - int(text) for text in answered if text in "12345" and text)
    (series,) = slices.series_list()
    held = tally(given.elements(), happy_from=4, unhappy_to=2)
    score = results.score_of_tally(series.kind, held, current(timezone.now()))
    assert score.value == satisfaction.csat(given).value
    topic, _ = save_topic(
        topic=None, name="Staff", terms={"en": ["staff", "driver"]}, by=vera, now=timezone.now()
    )
    tag_new(now=timezone.now())
    words = [comment.lower() for comment in Response.objects.values_list("comment", flat=True)]
    assert (
        0
        < topics.listed().get(pk=topic.pk).answered
        <= sum("staff" in word or "driver" in word for word in words)
    )
    client.force_login(vera)
    page = client.get(reverse("surveys:scores")).content.decode()
    assert f">{score.value:.0f}\u00a0%<" in page
    assert f"n = {score.n:,}" in page


def test_a11_recommendations_from_0_to_10_score_as_the_formulas_say(client, vera):
    bring("customers", AIRLINES, "nps_airlines_customers")
    day = ("--set", "answered_at=2020-01-31")
    first = bring("responses", AIRLINES, "nps_airlines_responses", *day)
    assert (
        bring("responses", AIRLINES, "nps_airlines_responses", *day)["unchanged"] == first["created"] == 184
    )
    with AIRLINES.open(encoding="utf-8-sig") as file:
        given = [int(row["How likely are you to recommend this airline?"]) for row in csv.DictReader(file)]
    counts = satisfaction.nps_counts(given)
    interval = satisfaction.nps_interval(counts)
    client.force_login(vera)
    page = client.get(reverse("surveys:scores")).content.decode()
    shown = [
        satisfaction.nps_shown(value)
        for value in (satisfaction.nps(counts).value, interval.low, interval.high)
    ]
    assert f">{shown[0]}<" in page
    assert f"{shown[1]} to {shown[2]}" in page
