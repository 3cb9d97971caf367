"""The rules of the linter that rest on readings, feeds and outcomes of the last 12 months."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction

from metrics.formulas.health_cards import Action, ActionsCard, Card, CardMeasure, WeightedCard
from metrics.formulas.health_curves import Curve, Percentile
from metrics.formulas.health_facts import CardFacts, Finding, MeasureFacts

SILENT_DAYS = 14
NEARLY_ALL = Fraction(95, 100)
TWINS = Fraction(9, 10)  # rank correlation above which two measures count one thing twice
MOST_ACTION = Fraction(6, 10)
MOST_INSUFFICIENT = Fraction(1, 10)
MOST_CAPPED = Fraction(1, 5)
FEWEST_PEERS = 20
MOST_MISSING = Fraction(4, 10)
LEAST_AUC = Fraction(6, 10)
MOST_DRIFT = Fraction(1, 4)
BEFORE_RENEWAL = frozenset({"Commercial", "Relationship"})


def curves_of(measure: CardMeasure) -> Sequence[Curve]:
    """All curves of a measure, its own first."""
    return (measure.curve, *(special.curve for special in measure.curves))


def _used(card: Card, facts: CardFacts) -> Iterator[tuple[CardMeasure | Action, MeasureFacts]]:
    for measure in card.measures:
        yield measure, facts.of(measure.key, measure.version)


def dead_feeds(card: Card, facts: CardFacts) -> Iterator[Finding]:
    """L-04: a measure version retired, or its feed disconnected or silent for more than 14 days."""
    for measure, known in _used(card, facts):
        hint = "Take the measure off the card, or bring its feed back."
        if known.retired:
            yield Finding("L-04", "E", measure.key, f"{known.title}: this version is retired.", hint)
        elif not known.connected:
            yield Finding("L-04", "E", measure.key, f"{known.title}: its feed is not connected.", hint)
        elif known.silent_days is not None and known.silent_days > SILENT_DAYS:
            text = f"{known.title}: its feed has been silent for {known.silent_days} days."
            yield Finding("L-04", "E", measure.key, text, hint)


def never_red(card: Card, facts: CardFacts) -> Iterator[Finding]:
    """L-09: a measure that was never red in 12 months, or never anything else."""
    for measure, known in _used(card, facts):
        if known.red in {0, 1}:
            said = "never under 40 points" if known.red == 0 else "never above 40 points"
            text = f"{known.title} was {said} in 12 months."
            yield _warning("L-09", measure.key, text, "Move the points of its curve.")


def constant(card: Card, facts: CardFacts) -> Iterator[Finding]:
    """L-10: 95 % of customers within one point of each other."""
    for measure, known in _used(card, facts):
        if known.alike is not None and known.alike >= NEARLY_ALL:
            text = f"{known.title} is nearly the same for everybody."
            yield _warning(
                "L-10", measure.key, text, "It tells customers not apart: change its curve or drop it."
            )


def counted_twice(card: Card, facts: CardFacts) -> Iterator[Finding]:
    """L-11: two measures whose points rank customers in nearly the same order."""
    on_card = {measure.key: known.title for measure, known in _used(card, facts)}
    for (one, other), correlation in facts.correlations.items():
        if {one, other} <= on_card.keys() and correlation > TWINS:
            text = f"{on_card[one]} and {on_card[other]} say the same: it is counted twice."
            yield _warning("L-11", one, text, "Keep one of the two.")


def one_action_decides(card: Card, facts: CardFacts) -> Iterator[Finding]:
    """L-12: one action gives more than 60 % of all points of 30 days."""
    for action in card.actions if isinstance(card, ActionsCard) else ():
        if facts.action_points.get(action.key, 0) > MOST_ACTION:
            text = f"{action.title} gives more than 60 % of all points."
            yield _warning("L-12", action.key, text, "Lower its impact, or set a most per customer.")


def much_insufficient(_card: Card, facts: CardFacts) -> Iterator[Finding]:
    """L-13: more than 10 % of customers, or of MRR, would have no score."""
    for share, whom in ((facts.insufficient, "customers"), (facts.insufficient_mrr, "MRR")):
        if share is not None and share > MOST_INSUFFICIENT:
            text = f"More than 10 % of {whom} would have no score for lack of data."
            yield _warning(
                "L-13", "", text, "Connect the feeds that are missing, or lower the least coverage."
            )


def caps_that_fire(card: Card, facts: CardFacts) -> Iterator[Finding]:
    """L-14: a cap that fires for more than 20 % of customers, or never in 12 months."""
    for place, cap in enumerate(card.caps if isinstance(card, WeightedCard) else ()):
        share = facts.caps.get(place)
        if share is not None and (share > MOST_CAPPED or share == 0):
            said = "never fired in 12 months" if share == 0 else "fires for more than 20 % of customers"
            yield _warning("L-14", cap.key, f"The cap on {cap.key} {said}.", "Move its limit or drop it.")


def thin_peers(card: Card, facts: CardFacts) -> Iterator[Finding]:
    """L-15: a peer group under 20 customers, or peers that another card scores."""
    for measure, known in _used(card, facts):
        if not isinstance(measure, CardMeasure) or not any(
            isinstance(curve, Percentile) for curve in curves_of(measure)
        ):
            continue
        if known.least_peers is not None and known.least_peers < FEWEST_PEERS:
            text = f"{known.title} compares with only {known.least_peers} peers."
            yield _warning("L-15", measure.key, text, "Choose a larger segment of peers.")
        if known.peers_of_other_card:
            text = f"{known.title} compares with customers whom another card scores."
            yield _warning("L-15", measure.key, text, "Choose peers of this card.")


def much_missing(card: Card, facts: CardFacts) -> Iterator[Finding]:
    """L-16: more than 40 % of customers have no reading of a measure that is left out then."""
    for measure, known in _used(card, facts):
        left_out = isinstance(measure, CardMeasure) and measure.missing == "redistribute" and measure.weight
        if left_out and known.missing is not None and known.missing > MOST_MISSING:
            text = f"{known.title} is missing for more than 40 % of customers and left out there."
            yield _warning("L-16", measure.key, text, "Connect its feed, or choose another policy.")


def uneven_phases(card: Card, facts: CardFacts) -> Iterator[Finding]:
    """L-19: a phase without its own curve where others have one; nothing commercial before renewals."""
    for measure in card.measures if isinstance(card, WeightedCard) else ():
        own = {special.phase for special in measure.curves if special.phase is not None}
        left = [phase for phase in facts.phases if phase not in own]
        if own and left:
            title = facts.of(measure.key, measure.version).title
            text = f"{title} has curves of its own for other phases, but none for {', '.join(left)}."
            yield _warning("L-19", measure.key, text, "Add one, or say that the default is meant.")
    families = {known.family for measure, known in _used(card, facts) if _counts(measure)}
    if facts.renewals_soon and not families & BEFORE_RENEWAL:
        text = f"{facts.renewals_soon} customers renew within 90 days, and nothing commercial is on the card."
        yield _warning("L-19", "", text, "Add a commercial or relationship measure.")


def _counts(measure: CardMeasure | Action) -> bool:
    return bool(measure.weight if isinstance(measure, CardMeasure) else measure.impact)


def one_band(card: Card, facts: CardFacts) -> Iterator[Finding]:
    """L-20: 95 % of customers fall in one band."""
    for key, share in facts.bands.items():
        band = card.bands.named(key)
        if band is not None and share >= NEARLY_ALL:
            yield _warning("L-20", key, f"95 % of customers fall in {band.label}.", "Move the edges.")


def weak_backtest(_card: Card, facts: CardFacts) -> Iterator[Finding]:
    """L-21: the last backtest is missing, immature, or ranks churners hardly better than chance."""
    backtest, hint = facts.backtest, "Run a backtest of this draft."
    if backtest is None:
        yield _warning("L-21", "", "No backtest of this body.", hint)
    elif not backtest.mature or backtest.auc is None:
        text = "The last backtest had not enough outcomes."
        yield _warning("L-21", "", text, "Choose a longer range, or publish and look again later.")
    elif backtest.auc < LEAST_AUC:
        yield _warning(
            "L-21", "", "In the last backtest the score did not rank churners (AUC under 0.6).", hint
        )


def drift(card: Card, facts: CardFacts) -> Iterator[Finding]:
    """L-22: values changed for more than 25 % of customers on the day of a version or feed change."""
    for measure, known in _used(card, facts):
        if known.drift is not None and known.drift > MOST_DRIFT:
            text = f"{known.title} changed for more than 25 % of customers on the day its definition or feed did."
            yield _warning(
                "L-22", measure.key, text, "Look at the change of definition before you rest on it."
            )


DATA_RULES: tuple[Callable[[Card, CardFacts], Iterator[Finding]], ...] = (
    dead_feeds,
    never_red,
    constant,
    counted_twice,
    one_action_decides,
    much_insufficient,
    caps_that_fire,
    thin_peers,
    much_missing,
    uneven_phases,
    one_band,
    weak_backtest,
    drift,
)


def _warning(code: str, key: str, text: str, hint: str) -> Finding:
    return Finding(code, "W", key, text, hint)
