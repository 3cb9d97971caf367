"""Weights, and on request curves, that past outcomes speak for. They are adopted only by way of a draft."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from datetime import datetime
from typing import Any

from django.db import transaction

from accounts.models import User
from config.web.errors import DomainError
from config.work import audit
from metrics.choices import CardKind, VersionState
from metrics.formulas.evidence import Evidence
from metrics.formulas.health import ENGINE_VERSION
from metrics.formulas.health_cards import Card, WeightedCard, body_hash, read_card
from metrics.formulas.health_numbers import WEIGHT_UNIT
from metrics.models import ScorecardVersion, Suggestion
from metrics.queries.measures import Catalog, catalog
from metrics.scoring.curve_fit import Direction, FittedCurve
from metrics.scoring.fit import Proposal
from metrics.services.backtests import POPULATIONS, Trial, outcomes_for
from metrics.services.replays import Candidate, Report, seen

SEED = 1
NOT_BETTER = "no better weights found"
WHOLE = 100  # weights of a proposal are percent


class CannotSuggestError(DomainError):
    """There is nothing to fit, or nothing to adopt."""

    code = "cannot_suggest"


def suggest(
    *,
    body: Mapping[str, Any],
    tested: Candidate,
    asked: Trial,
    now: datetime,
    with_curves: bool = False,
    report: Report | None = None,
) -> dict[str, Any]:
    """What the outcomes say of a card's weights; with `with_curves` of its curves, weights and edges together."""
    card = _weighted(tested.card)
    outcomes = outcomes_for(asked)
    found = seen(tested, card, outcomes.rows, now=now, report=report)
    churned = sum(fate.churned for fate in found.fates)
    guard = Evidence(len(found.fates), churned, outcomes.months)
    result: dict[str, Any] = {
        "outcomes": len(found.fates),
        "churned": churned,
        "months": outcomes.months,
        "enough": guard.is_enough,
        "said": guard.said(noun=POPULATIONS[asked.population]),
        "curves": with_curves,
        "measures": [],
    }
    if not guard.is_enough:
        return result | {"better": False}
    training, measures = found.training(card), catalog()
    if with_curves:
        fitted = training.curves(_directions(card, measures), bands=len(card.bands.bands), seed=SEED)
        proposal = fitted.proposal
        proposed = _with_curves(body, proposal, fitted.curves, fitted.edges)
    else:
        proposal = training.weights(seed=SEED)
        proposed = _with_shares(body, proposal)
    # also where nothing is proven: a card made from nothing needs a first guess, and only `better` makes drafts
    guess = {"body": proposed} if sum(proposal.slopes) > 0 else {}
    return result | _said_of(proposal, card, measures) | guess


def _weighted(card: Card) -> WeightedCard:
    if not isinstance(card, WeightedCard):
        raise CannotSuggestError(
            "Only weighted scorecards have weights to suggest.", hint="Choose a weighted scorecard."
        )
    return card


def _directions(card: WeightedCard, measures: Catalog) -> list[Direction]:
    """Which way the points of each measure may go: a choice goes any way, all else as the measure says."""
    found = [measures[measure.key, measure.version] for measure in card.measures]
    return ["free" if measure.unit == "choice" else measure.better for measure in found]


def _said_of(proposal: Proposal, card: WeightedCard, measures: Catalog) -> dict[str, Any]:
    return {
        "better": proposal.better,
        "said": "" if proposal.better else NOT_BETTER,
        "strength": proposal.strength,
        "loss_before": round(proposal.loss_before, 6),
        "loss_after": round(proposal.loss_after, 6),
        "auc_before": None if proposal.auc_before is None else round(proposal.auc_before, 6),
        "auc_after": None if proposal.auc_after is None else round(proposal.auc_after, 6),
        "measures": [
            {
                "measure": measure.key,
                "version": measure.version,
                "title": measures[measure.key, measure.version].title,
                "present": round(share.present, 6),
                "weight": round(share.suggested, 6),
                "low": round(share.low, 6),
                "high": round(share.high, 6),
                "label": share.label,
            }
            for measure, share in zip(card.measures, proposal.shares, strict=bool(proposal.shares))
        ],
    }


def _with_shares(body: Mapping[str, Any], proposal: Proposal) -> dict[str, Any]:
    """The body with groups and measures weighed so that every base share is the suggested one, in percent."""
    changed, total = deepcopy(dict(body)), sum(proposal.slopes) or 1.0
    weights = iter([round(slope / total * WHOLE * WEIGHT_UNIT) for slope in proposal.slopes])
    for group in changed["groups"]:
        for measure in group["measures"]:
            measure["weight"] = next(weights)
        group["weight"] = sum(measure["weight"] for measure in group["measures"])
    return changed


def _with_curves(
    body: Mapping[str, Any],
    proposal: Proposal,
    curves: Sequence[FittedCurve | None],
    edges: Sequence[int],
) -> dict[str, Any]:
    """The body with fitted curves; a measure without one keeps its own and weighs nothing."""
    changed, found = _with_shares(body, proposal), iter(curves)
    for group in changed["groups"]:
        group["rule"] = "mean"
        for measure in group["measures"]:
            curve = next(found)
            if curve is None:
                continue
            measure["curve"] = {"type": curve.kind, "points": [list(pair) for pair in curve.points]}
            measure["missing"], measure["neutral"] = "neutral", curve.neutral
            measure.pop("curves", None)
    if "bands" in changed:
        changed["edges"] = [{"at": edge, "side": "upper"} for edge in edges]
    return changed


def store(
    *,
    version: ScorecardVersion | None,
    body: Mapping[str, Any],
    asked: Trial,
    result: dict[str, Any],
    by: Any,
) -> Suggestion:
    """Keep a suggestion with everything that it depends on."""
    return Suggestion.objects.create(
        version=version,
        body_hash=body_hash(body),
        engine=ENGINE_VERSION,
        parameters=asked.as_dict() | {"curves": result["curves"]},
        result=result,
        made_by=by,
    )


@transaction.atomic
def make_draft(*, suggestion: Suggestion, by: User, now: datetime) -> ScorecardVersion:
    """A draft with the proposed body, which cites the suggestion. It goes through linter, preview and approval."""
    body, base = suggestion.result.get("body"), suggestion.version
    if body is None or base is None or not suggestion.result["better"]:
        raise CannotSuggestError(
            "This suggestion found nothing better, so there is nothing to adopt.",
            hint="Keep the present weights.",
        )
    read_card(body)
    draft = ScorecardVersion.objects.create(
        scorecard_id=base.scorecard_id,
        kind=CardKind.WEIGHTED,
        state=VersionState.DRAFT,
        body=body,
        body_hash=body_hash(body),
        base=base,
        note=cited(suggestion),
        created_by=by,
        edited_by=by,
        edited_at=now,
    )
    audit.record(
        by=by,
        now=now,
        action="scorecard.draft_started",
        subject=draft,
        after={"suggestion": suggestion.pk, "body_hash": draft.body_hash},
    )
    return draft


def cited(suggestion: Suggestion) -> str:
    """How a draft names where its weights come from."""
    what = "Weights and curves" if suggestion.result["curves"] else "Weights"
    return f"{what} of suggestion {suggestion.pk}, fitted on {suggestion.result['outcomes']} outcomes."
