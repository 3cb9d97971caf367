"""Two real companies through the product's own commands, and a scorecard beside two models on the same readings.

Everything is fitted on one half of the customers and judged on the other, then the other way round. Telco: readings of
the month end before the reference day, because the file has no days; all fields are history. CRM: month ends 90 days
apart in the valid window of the simulation.
"""

import csv
import gzip
import io
import json
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import date, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from statistics import mean
from typing import Any

from django.core.management import call_command
from django.utils import timezone

from accounts.models import Organisation
from bench.cluster import ROOT
from customers.models import CustomField
from customers.services.custom_fields import define_custom_field
from metrics.formulas import calibration, evidence
from metrics.formulas.evidence import Outcome
from metrics.formulas.health_cards import WeightedCard, read_card
from metrics.formulas.health_measures import FIRST_OWN_SLOT
from metrics.formulas.health_numbers import MICRO, WEIGHT_UNIT
from metrics.models import OwnMeasure
from metrics.queries.measures import catalog
from metrics.queries.outcomes import PAYING
from metrics.services import backtests, calibrations, suggestions
from metrics.services.backtests import Trial
from metrics.services.replays import Candidate, replayed, seen

MAPS = ROOT / "docs" / "imports"
TENTH = Fraction(1, 10)
BANDS = 7
SCALE = 10**9  # probabilities of the models as whole numbers
HORIZON = 90
NO_NET, NO_PHONE = "No internet service", "No phone service"
EXTRA = ["No", "Yes", NO_NET]
TELCO_FIELDS: dict[str, tuple[str, list[str], str]] = {  # key: (type, options, which way is better)
    "senior": ("boolean", [], "down"),
    "partner": ("boolean", [], "up"),
    "dependents": ("boolean", [], "up"),
    "tenure_months": ("number", [], "up"),
    "phone": ("boolean", [], "up"),
    "lines": ("choice", ["No", "Yes", NO_PHONE], "up"),
    "internet": ("choice", ["DSL", "Fiber optic", "No"], "up"),
    "online_security": ("choice", EXTRA, "up"),
    "online_backup": ("choice", EXTRA, "up"),
    "device_protection": ("choice", EXTRA, "up"),
    "tech_support": ("choice", EXTRA, "up"),
    "streaming_tv": ("choice", EXTRA, "up"),
    "streaming_movies": ("choice", EXTRA, "up"),
    "contract": ("choice", ["Month-to-month", "One year", "Two year"], "up"),
    "paperless": ("boolean", [], "down"),
    "payment": (
        "choice",
        ["Electronic check", "Mailed check", "Bank transfer (automatic)", "Credit card (automatic)"],
        "up",
    ),
    "monthly_charges": ("number", [], "down"),
}
UNITS = {"boolean": "yes_no", "number": "number", "choice": "choice"}
CRM_MEASURES = (
    "active_seat_share", "usage_change_pct", "mrr_change_pct", "days_to_renewal", "seat_change_pct", "days_since_seen",
)  # fmt: skip
TELCO = {"first": date(2019, 11, 30), "last": date(2019, 11, 30), "as_of": date(2020, 3, 31)}
CRM = {"first": date(2022, 3, 1), "last": date(2023, 3, 31), "as_of": date(2023, 6, 30)}


def bring_telco(folder: str) -> dict[str, int]:
    """7,043 customers of a telephone company, their columns as custom fields and own measures."""
    _currency()
    file, now = Path(folder) / "telco_churn_ibm" / "Telco-Customer-Churn.csv", timezone.now()
    for number, (key, (kind, options, better)) in enumerate(TELCO_FIELDS.items()):
        field = define_custom_field(key=key, label=key, kind=kind, by=None, now=now, options=options)
        _own(number, field, UNITS[kind], better)
    brought = _import("customers", file, "telco_churn_readings")
    _import("subscriptions", file, "telco_churn_subscriptions", "--set", "currency=USD")
    call_command("recompute", "--full", stdout=io.StringIO())
    return {"customers": brought["created"]}


def bring_crm(folder: str) -> dict[str, int]:
    """584 customers of the simulated CRM vendor, with subscriptions and weekly usage."""
    _currency()
    home = Path(folder) / "fightchurn_crm6"
    brought = _import("customers", home / "accounts.csv", "fightchurn_crm6_customers")
    _import(
        "subscriptions", home / "subscriptions.csv", "fightchurn_crm6_subscriptions", "--set", "currency=USD"
    )
    with tempfile.TemporaryDirectory() as made:
        weekly = Path(made) / "weekly.csv"
        with gzip.open(home / "usage_weekly.csv.gz", "rt") as rows, weekly.open("w", newline="") as out:
            _with_week_end(rows, out)
        _import("usage", weekly, "fightchurn_crm6_weekly")
    call_command("recompute", "--full", stdout=io.StringIO())
    return {"customers": brought["created"]}


def _with_week_end(rows: Iterable[str], out: Any) -> None:
    reader = csv.DictReader(rows)
    writer = csv.DictWriter(out, [*(reader.fieldnames or ()), "week_end"])
    writer.writeheader()
    for row in reader:
        writer.writerow(row | {"week_end": date.fromisoformat(row["week_start"]) + timedelta(days=6)})


def _currency() -> None:
    Organisation.objects.update_or_create(pk=1, defaults={"currency": "USD"})


def _own(number: int, field: CustomField, unit: str, better: str) -> None:
    spec = {"field": field.key, "type": field.kind, "options": field.options}
    OwnMeasure.objects.create(
        key=field.key.replace("_", "-"), slot=FIRST_OWN_SLOT + number, title=field.label, kind="field", unit=unit,
        better=better, spec=spec,
    )  # fmt: skip


def _import(kind: str, file: Path, mapping: str, *more: str) -> dict[str, Any]:
    out = io.StringIO()
    words = [kind, str(file), "--map", str(MAPS / f"{mapping}.yaml"), "--history", *more, "--json"]
    with suppress(SystemExit):
        call_command("import", *words, stdout=out)
    found: dict[str, Any] = json.loads(out.getvalue())
    if found["errors"]:
        raise ValueError(f"{file.name}: {found['errors'][0]}")
    return found


def table_of(name: str, deals: Sequence[str] = ("",)) -> list[dict[str, Any]]:
    """A row per model: means over every deal of halves and both ways of using them."""
    body = _scratch_card([key.replace("_", "-") for key in TELCO_FIELDS] if name == "telco" else CRM_MEASURES)
    window, now = (TELCO if name == "telco" else CRM), timezone.now()
    found: dict[str, list[dict[str, float]]] = {}
    for deal in deals:
        for train, test in (("a", "b"), ("b", "a")):
            halves = [_asked(window, f"{half}:{deal}" if deal else half) for half in (train, test)]
            for model, figures in _judged(body, *halves, now=now):
                found.setdefault(model, []).append(figures)
    best = max(mean(one["auc"] for one in rows) for model, rows in found.items() if model != "card")
    return [
        {"model": model, "ratio": mean(one["auc"] for one in rows) / best, "splits": len(rows)}
        | {key: mean(one[key] for one in rows) for key in rows[0]}
        for model, rows in found.items()
    ]


def _scratch_card(measures: Sequence[str]) -> dict[str, Any]:
    """Every measure a group of its own with the same weight and a curve that says nothing yet."""
    flat = {"type": "linear", "points": [[0, 0], [MICRO, 100 * MICRO]]}
    return {
        "kind": "weighted",
        "groups": [
            {
                "key": f"g-{key}",
                "title": key,
                "weight": WEIGHT_UNIT,
                "rule": "mean",
                "measures": [{"measure": key, "version": 1, "weight": WEIGHT_UNIT, "curve": flat}],
            }
            for key in measures
        ],
        "bands": [
            {"key": f"b{n}", "label": f"Band {n}", "tone": "red" if n == 0 else "amber"} for n in range(BANDS)
        ],
        "edges": [{"at": (n + 1) * 10 * MICRO, "side": "upper"} for n in range(BANDS - 1)],
        "min_coverage": 0,
    }


def _asked(window: dict[str, date], half: str) -> Trial:
    return backtests.trial(horizon=HORIZON, population=PAYING, half=half, **window)  # type: ignore[arg-type]


def _judged(
    body: dict[str, Any], train: Trial, test: Trial, *, now: datetime
) -> Iterator[tuple[str, dict[str, float]]]:
    start = Candidate(read_card(body))
    result = suggestions.suggest(body=body, tested=start, asked=train, now=now, with_curves=True)
    card = read_card(
        result.get("body", body)
    )  # where nothing speaks for any weight, the card that says nothing
    if not isinstance(card, WeightedCard):
        raise TypeError("a weighted card was asked for")
    past, future = (_outcomes(card, asked, now) for asked in (train, test))
    chances = calibration.probabilities(calibrations.counts_of(past, card))
    yield "card", _figures(future, [1 - float(chances.get(row.band, Fraction(1, 2))) for row in future])
    x_past, y_past = _readings(card, train, now)
    x_future, y_future = _readings(card, test, now)
    for model, fitted in _models():
        fitted.fit(x_past, y_past)
        p = [float(one[1]) for one in fitted.predict_proba(x_future)]
        rows = [
            Outcome(n, -round(chance * SCALE), row.mrr, gone)
            for n, (chance, row, gone) in enumerate(zip(p, future, y_future, strict=True))
        ]
        yield model, _figures(rows, p)


def _outcomes(card: WeightedCard, asked: Trial, now: datetime) -> list[Outcome]:
    fates = sorted(
        backtests.outcomes_for(asked).rows, key=lambda fate: (fate.scored_on, fate.customer, fate.decided_on)
    )
    days = {fate.scored_on for fate in fates}
    replay = {day: cards[0] for day, cards in replayed([Candidate(card)], days, now=now).items()}
    return list(backtests.judge(fates, replay).rows)


def _readings(card: WeightedCard, asked: Trial, now: datetime) -> tuple[list[list[float]], list[bool]]:
    """The readings as models take them: choices one by one, a missing reading as 0 with a mark."""
    training = seen(Candidate(card), card, backtests.outcomes_for(asked).rows, now=now).training(card)
    measures = catalog()
    rows = []
    for values, present in zip(training.block.values.tolist(), training.block.present.tolist(), strict=True):
        row: list[float] = []
        for measure, value, known in zip(card.measures, values, present, strict=True):
            if measures[measure.key, measure.version].unit == "choice":
                row += [float(known and value == n * MICRO) for n in range(4)]
            else:
                row += [value / MICRO if known else 0.0, float(known)]
        rows.append(row)
    return rows, [bool(gone) for gone in training.churned.tolist()]


def _models() -> Iterator[tuple[str, Any]]:
    from sklearn.ensemble import GradientBoostingClassifier  # noqa: PLC0415 - optional-package
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 - optional-package
    from sklearn.pipeline import make_pipeline  # noqa: PLC0415 - optional-package
    from sklearn.preprocessing import StandardScaler  # noqa: PLC0415 - optional-package

    yield "logistic regression", make_pipeline(StandardScaler(), LogisticRegression(max_iter=5000))
    yield "gradient boosting", GradientBoostingClassifier(random_state=0)


def _figures(rows: Sequence[Outcome], chances: Sequence[float]) -> dict[str, float]:
    """AUC, lift in the worst tenth, Brier score, and how far predicted and observed shares lie apart."""
    area, worst = evidence.auc(rows), evidence.worst(rows, TENTH)
    pairs = [(Fraction(round(p * SCALE), SCALE), row.churned) for p, row in zip(chances, rows, strict=True)]
    points = calibration.reliability(pairs)
    apart = sum(float(abs(one.predicted - one.observed)) * one.n for one in points) / len(pairs)
    if area is None or worst is None or worst.lift is None:
        raise ValueError("nobody churned in this half")
    return {
        "auc": float(area.value),
        "lift": float(worst.lift),
        "brier": float(calibration.brier(pairs) or 0),
        "apart": apart,
        "rows": len(rows),
        "churned": sum(row.churned for row in rows),
    }
