"""Scorecards and card rules as YAML files: every version exports as one, and one imports as a draft."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import yaml
from django.db import transaction
from django.utils.text import slugify

from accounts.models import User
from config.web.errors import DomainError
from config.work import audit
from metrics.choices import CardKind
from metrics.formulas.card_text import body_of, plain_of
from metrics.formulas.health_cards import CardError
from metrics.models import Scorecard, ScorecardVersion
from metrics.queries.scorecards import live_version
from metrics.services.scorecards import RULES_KEY, RULES_TITLE, NotADraftError, draft_with, free_key

LARGEST_FILE = 500_000  # characters; a card of 20 measures has about 6,000
KEY_LENGTH, TITLE_LENGTH = 40, 80


class CardFileError(DomainError):
    """The file is no scorecard; the message names every place that cannot be read."""

    code = "card_file"


@dataclass(frozen=True, slots=True)
class CardFile:
    """What a file says: the card it belongs to, and the body as it is stored."""

    key: str
    title: str
    body: dict[str, Any]
    note: str = ""


class _Dumper(yaml.SafeDumper):
    """Keys in the order given, lists of numbers on one line, no aliases."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the name is the library's
        """Write everything out."""
        return True


class _Loader(yaml.SafeLoader):
    """Decimals instead of floats; a key given twice is an error, and so is a reference to another place."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """One node; `*name` is refused, because a few of them can stand for millions of lines."""
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("References (*name) are not read.")
        return super().compose_node(parent, index)  # type: ignore[no-any-return] - third-party-type

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """A map whose keys are texts, each once."""
        keys = [key.value for key, _ in node.value]
        twice = next((key for key in keys if keys.count(key) > 1), None)
        if twice is not None:
            raise yaml.YAMLError(f"{twice} is given twice.")
        found: dict[Any, Any] = super().construct_mapping(node, deep=deep)
        return {key if isinstance(key, str) else str(key): value for key, value in found.items()}


def _decimal(loader: _Loader, node: yaml.ScalarNode) -> Decimal | str:
    text = str(loader.construct_scalar(node))
    try:
        return Decimal(text.replace("_", ""))
    except InvalidOperation:
        return text


_Loader.add_constructor("tag:yaml.org,2002:float", _decimal)
_Dumper.add_representer(
    Decimal, lambda dumper, value: dumper.represent_scalar("tag:yaml.org,2002:float", f"{value:f}")
)


def card_to_yaml(version: ScorecardVersion) -> str:
    """The file of a version. Number, note and hash are there to be read; an import takes the card alone."""
    head = {
        "scorecard": version.scorecard.key,
        "title": version.scorecard.title,
        "version": version.number or "draft",
        "note": version.note,
        "hash": version.body_hash,
    }
    return to_yaml({**head, "card": plain_of(version.body)})


def card_from_yaml(text: str) -> CardFile:
    """The card of a file. Raises CardFileError for anything that is not one."""
    found = from_yaml(text)
    unknown = sorted(set(found) - {"scorecard", "title", "version", "note", "hash", "card"})
    if unknown:
        raise CardFileError(f"{', '.join(unknown)} is not known in a scorecard file.", hint="Take it out.")
    key, title = found.get("scorecard"), found.get("title")
    if not isinstance(key, str) or not key or slugify(key) != key or len(key) > KEY_LENGTH:
        raise CardFileError(
            "The file does not name its scorecard.", hint="Write “scorecard: key” with small letters."
        )
    try:
        body = body_of(found.get("card"))
    except CardError as error:
        raise CardFileError(" ".join(error.problems), hint="Correct the file.") from error
    if (key == RULES_KEY) != (body["kind"] == CardKind.RULES):
        raise CardFileError(f"Card rules, and only they, are named “{RULES_KEY}”.", hint="Change the name.")
    note = found.get("note")
    return CardFile(
        key=key,
        title=title[:TITLE_LENGTH] if isinstance(title, str) and title else key.capitalize(),
        body=body,
        note=note if isinstance(note, str) else "",
    )


@transaction.atomic
def import_card(*, file: CardFile, by: User | None, now: datetime) -> ScorecardVersion:
    """A draft with the body of a file, on the card of that key, which is made when there is none. Never publishes."""
    title = RULES_TITLE if file.key == RULES_KEY else file.title
    card, _ = Scorecard.objects.get_or_create(key=file.key, defaults={"title": title})
    live = live_version(card.pk)
    if live is not None and live.kind != file.body["kind"]:
        raise NotADraftError(
            f"{card.title} is of the kind {live.get_kind_display()}, the file of the kind {file.body['kind']}.",
            hint=f"Import it under another key, such as {free_key(file.key)}.",
        )
    draft = draft_with(scorecard=card, body=file.body, base=live, by=by, now=now)
    audit.record(by=by, now=now, action="scorecard.imported", subject=draft, after={"hash": draft.body_hash})
    return draft


def to_yaml(document: Mapping[str, Any]) -> str:
    """A document in the one spelling of exported files, so that equal content gives equal files."""
    return "".join(_line(key, value) for key, value in document.items())


def _line(key: str, value: Any) -> str:
    """One key of the top: what has parts gets a line per part, their innermost lists stand on one line."""
    style = None if isinstance(value, dict | list) and value else False
    text: str = yaml.dump(
        {key: value}, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=style, width=110
    )
    return text


def from_yaml(text: str) -> dict[str, Any]:
    """The map of a file, with decimals. Raises CardFileError for what is no map of plain values."""
    if len(text) > LARGEST_FILE:
        raise CardFileError("The file is too large.", hint="A scorecard has a few thousand characters.")
    try:
        found = yaml.load(text, Loader=_Loader)  # noqa: S506 - a safe loader with decimals
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise CardFileError(f"The file is no YAML: {error}", hint="Correct the file.") from error
    if not isinstance(found, dict):
        raise CardFileError("The file holds no “key: value” lines.", hint="Export a version to see the form.")
    return found
