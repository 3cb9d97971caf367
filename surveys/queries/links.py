"""From a mailed secret to everything its page shows, and to everything that speaks about a press, in one query."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connection
from django.db.models import Model

from config.work.prepared import Statement
from surveys import choices
from surveys.models import CampaignText, CampaignVersion, Invitation, LinkToken, Response
from surveys.models.policy import known_scanners
from surveys.queries import link_sql

MOST_WORDINGS = 50  # frozen versions that a process keeps


@dataclass(frozen=True)
class Wording:
    """A version and its texts in all languages. Shared by requests once it is frozen: read it, never change it."""

    version: CampaignVersion
    texts: tuple[CampaignText, ...]


_frozen: dict[tuple[int, datetime], Wording] = {}


def find(sha256: str, *purposes: choices.TokenPurpose, now: datetime) -> LinkToken | None:
    """The link of that hash and one of the purposes, with message, invitation, wording, answer and `home_zone`.

    `rules` are the policy's limits at `now`. Revoked and unknown links and those of another purpose are all None.
    """
    return _read(link_sql.LOOK, {"sha256": sha256, "purposes": list(purposes), "now": now})


def find_for_press(
    sha256: str, *purposes: choices.TokenPurpose, clients: Iterable[str], now: datetime
) -> LinkToken | None:
    """The same for a POST: with `looks` of this client at links of the invitation, `domain_looks`, and `owners`.

    `domain_looks` are the newest moments at which the client opened each link of the same receiving domain; `owners`
    are the primary CSMs of the days around now. Without clients there are no looks.
    """
    asked = {
        "sha256": sha256,
        "purposes": list(purposes),
        "clients": list(clients),
        "now": now,
        "today": now.date(),
    }
    return _read(link_sql.PRESS, asked, link_sql.OF_A_PRESS)


def scanners_known_to(link: LinkToken) -> Sequence[str]:
    """Parts of the browser strings of mail gateways, by the policy read with the link."""
    rules = rules_of(link)
    return rules["scanners"] if "scanners" in rules else known_scanners()


def texts_of(link: LinkToken) -> Sequence[CampaignText]:
    """The campaign's wording in each of its languages, as read with the link."""
    return link.texts


def wording_key(link: LinkToken) -> tuple[int, datetime] | None:
    """What names the wording for as long as it exists; None while it may still be changed."""
    version_id = link.message.invitation.wave.version_id
    return None if link.frozen_at is None else (version_id, link.frozen_at)


def review_url_of(link: LinkToken) -> str:
    """The public review page; empty when there is none."""
    return link.review_url or ""


def rules_of(link: LinkToken) -> dict[str, Any]:
    """The policy's limits as read with the link; empty before anybody saved a policy."""
    found: dict[str, Any] | None = getattr(link, "rules", None)
    return found or {}


def _read(statement: Statement, asked: dict[str, Any], of_a_press: Sequence[str] = ()) -> LinkToken | None:
    known = dict(_frozen)
    versions = {"known": [pk for pk, _ in known], "known_at": [frozen_at for _, frozen_at in known]}
    with connection.cursor() as cursor:
        statement.run(cursor, asked | versions)
        row = cursor.fetchone()
    if row is None:
        return None
    values = iter(row)
    found = {part.name: _instance(part, values) for part in link_sql.PARTS}
    link: Any = found["token"]
    for name, value in zip((*link_sql.ALSO, *of_a_press), values, strict=True):
        setattr(link, name, value)
    return _joined(link, found, _wording(found["wave"], link, known))


def _instance(part: link_sql.Part, values: Iterator[Any]) -> Any:
    """The next values as an instance with the part's columns alone; None for a row that is not there."""
    own = [next(values) for _ in part.columns]
    return None if own[0] is None else part.model.from_db(DEFAULT_DB_ALIAS, part.columns, own)


def _from_json(model: type[Model], row: Mapping[str, Any]) -> Any:
    names = [field.attname for field in model._meta.concrete_fields if field.attname in row]
    return model.from_db(DEFAULT_DB_ALIAS, names, [row[name] for name in names])


def _wording(wave: Any, link: Any, known: Mapping[tuple[int, datetime], Wording]) -> Wording:
    """As read with the link, else as this process knows it."""
    key = (wave.version_id, link.frozen_at)
    if link.wording is None:
        return known[key]
    version, texts = link.wording["version"], link.wording["texts"]
    made = Wording(
        _from_json(CampaignVersion, version), tuple(_from_json(CampaignText, text) for text in texts)
    )
    if link.frozen_at is not None:
        while len(_frozen) >= MOST_WORDINGS:
            _frozen.pop(next(iter(_frozen)), None)
        _frozen[key] = made
    return made


def _joined(link: Any, found: Mapping[str, Any], wording: Wording) -> LinkToken:
    """The parts as relations of each other, so that none is asked for again."""
    link.message, link.texts = found["message"], wording.texts
    invitation = link.message.invitation = found["invitation"]
    for name in ("wave", "contact", "customer"):
        setattr(invitation, name, found[name])
    invitation.wave.version = wording.version
    # A test mail may be older than the wording its wave has now; then its text is read by itself.
    own = next((text for text in wording.texts if text.pk == invitation.text_id), None)
    if own is not None:
        invitation.text = own
    response: Response | None = found["response"]
    if response is None:
        Invitation.response.related.set_cached_value(invitation, None)
    else:
        response.invitation = invitation
    return link


def owner_on(link: LinkToken, day: date) -> int | None:
    """Primary CSM on that day among the `owners` read with the link."""
    for held in link.owners:
        starts = held["from_on"] <= day.isoformat()
        if starts and (held["to_on"] is None or held["to_on"] > day.isoformat()):
            return int(held["user"])
    return None
