"""Random cards of both kinds and random readings around their edges."""

from dataclasses import replace
from itertools import accumulate

from metrics.formulas.health import Reading, Subject, curve_for
from metrics.formulas.health_cards import (
    Action,
    ActionsCard,
    Band,
    Bands,
    Cap,
    CardMeasure,
    Edge,
    Group,
    SpecialCurve,
    WeightedCard,
)
from metrics.formulas.health_curves import Linear, Peers, Percentile, Step, Target
from metrics.formulas.health_numbers import FULL, MICRO
from metrics.scoring.arrays import ReadingsMatrix, ReadingsRow

TODAY = 9_000
LABELS = ("tier=gold", "tier=silver", "region=EU", "plan=pro")
SEGMENTS = (*LABELS, "tier=gold & region=EU")
PHASES = ("", "onboarding", "adoption", "renewal")
REASONS = ("no_facts", "unset", "feed_lost", "")


def _points(chance):
    return chance.choice(
        [0, FULL, FULL // 2, FULL // 2 + 1, chance.randint(0, FULL), chance.randint(0, FULL)]
    )


def _weight(chance):
    return chance.choice([0, 5_000, 10_000, 20_000, chance.randint(1, 10**7), chance.randint(1, 10**7)])


def _curve(chance, span):
    kind = chance.choice(["linear", "linear", "bounded", "step", "target", "percentile"])
    if kind == "percentile":
        return Percentile(chance.randint(0, 9), chance.random() < 0.5, chance.choice(["", *SEGMENTS]))
    unit = chance.choice([1, 7, MICRO])
    most = span // unit
    steps = [
        unit * chance.choice([1, chance.randint(1, most), chance.randint(1, most)])
        for _ in range(3 if kind == "target" else chance.randint(1, 5))
    ]
    xs = list(accumulate([chance.randint(-most, most) * unit, *steps]))
    if kind == "target":
        return Target(xs[0], xs[1], chance.choice(xs[1:3]), xs[3])
    pairs = tuple((x, _points(chance)) for x in xs)
    return Step(pairs) if kind == "step" else Linear(pairs, bounded=kind == "bounded")


def _special(chance, span):
    if chance.random() < 0.5:
        return SpecialCurve(_curve(chance, span), phase=chance.choice(PHASES))
    start = chance.randint(0, 20)
    return SpecialCurve(
        _curve(chance, span), from_months=start, to_months=chance.choice([None, chance.randint(start, 40)])
    )


def _one_group_of_peers(measure):
    """A measure ranks among one group of peers, whatever its curve."""
    curves = (measure.curve, *(special.curve for special in measure.curves))
    peers = next((curve.peers for curve in curves if isinstance(curve, Percentile)), "")

    def among(curve):
        return replace(curve, peers=peers) if isinstance(curve, Percentile) else curve

    specials = tuple(replace(special, curve=among(special.curve)) for special in measure.curves)
    return replace(measure, curve=among(measure.curve), curves=specials)


def _measure(chance, number, span):
    fresh = chance.choice([None, chance.randint(0, 50)])
    made = CardMeasure(
        key=f"m{number}",
        version=1,
        weight=_weight(chance),
        curve=_curve(chance, span),
        curves=tuple(_special(chance, span) for _ in range(chance.choice([0, 0, 1, 2]))),
        missing=chance.choice(["redistribute"] * 5 + ["neutral", "worst", "block"]),
        neutral=_points(chance),
        fresh_for=fresh,
        expires_after=None if fresh is None else fresh + chance.randint(1, 60),
    )
    return _one_group_of_peers(made)


def _bands(chance, span):
    edges = sorted({chance.randint(-span // 10, span) for _ in range(chance.randint(1, 5))})
    return Bands(
        tuple(Band(f"b{place}", "B", "red") for place in range(len(edges) + 1)),
        tuple(Edge(at, chance.choice(["upper", "lower"])) for at in edges),
    )


def random_weighted_card(chance, span=10**9):
    """A card without problems: 1 to 4 groups of 1 to 5 measures, everything else as it comes."""
    groups, count = [], 0
    for number in range(chance.randint(1, 4)):
        size = chance.randint(1, 5)
        own = tuple(_measure(chance, count + place, span) for place in range(size))
        count += size
        weight = _weight(chance) if any(one.weight for one in own) else 0
        groups.append(Group(f"g{number}", "G", weight, own, chance.choice(["mean", "mean", "min", "max"])))
    if not any(group.weight for group in groups):
        return random_weighted_card(chance, span)
    keys = [f"m{place}" for place in range(count)] + [group.key for group in groups]
    return WeightedCard(
        tuple(groups),
        caps=tuple(
            Cap(chance.choice(keys), _points(chance), _points(chance)) for _ in range(chance.randint(0, 2))
        ),
        bands=_bands(chance, FULL),
        min_coverage=chance.choice([0, 3_000, 5_000, 10_000]),
    )


def random_actions_card(chance):
    """A card of 1 to 5 actions with impacts per segment, some of them limited."""

    def impact():
        return chance.choice([chance.randint(-200_000, 200_000), chance.randint(-(10**9), 10**9)])

    actions = tuple(
        Action(
            key=f"a{place}",
            title="A",
            impact=impact(),
            impacts=tuple((chance.choice(SEGMENTS), impact()) for _ in range(chance.randint(0, 3))),
            max_count=chance.choice([None, chance.randint(0, 20)]),
        )
        for place in range(chance.randint(1, 5))
    )
    return ActionsCard(actions, bands=_bands(chance, 200 * MICRO))


def _edges(curve):
    if isinstance(curve, Percentile):
        return [0, 3 * MICRO, 10 * MICRO]
    if isinstance(curve, Target):
        return [curve.a, curve.b, curve.c, curve.d]
    return [x for x, _ in (curve.edges if isinstance(curve, Step) else curve.knots)]


def _value(measure, chance):
    if isinstance(measure, Action):
        return chance.randrange(-3, 40) * MICRO + chance.choice([0, 0, 999_999])
    edges = sorted(
        x for curve in (measure.curve, *(special.curve for special in measure.curves)) for x in _edges(curve)
    )
    if chance.random() < 0.3:
        return chance.choice(edges) + chance.choice([-1, 0, 1])
    width = edges[-1] - edges[0]
    return chance.randint(edges[0] - width // 5, edges[-1] + width // 5)


def random_matrix(card, chance, size):
    """Slots in another order than the card's measures, with some that no measure reads."""
    slots = chance.sample(range(len(card.measures) + 3), len(card.measures))
    of_slot = dict(zip(slots, card.measures, strict=True))
    share = chance.choice([0, 0.1, 0.5])  # of readings missing
    rows = []
    for place in range(size):
        measures = [of_slot.get(slot) for slot in range(len(card.measures) + 3)]
        missing = [one is None or chance.random() < share for one in measures]
        values = [None if gone else _value(one, chance) for one, gone in zip(measures, missing, strict=True)]
        rows.append(
            ReadingsRow(
                customer_id=1_000 + place,
                values=values,
                days=[None if chance.random() < 0.2 else TODAY - chance.randint(-3, 120) for _ in measures],
                reasons=[chance.choice(REASONS) if gone else "" for gone in missing],
                phase=chance.choice(PHASES),
                tenure_months=None if chance.random() < 0.2 else chance.randint(0, 45),
                labels=[label for label in LABELS if chance.random() < 0.5],
            )
        )
    return rows, slots, ReadingsMatrix.from_rows(rows, len(card.measures) + 3)


def random_peers(rows, slots, chance):
    """Peers of most segments as (value, customer) in rising order: customers, strangers, and values of yesterday."""
    found = {}
    for slot in slots:
        for label in ("", *SEGMENTS):
            own = [
                (row.values[slot] + chance.choice([0, 0, -1, MICRO]), row.customer_id)
                for row in rows
                if row.values[slot] is not None and set(label.split(" & ")) - {""} <= set(row.labels)
            ]
            peers = chance.sample(own, chance.randint(0, min(12, len(own))))
            peers += [(value + chance.choice([-1, 0, MICRO]), -pk) for value, pk in peers]
            if chance.random() < 0.9:
                found[slot, label] = sorted(peers)
    return found


def random_holds(card, chance):
    """Days at which the age of some measures stands still."""
    return {
        place: TODAY - chance.randint(0, 20) for place in range(len(card.measures)) if chance.random() < 0.1
    }


def reference_rows(card, rows, slots, peers, held):
    """Readings and subjects built row by row from the plain data, by no code of the engine."""
    for row in rows:
        fulfilled = [one for one in SEGMENTS if set(one.split(" & ")) <= set(row.labels)]
        subject = Subject(row.phase, row.tenure_months, frozenset(fulfilled))
        readings = []
        for place, (measure, slot) in enumerate(zip(card.measures, slots, strict=True)):
            value, day = row.values[slot], row.days[slot]
            age = None if day is None else max(0, held.get(place, TODAY) - day)
            reason = row.reasons[slot] if value is None else ""
            readings.append(Reading(value, age, reason, _compared(measure, slot, row, peers, subject)))
        yield readings, subject


def _compared(measure, slot, row, peers, subject):
    value = row.values[slot]
    if value is None or isinstance(measure, Action):
        return None
    curve = curve_for(measure, subject)
    if not isinstance(curve, Percentile):
        return None
    group = peers.get((slot, curve.peers), ())
    others = [peer for peer, customer_id in group if customer_id != row.customer_id]
    return Peers(sum(p < value for p in others), others.count(value), len(others))
