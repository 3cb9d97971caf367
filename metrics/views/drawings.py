"""What the dashboard draws: movement bars, the bridge of one period, and the cells of its tables."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from config.web import charts
from config.web.money import money, number, percent
from metrics.catalog import REASONS
from metrics.formulas.money import exactly
from metrics.formulas.result import Result
from metrics.queries.figures import MOVES, Figures
from metrics.views.tiles import Strip, metric_href, movements_href
from metrics.views.wording import KIND_TONES, KIND_WORDS, period_word, short_period

UP_FIRST = ("new", "expansion", "reactivation", "contraction", "churn", "fx")
RETENTION = (
    ("nrr_12m", "NRR 12 m"),
    ("grr_12m", "GRR 12 m"),
    ("logo_retention_12m", "Customers 12 m"),
    ("gross_mrr_churn_rate", "Gross churn"),
    ("net_mrr_churn_rate", "Net churn"),
    ("logo_churn_rate", "Logo churn"),
)


@dataclass(frozen=True)
class Cell:
    """A number as text, the exact stored one for its title, and the way to its rows."""

    text: str
    exact: str
    href: str = ""
    reason: str = ""


def digits(amount: Decimal) -> str:
    """All stored digits, without zeros at the end."""
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def whole(text: str) -> str:
    """$20k instead of $20.0k, 50 % instead of 50.0 %: an axis shows no digit that says nothing."""
    return re.sub(r"\.0(?=\D*$)", "", text)


def movements_chart(strip: Strip) -> dict[str, Any]:
    """Bars of the movements per period with the net change, and the same numbers as a table."""
    figures, currency = strip.figures, strip.currency
    kinds = [kind for kind in UP_FIRST if kind != "fx" or any(f.fx for f in figures)]
    last = figures[-1]
    net = [f.moved for f in figures if not f.incomplete]  # a period that runs is never drawn as a fall
    plot = charts.columns(
        [(KIND_TONES[kind], [getattr(f, kind) for f in figures]) for kind in kinds],
        [short_period(f.period) for f in figures],
        message=(
            f"MRR movements from {period_word(figures[0].period)} to {period_word(last.period)};"
            f" net change of {period_word(strip.headline.period)} {money(strip.headline.moved, currency, sign=True)}"
        ),
        show=lambda amount: whole(money(Decimal(str(amount)), currency, tight=True)),
        tips=[_tip(f, kinds, currency) for f in figures],
        net=net,
        running=len(figures) - 1 if last.incomplete else None,
    )
    heads = ["Period", *(KIND_WORDS[kind] for kind in kinds), "Net"]
    twin = [
        [
            period_word(f.period) + (", not over" if f.incomplete else ""),
            *(money(getattr(f, kind), currency, sign=True) for kind in kinds),
            money(f.moved, currency, sign=True),
        ]
        for f in figures
    ]
    return {
        "movements_plot": plot,
        "movements_heads": heads,
        "movements_twin": twin,
        "legend": [(KIND_TONES[kind], KIND_WORDS[kind]) for kind in kinds],
        "last_incomplete": last.incomplete,
    }


def bridge_fall(strip: Strip) -> dict[str, Any]:
    """The waterfall of the headline period; each part opens its movements."""
    f, currency = strip.headline, strip.currency
    kinds = [kind for kind in UP_FIRST if getattr(f, kind)]
    levels = [f.opening]
    for kind in kinds:
        levels.append(levels[-1] + getattr(f, kind))
    start = charts.fall_start([*levels, f.closing])
    rows = charts.fall(
        ("Opening", f"{number(f.open_logos)} customers", f.opening),
        [(KIND_WORDS[kind], _times(f, kind), getattr(f, kind), KIND_TONES[kind]) for kind in kinds],
        ("Closing", f"{number(f.close_logos)} customers", f.closing),
        show=lambda amount: money(Decimal(str(amount)), currency),
        show_change=lambda amount: money(Decimal(str(amount)), currency, sign=True),
        start=start,
    )
    state = one_period(strip, f)
    ends = [metric_href("mrr", _day_before(strip, f)), metric_href("mrr", state)]
    hrefs = [ends[0], *(movements_href(state, kind) for kind in kinds), ends[1]]
    note = f"Bars start at {whole(money(Decimal(str(start)), currency, tight=True))}." if start else ""
    return {"fall": list(zip(rows, hrefs, strict=True)), "fall_note": note}


@exactly
def bridge_rows(strip: Strip) -> dict[str, Any]:
    """Rows of the bridge table and its total over the span."""
    figures, currency = strip.figures, strip.currency
    kinds = [kind for kind in MOVES if kind != "fx" or any(f.fx for f in figures)]
    sums = {kind: sum((getattr(f, kind) for f in figures), Decimal(0)) for kind in kinds}
    gap = figures[0].opening + sum(sums.values(), Decimal(0)) - figures[-1].closing
    total = {
        "opening": _cell(
            figures[0].opening, currency, href=metric_href("mrr", _day_before(strip, figures[0]))
        ),
        "cells": [
            _cell(sums[kind], currency, sign=True, href=movements_href(strip.state, kind)) for kind in kinds
        ],
        "closing": _cell(
            figures[-1].closing, currency, href=metric_href("mrr", one_period(strip, figures[-1]))
        ),
        "customers": figures[-1].close_logos,
        "customers_href": metric_href("paying_customers", one_period(strip, figures[-1])),
        "gap": digits(gap) if gap else "",
    }
    return {
        "bridge_kinds": [(kind, KIND_WORDS[kind]) for kind in kinds],
        "bridge": [_bridge_row(strip, f, kinds) for f in figures],
        "bridge_total": total,
        "checked": not any(f.gap for f in figures) and not gap,
    }


def retention_rows(strip: Strip) -> dict[str, Any]:
    """Retention and churn per period; what cannot be computed says why."""
    rows: list[dict[str, Any]] = [
        {
            "word": period_word(f.period),
            "incomplete": f.incomplete,
            "cells": [_rate_cell(f.result(key), key, one_period(strip, f)) for key, _ in RETENTION],
        }
        for f in strip.figures
    ]
    whys = sorted({cell.reason for row in rows for cell in row["cells"] if cell.reason})
    return {
        "retention_heads": [words for _, words in RETENTION],
        "retention": rows,
        "retention_whys": "; ".join(whys),
    }


def one_period(strip: Strip, figures: Figures) -> str:
    """The URL state for the months of one period."""
    parts = strip.state.split("&")
    rest = [part for part in parts if not part.startswith(("from=", "to="))]
    first, last = figures.period.start, max(figures.period.start, figures.close_on)
    return "&".join([f"from={first:%Y-%m}", f"to={last:%Y-%m}", *rest])


def _day_before(strip: Strip, figures: Figures) -> str:
    """The URL state of the month that closed on the opening day."""
    parts = [part for part in strip.state.split("&") if not part.startswith(("from=", "to=", "grain="))]
    month = figures.period.opening_day
    return "&".join([f"from={month:%Y-%m}", f"to={month:%Y-%m}", "grain=month", *parts])


def _bridge_row(strip: Strip, f: Figures, kinds: Sequence[str]) -> dict[str, Any]:
    state = one_period(strip, f)
    return {
        "word": period_word(f.period),
        "incomplete": f.incomplete,
        "opening": _cell(f.opening, strip.currency, href=metric_href("mrr", _day_before(strip, f))),
        "cells": [
            _cell(getattr(f, kind), strip.currency, sign=True, href=movements_href(state, kind))
            for kind in kinds
        ],
        "closing": _cell(f.closing, strip.currency, href=metric_href("mrr", state)),
        "customers": f.close_logos,
        "customers_href": metric_href("paying_customers", state),
        "gap": digits(f.gap) if f.gap else "",
    }


def _cell(amount: Decimal, currency: str, *, sign: bool = False, href: str = "") -> Cell:
    text = money(amount, currency, cents=True, sign=sign)
    return Cell(text, f"{currency} {digits(amount)}", href if amount else "")


def _rate_cell(result: Result, key: str, state: str) -> Cell:
    if result.value is None:
        why = REASONS.get(result.reason, result.reason)
        return Cell("n/a", f"n/a: {why}", reason=why)
    parts = (result.numerator, result.denominator)
    put_in = " / ".join(digits(part) for part in parts if part is not None)
    return Cell(percent(result.value, 1), put_in, metric_href(key, state))


def _times(f: Figures, kind: str) -> str:
    count = getattr(f, f"{kind}_n", 0)
    return "" if not count else f"{number(count)} {'movement' if count == 1 else 'movements'}"


def _tip(f: Figures, kinds: Sequence[str], currency: str) -> str:
    parts = [
        f"{KIND_WORDS[kind].lower()} {money(getattr(f, kind), currency, tight=True, sign=True)}"
        for kind in kinds
        if getattr(f, kind)
    ]
    net = money(f.moved, currency, tight=True, sign=True)
    return f"{period_word(f.period)}: {', '.join([*parts, f'net {net}'])}"
