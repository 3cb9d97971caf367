"""What a CSM writes down about a contact with the customer."""

from typing import Any

from django import forms

from customers.choices import Direction, TouchpointKind
from customers.models import Contact, Customer


class TouchpointForm(forms.Form):
    """One form for calls, meetings, mails and notes. The moment is in the reader's zone."""

    once = forms.UUIDField(widget=forms.HiddenInput)
    kind = forms.ChoiceField(choices=TouchpointKind.choices, initial=TouchpointKind.CALL)
    direction = forms.ChoiceField(
        choices=[("out", "We reached out"), ("in", "They reached out"), ("internal", "Internal")],
        initial=Direction.OUT,
    )
    occurred_at = forms.DateTimeField(
        label="When",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"],
        error_messages={"invalid": "Choose a day and a time."},
    )
    contact = forms.ModelChoiceField(
        queryset=Contact.objects.none(), required=False, empty_label="Nobody in particular"
    )
    subject = forms.CharField(max_length=200, widget=forms.TextInput(attrs={"autofocus": True}))
    body = forms.CharField(
        label="Notes", required=False, max_length=20_000, widget=forms.Textarea(attrs={"rows": 6})
    )
    is_meaningful = forms.BooleanField(
        label="A real exchange",
        help_text="Counts as the last touch. Take the tick off for reminders and internal notes.",
        required=False,
        initial=True,
    )

    def __init__(self, *args: Any, customer: Customer, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["contact"].queryset = customer.contacts.filter(erased_at=None).order_by("name", "pk")
