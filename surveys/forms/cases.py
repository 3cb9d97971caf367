"""What a person writes down while working on a case."""

from collections.abc import Sequence
from typing import Any

from django import forms

from accounts.models import User
from customers.choices import TouchpointKind
from surveys.choices import CaseOutcome

MAX_NOTE = 1900  # characters; the outcome stands before it in the history


def note_field(label: str, *, required: bool = False) -> forms.CharField:
    return forms.CharField(
        label=label, required=required, max_length=MAX_NOTE, widget=forms.Textarea(attrs={"rows": 4})
    )


class ContactForm(forms.Form):
    """The first contact. The moment is in the reader's zone."""

    kind = forms.ChoiceField(
        label="How",
        choices=[choice for choice in TouchpointKind.choices if choice[0] != TouchpointKind.NOTE],
        initial=TouchpointKind.CALL,
    )
    occurred_at = forms.DateTimeField(
        label="When",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"],
        error_messages={"invalid": "Choose a day and a time."},
    )
    note = note_field("What was said")


class WaitForm(forms.Form):
    """Why the clock stops."""

    note = note_field("What the customer owes us")


class NoteForm(forms.Form):
    """Words for the history."""

    note = note_field("Note", required=True)


class CloseForm(forms.Form):
    """What came of the case."""

    outcome = forms.ChoiceField(choices=CaseOutcome.choices, widget=forms.RadioSelect)
    note = note_field("What came of it", required=True)


class ReassignForm(forms.Form):
    """Another person for the case."""

    to = forms.TypedChoiceField(label="To", coerce=int)
    note = note_field("Why")

    def __init__(self, *args: Any, people: Sequence[User], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.people = {person.pk: person for person in people}
        self.fields["to"].choices = [(person.pk, person.name) for person in people]

    def clean_to(self) -> User:
        return self.people[self.cleaned_data["to"]]
