"""Evidence: scorecards made by suggest_weights on two real companies, beside models trained on the same readings.

Nothing here grows with a scale: the rows are made once, with the first. Without the shared data or the references there
are no rows but one that says so.
"""

import importlib.util
from collections.abc import Callable, Iterator
from typing import Any

from bench.cluster import ROOT, Cluster, environment
from bench.report import Row, judge
from bench.workers import Worker

SUITE = "bench.suites.churning"
DATA = ROOT.parent / "shared" / "data"
AS_GOOD = 0.97  # of the best model's AUC
DEALS = {"telco": [""], "crm": ["", "1", "2"]}  # ways to cut a company into halves; more where few churned
FOLDERS = {"telco": "telco_churn_ibm", "crm": "fightchurn_crm6"}
ORDER = ("card", "logistic regression", "gradient boosting")

done: set[str] = set()


def run(cluster: Cluster, scale: str, rounds: Callable[[], Iterator[int]]) -> list[Row]:  # noqa: ARG001 - the suites' shape
    """AUC of card and models per company, with lift, Brier score and reliability in the note."""
    if done:
        return []
    done.add(scale)
    if importlib.util.find_spec("sklearn") is None:
        return [Row("BE-0", "all", "models to compare with", note="scikit-learn is not installed")]
    rows: list[Row] = []
    for number, (name, deals) in enumerate(DEALS.items(), start=1):
        if not (DATA / FOLDERS[name]).exists():
            rows.append(
                Row(f"BE-{number}", "all", name, note=f"{FOLDERS[name]} is not beside the repository")
            )
            continue
        rows += _company(cluster, number, name, deals)
    return rows


def _company(cluster: Cluster, number: int, name: str, deals: list[str]) -> list[Row]:
    database = f"evidence_{name}"
    cluster.copy(cluster.migrated(), database)
    worker = Worker(environment(cluster.url(database)))
    try:
        worker.call(f"{SUITE}:bring_{name}", folder=str(DATA))
        cluster.run("ANALYZE", database=database)
        found = worker.call(f"{SUITE}:table_of", name=name, deals=deals).value
    finally:
        worker.close()
        cluster.drop(database)
    found.sort(key=lambda one: ORDER.index(one["model"]))
    return [_row(f"BE-{number}", name, one) for one in found]


def _row(key: str, name: str, one: dict[str, Any]) -> Row:
    made = Row(
        key,
        "all",
        f"{name}: {one['model']}, AUC",
        reference="best of the models",
        median=one["auc"],
        unit="share",
        note=f"lift in the worst 10 % {one['lift']:.2f}, Brier {one['brier']:.4f}, predicted and observed"
        f" {one['apart']:.3f} apart; {one['rows']:.0f} outcomes, {one['churned']:.0f} churned, {one['splits']} splits",
    )
    if one["model"] != "card":
        return made
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
