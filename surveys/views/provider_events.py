"""What a mail provider reports, signed by it. Exists only where anymail is installed and MAIL_PROVIDER names a provider."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from config.web.access import declare
from surveys.services import provider_events as service
from surveys.services.provider_events import Report

try:
    from anymail import urls as anymail_urls
except ImportError:  # the extra is not installed
    anymail_urls = None


def receiver_of(provider: str) -> Any:
    """Anymail's view class that checks and reads this provider's reports; None when there is none."""
    for pattern in anymail_urls.urlpatterns if anymail_urls is not None else []:
        if pattern.name in {f"{provider}_tracking_webhook", f"{provider}_webhook"}:
            return pattern.callback.view_class
    return None


@csrf_exempt  # the provider's signature authorises
@declare(access="signature", scope="none")
@require_http_methods(["POST", "HEAD"])
def provider_events(request: HttpRequest) -> HttpResponse:
    """Check the signature, keep the reports, answer at once; the ticker does the rest."""
    receiver = receiver_of(settings.MAIL_PROVIDER)()
    if request.method == "HEAD":  # some providers try the address this way
        return HttpResponse()
    if receiver.warn_if_no_basic_auth and not receiver.basic_auth:
        return HttpResponse("Set ANYMAIL=WEBHOOK_SECRET=user:password first.", status=403)
    receiver.run_validators(request)  # answers 400 when the signature is wrong
    try:
        events = list(receiver.parse_events(request))
    except (ValueError, LookupError, TypeError, AttributeError):
        return HttpResponse("not understood", status=400)
    service.store(report for report in map(report_of, events) if report is not None)
    return HttpResponse()


def report_of(event: Any) -> Report | None:
    """Anymail's event in our words; None for one that says nothing usable, so that the rest of the batch is kept."""
    type_ = getattr(event, "event_type", None)
    if not isinstance(type_, str):
        return None
    status = (getattr(event, "mta_response", None), getattr(event, "description", None))
    return Report(
        source=settings.MAIL_PROVIDER,
        type=type_,
        occurred_at=getattr(event, "timestamp", None) or timezone.now(),
        event_id=str(getattr(event, "event_id", None) or ""),
        message_id=_our_id(event),
        recipient=str(getattr(event, "recipient", None) or ""),
        reason=str(getattr(event, "reject_reason", None) or ""),
        status=" ".join(str(text) for text in status if text),
    )


OUR_KEYS = ("message-id", "smtp-id", "messageid", "message_id")


def _our_id(event: Any) -> str:
    """The Message-ID we gave, which providers keep somewhere in their report beside an id of their own."""
    raw = getattr(event, "esp_event", None)
    for key, value in _pairs(raw, depth=4):
        if key.lower() in OUR_KEYS and "@" in value:
            return value
    return str(getattr(event, "message_id", None) or "")


def _pairs(found: Any, *, depth: int) -> list[tuple[str, str]]:
    """Texts with their keys inside a report, a few levels deep."""
    if depth == 0 or not isinstance(found, dict | list):
        return []
    items = found.items() if isinstance(found, dict) else (("", value) for value in found)
    pairs: list[tuple[str, str]] = []
    for key, value in items:
        if isinstance(value, str):
            pairs.append((str(key), value))
        else:
            pairs += _pairs(value, depth=depth - 1)
    return pairs


def routes() -> list[URLPattern]:
    """The address to give to the provider, or nothing."""
    if receiver_of(settings.MAIL_PROVIDER) is None:
        return []
    return [path("surveys/provider-events", provider_events, name="provider_events")]
