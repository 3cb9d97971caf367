"""The public answer page. A GET or HEAD shows and never answers; only a POST by a person's press records (S-1)."""

import secrets
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from config.web.access import declare
from surveys import tokens
from surveys.choices import SurveyKind, TokenPurpose
from surveys.forms.answer import AnswerForm
from surveys.formulas.scales import SCALES, point_from_text
from surveys.models import LinkToken, Response
from surveys.queries import links, policy
from surveys.services.responses import (
    CLOSED_STATES,
    MAX_COMMENT,
    Answer,
    AnswerClosedError,
    TooManyEditsError,
    record_response,
)
from surveys.services.visits import note_visit
from surveys.views import public
from surveys.views.clients import look_of, press_of

COOKIE = "__Host-answer" if settings.SECURE else "answer"
COOKIE_DAYS = 365
OPEN, ANSWERED, LOCKED, CLOSED = "open", "answered", "locked", "closed"


@csrf_exempt  # the secret in the path authorises; the form's own proof stands in for the cookie (S-94)
@declare(access="public", scope="token")
@require_http_methods(["GET", "HEAD", "POST"])
def answer(request: HttpRequest, token: str) -> HttpResponse:
    """The question with the clicked score checked; a POST records the answer and leads to the thanks."""
    purposes = (TokenPurpose.ANSWER, TokenPurpose.HONEYPOT)
    if request.method == "POST":
        link = public.find_link_to_press(request, token, *purposes)
    else:
        link = public.find_link(token, *purposes)
    if link is None:
        return public.not_found(request)
    now = timezone.now()
    if request.method == "POST" and link.purpose == TokenPurpose.ANSWER:
        return _post(request, link, token, now)
    score = point_from_text(link.message.invitation.wave.version.kind, request.GET.get("r"))
    scanners = links.scanners_known_to(link)
    note_visit(link=link, look=look_of(request, score=score, scanners=scanners, now=now), now=now)
    if link.purpose == TokenPurpose.HONEYPOT:
        return public.page(request, "surveys/honeypot.html", _frame(link))
    return _show(request, link, now, score)


@declare(access="public", scope="token")
@require_safe
def thanks(request: HttpRequest, token: str) -> HttpResponse:
    """Safe to reload; before an answer it leads to the form."""
    link = public.find_link(token, TokenPurpose.ANSWER)
    if link is None:
        return public.not_found(request)
    if getattr(link.message.invitation, "response", None) is None:
        return public.sealed(HttpResponseRedirect(reverse("surveys:answer", args=[token])))
    state = state_of(link, timezone.now())
    return public.page(
        request, "surveys/thanks.html", _frame(link) | {"may_edit": state == ANSWERED, "token": token}
    )


@declare(access="public", scope="none")
@require_safe
def privacy(request: HttpRequest) -> HttpResponse:
    """What is kept of an answer and for how long."""
    return public.page(request, "surveys/privacy.html", {"sender": policy.sender()})


def state_of(link: LinkToken, now: datetime) -> str:
    """Which page the link shows now: open, answered (edit window), locked or closed."""
    invitation = link.message.invitation
    response = getattr(invitation, "response", None)
    gone = (invitation.contact and invitation.contact.erased_at) or (
        invitation.customer and invitation.customer.archived_at
    )
    if gone:
        return CLOSED
    if response is None:
        over = invitation.expires_at <= now or invitation.response_state in CLOSED_STATES
        return CLOSED if over else OPEN
    editable = response.first_answered_at + timedelta(days=invitation.wave.version.edit_days) > now
    return ANSWERED if editable and invitation.response_state not in CLOSED_STATES else LOCKED


def _show(request: HttpRequest, link: LinkToken, now: datetime, score: int | None) -> HttpResponse:
    state = state_of(link, now)
    if state == CLOSED:
        return public.page(request, "surveys/closed.html", status=410)
    if state == LOCKED:
        return public.page(request, "surveys/thanks.html", _frame(link))
    response = getattr(link.message.invitation, "response", None)
    if state == ANSWERED and score is None and "change" not in request.GET:
        shown = response.score if _is_same_device(request, response) else None
        return public.page(request, "surveys/answered.html", _frame(link) | {"score": shown})
    return _form_page(
        request, link, now, {"score": score, "clicked": score is not None, "is_edit": state == ANSWERED}
    )


def _form_page(
    request: HttpRequest, link: LinkToken, now: datetime, values: dict[str, Any], status: int = 200
) -> HttpResponse:
    version, text = link.message.invitation.wave.version, link.message.invitation.text
    scale = SCALES[version.kind]
    is_nps = version.kind == SurveyKind.NPS
    labels = [""] * len(scale.points) if is_nps else text.labels
    context = _frame(link) | {
        "points": list(zip(scale.points, labels, strict=True)),
        "low": scale.low,
        "high": scale.high,
        "low_label": text.labels[0],
        "high_label": text.labels[-1],
        "is_nps": is_nps,
        "max_comment": MAX_COMMENT,
        "nonce": tokens.form_nonce(link.sha256, now),
        "edit_days": version.edit_days,
    }
    return public.page(request, "surveys/answer.html", context | values, status=status)


def _post(request: HttpRequest, link: LinkToken, token: str, now: datetime) -> HttpResponse:
    if public.is_too_big(request):
        return public.page(request, "surveys/link_wait.html", {"too_big": True}, status=413)
    form = AnswerForm(request.POST, kind=link.message.invitation.wave.version.kind)
    is_valid = form.is_valid()
    issued_at = tokens.nonce_issued_at(str(form.data.get("form", "")), link.sha256, now)
    if not _may_post(link, issued_at, now):
        return public.page(request, "surveys/closed.html", status=410)
    if not is_valid or issued_at is None:
        return _again(request, link, form, now, "" if not is_valid else "Please press Send once more.")
    device, is_new = _device(request)
    cleaned = form.cleaned_data
    given = Answer(
        score=cleaned["score"],
        comment=cleaned["comment"],
        wants_contact=cleaned["contact_me"],
        remove_comment=cleaned["remove_comment"],
        device_hash=tokens.digest(device),
    )
    try:
        scanners = links.scanners_known_to(link)
        press = press_of(request, issued_at=issued_at, scanners=scanners, now=now)
        record_response(link=link, answer=given, press=press, now=now)
    except AnswerClosedError:
        return public.page(request, "surveys/closed.html", status=410)
    except TooManyEditsError:
        return public.page(request, "surveys/link_wait.html", status=429)
    response = HttpResponseRedirect(reverse("surveys:thanks", args=[token]), status=303)
    if is_new:
        response.set_cookie(
            COOKIE, device, max_age=COOKIE_DAYS * 86400, secure=settings.SECURE, httponly=True, samesite="Lax"
        )
    return public.sealed(response)


def _may_post(link: LinkToken, issued_at: datetime | None, now: datetime) -> bool:
    """Open or in the edit window; a form opened before the end may still post for the minutes of grace (F24)."""
    state = state_of(link, now)
    if state != CLOSED:
        return state != LOCKED
    invitation = link.message.invitation
    if invitation.response_state in CLOSED_STATES or issued_at is None or issued_at >= invitation.expires_at:
        return False
    return now < invitation.expires_at + timedelta(minutes=policy.current(now).grace_minutes)


def _again(request: HttpRequest, link: LinkToken, form: AnswerForm, now: datetime, note: str) -> HttpResponse:
    """The form with the typed text kept and what is missing said in words."""
    data = form.data
    values = {
        "score": point_from_text(link.message.invitation.wave.version.kind, str(data.get("score", ""))),
        "comment": data.get("comment", ""),
        "contact_me": bool(data.get("contact_me")),
        "score_error": "score" in form.errors,
        "comment_error": " ".join(form.errors.get("comment", [])),
        "note": note,
        "has_error": True,
        "is_edit": getattr(link.message.invitation, "response", None) is not None,
    }
    return _form_page(request, link, now, values, status=422)


def _frame(link: LinkToken) -> dict[str, Any]:
    """What header and footer of every state show; never a comment, never a score."""
    invitation = link.message.invitation
    return {"version": invitation.wave.version, "text": invitation.text, "invitation": invitation}


def _device(request: HttpRequest) -> tuple[str, bool]:
    """The browser's own secret and whether it is new; it only recognises the same browser later."""
    known = request.COOKIES.get(COOKIE, "")
    return (known, False) if known else (secrets.token_urlsafe(tokens.TOKEN_BYTES), True)


def _is_same_device(request: HttpRequest, response: Response) -> bool:
    known = request.COOKIES.get(COOKIE, "")
    return bool(known) and secrets.compare_digest(tokens.digest(known), response.device_hash)
