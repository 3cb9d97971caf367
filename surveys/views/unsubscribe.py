"""No more surveys: one press here, or one POST by the mail program (RFC 8058). A look changes nothing."""

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from config.web.access import declare
from surveys.choices import ALL_SURVEYS, TokenPurpose
from surveys.services import unsubscribes
from surveys.views import public
from surveys.words import catalogue

THIS_KIND = "kind"


@csrf_exempt  # mail programs post without cookie, Referer or Origin; the secret in the path authorises (S-122)
@declare(access="public", scope="token")
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """GET shows two choices and a button; POST stops the surveys and always answers 200."""
    link = public.find_link(token, TokenPurpose.UNSUBSCRIBE)
    if link is None:
        return public.not_found(request)
    invitation = link.message.invitation
    version = invitation.wave.version
    kind = version.kind.rstrip("57").upper()
    say = catalogue.Spoken(
        public.language_of(request, invitation.text.language), company=version.company, kind=kind
    )
    if request.method != "POST":
        context = public.frame(say, offered=catalogue.languages(), help_to=version.reply_to) | {
            "title": say["stop_head"],
            "version": version,
        }
        return public.page(request, "surveys/unsubscribe.html", context)
    scope = version.kind if _wants_only_this_kind(request) else ALL_SURVEYS
    unsubscribes.unsubscribe(link=link, scope=scope, now=timezone.now())
    context = public.frame(say, help_to=version.reply_to) | {"version": version}
    return public.notice(request, context, head=say["stopped_head"], text=say["stopped_text"])


def _wants_only_this_kind(request: HttpRequest) -> bool:
    """The form's narrower choice; a body we cannot read means everything."""
    return not public.is_too_big(request) and public.posted(request).get("scope") == THIS_KIND
