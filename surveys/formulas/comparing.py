"""Whether a score changed between two groups of answers, and by which test that was found (S-24 to S-26)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from metrics.formulas import satisfaction
from metrics.formulas.satisfaction import PAIRS_FOR_Z, Change, NpsCounts
from surveys.formulas.weighting import Tally

INDEPENDENT, SIGN, PAIRED = "independent", "sign", "paired"
UP, DOWN, SAME, UNKNOWN = "up", "down", "same", "unknown"
TESTS = {
    INDEPENDENT: "independent groups, two-sided z test",
    SIGN: "same people, exact two-sided sign test",
    PAIRED: "same people, paired z test",
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """`way` says up or down only where the change is significant and both groups are large enough (S-26)."""

    test: str
    way: str
    change: Change | None
    pairs: int = 0

    @property
    def test_words(self) -> str:
        """The test as pages print it."""
        return TESTS[self.test]


def is_paired(pairs: int, *, people_before: int, people_now: int) -> bool:
    """Whether the people who answered both times are at least half of the smaller group. Source: S-25."""
    smaller = min(people_before, people_now)
    return smaller > 0 and 2 * pairs >= smaller


def verdict(
    before: Tally,
    now: Tally,
    *,
    is_share: bool,
    alpha: Decimal,
    least: int,
    changes: Sequence[int] | None = None,
) -> Verdict:
    """What happened from `before` to `now`; `changes` are bucket changes of the same people, None when groups differ."""
    if changes is not None:
        test = SIGN if len(changes) < PAIRS_FOR_Z else PAIRED
        change = satisfaction.paired_change(changes)
    else:
        test, change = INDEPENDENT, _independent(before, now, is_share=is_share)
    return Verdict(test, _way(change, before.n, now.n, alpha, least, changes), change, len(changes or ()))


def _independent(before: Tally, now: Tally, *, is_share: bool) -> Change | None:
    if not before.n or not now.n:
        return None
    if is_share:
        return satisfaction.share_change((now.happy, now.n), (before.happy, before.n))
    return satisfaction.nps_change(
        NpsCounts(now.happy, now.neutral, now.unhappy),
        NpsCounts(before.happy, before.neutral, before.unhappy),
    )


def _way(
    change: Change | None,
    n_before: int,
    n_now: int,
    alpha: Decimal,
    least: int,
    changes: Sequence[int] | None,
) -> str:
    if change is None or min(n_before, n_now) < least:
        return UNKNOWN
    if change.p >= alpha:
        return SAME
    # The sign test asks which way more people went, whatever the mean of their steps says.
    size = change.difference if change.z is not None or not changes else _more_up(changes)
    return UP if size > 0 else DOWN if size < 0 else SAME


def _more_up(changes: Sequence[int]) -> int:
    return sum(change > 0 for change in changes) - sum(change < 0 for change in changes)


def bucket_changes(before: Mapping[int, int], now: Mapping[int, int]) -> list[int]:
    """Steps of -2 to +2 of everybody in both: unhappy is 0, neutral 1, happy 2."""
    return [now[person] - before[person] for person in before.keys() & now.keys()]
