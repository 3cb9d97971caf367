"""The customers behind every number of the ledger: MRR, the bridge, averages, churn and retention."""

from collections.abc import Callable, Mapping, Sequence

from metrics.formulas import churn, growth, mrr, retention
from metrics.formulas.money import exactly, total
from metrics.formulas.periods import Period, add_months, month_number, months_ago, trailing
from metrics.formulas.result import Result, known, ratio
from metrics.queries.questions import day_after
from metrics.queries.rows import COUNT, FLAG, Ask, Receipt, RowColumn, Sums, span_source
from metrics.queries.spans import YEAR

KINDS = ("new", "reactivation", "expansion", "contraction", "churn")
LABELS = {
    "new": "New",
    "reactivation": "Reactivation",
    "expansion": "Expansion",
    "contraction": "Contraction",
    "churn": "Churn",
}
OPENING = RowColumn("opening", "MRR at opening")
CLOSING = RowColumn("closing", "MRR at close")
AT_RATES = RowColumn("opening_at_close", "Opening, at closing rates")
THEN = RowColumn("then_12m", "MRR a year ago")
WAS = RowColumn("was", "At opening", FLAG, "CASE WHEN {open} THEN 1 ELSE 0 END")
IS = RowColumn("is_now", "At close", FLAG, "CASE WHEN {close} THEN 1 ELSE 0 END")
LOST = RowColumn("lost", "Lost", FLAG, "CASE WHEN {open} AND NOT {close} THEN 1 ELSE 0 END")
STAYED = RowColumn("stayed", "Stayed", FLAG, "CASE WHEN {open} AND {close} THEN 1 ELSE 0 END")
NOW_OF_BASE = RowColumn("now_of_base", "MRR now", text="CASE WHEN opening > 0 THEN closing ELSE 0 END")
KEPT = RowColumn("kept", "Kept of it", text="least(opening_at_close, closing)")
KEPT_YEAR = RowColumn("kept_12m", "Kept of it", text="least(then_12m, closing)")
BASE = {
    name: RowColumn(name, words, text=f"CASE WHEN opening > 0 THEN {name} ELSE 0 END")
    for name, words in (
        ("base_churn", "Churn"),
        ("base_contraction", "Contraction"),
        ("base_expansion", "Expansion"),
    )
}
FX = RowColumn("fx", "Exchange rates", text=f"closing - opening - ({' + '.join(KINDS)})")
MOVED = tuple(RowColumn(kind, LABELS[kind]) for kind in KINDS)
ANY_MOVE = " OR ".join(f"{kind} <> 0" for kind in KINDS)
AT_OPENING, YEAR_AGO = "Customers of the opening", "Customers of a year ago"
JOINED_LEFT = "Customers who joined and left inside the period are in neither part."
SINCE = "Customers who came since are in neither part."


def paying(ask: Ask) -> Receipt:
    """MRR, ARR, paying customers and ARPA: everybody who pays at the close."""
    makes: Mapping[str, Callable[[Sums], Result]] = {
        "mrr": lambda s: known(s["closing"]),
        "arr": lambda s: known(mrr.arr(s["closing"])),
        "paying_customers": lambda s: known(s["is_now"]),
        "arpa_close": lambda s: ratio(s["closing"], s["is_now"]),
    }
    make = makes[ask.key]
    return Receipt(
        [span_source(ask, "Paying at the close", "{close}", CLOSING, IS)],
        lambda sums: make(sums[0]),
        top="closing MRR",
        bottom="paying customers" if ask.key == "arpa_close" else "",
        left_out="Free, trial, paused and unpaid lines count 0; customers with nothing else are not listed.",
    )


def flow(ask: Ask) -> Receipt:
    """One kind of movement, netted per customer; losses as positive amounts."""
    kind = "churn" if ask.key == "churn_by_kind" else ask.key.removesuffix("_mrr").removesuffix("_n")
    times = RowColumn(f"{kind}_n", "Times", COUNT)
    amount = RowColumn(kind, LABELS[kind], text=f"abs({kind})")
    where = f"{kind} <> 0 OR {kind}_n > 0"
    wanted = times.key if ask.key.endswith("_n") else kind
    return Receipt(
        [span_source(ask, f"{LABELS[kind]} in the period", where, amount, times)],
        lambda sums: known(sums[0][wanted]),
        top=f"sum of {kind}",
    )


def fx(ask: Ask) -> Receipt:
    """What rates alone did, per customer."""
    source = span_source(ask, "Moved by exchange rates", f"{FX.text} <> 0", FX, OPENING, CLOSING)
    return Receipt([source], lambda sums: known(sums[0]["fx"]), top="closing − opening − movements")


def net_new(ask: Ask) -> Receipt:
    """All five kinds per customer."""
    source = span_source(ask, "Moved in the period", ANY_MOVE, *MOVED)
    return Receipt([source], lambda sums: known(total(sums[0][kind] for kind in KINDS)), top="all movements")


def both_ends(ask: Ask) -> Receipt:
    """Growth of MRR or of customers: opening and close of everybody."""
    by_mrr = ask.key == "mrr_growth"
    columns = (OPENING, CLOSING) if by_mrr else (WAS, IS)
    before, after = (column.key for column in columns)
    return Receipt(
        [span_source(ask, "Paying at either end", "{open} OR {close}", *columns)],
        lambda sums: growth.growth_rate(before=sums[0][before], after=sums[0][after]),
        top="close − opening",
        bottom="opening",
    )


def kept_customers(ask: Ask) -> Receipt:
    """Customers of the opening that still pay."""
    source = span_source(ask, AT_OPENING, "{open}", STAYED, WAS, OPENING, NOW_OF_BASE)
    return Receipt(
        [source],
        lambda sums: ratio(sums[0]["stayed"], sums[0]["was"]),
        top="still paying",
        bottom="paying at opening",
        left_out=SINCE,
    )


def expansion_rate(ask: Ask) -> Receipt:
    """Expansion of the opening base."""
    source = span_source(ask, AT_OPENING, "opening > 0", BASE["base_expansion"], OPENING)
    return Receipt(
        [source],
        lambda sums: ratio(sums[0]["base_expansion"], sums[0]["opening"]),
        top="expansion of the opening base",
        bottom="opening MRR",
        left_out=SINCE,
    )


def expansion_growth(ask: Ask) -> Receipt:
    """Expansion of this period and of the one before."""
    length = month_number(ask.period.end) - month_number(ask.period.start)
    earlier = Period(add_months(ask.period.start, -length), ask.period.start)
    this = RowColumn("this", "Expansion", text="CASE WHEN no = 1 THEN expansion ELSE 0 END")
    last = RowColumn("last", "In the period before", text="CASE WHEN no = 0 THEN expansion ELSE 0 END")
    source = span_source(
        ask,
        "Expanded in one of the two periods",
        "expansion <> 0",
        this,
        last,
        periods=[earlier, ask.period],
        close_days=[earlier.last_day, ask.question.close_on(ask.period)],
    )
    return Receipt(
        [source],
        lambda sums: growth.expansion_growth(last=sums[0]["last"], this=sums[0]["this"]),
        top="expansion − expansion before",
        bottom="expansion before",
    )


def average_sale(ask: Ask) -> Receipt:
    """MRR of the customers won."""
    source = span_source(ask, "Won in the period", "new_n > 0", MOVED[0], RowColumn("new_n", "Times", COUNT))
    return Receipt(
        [source], lambda sums: ratio(sums[0]["new"], sums[0]["new_n"]), top="new MRR", bottom="new customers"
    )


def quick_ratio(ask: Ask) -> Receipt:
    """Gained against lost."""
    returns = ask.question.definition.quick_ratio_includes_reactivation

    def made(sums: Sequence[Sums]) -> Result:
        parts = {kind: sums[0][kind].copy_abs() for kind in KINDS}
        return growth.quick_ratio(**parts, includes_reactivation=returns)

    return Receipt(
        [span_source(ask, "Moved in the period", ANY_MOVE, *MOVED)],
        made,
        top="gained",
        bottom="lost",
        left_out="" if returns else "Reactivation is no gain under this definition.",
    )


def steady_state(ask: Ask) -> Receipt:
    """Who came, and who of the opening left."""
    came = RowColumn("came", "Came", COUNT, "new_n + reactivation_n")
    source = span_source(
        ask, "Came, or paid at the opening", "{open} OR new_n + reactivation_n > 0", came, WAS, LOST
    )

    def made(sums: Sequence[Sums]) -> Result:
        rate = ratio(sums[0]["lost"], sums[0]["was"])
        if rate.value is None:
            return rate
        return growth.steady_state_customers(adds_per_month=sums[0]["came"], monthly_churn=rate.value)

    return Receipt([source], made, top="customers added", bottom="logo churn")


def logo_churn(ask: Ask) -> Receipt:
    """Customers lost, under the formula of the definition; lifetimes and yearly churn use the standard one."""
    formula = ask.question.definition.logo_churn_formula if ask.key == "logo_churn_rate" else "standard"
    if formula == "stripe_30d":
        window = trailing(ask.question.close_on(ask.period), 30)
        columns = (
            RowColumn("churn_n", "Left", COUNT),
            WAS,
            RowColumn("came", "Came", COUNT, "new_n + reactivation_n"),
        )
        where = "{open} OR new_n + reactivation_n + churn_n > 0"
        source = span_source(
            ask, "Paying in the 30 days", where, *columns, periods=[window], close_days=[window.last_day]
        )
        return Receipt(
            [source],
            lambda sums: ratio(sums[0]["churn_n"], sums[0]["was"] + sums[0]["came"]),
            top="churn events of 30 days",
            bottom="paying 30 days ago + new since",
        )
    return _logo_churn(ask, formula)


def _logo_churn(ask: Ask, formula: str) -> Receipt:
    came = RowColumn(
        "joined",
        "Joined inside",
        FLAG,
        "CASE WHEN NOT {open} AND new_n + reactivation_n > 0 THEN 1 ELSE 0 END",
    )
    gone = RowColumn(
        "joined_lost",
        "Joined and left",
        FLAG,
        "CASE WHEN NOT {open} AND new_n + reactivation_n > 0 AND NOT {close} THEN 1 ELSE 0 END",
    )
    events = RowColumn("churn_n", "Churn events", COUNT)
    columns, where, bottom = (LOST, WAS, OPENING), "{open}", "paying at opening"
    if formula == "all_in_period":
        columns, where = (LOST, WAS, came, gone), "{open} OR new_n + reactivation_n > 0"
        bottom = "paying at opening + joined inside"
    elif formula == "average_base":
        columns, where, bottom = (LOST, WAS, IS), "{open} OR {close}", "mean of opening and close"
    elif formula in {"events", "daily_sum"}:
        columns, where = (events, WAS, OPENING), "{open} OR churn_n > 0"
    return Receipt(
        [span_source(ask, AT_OPENING, where, *columns)],
        lambda sums: _lost_share(ask, formula, sums[0]),
        top="customers lost",
        bottom=bottom,
        left_out=JOINED_LEFT if formula == "standard" else "",
    )


def _lost_share(ask: Ask, formula: str, sums: Sums) -> Result:
    if formula == "all_in_period":
        return ratio(sums["lost"] + sums["joined_lost"], sums["was"] + sums["joined"])
    if formula == "average_base":
        return ratio(2 * sums["lost"], sums["was"] + sums["is_now"])
    if formula in {"events", "daily_sum"}:
        return ratio(sums["churn_n"], sums["was"])
    rate = ratio(sums["lost"], sums["was"])
    if rate.value is None or ask.key == "logo_churn_rate":
        return rate
    if ask.key == "customer_lifetime":
        return ratio(1, rate.value, if_zero="no_churn")
    months = month_number(ask.period.end) - month_number(ask.period.start)
    whole = months == 1 and ask.closed == ask.period
    return known(churn.annual_churn(rate=rate.value, days=None if whole else ask.closed.days))


def mrr_churn(ask: Ask) -> Receipt:
    """MRR lost by the opening base, or by everybody, less what it gained."""
    definition = ask.question.definition
    formula, is_net = definition.mrr_churn_formula, ask.key == "net_mrr_churn_rate"
    every = formula == "all_flows"
    names = ["churn"] if formula == "churn_only" else ["churn", "contraction"]
    names += ["expansion"] if is_net else []
    columns = [
        RowColumn(name, LABELS[name], text=f"-({name})" if name != "expansion" else name)
        if every
        else BASE[f"base_{name}"]
        for name in names
    ]
    returns = is_net and definition.net_churn_includes_reactivation
    if returns:
        columns.append(RowColumn("reactivation", "Reactivation"))
    gains = {"expansion", "base_expansion", "reactivation"}

    @exactly
    def made(sums: Sequence[Sums]) -> Result:
        lost = total(
            sums[0][column.key] if column.key not in gains else -sums[0][column.key] for column in columns
        )
        return ratio(lost, sums[0]["opening"])

    where = f"opening > 0 OR {ANY_MOVE}" if every or returns else "opening > 0"
    return Receipt(
        [span_source(ask, AT_OPENING, where, *columns, OPENING)],
        made,
        top="lost, less what expanded" if is_net else "churn + contraction" if len(names) > 1 else "churn",
        bottom="opening MRR",
        left_out="" if every else SINCE,
    )


def kept(ask: Ask) -> Receipt:
    """NRR and GRR of the period under the method of the definition."""
    is_net = ask.key == "nrr"
    if ask.question.definition.nrr_method != "endpoints":
        return _by_flows(ask, ask.period, ask.question.close_on(ask.period), is_net=is_net)
    column = NOW_OF_BASE if is_net else KEPT
    return Receipt(
        [span_source(ask, AT_OPENING, "opening > 0", column, AT_RATES)],
        lambda sums: ratio(sums[0][column.key], sums[0]["opening_at_close"]),
        top="their MRR now" if is_net else "kept of it",
        bottom="their MRR at opening",
        left_out=SINCE,
    )


def kept_year(ask: Ask) -> Receipt:
    """NRR, GRR and customers kept over twelve months."""
    close_on = ask.question.close_on(ask.period)
    if ask.key == "logo_retention_12m":
        then = RowColumn("then", "Then", FLAG, "CASE WHEN {year} THEN 1 ELSE 0 END")
        still = RowColumn("still", "Now", FLAG, "CASE WHEN {year} AND {close} THEN 1 ELSE 0 END")
        source = span_source(ask, YEAR_AGO, "{year}", still, then, THEN, CLOSING)
        return Receipt(
            [source],
            lambda sums: ratio(sums[0]["still"], sums[0]["then"]),
            top="paying now",
            bottom="paying then",
        )
    is_net = ask.key == "nrr_12m"
    if ask.question.definition.nrr_method != "endpoints":
        start = day_after(months_ago(close_on, YEAR))
        return _by_flows(ask, Period(start, day_after(close_on)), close_on, is_net=is_net)
    columns = (THEN, KEPT_YEAR, CLOSING)
    top = "closing" if is_net else "kept_12m"
    return Receipt(
        [span_source(ask, YEAR_AGO, "then_12m > 0", *columns)],
        lambda sums: ratio(sums[0][top], sums[0]["then_12m"]),
        top="their MRR now" if is_net else "kept of it",
        bottom="their MRR a year ago",
        left_out=SINCE,
    )


def _by_flows(ask: Ask, period: Period, close_on: object, *, is_net: bool) -> Receipt:
    columns = [OPENING, *(BASE.values() if is_net else (BASE["base_churn"], BASE["base_contraction"]))]

    def made(sums: Sequence[Sums]) -> Result:
        flows = {
            "opening": sums[0]["opening"],
            "contraction": sums[0]["base_contraction"],
            "churn": sums[0]["base_churn"],
        }
        if is_net:
            return retention.nrr_flows(**flows, expansion=sums[0]["base_expansion"])
        return retention.grr_flows(**flows)

    source = span_source(ask, AT_OPENING, "opening > 0", *columns, periods=[period], close_days=[close_on])
    return Receipt([source], made, top="opening and its flows", bottom="opening MRR", left_out=SINCE)


REVENUE_ROWS: Mapping[str, Callable[[Ask], Receipt]] = {
    **dict.fromkeys(("mrr", "arr", "paying_customers", "arpa_close"), paying),
    **{f"{kind}{tail}": flow for kind in KINDS for tail in ("_mrr", "_n")},
    "churn_by_kind": flow,
    "fx_mrr": fx,
    "net_new_mrr": net_new,
    "mrr_growth": both_ends,
    "customer_growth": both_ends,
    "customer_retention_rate": kept_customers,
    "expansion_rate": expansion_rate,
    "expansion_growth": expansion_growth,
    "asp": average_sale,
    "quick_ratio": quick_ratio,
    "steady_state_customers": steady_state,
    "logo_churn_rate": logo_churn,
    "annual_churn": logo_churn,
    "customer_lifetime": logo_churn,
    "gross_mrr_churn_rate": mrr_churn,
    "net_mrr_churn_rate": mrr_churn,
    "nrr": kept,
    "grr": kept,
    "nrr_12m": kept_year,
    "grr_12m": kept_year,
    "logo_retention_12m": kept_year,
}
