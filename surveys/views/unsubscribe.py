"""No more surveys: one press here, or one POST by the mail program (RFC 8058). A look changes nothing."""

from django.core.exceptions import BadRequest, SuspiciousOperation
from django.http import HttpRequest, HttpResponse
from django.http.multipartparser import MultiPartParserError
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from config.web.access import declare
from surveys.choices import ALL_SURVEYS, TokenPurpose
from surveys.services import unsubscribes
from surveys.views import public

THIS_KIND = "kind"


@csrf_exempt  # mail programs post without cookie, Referer or Origin; the secret in the path authorises (S-122)
@declare(access="public", scope="token")
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """GET shows two choices and a button; POST stops the surveys and always answers 200."""
    link = public.find_link(token, TokenPurpose.UNSUBSCRIBE)
    if link is None:
        return public.not_found(request)
    version = link.message.invitation.wave.version
    if request.method != "POST":
        context = {"version": version, "kind": version.kind.rstrip("57").upper()}
        return public.page(request, "surveys/unsubscribe.html", context)
    scope = version.kind if _wants_only_this_kind(request) else ALL_SURVEYS
    unsubscribes.unsubscribe(link=link, scope=scope, now=timezone.now())
    return public.page(request, "surveys/unsubscribed.html", {"version": version})


def _wants_only_this_kind(request: HttpRequest) -> bool:
    """The form's narrower choice; a body we cannot read means everything."""
    if public.is_too_big(request):
        return False
    try:
        return request.POST.get("scope") == THIS_KIND
    except (BadRequest, SuspiciousOperation, MultiPartParserError):
        return False
