"""Random cards and readings for the property tests of health scores."""

from hypothesis import strategies as st

from metrics.formulas.health import Reading
from metrics.formulas.health_cards import (
    Cap,
    CardMeasure,
    Group,
    SpecialCurve,
    WeightedCard,
)
from metrics.formulas.health_curves import Linear, Peers, Percentile, Step, Target
from metrics.formulas.health_numbers import FULL

points = st.integers(0, FULL)
weights = st.one_of(st.just(0), st.integers(1, 10**7))


@st.composite
def curves(draw):
    kind = draw(st.sampled_from(["linear", "bounded", "step", "target", "percentile"]))
    if kind == "target":
        a, b, c, d = sorted(draw(st.lists(st.integers(-(10**9), 10**9), min_size=4, max_size=4, unique=True)))
        return Target(a, b, c, d)
    if kind == "percentile":
        return Percentile(draw(st.integers(1, 9)), draw(st.booleans()))
    xs = sorted(draw(st.lists(st.integers(-(10**9), 10**9), min_size=2, max_size=6, unique=True)))
    pairs = tuple((x, draw(points)) for x in xs)
    return Step(pairs) if kind == "step" else Linear(pairs, bounded=kind == "bounded")


@st.composite
def cards(draw):
    groups, count = [], 0
    for number in range(draw(st.integers(1, 4))):
        measures = []
        for _ in range(draw(st.integers(1, 4))):
            fresh = draw(st.one_of(st.none(), st.integers(0, 50)))
            special = draw(st.booleans())
            measures.append(
                CardMeasure(
                    key=f"m{count}",
                    version=1,
                    weight=draw(weights),
                    curve=draw(curves()),
                    curves=(SpecialCurve(draw(curves()), phase="onboarding"),) if special else (),
                    missing=draw(st.sampled_from(["redistribute", "neutral", "worst", "block"])),
                    neutral=draw(points),
                    fresh_for=fresh,
                    expires_after=None if fresh is None else fresh + draw(st.integers(1, 60)),
                )
            )
            count += 1
        rule = draw(st.sampled_from(["mean", "min", "max"]))
        groups.append(Group(f"g{number}", "G", draw(weights), tuple(measures), rule))
    caps = tuple(Cap(f"m{draw(st.integers(0, count - 1))}", draw(points), draw(points)) for _ in range(2))
    return WeightedCard(tuple(groups), caps=caps, min_coverage=draw(st.integers(0, 10_000)))


@st.composite
def readings(draw):
    if draw(st.integers(0, 3)) == 0:
        return Reading(reason="no_facts")
    below, equal, rest = draw(st.integers(0, 20)), draw(st.integers(0, 5)), draw(st.integers(0, 20))
    return Reading(
        draw(st.integers(-(10**9), 10**9)),
        draw(st.integers(0, 120)),
        "",
        Peers(below, equal, below + equal + rest),
    )
