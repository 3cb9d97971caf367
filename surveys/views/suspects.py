"""Suspect answers with what speaks against each, and the decisions about answers."""

from collections.abc import Callable

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from config.web.access import declare
from config.web.errors import DomainError
from config.web.htmx import page_or_part
from config.web.replies import refused, saved
from config.web.tables import Column, Table
from surveys.forms.verdicts import VerdictForm
from surveys.formulas.evidence import REASONS
from surveys.models import Response
from surveys.queries import evidence as queries
from surveys.services import verdicts
from surveys.views.results_cells import tone_of_answer

READERS = ("admin", "manager", "csm")
JUDGES = queries.JUDGES
COLUMNS = (
    Column("who", "Who", "customer__name"),
    Column("when", "Pressed", "answered_at", css="p1", down_first=True),
)
LIST = Table(COLUMNS, default="-when")
MOST_DOMAIN = 253  # characters


@require_safe
@declare(access="login", scope="customer", roles=READERS)
def suspects(request: HttpRequest) -> HttpResponse:
    """Answers that look like a machine's, why each, and the receiving domains they come from."""
    chosen = {
        "campaign": request.GET.get("campaign", ""),
        "domain": request.GET.get("domain", "")[:MOST_DOMAIN].replace("\x00", ""),
        "reason": request.GET.get("reason", ""),
    }
    page = LIST.page(queries.suspects_for(request.user, **chosen), request.GET)
    rows = [
        {
            "row": row,
            "kind": row.kind.rstrip("57").upper(),
            "reasons": queries.reasons_in_words(row.evidence),
            "tone": tone_of_answer(row.kind, row.score),
        }
        for row in page.rows
    ]
    context = {
        "page": page,
        "rows": rows,
        "chosen": chosen,
        "is_filtered": any(chosen.values()),
        "campaigns": queries.campaigns_with_suspects(request.user),
        "reasons": REASONS,
        "domains": queries.suspects_by_domain(request.user),
        "may_judge": request.user.role in JUDGES,
        "now": timezone.now(),
    }
    return page_or_part(request, "surveys/suspects.html", parts=["suspects_table"], context=context)


@require_POST
@declare(access="login", scope="customer", roles=JUDGES)
def response_accept(request: HttpRequest, pk: int) -> HttpResponse:
    """A suspect answer is a person's after all and counts from now on."""
    return _decide(request, pk, verdicts.accept, "The answer counts now.")


@require_POST
@declare(access="login", scope="customer", roles=JUDGES)
def response_reject(request: HttpRequest, pk: int) -> HttpResponse:
    """A suspect answer is a machine's and never counts."""
    return _decide(request, pk, verdicts.reject, "The answer will never count.")


@require_POST
@declare(access="login", scope="customer", roles=JUDGES)
def response_void(request: HttpRequest, pk: int) -> HttpResponse:
    """A counted answer counts no more."""
    return _decide(request, pk, verdicts.void, "The answer counts no more. It can be restored.")


@require_POST
@declare(access="login", scope="customer", roles=JUDGES)
def response_restore(request: HttpRequest, pk: int) -> HttpResponse:
    """A voided answer counts again."""
    return _decide(request, pk, verdicts.restore, "The answer counts again.")


def _decide(request: HttpRequest, pk: int, act: Callable[..., Response], done: str) -> HttpResponse:
    """The decision with its reason; the form may name the page to go back to as `next`."""
    response = queries.judged_by(request.user).filter(pk=pk).first()
    if response is None:
        raise Http404
    href = reverse("surveys:suspects")
    form = VerdictForm(request.POST)
    if not form.is_valid():
        return refused(
            request, f"Say why, in at most {verdicts.MAX_REASON} characters. Nothing has changed.", href=href
        )
    try:
        act(response=response, reason=form.cleaned_data["reason"], by=request.user, now=timezone.now())
    except DomainError as error:
        return refused(request, str(error), href=href)
    return saved(request, done, href=href)
