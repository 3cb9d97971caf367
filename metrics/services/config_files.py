"""Configuration as files: written out, compared with what is in force, and taken over.

Scorecards and card rules only ever become drafts. Definition, own measures and alert rules are taken over as a page
would do it. What is in force and in no file stays as it is.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.db import transaction

from accounts.models import User
from accounts.queries.organisation import local_day
from config.web.errors import DomainError
from metrics.choices import AlertKind, CardKind, MeasureKind, VersionState
from metrics.formulas.card_text import number_of
from metrics.formulas.definition import Definition, as_texts, differences, with_values
from metrics.formulas.health_cards import body_hash
from metrics.formulas.health_diff import differences as card_differences
from metrics.formulas.health_numbers import WEIGHT_UNIT
from metrics.models import AlertRule, OwnMeasure, ScorecardVersion
from metrics.queries import definitions
from metrics.queries.measures import catalog
from metrics.services import alert_rules, own_measures
from metrics.services import definitions as definition_service
from metrics.services.card_files import (
    CardFile,
    CardFileError,
    card_from_yaml,
    card_to_yaml,
    from_yaml,
    import_card,
    to_yaml,
)

DEFINITION, MEASURES, ALERTS, RULES = (
    "metric_definition.yaml", "measures.yaml", "alert_rules.yaml", "card_rules.yaml",
)  # fmt: skip
CARDS = "scorecards"
WAITING = (VersionState.DRAFT, VersionState.IN_REVIEW, VersionState.SCHEDULED)
MEASURE_KEYS = ("key", "title", "about", "kind", "better", "window_days", "spec")
RULE_KEYS = ("title", "kind", "scope", "points", "days", "receivers", "by_mail", "is_on")


class ConfigFileError(DomainError):
    """A file of a configuration that cannot be read; the message begins with its name."""

    code = "config_file"


@dataclass(frozen=True, slots=True)
class Step(ABC):
    """One thing that differs; `words` says what, a sentence each."""

    place: str
    words: tuple[str, ...]

    @abstractmethod
    def apply(self, *, by: User | None, now: datetime) -> str:
        """Take it over and say what was done."""


@dataclass(frozen=True, slots=True)
class _DefinitionStep(Step):
    values: Mapping[str, Any]

    def apply(self, *, by: User | None, now: datetime) -> str:
        draft = definition_service.draft_of(values=self.values)
        version, _ = definition_service.publish(draft=draft, by=by, now=now, note="From files")
        return f"Definition {version.number} is in force."


@dataclass(frozen=True, slots=True)
class _MeasureStep(Step):
    given: Mapping[str, Any]

    def apply(self, *, by: User | None, now: datetime) -> str:
        measure = own_measures.add(**self.given, by=by, now=now, as_of=local_day(now))
        return f"Measure {measure.key} version {measure.version} was added and is being read for everybody."


@dataclass(frozen=True, slots=True)
class _AlertStep(Step):
    rule: AlertRule
    values: Mapping[str, Any]

    def apply(self, *, by: User | None, now: datetime) -> str:
        rule = alert_rules.save_alert_rule(rule=self.rule, by=by, now=now, **self.values)
        return f"Alert rule “{rule.title}” is as in the file."


@dataclass(frozen=True, slots=True)
class _CardStep(Step):
    file: CardFile

    def apply(self, *, by: User | None, now: datetime) -> str:
        draft = import_card(file=self.file, by=by, now=now)
        return f"{draft.scorecard} is draft {draft.pk} now; preview it and send it to review."


def export(folder: Path) -> list[str]:
    """Write everything that is in force into a folder; returns the names of the files."""
    documents = {
        DEFINITION: to_yaml(as_texts(definitions.current())),
        MEASURES: to_yaml({"measures": [_measure_plain(one) for one in _measures_in_force()]}),
        ALERTS: to_yaml(
            {"alert_rules": [_rule_plain(one) for one in AlertRule.objects.order_by("title", "pk")]}
        ),
    }
    for version in _live():
        name = RULES if version.kind == CardKind.RULES else f"{CARDS}/{version.scorecard.key}.yaml"
        documents[name] = card_to_yaml(version)
    (folder / CARDS).mkdir(parents=True, exist_ok=True)
    for name, text in documents.items():
        (folder / name).write_text(text, encoding="utf-8")
    return sorted(documents)


def plan(folder: Path) -> tuple[list[Step], list[ConfigFileError]]:
    """(what differs, in the order it would be taken over; files that cannot be read)."""
    steps: list[Step] = []
    problems: list[ConfigFileError] = []
    readers = {DEFINITION: _definition_steps, MEASURES: _measure_steps, ALERTS: _alert_steps}
    cards = [f"{CARDS}/{path.name}" for path in sorted((folder / CARDS).glob("*.yaml"))]
    names = [name for name in readers if (folder / name).exists()]
    names += [*cards, *([RULES] if (folder / RULES).exists() else [])]
    for name in names:
        try:
            text = _text_of(folder / name)
            steps += list(readers[name](from_yaml(text)) if name in readers else _card_steps(name, text))
        except (DomainError, ValueError) as error:
            problems.append(ConfigFileError(f"{name}: {error}"))
    if not names:
        problems.append(ConfigFileError(f"{folder} holds no file of a configuration.", hint="Export first."))
    return steps, problems


@transaction.atomic
def apply(steps: Sequence[Step], *, by: User | None, now: datetime) -> list[str]:
    """Take everything over, or nothing; returns what was done, a sentence each."""
    done = []
    for step in steps:
        try:
            done.append(f"{step.place}: {step.apply(by=by, now=now)}")
        except DomainError as error:
            raise ConfigFileError(f"{step.place}: {error}") from error
    return done


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise CardFileError(f"The file cannot be read: {error}") from error


def _definition_steps(found: Mapping[str, Any]) -> Iterator[Step]:
    values = {key: str(value) if isinstance(value, Decimal) else value for key, value in found.items()}
    current = definitions.current()
    wanted: Definition = with_values(current, values)
    changed = differences(current, wanted)
    if changed:
        words = tuple(f"{key} {old} → {new}" for key, old, new in changed)
        yield _DefinitionStep(DEFINITION, words, {key: values[key] for key, _, _ in changed})


def _measures_in_force() -> list[OwnMeasure]:
    """The newest meaning of each own measure, retired ones left out."""
    rows = OwnMeasure.objects.order_by("key", "-version")
    newest = {one.key: one for one in reversed(list(rows))}
    return [one for one in newest.values() if one.retired_at is None]


def _measure_plain(measure: OwnMeasure) -> dict[str, Any]:
    plain = {name: getattr(measure, name) for name in MEASURE_KEYS}
    spec = dict(measure.spec)
    if measure.kind == MeasureKind.FIELD:
        spec = {"field": spec["field"]}
    if "actions" in spec:
        spec["actions"] = [
            {**action, "impact": number_of(action["impact"], WEIGHT_UNIT)} for action in spec["actions"]
        ]
    return {**plain, "spec": spec}


def _measure_steps(found: Mapping[str, Any]) -> Iterator[Step]:
    present = {one.key: _measure_plain(one) for one in _measures_in_force()}
    for number, given in enumerate(_listed(found, "measures"), 1):
        _only(given, MEASURE_KEYS, f"measure {number}")
        if not isinstance(given.get("key"), str) or not isinstance(given.get("spec"), Mapping):
            raise CardFileError(f"Measure {number} needs a key and a spec.")
        wanted = {"about": "", "window_days": 0, "better": "up", **given}
        before = present.get(wanted["key"])
        if before == wanted:
            continue
        changed = (
            tuple(
                f"{key} {before[key]} → {wanted.get(key)}" for key in before if before[key] != wanted.get(key)
            )
            if before
            else ("New.",)
        )
        yield _MeasureStep(
            f"{MEASURES}, {wanted['key']}", changed, {**wanted, "spec": _stored(wanted["spec"])}
        )


def _stored(spec: Mapping[str, Any]) -> dict[str, Any]:
    """The spec with impacts in 10^-4."""
    if "actions" not in spec:
        return dict(spec)
    return {**spec, "actions": [{**action, "impact": _impact(action)} for action in _listed(spec, "actions")]}


def _impact(action: Mapping[str, Any]) -> int:
    value = action.get("impact")
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or abs(value) > WEIGHT_UNIT:
        raise CardFileError("An impact is a plain number.")
    scaled = Decimal(value) * WEIGHT_UNIT
    if scaled != int(scaled):
        raise CardFileError("An impact has at most 4 decimals.")
    return int(scaled)


def _rule_plain(rule: AlertRule) -> dict[str, Any]:
    plain = {name: getattr(rule, name) for name in RULE_KEYS}
    points = rule.points
    return {**plain, "points": int(points) if points == int(points) else Decimal(points).normalize()}


def _alert_steps(found: Mapping[str, Any]) -> Iterator[Step]:
    rules = {rule.title: rule for rule in AlertRule.objects.order_by("-pk")}
    for number, given in enumerate(_listed(found, "alert_rules"), 1):
        _only(given, RULE_KEYS, f"alert rule {number}")
        missing = [name for name in RULE_KEYS if name not in given]
        if missing:
            raise CardFileError(f"Alert rule {number} lacks {', '.join(missing)}.")
        if given["kind"] not in AlertKind.values:
            raise CardFileError(f"Alert rule {number}: there is no kind {given['kind']}.")
        rule = rules.get(str(given["title"]))
        before = _rule_plain(rule) if rule else {}
        if before == given:
            continue
        words = tuple(f"{key} {before[key]} → {given[key]}" for key in before if before[key] != given[key])
        yield _AlertStep(f"{ALERTS}, {given['title']}", words or ("New.",), rule or AlertRule(), dict(given))


def _card_steps(name: str, text: str) -> Iterator[Step]:
    file = card_from_yaml(text)
    versions = ScorecardVersion.objects.filter(scorecard__key=file.key).select_related("scorecard")
    live = versions.filter(state=VersionState.LIVE).first()
    wanted = body_hash(file.body)
    if (live is not None and live.body_hash == wanted) or versions.filter(
        state__in=WAITING, body_hash=wanted
    ).exists():
        return
    titles = {key: measure.title for key, measure in catalog().items()}
    if live is None:
        words: tuple[str, ...] = ("New.",)
    else:
        words = card_differences(live.body, file.body, lambda key, number: titles.get((key, number), key))
    yield _CardStep(name, words, file)


def _live() -> Iterator[ScorecardVersion]:
    live = ScorecardVersion.objects.filter(state=VersionState.LIVE).select_related("scorecard")
    yield from live.order_by("scorecard__key")


def _listed(found: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    rows = found.get(name)
    if not isinstance(rows, list) or any(not isinstance(row, Mapping) for row in rows):
        raise CardFileError(f"“{name}” must be a list of “key: value”.")
    return rows


def _only(given: Mapping[str, Any], known: Sequence[str], place: str) -> None:
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise CardFileError(f"{', '.join(unknown)} is not known in {place}.")
