"""Evidence: scorecards made by suggest_weights on two companies that lost customers, beside models on the same readings.

Nothing here grows with a scale: the rows are made once, with the first. Without the shared data or the references there
are no rows but one that says so.
"""

import importlib.util
from collections.abc import Callable, Iterator
from typing import Any

from bench.cluster import ROOT, Cluster, environment
from bench.report import Row, judge
from bench.workers import Worker

COMPANIES, TABLES = "bench.suites.companies", "bench.suites.churning"
DATA = ROOT.parent / "shared" / "data"
AS_GOOD = 0.97  # of the best model's AUC
DEALS = {"telco": [""], "crm": ["", "1", "2"]}  # ways to cut a company into halves; more where few churned
CARDS = {  # (name, with own measures); the CRM vendor with built-in measures alone, and with one per kind of event too
    "telco": [("telco", True)],
    "crm": [("crm", False), ("crm with own measures", True)],
}
FOLDERS = {"telco": "telco_churn_ibm", "crm": "fightchurn_crm6"}
ORDER = ("card", "logistic regression", "gradient boosting")
NUMBERS = [name for cards in CARDS.values() for name, _ in cards]

done: set[str] = set()


def run(cluster: Cluster, scale: str, rounds: Callable[[], Iterator[int]]) -> list[Row]:  # noqa: ARG001 - the suites' shape
    """AUC of card and models per company, with lift, Brier score and reliability in the note."""
    if done:
        return []
    done.add(scale)
    if importlib.util.find_spec("sklearn") is None:
        return [Row("BE-0", "all", "models to compare with", note="scikit-learn is not installed")]
    rows: list[Row] = []
    for name in CARDS:
        if (DATA / FOLDERS[name]).exists():
            rows += _company(cluster, name)
        else:
            rows.append(Row("BE-0", "all", name, note=f"{FOLDERS[name]} is not beside the repository"))
    return rows


def _company(cluster: Cluster, name: str) -> list[Row]:
    database = f"evidence_{name}"
    cluster.copy(cluster.migrated(), database)
    worker = Worker(environment(cluster.url(database)))
    try:
        worker.call(f"{COMPANIES}:bring_{name}", folder=str(DATA))
        cluster.run("ANALYZE", database=database)
        return [
            row
            for card, own in CARDS[name]
            for row in _rows(
                card, worker.call(f"{TABLES}:table_of", company=name, own=own, deals=DEALS[name]).value
            )
        ]
    finally:
        worker.close()
        cluster.drop(database)


def _rows(card: str, found: list[dict[str, Any]]) -> list[Row]:
    return [_row(card, one) for one in sorted(found, key=lambda one: ORDER.index(one["model"]))]


def _row(card: str, one: dict[str, Any]) -> Row:
    made = Row(
        f"BE-{NUMBERS.index(card) + 1}",
        "all",
        f"{card}: {one['model']}, AUC",
        reference="best of the models",
        median=one["auc"],
        min=one["auc_low"],
        max=one["auc_high"],
        unit="share",
        note=f"lift in the worst 10 % {one['lift']:.2f}, Brier {one['brier']:.4f}, predicted and observed"
        f" {one['apart']:.3f} apart; {one['rows']:.0f} outcomes, {one['churned']:.0f} churned, {one['splits']} splits",
    )
    if one["model"] != "card":
        return made
    made.note += (
        f"; ratio {one['ratio_low']:.3f} to {one['ratio_high']:.3f} (95 %, judged customers drawn again),"
        f" better proven in {one['proven']:.0%} of the splits"
    )
    return judge(made, ratio=one["ratio"], limit=AS_GOOD, at_least=True)


def slopes(_rows: list[Row]) -> list[Row]:
    """Nothing grows here."""
    return []


def broken_guards(rows: list[Row]) -> list[str]:
    """Guard rails of --gate."""
    return [
        f"{row.subject} is {row.ratio:.3f} of the best model's"
        for row in rows
        if row.id.startswith("BE-") and row.ok is False
    ]
