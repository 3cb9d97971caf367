"""The linter on a stored draft: what readings, history, feeds and backtests say about its body, and every finding."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from django.db.models import Q

from accounts.queries.organisation import local_day
from customers.models import CustomerSummary
from metrics.choices import CardKind, FeedState, VersionState
from metrics.formulas.health_cards import Card, CardError, WeightedCard, parse_card
from metrics.formulas.health_checks import lint, lint_rules
from metrics.formulas.health_curves import points_on
from metrics.formulas.health_facts import BY_HAND, BacktestFacts, CardFacts, Finding, MeasureFacts
from metrics.formulas.health_measures import DAY_ZERO, MeasureVersion
from metrics.formulas.health_rules import parse_rules
from metrics.formulas.periods import add_months, month_of
from metrics.models import Backtest, FeedWatch, HealthScore, OwnMeasure, ScorecardVersion
from metrics.queries.cards import CardSet, cards_in_force, peer_groups
from metrics.queries.health_matrix import load_matrix
from metrics.queries.measures import Catalog, catalog
from metrics.queries.scores import cards_of, midnights_after
from metrics.scoring import card_statistics as statistics
from metrics.scoring.arrays import PeerColumn, ReadingsMatrix
from metrics.scoring.engine import score_matrix
from metrics.scoring.exact import Mask
from metrics.scoring.scored import Scored

MONTHS = 12
MOST_LOOKED_AT = 150  # customers whose past readings are looked at
SOON = timedelta(days=90)


def name_of(finding: Finding) -> str:
    """The name under which the note on a finding is kept."""
    return f"{finding.code}:{finding.key}"


def findings_of(version: ScorecardVersion, *, now: datetime) -> tuple[Finding, ...]:
    """Every finding on a version, errors first."""
    if version.kind == CardKind.RULES:
        return _on_rules(version)
    try:
        card = parse_card(version.body)
    except CardError as error:
        return tuple(Finding("HC-1", "E", "", text, "Correct the card.") for text in error.problems)
    measures = catalog()
    unknown = [one for one in card.measures if (one.key, one.version) not in measures]
    if unknown:
        text = f"There is no measure {unknown[0].key} version {unknown[0].version}."
        return (Finding("L-04", "E", unknown[0].key, text, "Take it off the card, or add the measure."),)
    body = tuple(one for one in lint(card) if one.level == "E")
    if any(one.code in {"L-01", "L-02", "L-06", "HA-1"} for one in body):
        return body  # what cannot be scored is not judged by scores
    return lint(card, facts_of(version, card, measures, now=now))


def _on_rules(version: ScorecardVersion) -> tuple[Finding, ...]:
    try:
        rules = parse_rules(version.body)
    except CardError as error:
        return tuple(Finding("L-07", "E", "", text, "Correct the rules.") for text in error.problems)
    live = set(
        ScorecardVersion.objects.filter(state=VersionState.LIVE)
        .exclude(kind=CardKind.RULES)
        .values_list("scorecard__key", flat=True)
    )
    absent = [
        Finding(
            "L-07",
            "E",
            key,
            f"The scorecard {key} has no version in force.",
            "Publish one, or choose another scorecard.",
        )
        for key in sorted(rules.cards - live - {""})
    ]
    return (*lint_rules(rules), *absent)


def facts_of(version: ScorecardVersion, card: Card, measures: Catalog, *, now: datetime) -> CardFacts:
    """What is known about a card today, and about its measures over 12 months."""
    matrix, scored, around = _scored(version, card, measures, now)
    mrr = dict(
        CustomerSummary.objects.filter(customer__archived_at=None, mrr__gt=0).values_list(
            "customer_id", "mrr"
        )
    )
    today = local_day(now)
    return CardFacts(
        measures=_measure_facts(card, measures, scored, around, now),
        correlations=statistics.correlations(scored),
        bands=statistics.band_shares(scored) if len(scored) >= statistics.FEWEST else {},
        caps=statistics.cap_shares(scored),
        action_points=statistics.action_shares(scored),
        insufficient=statistics.share(~scored.has_score) if len(scored) >= statistics.FEWEST else None,
        insufficient_mrr=_insufficient_mrr(matrix, scored, mrr),
        phases=statistics.phases_in(matrix),
        renewals_soon=CustomerSummary.objects.filter(
            customer_id__in=mrr, renewal_on__gte=today, renewal_on__lt=today + SOON
        ).count()
        if mrr
        else 0,
        backtest=_backtest(version),
    )


class _Around:
    """Whom a card scores, and with whom it compares them."""

    def __init__(
        self, everybody: ReadingsMatrix, on_card: Mask, groups: Mapping[int, tuple[int, str]]
    ) -> None:
        self.on_card = on_card
        self.least: dict[int, int] = {}
        self.mixed: dict[int, bool] = {}
        self.columns: dict[tuple[int, str], PeerColumn] = {}
        for place, (slot, label) in groups.items():
            chosen = everybody.holds(label) & (everybody.reasons[:, slot] == 0)
            peers = everybody.select(chosen)
            self.columns[slot, label] = PeerColumn.of(peers.values[:, slot], peers.customer_ids)
            self.least[place] = max(0, int(chosen.sum()) - 1)
            self.mixed[place] = bool((chosen & ~on_card).any())


def _scored(
    version: ScorecardVersion, card: Card, measures: Catalog, now: datetime
) -> tuple[ReadingsMatrix, Scored, _Around]:
    """Everybody whom the card scores today, or all customers while no rule names it."""
    everybody = load_matrix(measures)
    on_card = _on_card(version, everybody)
    slots = [measures[one.key, one.version].slot for one in card.measures]
    groups = {place: (slots[place], label) for place, label in peer_groups(card).items()}
    around = _Around(everybody, on_card, groups)
    matrix = everybody.select(on_card)
    day = (local_day(now) - DAY_ZERO).days
    scored = score_matrix(card, matrix, as_of_day=day, slots=slots, peers=around.columns, parts=True)
    return matrix, scored, around


def _on_card(version: ScorecardVersion, matrix: ReadingsMatrix) -> Mask:
    """Whom the rules in force give this card; everybody while that is nobody."""
    cards, key = cards_in_force(), version.scorecard.key
    chosen = [cards is None or _key_for(cards, labels) == key for labels in matrix.label_sets]
    return statistics.chosen_or_all(matrix, chosen)


def _key_for(cards: CardSet, labels: frozenset[str]) -> str:
    _, found = cards.choose(labels)
    return found.version.scorecard.key


def _measure_facts(
    card: Card, measures: Catalog, scored: Scored, around: _Around, now: datetime
) -> dict[str, MeasureFacts]:
    feeds = {watch.feed: watch for watch in FeedWatch.objects.all()}
    retired = {(own.key, own.version) for own in OwnMeasure.objects.filter(retired_at__isnull=False)}
    red = _red_in_12_months(card, statistics.red_shares(scored), now)
    alike, missing = statistics.alike_shares(scored), statistics.missing_shares(scored)
    found = {}
    for place, used in enumerate(card.measures):
        measure = measures[used.key, used.version]
        found[used.key] = replace(
            _declared(measure),
            retired=(used.key, used.version) in retired,
            silent_days=_silent_days(feeds.get(measure.feed), now),
            red=red[place],
            alike=alike[place],
            missing=missing[place] if len(scored) >= statistics.FEWEST else None,
            least_peers=around.least.get(place),
            peers_of_other_card=around.mixed.get(place, False),
        )
    return found


def _declared(measure: MeasureVersion) -> MeasureFacts:
    return MeasureFacts(
        measure.title, measure.unit, measure.better, measure.family, by_hand=measure.key in BY_HAND
    )


def _silent_days(watch: FeedWatch | None, now: datetime) -> int | None:
    """Days since the feed carried anything, for feeds that usually do."""
    if watch is None or watch.last_fact_at is None or watch.state == FeedState.LEARNING:
        return None
    return (now - watch.last_fact_at).days


def _red_in_12_months(card: Card, today: Sequence[Fraction | None], now: datetime) -> list[Fraction | None]:
    """Shares of red readings; where all or none is red today, past readings of some customers decide.

    Readings come from stored scores at month ends, so only measures that were on a card then have a past.
    """
    doubtful = {place for place, value in enumerate(today) if value in {0, 1}}
    if not doubtful or not isinstance(card, WeightedCard):
        return list(today)
    past: dict[int, list[bool]] = {place: [] for place in doubtful}
    places = {(card.measures[place].key, card.measures[place].version): place for place in doubtful}
    for one, reading in _past_readings(now):
        place = places.get(one)
        if place is not None:
            points = points_on(card.measures[place].curve, reading)
            if isinstance(points, int):
                past[place].append(points < statistics.RED)
    found = list(today)
    for place, reds in past.items():
        if reds and len(set(reds) | {found[place] == 1}) > 1:
            found[place] = Fraction(1, 2)  # neither never nor always; the share itself is not asked for
    return found


def _past_readings(now: datetime) -> list[tuple[tuple[str, int], int]]:
    """((measure, version), value) of stored scores in force at the month ends of the last year."""
    today = local_day(now)
    moments = [midnights_after(day, day)[0] for day in _month_ends(today)]
    ids = list(
        CustomerSummary.objects.filter(customer__archived_at=None)
        .order_by("-mrr", "customer_id")
        .values_list("customer_id", flat=True)[:MOST_LOOKED_AT]
    )
    wanted = Q()
    for moment in moments:
        wanted |= Q(from_at__lte=moment) & (Q(to_at=None) | Q(to_at__gt=moment))
    rows = HealthScore.objects.filter(wanted, customer_id__in=ids, from_at__lte=now)
    listed = list(rows.values_list("version_id", "inputs"))
    cards = cards_of(ScorecardVersion.objects.filter(pk__in={pk for pk, _ in listed}))
    return [
        ((measure.key, measure.version), value)
        for pk, inputs in listed
        for measure, value in zip(cards[pk].measures, inputs["values"], strict=True)
        if value is not None
    ]


def _month_ends(today: date) -> list[date]:
    first = month_of(today)
    return [add_months(first, -back) - timedelta(days=1) for back in range(MONTHS)]


def _insufficient_mrr(matrix: ReadingsMatrix, scored: Scored, mrr: Mapping[int, Decimal]) -> Fraction | None:
    """Part of the MRR of these customers that would have no score; None while they are too few."""
    if len(scored) < statistics.FEWEST:
        return None
    ids, has_score = matrix.customer_ids.tolist(), scored.has_score.tolist()
    whole = sum((mrr.get(pk, Decimal(0)) for pk in ids), Decimal(0))
    if not whole:
        return None
    lost = (mrr.get(pk, Decimal(0)) for pk, has in zip(ids, has_score, strict=True) if not has)
    return Fraction(sum(lost, Decimal(0))) / Fraction(whole)


def _backtest(version: ScorecardVersion) -> BacktestFacts | None:
    """The newest backtest of this exact body."""
    found = Backtest.objects.filter(body_hash=version.body_hash).order_by("-made_at", "-pk").first()
    if found is None:
        return None
    auc = (found.result.get("auc") or {}).get("value")
    return BacktestFacts(None if auc is None else Fraction(str(auc)), bool(found.result.get("enough")))
