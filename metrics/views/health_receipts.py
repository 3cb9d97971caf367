"""The receipt of a stored score: what it was made of, worked out again, and as it would be known now."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.queries.organisation import local_day
from config.web.access import declare
from config.web.htmx import part_or_page
from config.web.money import number, signed
from customers.queries.access import customer_for
from metrics.formulas.health_cards import Card, read_card
from metrics.formulas.health_measures import MeasureVersion
from metrics.formulas.health_numbers import MICRO
from metrics.models import HealthScore
from metrics.queries.measures import catalog
from metrics.queries.score_changes import score_on
from metrics.queries.score_receipts import StoredReading, receipt_for, stored_readings
from metrics.queries.scores import label_of, tone_of
from metrics.services.score_receipts import (
    ReadAgain,
    ReadingDifference,
    Recheck,
    recheck,
)
from metrics.views.health_change_words import facts_page
from metrics.views.health_words import REASON_WORDS, value_words

SUBJECT_WORDS = {"phase": "Phase", "tenure_months": "Tenure in months", "labels": "Segments"}


@require_safe
@declare(access="login", scope="customer")
def health_receipt(request: HttpRequest, pk: int) -> HttpResponse:
    """Version, hash, engine and every input of one stored score."""
    score = receipt_for(request.user, pk)
    card, now = read_card(score.version.body), timezone.now()
    context = {
        "score": score,
        "customer": score.customer,
        "now": now,
        "today": local_day(now),
        "day": _day_within(request.GET.get("day", ""), score, now),
        "label": label_of(card, score.band),
        "tone": tone_of(card, score.band),
        "rows": _rows(score, card),
        "cap": None if score.cap is None else _points(score.cap),
        "override_part": _points(score.override_part) if score.override else None,
    }
    return render(request, "metrics/health_receipt.html", context)


@require_safe
@declare(access="login", scope="customer")
def health_receipt_check(request: HttpRequest, pk: int) -> HttpResponse:
    """The same inputs again, the readings again as known then, and as known now."""
    score = receipt_for(request.user, pk)
    now = timezone.now()
    day = _day_within(request.GET.get("day", ""), score, now)
    found = recheck(score, day=day, now=now)
    card = read_card(score.version.body)
    context = {
        "score": score,
        "now": now,
        "day": day,
        "found": found,
        "engine_difference": signed(Decimal(found.difference) / MICRO, 6),
        "wrong": [_title(key, found) for key in found.wrong_lines],
        "rows": _compared(score, card, found),
        "again_score": _score(found.again),
        "now_score": _score(found.now),
    }
    title = f"Receipt of {score.customer.name}, worked out again"
    return part_or_page(request, "metrics/parts/health_receipt_check.html", title=title, context=context)


@require_safe
@declare(access="login", scope="customer")
def health_receipt_of_day(request: HttpRequest, pk: int) -> HttpResponse:
    """To the receipt that was in force at the end of a day; 404 where there was no score."""
    customer, now = customer_for(request.user, pk), timezone.now()
    today = local_day(now)
    day = min(_day(request.GET.get("day", "")) or today, today)
    score = score_on(customer.pk, day, now)
    if score is None:
        raise Http404
    return redirect(f"{reverse('metrics:health_receipt', args=[score.pk])}?day={day.isoformat()}")


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _day_within(text: str, score: HealthScore, now: Any) -> date:
    """The day asked for if the score was in force then, else the day of its readings."""
    day = _day(text)
    last = local_day(score.to_at or now)
    return day if day is not None and local_day(score.from_at) <= day <= last else score.as_of


def _rows(score: HealthScore, card: Card) -> list[dict[str, Any]]:
    measures = catalog()
    lines: Sequence[int | None] = score.lines or [None] * len(card.measures)
    return [
        {
            "measure": measures[one.key, one.version],
            "reading": reading,
            "words": _words(reading, measures[one.key, one.version]),
            "line": None if line is None else _points(line),
            "href": facts_page(measures[one.key, one.version], score.customer_id),
        }
        for one, reading, line in zip(card.measures, stored_readings(score.inputs), lines, strict=True)
    ]


def _compared(score: HealthScore, card: Card, found: Recheck) -> list[dict[str, Any]]:
    """One row per reading: as stored, as known then, as known now."""
    stored = stored_readings(score.inputs)
    then = stored_readings(found.again.inputs) if found.again else [None] * len(stored)
    now = stored_readings(found.now.inputs) if found.now else [None] * len(stored)
    rows = []
    for one, *columns in zip(card.measures, stored, then, now, strict=True):
        measure = found.measures[one.key, one.version]
        rows.append(
            {
                "title": measure.title,
                "href": facts_page(measure, score.customer_id),
                "cells": [_words(column, measure) for column in columns],
                "then_differs": columns[1] is not None and columns[1] != columns[0],
                "now_differs": columns[2] is not None and columns[2] != columns[0],
            }
        )
    subjects = {one.what for one in (*found.differences, *found.restated) if one.measure is None}
    return rows + [_subject_row(what, score, found) for what in SUBJECT_WORDS if what in subjects]


def _subject_row(what: str, score: HealthScore, found: Recheck) -> dict[str, Any]:
    def differs(differences: Sequence[ReadingDifference]) -> bool:
        return any(one.what == what for one in differences)

    inputs = [score.inputs, *(one.inputs if one else {} for one in (found.again, found.now))]
    values = [one.get(what) for one in inputs]
    return {
        "title": SUBJECT_WORDS[what],
        "href": "",
        "cells": [", ".join(value) if isinstance(value, list) else str(value or "none") for value in values],
        "then_differs": differs(found.differences),
        "now_differs": differs(found.restated),
    }


def _words(reading: StoredReading | None, measure: MeasureVersion) -> str:
    if reading is None:
        return "–"
    if reading.value is None:
        return REASON_WORDS.get(reading.reason, reading.reason)
    words = value_words(Decimal(reading.value) / MICRO, measure)
    if reading.peers is None:
        return words
    return f"{words}, {number(reading.peers.below)} of {number(reading.peers.count)} peers below"


def _title(key: str, found: Recheck) -> str:
    return next((one.title for (name, _), one in found.measures.items() if name == key), key.capitalize())


def _score(again: ReadAgain | None) -> Decimal | None:
    return None if again is None or again.score is None else Decimal(again.score) / MICRO


def _points(micro: int) -> Decimal:
    return Decimal(micro) / MICRO
