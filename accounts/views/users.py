"""People who log in: list, invitation, rights, leaving."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.forms.users import AcceptForm, InviteForm, PeopleFilterForm, UserForm
from accounts.models import User
from accounts.queries.users import people, user_counts, user_or_none
from accounts.services import users as services
from config.web.access import declare
from config.web.errors import DomainError
from config.web.forms import refuse
from config.web.htmx import invalid, page_or_part
from config.web.tables import Column, Table

MANAGE = "manage_users"
PEOPLE = Table(
    columns=[
        Column("name", "Name", "name"),
        Column("role", "Role", "role"),
        Column("team", "Team", "team__name", "p1"),
        Column("reads", "Rights", "", "p2"),
        Column("seen", "Last sign-in", "last_login", "num", down_first=True),
    ],
    default="name",
)
form_methods = require_http_methods(["GET", "HEAD", "POST"])


@require_safe
@declare(scope="organisation", grant=MANAGE)
def users(request: HttpRequest) -> HttpResponse:
    """Everybody with a login; filter by name, role, and who has left."""
    return _list(request, InviteForm(by=request.user))


@require_POST
@declare(scope="organisation", grant=MANAGE)
def invite_user(request: HttpRequest) -> HttpResponse:
    """Create a person and mail the invitation."""
    form = InviteForm(request.POST, by=request.user)
    if form.is_valid():
        try:
            person = services.invite(by=request.user, now=request.now, **form.cleaned_data)
        except DomainError as error:
            refuse(form, error)
        else:
            messages.success(request, f"Invitation mailed to {person.email}.")
            return redirect("accounts:users")
    return _list(request, form)


@form_methods
@declare(scope="organisation", grant=MANAGE)
def user(request: HttpRequest, pk: int) -> HttpResponse:
    """Role, team and rights of one person."""
    person = _person(pk)
    form = UserForm(request.POST or None, by=request.user, person=person)
    if request.method == "POST" and form.is_valid():
        try:
            services.change_user(user=person, by=request.user, now=request.now, **form.cleaned_data)
        except DomainError as error:
            refuse(form, error)
        else:
            messages.success(request, f"{form.cleaned_data['name']} saved. It counts from the next click on.")
            return redirect("accounts:users")
    context = {"form": form, "person": person}
    return page_or_part(request, "accounts/user.html", context=context, status=invalid(not form.errors))


@require_POST
@declare(scope="organisation", grant=MANAGE)
def deactivate_user(request: HttpRequest, pk: int) -> HttpResponse:
    """End a person's access at once."""
    return _act(
        request, pk, services.deactivate, "{} has no access any more. The book stays until it is handed over."
    )


@require_POST
@declare(scope="organisation", grant=MANAGE)
def reactivate_user(request: HttpRequest, pk: int) -> HttpResponse:
    """Give access back."""
    return _act(request, pk, services.reactivate, "{} has access again.")


@require_POST
@declare(scope="organisation", grant=MANAGE)
def invite_user_again(request: HttpRequest, pk: int) -> HttpResponse:
    """Mail a fresh invitation."""
    return _act(request, pk, services.invite_again, "A new invitation is on its way to {}.")


@form_methods
@declare(access="public", scope="token")
def accept_invite(request: HttpRequest, secret: str) -> HttpResponse:
    """Set a name and a password with a mailed link."""
    try:
        link = services.open_invitation(secret=secret, now=request.now)
    except DomainError as error:
        return _token_page(
            page_or_part(request, "accounts/accept_invite.html", context={"error": error}, status=410)
        )
    form = AcceptForm(request.POST or None, initial={"name": link.user.name})
    if request.method == "POST" and form.is_valid():
        try:
            services.accept(secret=secret, now=request.now, **form.cleaned_data)
        except DomainError as error:
            refuse(form, error)
        else:
            messages.success(request, "You are in. Sign in with the password you just set.")
            return _token_page(redirect("account_login"))
    context = {"form": form, "person": link.user}
    return _token_page(
        page_or_part(request, "accounts/accept_invite.html", context=context, status=invalid(not form.errors))
    )


def _list(request: HttpRequest, form: InviteForm) -> HttpResponse:
    filters = PeopleFilterForm(request.GET)
    chosen = filters.cleaned_data if filters.is_valid() else {}
    rows = people(find=chosen.get("q", ""), role=chosen.get("role", ""), left=chosen.get("left", False))
    context = {
        "form": form,
        "filters": filters,
        "chosen": chosen,
        "page": PEOPLE.page(rows, request.GET),
        "counts": user_counts(),
    }
    return page_or_part(
        request, "accounts/users.html", parts=["user_rows"], context=context, status=invalid(not form.errors)
    )


def _act(request: HttpRequest, pk: int, service: object, done: str) -> HttpResponse:
    person = _person(pk)
    try:
        service(user=person, by=request.user, now=request.now)
    except DomainError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, done.format(person.name))
    return redirect("accounts:user", pk)


def _person(pk: int) -> User:
    person = user_or_none(pk)
    if person is None:
        raise Http404
    return person


def _token_page(response: HttpResponse) -> HttpResponse:
    """A page with a secret in its address sends no referrer."""
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
