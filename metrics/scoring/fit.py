"""Weights that past outcomes speak for: two constrained logistic fits, their left-out loss, and honest intervals.

x holds points / 100 per measure (missing = neutral), y says who churned, `shares` are the base shares of the card.
The reference fit keeps the shares and learns one slope; the free fit learns a slope >= 0 per measure, drawn towards
the reference by lambda. Both problems are convex and tiny, so an active-set Newton method of our own solves them.
Where curves are fitted too, x holds log odds of staying, measure by measure, and the free fit is drawn towards believing
every curve alike: a curve that hardly rises then weighs little from the start, however far it is stretched on the card.
Statistics, not arithmetic of scores: floats throughout, every random choice from a fixed seed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

STRENGTHS = (
    0.1,
    0.32,
    1.0,
    3.2,
    10.0,
    32.0,
    100.0,
    320.0,
    1000.0,
)  # lambda; the largest keeps the present shares
FLAT = 1e-6  # largest slope of the loss at which a fit counts as found
MOST_STEPS = 200
LEAVE_ONE_OUT = 200  # customers up to which each is left out once
FOLDS = 5
BOOTSTRAPS = 200
LOW, HIGH = 0.05, 0.95
ERRORS_BETTER = 2.0  # standard errors by which the free fit must beat the reference
LEAST_STEP = 1e-12
ARMIJO = 1e-4
RIDGE = 1e-10  # keeps the Newton step solvable where a reading is the same for all
ROUNDING = 1e-13  # differences of the loss that mean nothing

NO_EVIDENCE = "no evidence either way"
MORE = "more weight"
LESS = "less weight"


@dataclass(frozen=True, slots=True)
class Fit:
    """logit P(churn) = intercept - x · slopes; `slope` is the largest remaining slope of the loss."""

    intercept: float
    slopes: Floats
    loss: float
    slope: float


@dataclass(frozen=True, eq=False, slots=True)
class Redesign:
    """Curves that are fitted along with the weights.

    `evidence` tells log odds of all rows from rows of a mask only, measure by measure; `reach` what 100 points on the
    final curve of each measure are worth in log odds.
    """

    evidence: Callable[[Mask], Floats]
    reach: Floats


@dataclass(frozen=True, slots=True)
class Share:
    """One measure: present and suggested share, 5th to 95th percentile of the refits, and what that says."""

    present: float
    suggested: float
    low: float
    high: float
    label: str


@dataclass(frozen=True, slots=True)
class Proposal:
    """Result of a suggestion. `shares` is empty when nothing better was found; losses are means per row."""

    better: bool
    strength: float
    loss_before: float
    loss_after: float
    auc_before: float | None
    auc_after: float | None
    shares: tuple[Share, ...]
    slopes: tuple[float, ...]


class NotFoundError(ArithmeticError):
    """The solver did not reach a flat point; with a convex problem this means unusable input."""


def minimise(
    x: Floats, y: Floats, times: Floats, towards: Floats, strength: float, start: Fit | None = None
) -> Fit:
    """Minimise sum(times x log loss) + strength / 2 x |slopes - towards|², slopes >= 0, intercept free.

    Newton steps over the variables that are not held at 0, projected and halved until the loss falls enough.
    Raises NotFoundError when the slope of the loss stays above 10^-6.
    """
    count = x.shape[1]
    problem = _Problem(
        design=np.column_stack([np.ones(len(y)), -x]),
        y=y,
        times=times,
        pull=np.concatenate([[0.0], np.full(count, strength)]),
        centre=np.concatenate([[0.0], towards]),
    )
    point = problem.centre if start is None else np.concatenate([[start.intercept], start.slopes])
    loss = problem.loss(point)
    for _ in range(MOST_STEPS):
        gradient, chance = problem.gradient(point)
        held = (point <= 0) & (gradient > 0)
        held[0] = False
        steepest = float(np.abs(gradient[~held]).max())
        if steepest < FLAT:
            return Fit(float(point[0]), point[1:].copy(), loss, steepest)
        step = problem.newton(gradient, chance, np.flatnonzero(~held))
        point, loss = problem.walk(point, loss, gradient, step)
    raise NotFoundError("The weights could not be fitted. Check that the readings are not all alike.")


@dataclass(frozen=True, slots=True)
class _Problem:
    """One convex fit; a point is the intercept followed by the slopes."""

    design: Floats
    y: Floats
    times: Floats
    pull: Floats
    centre: Floats

    def loss(self, point: Floats) -> float:
        logits = self.design @ point
        penalty = 0.5 * float(self.pull @ (point - self.centre) ** 2)
        return float(self.times @ (np.logaddexp(0.0, logits) - self.y * logits)) + penalty

    def gradient(self, point: Floats) -> tuple[Floats, Floats]:
        """Slope of the loss, and the chance of churn per row it was taken at."""
        chance = 0.5 * (1.0 + np.tanh(0.5 * (self.design @ point)))
        slope = self.design.T @ (self.times * (chance - self.y)) + self.pull * (point - self.centre)
        return slope, chance

    def newton(self, gradient: Floats, chance: Floats, free: Ints) -> Floats:
        """The Newton step over the variables that may move."""
        spread = self.times * chance * (1 - chance)
        curvature = (self.design[:, free].T * spread) @ self.design[:, free] + np.diag(
            self.pull[free] + RIDGE
        )
        step = np.zeros_like(gradient)
        step[free] = -np.linalg.solve(curvature, gradient[free])
        return step

    def walk(self, point: Floats, loss: float, gradient: Floats, step: Floats) -> tuple[Floats, float]:
        """The projected point along a step at which the loss has fallen enough, and the loss there."""
        size, noise = 1.0, ROUNDING * (1.0 + abs(loss))
        while True:
            trial = point + size * step
            trial[1:] = np.maximum(trial[1:], 0.0)
            found = self.loss(trial)
            if found <= loss + noise + ARMIJO * float(gradient @ (trial - point)) or size < LEAST_STEP:
                return trial, found
            size /= 2


def reference(x: Floats, y: Floats, times: Floats, shares: Floats) -> Fit:
    """The card as it is: logit = a - s x (weighted mean of the points), s >= 0."""
    mean = (x @ shares)[:, None]
    return minimise(mean, y, times, np.zeros(1), 0.0)


def free(
    x: Floats, y: Floats, times: Floats, shares: Floats, strength: float, start: Fit | None = None
) -> Fit:
    """Slopes of their own, all >= 0, drawn towards slope x shares of the reference."""
    return minimise(x, y, times, reference(x, y, times, shares).slopes[0] * shares, strength, start)


def propose(
    x: Floats, y: Floats, customers: Ints, shares: Floats, *, seed: int, redesign: Redesign | None = None
) -> Proposal:
    """Choose lambda by left-out loss, compare with the present shares, and give intervals when it is better.

    `customers` names the customer of each row: a customer is left out, or drawn, with all of its rows. `redesign`
    tells other x for all rows from rows of a mask only; the present card keeps `x`. Slopes and shares are of points.
    """
    shares = shares / shares.sum()
    owners = np.unique(customers, return_inverse=True)[1]
    outs = _left_outs(customers, seed, most_folds=LEAVE_ONE_OUT if redesign is None else FOLDS)
    before, logits_before = _left_out_reference(x, y, shares, outs)
    task = (
        _Task(x, y, shares, np.ones(len(shares)), [(out, x) for out in outs])
        if redesign is None
        else _redesigned(redesign, y, customers, outs, seed)
    )
    tried = [task.left_out(strength) for strength in STRENGTHS]
    chosen = _largest_as_good([loss for loss, _ in tried], owners)
    after, logits_after = tried[chosen]
    slopes = task.slopes(STRENGTHS[chosen])
    # the pull that all but keeps the present shares is as good as any, and nothing else is new
    is_kept = redesign is None and chosen == len(STRENGTHS) - 1
    better = not is_kept and _is_clear_gain(before - after, owners) and slopes.sum() > 0
    return Proposal(
        better=bool(better),
        strength=STRENGTHS[chosen],
        loss_before=float(before.mean()),
        loss_after=float(after.mean()),
        auc_before=area(logits_before, y),
        auc_after=area(logits_after, y),
        shares=_shares(task, shares, slopes, owners, STRENGTHS[chosen], seed) if better else (),
        slopes=tuple(float(b) for b in slopes),
    )


@dataclass(frozen=True, eq=False, slots=True)
class _Task:
    """What the free fit works on: x of all rows, x of every fold, and what a slope is worth per point of the card."""

    x: Floats
    y: Floats
    drawn_to: Floats
    reach: Floats
    folds: Sequence[tuple[Mask, Floats]]

    def left_out(self, strength: float) -> tuple[Floats, Floats]:
        """Loss and logit of every row by a fit that did not see its customer."""
        logits, start = np.zeros(len(self.y)), self.fit(np.ones(len(self.y)), strength)
        for out, seen in self.folds:
            fit = free(seen[~out], self.y[~out], np.ones(int((~out).sum())), self.drawn_to, strength, start)
            logits[out] = fit.intercept - seen[out] @ fit.slopes
        return _row_loss(logits, self.y), logits

    def fit(self, times: Floats, strength: float, start: Fit | None = None) -> Fit:
        """The fit on all rows."""
        return free(self.x, self.y, times, self.drawn_to, strength, start)

    def slopes(self, strength: float) -> Floats:
        """Slopes of points / 100 on the card."""
        return self.fit(np.ones(len(self.y)), strength).slopes * self.reach


def _redesigned(redesign: Redesign, y: Floats, customers: Ints, outs: Sequence[Mask], seed: int) -> _Task:
    """Curves tell how much each of them says, so the weights are drawn towards believing them alike."""
    alike = np.full(len(redesign.reach), 1 / len(redesign.reach))
    folds = [(out, _crossed(redesign, ~out, customers, seed)) for out in outs]
    x = _crossed(redesign, np.ones(len(y), dtype=bool), customers, seed)
    return _Task(x, y, alike, redesign.reach, folds)


def _crossed(redesign: Redesign, rows: Mask, customers: Ints, seed: int) -> Floats:
    """X of all rows from these rows only; of these rows themselves what other customers' rows say of them.

    So no curve flatters the rows that it was fitted on, and weights are fitted to what curves are worth on strangers.
    """
    found = redesign.evidence(rows)
    for out in _left_outs(customers[rows], seed, most_folds=FOLDS):
        left_out = np.flatnonzero(rows)[out]
        others = rows.copy()
        others[left_out] = False
        found[left_out] = redesign.evidence(others)[left_out]
    return found


def _left_outs(customers: Ints, seed: int, *, most_folds: int = LEAVE_ONE_OUT) -> list[Mask]:
    """Rows left out at a time: each customer alone up to 200, else one of five parts drawn at random."""
    names, owner = np.unique(customers, return_inverse=True)
    dealt = np.arange(len(names))
    if len(names) > most_folds:
        dealt %= FOLDS
        np.random.default_rng(seed).shuffle(dealt)
    fold = dealt[owner]
    return [fold == number for number in np.unique(fold)]


def _row_loss(logits: Floats, y: Floats) -> Floats:
    return np.asarray(np.logaddexp(0.0, logits) - y * logits)


def _left_out_reference(x: Floats, y: Floats, shares: Floats, outs: Sequence[Mask]) -> tuple[Floats, Floats]:
    logits = np.zeros(len(y))
    for out in outs:
        fit = reference(x[~out], y[~out], np.ones(int((~out).sum())), shares)
        logits[out] = fit.intercept - (x[out] @ shares) * fit.slopes[0]
    return _row_loss(logits, y), logits


def _largest_as_good(losses: list[Floats], owners: Ints) -> int:
    """Index of the largest lambda whose loss is within one standard error (paired, by customer) of the best."""
    best = losses[int(np.argmin([loss.sum() for loss in losses]))]
    good = [n for n, loss in enumerate(losses) if _gain(loss - best, owners) <= 1.0]
    return max(good)


def _gain(differences: Floats, owners: Ints) -> float:
    """Sum of the differences in standard errors of that sum; 0 when they are all alike and nil."""
    sums = np.bincount(owners, differences)
    error = float(np.sqrt(len(sums)) * sums.std(ddof=1)) if len(sums) > 1 else 0.0
    total = float(sums.sum())
    if error == 0.0:
        return 0.0 if total == 0.0 else float(np.copysign(np.inf, total))
    return total / error


def _is_clear_gain(differences: Floats, owners: Ints) -> bool:
    return _gain(differences, owners) > ERRORS_BETTER


def _shares(
    task: _Task, present: Floats, slopes: Floats, owners: Ints, strength: float, seed: int
) -> tuple[Share, ...]:
    source, count = np.random.default_rng(seed), int(owners.max()) + 1
    start, drawn = task.fit(np.ones(len(task.y)), strength), []
    for _ in range(BOOTSTRAPS):
        times = source.multinomial(count, np.full(count, 1 / count))[owners].astype(float)
        refitted = task.fit(times, strength, start).slopes * task.reach
        if refitted.sum() > 0:
            drawn.append(refitted / refitted.sum())
    low, high = np.quantile(np.array(drawn), [LOW, HIGH], axis=0)
    return tuple(
        Share(float(p), float(s), float(lo), float(hi), _label(float(p), float(lo), float(hi)))
        for p, s, lo, hi in zip(present, slopes / slopes.sum(), low, high, strict=True)
    )


def _label(present: float, low: float, high: float) -> str:
    if low <= present <= high:
        return NO_EVIDENCE
    return MORE if present < low else LESS


def area(logits: Floats, y: Floats) -> float | None:
    """AUC of left-out logits, ties half; None when all rows fared alike."""
    churned = int(y.sum())
    kept = len(y) - churned
    if not churned or not kept:
        return None
    _, inverse, counts = np.unique(logits, return_inverse=True, return_counts=True)
    ranks = np.cumsum(counts) - (counts - 1) / 2
    return float((ranks[inverse][y > 0].sum() - churned * (churned + 1) / 2) / (churned * kept))
