"""Follow-ups: new ones, and what happens to open ones."""

from typing import Any

from django import forms

from accounts.models import User
from customers.choices import FollowUpKind, FollowUpPriority


def date_input() -> forms.DateInput:
    return forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


class FollowUpForm(forms.Form):
    """A follow-up for one customer."""

    once = forms.UUIDField(widget=forms.HiddenInput)
    title = forms.CharField(label="What", max_length=200, widget=forms.TextInput(attrs={"autofocus": True}))
    due_on = forms.DateField(label="Due", widget=date_input())
    owner = forms.ModelChoiceField(queryset=User.objects.none(), required=False, empty_label="Nobody yet")
    kind = forms.ChoiceField(choices=FollowUpKind.choices, initial=FollowUpKind.TODO)
    priority = forms.ChoiceField(choices=FollowUpPriority.choices, initial=FollowUpPriority.NORMAL)
    note = forms.CharField(required=False, max_length=5_000, widget=forms.Textarea(attrs={"rows": 4}))

    def __init__(self, *args: Any, people: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["owner"].queryset = people


class OutcomeForm(forms.Form):
    """How a follow-up ended."""

    outcome = forms.CharField(required=False, max_length=300)


class FollowUpChangeForm(forms.Form):
    """Another day or another owner for an open follow-up."""

    due_on = forms.DateField(label="Due", widget=date_input())
    owner = forms.ModelChoiceField(queryset=User.objects.none(), required=False, empty_label="Nobody yet")

    def __init__(self, *args: Any, people: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["owner"].queryset = people
