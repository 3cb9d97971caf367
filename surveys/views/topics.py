"""Topics of comments: their terms per language, how many answers speak of them, and looking through history."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from config.web.access import declare
from config.web.errors import DomainError
from config.web.forms import refuse
from config.web.htmx import invalid, page_or_part
from config.work.models import Job
from surveys.forms.results import id_of
from surveys.forms.topics import TopicForm, initial_of
from surveys.models import Topic
from surveys.queries import topics as queries
from surveys.services import topics as service
from surveys.words import catalogue

JOBS_SHOWN = 3
READERS = ("admin", "manager", "csm")
NAMES = {"en": "English", "de": "German", "fr": "French", "es": "Spanish", "ar": "Arabic"}


def languages() -> list[tuple[str, str]]:
    """Languages that terms can be given in."""
    return [(code, NAMES.get(code, code)) for code in catalogue.languages()]


@require_http_methods(["GET", "HEAD", "POST"])
@declare(access="login", scope="organisation", roles=READERS)
def topics(request: HttpRequest) -> HttpResponse:
    """All topics with what they found; admins add and change them."""
    may_edit = request.user.role == "admin"
    chosen = Topic.objects.filter(pk=id_of(request.GET, "edit") or 0).first() if may_edit else None
    form = TopicForm(
        request.POST if request.method == "POST" and may_edit else None,
        languages=languages(),
        initial=initial_of(chosen) if chosen else None,
    )
    if form.is_bound and form.is_valid():
        done = _save(request, form, chosen)
        if done is not None:
            return done
    context: dict[str, Any] = {
        "topics": queries.listed(),
        "form": form if may_edit else None,
        "chosen": chosen,
        "jobs": Job.objects.filter(kind=service.JOB_KIND).order_by("-pk")[:JOBS_SHOWN],
        "may_edit": may_edit,
    }
    return page_or_part(request, "surveys/topics.html", context=context, status=invalid(not form.is_bound))


def _save(request: HttpRequest, form: TopicForm, chosen: Topic | None) -> HttpResponse | None:
    """The way back after a save, or None when the form says why it was refused."""
    try:
        topic, job = service.save_topic(
            topic=chosen,
            name=form.cleaned_data["name"],
            terms=form.terms(),
            by=request.user,
            now=timezone.now(),
        )
    except DomainError as error:
        refuse(form, error)
        return None
    said = "All answers are being looked through." if job else "No term was changed."
    messages.success(request, f"“{topic.name}” is saved. {said}")
    return redirect("surveys:topics")


@require_POST
@declare(access="login", scope="organisation", roles=("admin",))
def topic_switch(request: HttpRequest, pk: int) -> HttpResponse:
    """Retire a topic, or look for it again."""
    topic = Topic.objects.filter(pk=pk).first()
    if topic is None:
        raise Http404
    service.set_active(
        topic=topic, is_active=request.POST.get("act") == "resume", by=request.user, now=timezone.now()
    )
    messages.success(request, f"“{topic.name}” is {'looked for again' if topic.is_active else 'retired'}.")
    return redirect("surveys:topics")
