"""The public answer page. A GET or HEAD shows and never answers; only a POST by a person's press records (S-1)."""

import secrets
from datetime import datetime, timedelta
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from config.web.access import declare
from surveys import tokens
from surveys.choices import TokenPurpose
from surveys.forms.answer import AnswerForm
from surveys.formulas.scales import point_from_text
from surveys.models import LinkToken, Response, SurveyPolicy
from surveys.queries import links, policy
from surveys.services import anonymous
from surveys.services.responses import (
    CLOSED_STATES,
    Answer,
    AnswerClosedError,
    TooManyEditsError,
    record_response,
)
from surveys.services.visits import note_visit
from surveys.views import answer_page, public
from surveys.views.answer_page import ANSWERED, CLOSED, LOCKED, Asked, state_of
from surveys.views.clients import look_of, press_of
from surveys.words import catalogue

COOKIE = "__Host-answer" if settings.SECURE else "answer"
COOKIE_DAYS = 365


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
    seen = answer_page.asked(request, link)
    if request.method == "POST" and link.purpose == TokenPurpose.ANSWER:
        return _post(request, seen, token, now)
    score = _clicked(request, seen)
    look = look_of(request, score=score, scanners=links.scanners_known_to(link), now=now)
    note_visit(link=link, look=look, now=now)
    if link.purpose == TokenPurpose.HONEYPOT:
        return public.notice(request, seen.frame(), head=seen.say["link_head"], text=seen.say["link_text"])
    return _show(request, seen, now, score)


@declare(access="public", scope="token")
@require_safe
def thanks(request: HttpRequest, token: str) -> HttpResponse:
    """Safe to reload; before an answer it leads to the form."""
    link = public.find_link(token, TokenPurpose.ANSWER)
    if link is None:
        return public.not_found(request)
    seen = answer_page.asked(request, link)
    state = state_of(link, timezone.now())
    if state == CLOSED:
        return answer_page.closed(request, seen)
    if seen.response is None and state != LOCKED:
        return public.sealed(HttpResponseRedirect(_address("surveys:answer", token, seen)))
    change = _address("surveys:answer", token, seen, change="1") if state == ANSWERED else ""
    return answer_page.thank(request, seen, may_edit=change)


@declare(access="public", scope="none")
@require_safe
def privacy(request: HttpRequest) -> HttpResponse:
    """What is kept of an answer and for how long."""
    sender, rules = policy.sender(), policy.current(timezone.now())
    language = public.language_of(request)
    say = catalogue.Spoken(language, legal_name=sender.legal_name, days=rules.visit_days)
    context = public.frame(say, offered=catalogue.languages(), help_to=sender.reply_to) | {
        "title": say["privacy_head"],
        "sender": sender,
    }
    return public.page(request, "surveys/privacy.html", context)


def _clicked(request: HttpRequest, seen: Asked) -> int | None:
    """The score of the clicked link. An anonymous mail has no such links: a score there would be a trace."""
    if seen.version.is_anonymous:
        return None
    return point_from_text(seen.version.kind, request.GET.get("r"))


def _show(request: HttpRequest, seen: Asked, now: datetime, score: int | None) -> HttpResponse:
    state = state_of(seen.link, now)
    if state == CLOSED:
        return answer_page.closed(request, seen)
    if state == LOCKED:
        return answer_page.thank(request, seen)
    if state == ANSWERED and score is None and "change" not in request.GET:
        say = seen.say
        shown = seen.response if seen.response and _is_same_device(request, seen.response) else None
        text = say.also(score=shown.score)["answered_score"] if shown else say["answered_other"]
        context = seen.frame() | {"title": say["answered_title"], "change": True}
        return public.notice(request, context, head=say["answered_head"], text=text)
    values = {"score": score, "clicked": score is not None, "is_edit": state == ANSWERED}
    return answer_page.untouched_form(request, seen, now, values)


def _post(request: HttpRequest, seen: Asked, token: str, now: datetime) -> HttpResponse:
    link = seen.link
    if public.is_too_big(request):
        return public.too_long(request, seen.frame(), seen.say)
    posted = public.posted(request)
    form = AnswerForm(posted, kind=seen.version.kind, questions=seen.questions)
    is_valid = form.is_valid()
    issued_at = tokens.nonce_issued_at(str(form.data.get("form", "")), link.sha256, now)
    if not _may_post(link, issued_at, now):
        return answer_page.closed(request, seen)
    if "lang" in posted:
        return answer_page.again(request, seen, form, now, is_switch=True)
    if not is_valid or issued_at is None:
        note = "" if not is_valid else seen.say["once_more"]
        return answer_page.again(request, seen, form, now, note=note)
    return _record(request, seen, form, token, issued_at, now)


def _record(
    request: HttpRequest, seen: Asked, form: AnswerForm, token: str, issued_at: datetime, now: datetime
) -> HttpResponse:
    cleaned, link = form.cleaned_data, seen.link
    press = press_of(request, issued_at=issued_at, scanners=links.scanners_known_to(link), now=now)
    device, is_new = _device(request)
    is_anonymous = seen.version.is_anonymous
    given = Answer(
        score=cleaned["score"],
        comment=cleaned["comment"],
        wants_contact=cleaned["contact_me"] and not is_anonymous,
        remove_comment=cleaned["remove_comment"],
        device_hash="" if is_anonymous else tokens.digest(device),
        extra=form.extra,
    )
    try:
        if not is_anonymous:
            record_response(link=link, answer=given, press=press, now=now)
        elif not anonymous.take(link=link, answer=given, press=press, now=now):
            return answer_page.again(request, seen, form, now, note=seen.say["once_more"])
    except AnswerClosedError:
        return answer_page.closed(request, seen)
    except TooManyEditsError:
        return public.wait(request, seen.frame(), seen.say)
    response = HttpResponseRedirect(_address("surveys:thanks", token, seen), status=303)
    if is_new and not is_anonymous:
        response.set_cookie(
            COOKIE, device, max_age=COOKIE_DAYS * 86400, secure=settings.SECURE, httponly=True, samesite="Lax"
        )
    return public.sealed(response)


def _may_post(link: LinkToken, issued_at: datetime | None, now: datetime) -> bool:
    """Open or in the edit window; a form opened before the end may still post for the minutes of grace (F24)."""
    state = state_of(link, now)
    if state != CLOSED:
        return state != LOCKED or link.message.invitation.wave.version.is_anonymous
    invitation = link.message.invitation
    if invitation.response_state in CLOSED_STATES or issued_at is None or issued_at >= invitation.expires_at:
        return False
    grace = links.rules_of(link).get("grace_minutes", SurveyPolicy().grace_minutes)
    return now < invitation.expires_at + timedelta(minutes=grace)


def _address(name: str, token: str, seen: Asked, **query: str) -> str:
    """A page of this link, in the language its reader chose."""
    if seen.chosen:
        query["lang"] = seen.chosen
    return reverse(name, args=[token]) + (f"?{urlencode(query)}" if query else "")


def _device(request: HttpRequest) -> tuple[str, bool]:
    """The browser's own secret and whether it is new; it only recognises the same browser later."""
    known = request.COOKIES.get(COOKIE, "")
    return (known, False) if known else (secrets.token_urlsafe(tokens.TOKEN_BYTES), True)


def _is_same_device(request: HttpRequest, response: Response) -> bool:
    known = request.COOKIES.get(COOKIE, "")
    return bool(known) and secrets.compare_digest(tokens.digest(known), response.device_hash)
