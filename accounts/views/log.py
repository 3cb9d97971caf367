"""The audit log and the built-in outbox: what was done, what was mailed."""

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_safe

from accounts.choices import Role
from accounts.forms.settings import AuditFilterForm
from accounts.queries.audit import entries
from accounts.queries.outbox import captured, captured_or_none, read
from config.web.access import declare
from config.web.htmx import page_or_part
from config.web.tables import Column, Table
from config.work.models import CapturedMail

LOG = Table(
    columns=[
        Column("at", "When", "at", "nw", down_first=True),
        Column("by", "Who", "actor__name"),
        Column("action", "What", "action"),
        Column("object", "Object", "object_label"),
        Column("change", "Change", "", "p1"),
    ],
    default="-at",
    tie="-pk",
)
MAILS = Table(
    columns=[
        Column("to", "To", "recipient"),
        Column("subject", "Subject", "subject"),
        Column("at", "Mailed", "created_at", "num", down_first=True),
    ],
    default="-at",
    tie="-pk",
)
# A mail keeps its own styles, runs nothing, and opens its links in a new tab outside the sandbox.
MAIL_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; form-action 'none'; base-uri 'none'; "
    "frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox"
)


@require_safe
@declare(scope="organisation", roles=[Role.ADMIN])
def audit(request: HttpRequest) -> HttpResponse:
    """Who changed what, newest first."""
    filters = AuditFilterForm(request.GET)
    filters.is_valid()
    chosen = {name: value for name, value in filters.cleaned_data.items() if value}
    rows = entries(
        find=chosen.get("q", ""),
        kind=chosen.get("kind", ""),
        since=chosen.get("since"),
        until=chosen.get("until"),
    )
    context = {"filters": filters, "chosen": chosen, "page": LOG.page(rows, request.GET)}
    return page_or_part(request, "accounts/audit.html", parts=["audit_rows"], context=context)


@require_safe
@declare(scope="organisation", roles=[Role.ADMIN])
def outbox(request: HttpRequest) -> HttpResponse:
    """Mails kept here instead of being sent (development and demos)."""
    _only_with_built_in_outbox()
    find = request.GET.get("q", "").replace("\0", "")[:100]
    context = {"page": MAILS.page(captured(find=find), request.GET), "find": find}
    return page_or_part(request, "accounts/outbox.html", parts=["outbox_rows"], context=context)


@require_safe
@declare(scope="organisation", roles=[Role.ADMIN])
def outbox_mail(request: HttpRequest, pk: int) -> HttpResponse:
    """One mail as its reader sees it, as text and as source."""
    mail = _mail(pk)
    return page_or_part(request, "accounts/outbox_mail.html", context={"mail": mail, "readable": read(mail)})


@require_safe
@xframe_options_sameorigin
@declare(scope="organisation", roles=[Role.ADMIN])
def outbox_frame(_request: HttpRequest, pk: int) -> HttpResponse:
    """The HTML of a mail alone, with a policy of its own, for the frame of its page."""
    readable = read(_mail(pk))
    html = readable.html.replace("<head>", '<head><base target="_blank">', 1)
    return HttpResponse(html, headers={"Content-Security-Policy": MAIL_POLICY})


def _mail(pk: int) -> CapturedMail:
    _only_with_built_in_outbox()
    mail = captured_or_none(pk)
    if mail is None:
        raise Http404
    return mail


def _only_with_built_in_outbox() -> None:
    if settings.EMAIL["transport"] != "outbox":
        raise Http404
