"""Two waves or months of one series side by side, with the test that says whether anything changed."""

from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from config.web import money as amounts
from config.web.access import declare
from config.web.htmx import page_or_part
from surveys.forms.results import BUCKETS, series_of, slice_of
from surveys.formulas import small_groups
from surveys.formulas.comparing import DOWN, SAME, UP
from surveys.formulas.weighting import Tally
from surveys.queries import comparison as queries
from surveys.queries import policy as policies
from surveys.queries import results, slices
from surveys.queries.slices import Series, Slice
from surveys.views.results_cells import score_cell, words_of
from surveys.views.score_figures import Subject, least_of
from surveys.views.scores import menus

WORDS = {
    UP: "Up: the change is significant",
    DOWN: "Down: the change is significant",
    SAME: "No change shown",
}
TOO_FEW = "Too few answers to compare"
TRAIT_WORDS = {"band": "Health band", "plan": "Plan", "role": "Role"}


@require_safe
@declare(access="login", scope="organisation")
def comparison(request: HttpRequest) -> HttpResponse:
    """Scores of both sides, the verdict and which test was used, and who answered of those invited."""
    now = timezone.now()
    home = request.organisation  # type: ignore[attr-defined] - third-party-type
    held = slices.series_list()
    series = series_of(request.GET, held, slices.usual_series(held))
    context: dict[str, Any] = {"series_list": held, "series": series}
    if series is not None:
        sides = _sides(series, home)
        chosen = [_chosen(request, name, sides, place) for name, place in (("a", 1), ("b", 0))]
        wanted = slice_of(request.GET, series=series.key)
        context |= {"sides": sides, "a": chosen[0], "b": chosen[1], "wanted": wanted}
        context["menus"] = menus(slices.choices(), wanted)
        context["buckets"] = [(name, words_of(series.kind)[name].capitalize()) for name in BUCKETS]
        if all(chosen):
            context |= _compared(request, Subject(series, wanted, policies.current(now), now), *chosen)
    return page_or_part(request, "surveys/comparison.html", context=context)


def _sides(series: Series, home: Any) -> list[dict[str, Any]]:
    """What can be put on a side: waves of the series, then months with an answer, newest first."""
    waves = [
        {
            "key": f"wave-{wave.pk}",
            "name": f"{wave.campaign.name}, wave {wave.number}",
            "slice": {"wave": wave.pk},
        }
        for wave in queries.waves_of(series)
    ]
    months = [
        {"key": span.key, "name": span.name, "slice": {"start": span.start, "end": span.end}}
        for span in slices.months_back(series.last_at, 24, home)
    ]
    return waves + months


def _chosen(
    request: HttpRequest, name: str, sides: list[dict[str, Any]], place: int
) -> dict[str, Any] | None:
    """The side a URL names; without one, the two newest waves or months stand side by side."""
    named = next((side for side in sides if side["key"] == request.GET.get(name)), None)
    if named is not None:
        return named
    waves = [side for side in sides if "wave" in side["slice"]]
    usual = waves if len(waves) > 1 else [side for side in sides if "wave" not in side["slice"]]
    return usual[place] if len(usual) > place else None


def _compared(request: HttpRequest, subject: Subject, a: dict[str, Any], b: dict[str, Any]) -> dict[str, Any]:
    series, policy = subject.series, subject.policy
    first, second = (replace(subject.wanted, **side["slice"]) for side in (a, b))
    found = queries.compare(first, second, series, policy)
    least, guarded = least_of(request.user, subject)
    hidden = (
        guarded
        and subject.wanted.is_narrowed
        and not all(
            small_groups.may_show(held.n, of=slices.answers(one.whole, series.scale).count(), least=least)
            for held, one in ((found.before, first), (found.now, second))
            if held.n
        )
    )
    scores = [
        score_cell(
            results.score_of_tally(
                series.kind, Tally() if hidden else held, policy, has_cuts=series.scale is not None
            )
        )
        for held in (found.before, found.now)
    ]
    return {
        "hidden": hidden,
        "columns": list(zip((a, b), scores, (found.people_before, found.people_now), strict=True)),
        "verdict": None if hidden else _verdict_words(found, subject),
        "biases": [] if hidden else _biases(first, second, least),
        "state": urlencode({"series": series.key, "a": a["key"], "b": b["key"]}),
    }


def _verdict_words(found: queries.Compared, subject: Subject) -> dict[str, Any]:
    verdict, change = found.verdict, found.verdict.change
    facts = []
    if change is not None:
        unit = "buckets per person" if verdict.pairs else "points"
        facts.append(f"difference {amounts.signed(change.difference, 2 if verdict.pairs else 1)} {unit}")
        facts += [f"z = {amounts.number(change.z, 3)}"] if change.z is not None else []
        facts.append(f"p = {amounts.number(change.p, 4)}")
    return {
        "words": WORDS.get(verdict.way, TOO_FEW),
        "way": verdict.way,
        "test": verdict.test_words,
        "pairs": verdict.pairs,
        "facts": ", ".join(facts),
        "alpha": subject.policy.alpha.normalize(),
    }


def _biases(first: Slice, second: Slice, least: int) -> list[dict[str, Any]]:
    found = [queries.biases(wanted) for wanted in (first, second)]
    return [_bias([side[trait] for side in found], trait, least) for trait in queries.TRAITS]


def _bias(found: list[list[queries.Bias]], trait: str, least: int) -> dict[str, Any]:
    """Both sides of one trait; groups with fewer answers than may be shown keep their numbers to themselves."""
    sides = [{line.name: line for line in lines} for lines in found]
    hidden = [
        small_groups.hidden_groups({name: line.answered for name, line in side.items()}, least)
        for side in sides
    ]
    names = list(dict.fromkeys([*sides[0], *sides[1]]))
    return {
        "name": TRAIT_WORDS[trait],
        "lines": [
            (name, [(side.get(name), name in gone) for side, gone in zip(sides, hidden, strict=True)])
            for name in names
        ],
    }
