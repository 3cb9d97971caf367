"""What is known of one person, for a request of access."""

from django.http import Http404, HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from config.web.access import declare
from customers.models import Contact
from surveys.services.subject_export import subject_export as known_of


@require_safe
@declare(access="login", scope="customer", roles=("admin",))
def subject_export(request: HttpRequest, pk: int) -> JsonResponse:
    """Everything about a contact as one JSON file; the log notes who asked for it."""
    contact = Contact.objects.visible_to(request.user).select_related("customer").filter(pk=pk).first()
    if contact is None or contact.erased_at is not None:
        raise Http404
    found = known_of(contact=contact, by=request.user, now=timezone.now())
    name = f'attachment; filename="person-{contact.pk}.json"'
    return JsonResponse(
        found, json_dumps_params={"indent": 2, "ensure_ascii": False}, headers={"Content-Disposition": name}
    )
