"""Settings: what can be set, the organisation, teams and one's own profile."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.choices import Grant, Role
from accounts.forms.fields import main_currencies
from accounts.forms.settings import OrganisationForm, TeamForm
from accounts.forms.users import ProfileForm
from accounts.permissions import may
from accounts.queries.jobs import job_counts, jobs_for
from accounts.queries.organisation import current
from accounts.queries.users import team_or_none, team_tree, user_counts
from accounts.services.organisation import change_organisation
from accounts.services.teams import remove_team, save_team
from accounts.services.users import change_profile
from config.web.access import declare
from config.web.errors import DomainError
from config.web.forms import refuse
from config.web.htmx import invalid, page_or_part

form_methods = require_http_methods(["GET", "HEAD", "POST"])


@require_safe
@declare(scope="self")
def settings(request: HttpRequest) -> HttpResponse:
    """Where everything is set, and the background work of this installation."""
    context = {
        "may_manage_users": may(request.user, Grant.MANAGE_USERS),
        "people": user_counts(),
        "job_counts": job_counts(request.user),
        "jobs": jobs_for(request.user).order_by("-created_at", "-pk")[:5],
    }
    return page_or_part(request, "accounts/settings.html", context=context)


@form_methods
@declare(scope="self")
def profile(request: HttpRequest) -> HttpResponse:
    """One's own name and zone."""
    user = request.user
    form = ProfileForm(request.POST or None, initial={"name": user.name, "time_zone": user.time_zone})
    if request.method == "POST" and form.is_valid():
        change_profile(user=user, now=request.now, **form.cleaned_data)
        messages.success(request, "Profile saved.")
        return redirect("accounts:profile")
    return page_or_part(
        request, "accounts/profile.html", context={"form": form}, status=invalid(not form.errors)
    )


@form_methods
@declare(scope="organisation", roles=[Role.ADMIN])
def organisation(request: HttpRequest) -> HttpResponse:
    """Name, zone, reporting currency and how far CSMs read."""
    row = current()
    initial = {name: getattr(row, name) for name in OrganisationForm.base_fields}
    form = OrganisationForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        change_organisation(by=request.user, now=request.now, **form.cleaned_data)
        messages.success(request, "Organisation saved.")
        return redirect("accounts:organisation")
    context = {"form": form, "currencies": main_currencies()}
    return page_or_part(
        request, "accounts/organisation.html", context=context, status=invalid(not form.errors)
    )


@form_methods
@declare(scope="organisation", roles=[Role.ADMIN])
def teams(request: HttpRequest) -> HttpResponse:
    """The tree of teams, with a form to add one."""
    form = TeamForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            team = save_team(team=None, by=request.user, now=request.now, **form.cleaned_data)
        except DomainError as error:
            refuse(form, error)
        else:
            messages.success(request, f"Team {team} added.")
            return redirect("accounts:teams")
    context = {"form": form, "rows": team_tree()}
    return page_or_part(request, "accounts/teams.html", context=context, status=invalid(not form.errors))


@form_methods
@declare(scope="organisation", roles=[Role.ADMIN])
def team(request: HttpRequest, pk: int) -> HttpResponse:
    """Name and place of one team."""
    row = team_or_none(pk)
    if row is None:
        raise Http404
    form = TeamForm(request.POST or None, team=row)
    if request.method == "POST" and form.is_valid():
        try:
            save_team(team=row, by=request.user, now=request.now, **form.cleaned_data)
        except DomainError as error:
            refuse(form, error)
        else:
            messages.success(request, "Team saved.")
            return redirect("accounts:teams")
    context = {"form": form, "team": row}
    return page_or_part(request, "accounts/team.html", context=context, status=invalid(not form.errors))


@require_POST
@declare(scope="organisation", roles=[Role.ADMIN])
def delete_team(request: HttpRequest, pk: int) -> HttpResponse:
    """Remove a team nobody belongs to."""
    row = team_or_none(pk)
    if row is None:
        raise Http404
    try:
        remove_team(team=row, by=request.user, now=request.now)
    except DomainError as error:
        messages.error(request, str(error))
        return redirect("accounts:team", pk)
    messages.success(request, f"Team {row.name} removed.")
    return redirect("accounts:teams")
