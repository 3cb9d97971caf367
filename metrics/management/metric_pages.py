"""The pages of documentation on metrics, made from the catalogue and the config keys."""

from fractions import Fraction

from metrics.catalog import METRICS, REASONS, Metric, sections, variants_of
from metrics.formulas.definition import DEFAULT, KEYS, Key

INDEX = "README.md"
MADE = "Made by `python3 manage.py metric_docs` from the catalogue; do not edit by hand."
UNITS = {
    "money": "amount in the reporting currency",
    "rate": "fraction, shown as %",
    "score": "points from −100 to 100",
    "share": "points from 0 to 100",
    "ratio": "plain number",
    "count": "number",
    "days": "days",
    "hours": "hours",
    "months": "months",
    "years": "years",
    "table": "several numbers",
}
BETTER = {"up": "higher is better", "down": "lower is better", "": "neither up nor down is better"}
INTRODUCTION = """\
A customer is the company that pays. MRR of a line is its price less the discounts in force, brought to a month (weeks by 52/12,
days by 365/12), rounded once to 8 decimals, half away from zero. Everything after that is addition, so every bridge closes to the
last digit: opening + new + reactivation + expansion + contraction + churn + fx = closing.

- MRR of a day is its state at the end of that local day; a period's MRR is that of its last day.
- Paying means MRR above 0. Trials, free, paused and unpaid lines count 0.
- All changes of a customer on one day net to one movement. A renewal without a gap is no movement.
- Amounts are kept in their own currency. MRR is valued at the rate of the day, a movement at the rate of its day; what remains
  is the line *fx*. A missing day takes the latest earlier rate.
- What cannot be computed is empty with a reason, never 0.
- A month that is not over is marked.
- Hints say what others report. They are no goals and raise no alarm.

`python3 manage.py metrics --from 2026-01 --to 2026-06` prints one row per month, `movements` the ledger, `cohorts` the cohort
table, `verify_metrics` recounts everything in plain Python from the facts and names each difference."""


def pages() -> dict[str, str]:
    """{file name: text} of all pages and the index."""
    return {INDEX: _index(), **{f"{metric.key}.md": _page(metric) for metric in METRICS.values()}}


def _index() -> str:
    parts = [f"# Metrics and how they are counted\n\n{MADE}\n\n{INTRODUCTION}"]
    for name, metrics in sections().items():
        rows = [
            f"| [{metric.title}]({metric.key}.md) | {metric.meaning} | {_cell(metric.formula)} |"
            for metric in metrics
        ]
        parts.append("\n".join([f"## {name}\n", "| metric | meaning | formula |", "|---|---|---|", *rows]))
    parts.append(_keys_of_all())
    return "\n\n".join(parts) + "\n"


def _keys_of_all() -> str:
    rows = [f"| `{key.name}` | {_default(key)} | {key.sentence} |" for key in KEYS.values()]
    return "\n".join(
        ["## What can be configured\n", "| key | default | what it says |", "|---|---|---|", *rows]
    )


def _page(metric: Metric) -> str:
    facts = [
        ("Formula", metric.formula),
        ("Unit", f"{UNITS[metric.unit]}; {BETTER[metric.better]}"),
        ("Made of", ", ".join(metric.inputs)),
        ("Receipt lists", metric.rows),
        ("Given with it", ", ".join(f"`{part}`" for part in metric.parts)),
        ("Not kept yet", metric.missing),
        ("Others report", _hint(metric)),
    ]
    listed = "\n".join(f"- **{name}:** {words}" for name, words in facts if words)
    parts = [
        f"# {metric.title} (`{metric.key}`)",
        metric.meaning,
        listed,
        _reasons(metric),
        _variants(metric),
    ]
    parts.append(f"[All metrics]({INDEX}). {MADE}")
    return "\n\n".join(part for part in parts if part) + "\n"


def _hint(metric: Metric) -> str:
    return f"{metric.hint.text} ({metric.hint.source}, {metric.hint.year})" if metric.hint else ""


def _reasons(metric: Metric) -> str:
    if not metric.reasons:
        return ""
    rows = [f"- `{reason}`: {REASONS[reason]}" for reason in metric.reasons]
    return "\n".join(["## When there is no value\n", *rows])


def _variants(metric: Metric) -> str:
    found = variants_of(metric)
    if not found:
        return ""
    rows = [f"| `{key.name}` | {_default(key)} | {_cell(key.expected)} | {key.sentence} |" for key in found]
    return "\n".join(
        [
            "## What can be configured\n",
            "| key | default | may be | what it says |",
            "|---|---|---|---|",
            *rows,
        ]
    )


def _default(key: Key) -> str:
    value = getattr(DEFAULT, key.name)
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Fraction):
        months = 12
        return f"{value * months}/{months}"
    return str(value)


def _cell(text: str) -> str:
    """Text that may stand in a cell of a table."""
    return text.replace("|", "\\|")
