"""What the answer page shows in its states and languages. Builds contexts; asks nothing of the database."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.html import escape

from surveys import tokens
from surveys.choices import ResponseState, ResponseStatus, SurveyKind
from surveys.forms.answer import AnswerForm
from surveys.formulas import extra, scales
from surveys.formulas.scales import SCALES, Scale
from surveys.models import CampaignText, LinkToken, Response
from surveys.queries import links
from surveys.services.responses import CLOSED_STATES, MAX_COMMENT
from surveys.views import public
from surveys.words import catalogue

OPEN, ANSWERED, LOCKED, CLOSED = "open", "answered", "locked", "closed"


@dataclass(frozen=True)
class Asked:
    """One link with the language its reader chose."""

    link: LinkToken
    language: str
    chosen: str = ""  # by `?lang=`; empty for the language of the mail
    is_blank: bool = False  # with slots where the person's own values would stand

    @cached_property
    def text(self) -> CampaignText:
        """The wording in that language; the mail's own where there is none."""
        own: CampaignText = self.link.message.invitation.text
        return next((text for text in self.texts if text.language == self.language), own)

    @property
    def texts(self) -> Sequence[CampaignText]:
        return links.texts_of(self.link)

    @property
    def version(self) -> Any:
        return self.link.message.invitation.wave.version

    @property
    def scale(self) -> Scale:
        return SCALES[self.version.kind]

    @property
    def response(self) -> Response | None:
        return getattr(self.link.message.invitation, "response", None)

    @cached_property
    def questions(self) -> tuple[extra.Extra, ...]:
        return extra.parse(self.text.extra)

    @property
    def own(self) -> dict[str, str]:
        """Everything on the page that only this person has, but for the proof of the form."""
        if self.is_blank:
            return {"name": slot("name"), "customer": slot("customer")}
        invitation = self.link.message.invitation
        return {
            "name": invitation.contact.name if invitation.contact else "",
            "customer": invitation.customer.name if invitation.customer else "",
        }

    @cached_property
    def say(self) -> catalogue.Spoken:
        """The fixed words, with everything filled in that they may name."""
        scale = self.scale
        return catalogue.Spoken(
            self.language,
            company=self.version.company,
            days=self.version.edit_days,
            low=scale.low,
            high=scale.high,
            limit=MAX_COMMENT,
            **self.own,
        )

    def frame(self) -> dict[str, Any]:
        """Header and footer of every state; never a comment, never a score."""
        offered = {text.language for text in self.texts}
        known = [code for code in catalogue.languages() if code in offered]
        invitation = self.link.message.invitation
        return public.frame(self.say, offered=known, help_to=self.version.reply_to) | {
            "version": self.version,
            "text": self.text,
            "is_named": invitation.contact_id is not None and not self.version.is_anonymous,
            "has_customer": invitation.customer_id is not None,
            "query": f"lang={self.chosen}" if self.chosen else "",
        }


def asked(request: HttpRequest, link: LinkToken) -> Asked:
    """The link in the language of `?lang=` when the campaign speaks it, else in that of its mail."""
    wanted = str(request.GET.get("lang", ""))
    if request.method == "POST":
        wanted = str(public.posted(request).get("lang", "")) or wanted
    offered = {text.language for text in links.texts_of(link)}
    own = link.message.invitation.text.language
    chosen = wanted if wanted in offered else ""
    return Asked(link, chosen or own, chosen)


def state_of(link: LinkToken, now: datetime) -> str:
    """Which page the link shows now: open, answered (edit window), locked or closed.

    A suspect answer leaves the link open and says nothing about itself; an anonymous one is never opened again.
    """
    invitation = link.message.invitation
    response = getattr(invitation, "response", None)
    gone = (invitation.contact and invitation.contact.erased_at) or (
        invitation.customer and invitation.customer.archived_at
    )
    if gone:
        return CLOSED
    if invitation.wave.version.is_anonymous and invitation.response_state == ResponseState.ANSWERED:
        return LOCKED
    if response is None or response.status == ResponseStatus.SUSPECT:
        over = invitation.expires_at <= now or invitation.response_state in CLOSED_STATES
        return CLOSED if over else OPEN
    editable = response.first_answered_at + timedelta(days=invitation.wave.version.edit_days) > now
    return ANSWERED if editable and invitation.response_state not in CLOSED_STATES else LOCKED


def form(
    request: HttpRequest, seen: Asked, now: datetime, values: Mapping[str, Any], status: int = 200
) -> HttpResponse:
    """The question. `values` are score, typed texts and errors; a score on it decides prompt and further questions."""
    nonce = tokens.form_nonce(seen.link.sha256, now)
    return public.page(request, "surveys/answer.html", _form(seen, values, nonce), status=status)


def untouched_form(
    request: HttpRequest, seen: Asked, now: datetime, values: Mapping[str, Any]
) -> HttpResponse:
    """The same before anybody typed: rendered once per wording and state, cut at the slots, and filled per person."""
    wording = links.wording_key(seen.link)
    if wording is None or request.method == "HEAD":
        return form(request, seen, now, values)
    invitation = seen.link.message.invitation
    key = (
        *wording, seen.text.pk, seen.language, seen.chosen, *sorted(values.items()), invitation.contact_id is None,
        invitation.customer_id is None,
    )  # fmt: skip
    pieces = _pieces.get(key)
    if pieces is None:
        blank = _form(replace(seen, is_blank=True), values, slot("nonce"))
        pieces = SLOT.split(render_to_string("surveys/answer.html", blank))
        while len(_pieces) >= MOST_FORMS:
            _pieces.pop(next(iter(_pieces)), None)
        _pieces[key] = pieces
    own = {name: escape(catalogue.plain(value)) for name, value in seen.own.items()}
    own["nonce"] = tokens.form_nonce(seen.link.sha256, now)
    filled = (own[piece] if number % 2 else piece for number, piece in enumerate(pieces))
    return public.sealed(HttpResponse("".join(filled)))


def slot(name: str) -> str:
    """A mark that no text of ours has and that escaping leaves alone."""
    return f"\ue000{name}\ue001"


SLOT = re.compile(slot("(name|customer|nonce)"))  # its split alternates text and names of slots
MOST_FORMS = 300  # of a few kilobytes each
_pieces: dict[tuple[Any, ...], list[str]] = {}


def _form(seen: Asked, values: Mapping[str, Any], nonce: str) -> dict[str, Any]:
    scale, text, version = seen.scale, seen.text, seen.version
    is_nps = version.kind == SurveyKind.NPS
    labels = [""] * len(scale.points) if is_nps or len(text.labels) != len(scale.points) else text.labels
    score = values.get("score")
    bucket = "" if score is None else scales.bucket(version.kind, score)
    title = seen.say["answer_title"]
    context = seen.frame() | {
        "title": seen.say.also(title=title)["error_title"] if values.get("has_error") else title,
        "points": list(zip(scale.points, labels, strict=True)),
        "low": scale.low,
        "high": scale.high,
        "low_label": text.labels[0],
        "high_label": text.labels[-1],
        "is_nps": is_nps,
        "negative_to": scale.negative_to,
        "positive_from": scale.positive_from,
        "prompt": (getattr(text, f"prompt_{bucket}") if bucket else "") or text.prompt,
        "questions": _questions(seen, bucket, values),
        "five": extra.FIVE,
        "max_comment": MAX_COMMENT,
        "max_text": extra.MAX_TEXT,
        "nonce": nonce,
        "is_form": True,
        "edit_days": 0 if version.is_anonymous else version.edit_days,
        "chosen": seen.say.also(score=score)["chosen"] if values.get("clicked") else "",
        "described": _described(values),
    }
    return context | dict(values)


def _questions(seen: Asked, bucket: str, values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Further questions in the order of the campaign; those of other buckets are hidden until the script shows them."""
    typed, wrong = values.get("typed", {}), values.get("wrong", {})
    said = {
        extra.TOO_LONG: Said(seen.say, "shorten_field", extra.MAX_TEXT).text,
        extra.BAD_OPTION: seen.say["choose_option"],
    }
    return [
        {
            "key": one.key,
            "field": one.field,
            "type": one.type,
            "words": one.question,
            "options": list(enumerate(one.options, 1)),
            "when": one.when,
            "is_shown": extra.applies(one, bucket),
            "value": typed.get(one.field, ""),
            "error": said[wrong[one.key]] if one.key in wrong else "",
        }
        for one in seen.questions
    ]


@dataclass(frozen=True)
class Said:
    """One word with a limit of its own."""

    say: catalogue.Spoken
    name: str
    limit: int

    @property
    def text(self) -> str:
        return str(getattr(self.say.words, self.name)).format(limit=self.limit)


def _described(values: Mapping[str, Any]) -> str:
    """Ids of the lines that describe the scale."""
    lines = (("se", values.get("score_error")), ("pre", values.get("clicked") or values.get("is_edit")))
    return " ".join(name for name, is_there in lines if is_there)


def again(
    request: HttpRequest,
    seen: Asked,
    posted: AnswerForm,
    now: datetime,
    *,
    note: str = "",
    is_switch: bool = False,
) -> HttpResponse:
    """The form with the typed text kept: what is missing said in words, or the same in another language."""
    data = posted.data
    too_long = len(str(data.get("comment", ""))) if "comment" in posted.errors else 0
    errors = (
        {}
        if is_switch
        else {
            "score_error": "score" in posted.errors,
            "comment_error": seen.say.also(count=too_long)["shorten"] if too_long else "",
            "wrong": posted.wrong,
            "note": note,
            "has_error": True,
        }
    )
    values = {
        "score": scales.point_from_text(seen.version.kind, str(data.get("score", ""))),
        "comment": data.get("comment", ""),
        "contact_me": bool(data.get("contact_me")),
        "remove_comment": bool(data.get("remove_comment")),
        "typed": data,
        "is_edit": seen.response is not None and state_of(seen.link, now) == ANSWERED,
        **errors,
    }
    return form(request, seen, now, values, status=200 if is_switch else 422)


def closed(request: HttpRequest, seen: Asked) -> HttpResponse:
    """No more answers: neutral, without a name."""
    return public.notice(
        request, seen.frame(), head=seen.say["closed_head"], text=seen.say["closed_text"], status=410
    )


def thank(request: HttpRequest, seen: Asked, *, may_edit: str = "") -> HttpResponse:
    """The thanks, with the public review page for everybody alike (S-209)."""
    context = seen.frame() | {
        "title": seen.say["thanks_title"],
        "may_edit": may_edit,
        "review_url": links.review_url_of(seen.link),
    }
    return public.page(request, "surveys/thanks.html", context)
