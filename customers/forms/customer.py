"""Edits of a customer: phase, CSM, fields."""

from decimal import Decimal
from typing import Any

from django import forms

from accounts.models import User
from customers.choices import Attribute, CustomFieldType, Phase
from customers.forms.follow_ups import date_input
from customers.models import Customer, CustomField


class PhaseForm(forms.Form):
    """The phase of a customer from a day on."""

    phase = forms.ChoiceField(choices=Phase.choices)
    from_on = forms.DateField(label="From", widget=date_input())


class AssignForm(forms.Form):
    """The primary CSM of a customer from a day on."""

    owner = forms.ModelChoiceField(label="CSM", queryset=User.objects.none())
    from_on = forms.DateField(label="From", widget=date_input())

    def __init__(self, *args: Any, people: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["owner"].queryset = people


class CustomerFieldsForm(forms.Form):
    """What people may edit of a customer: fixed fields, dated attributes, and the organisation's own fields."""

    version = forms.IntegerField(widget=forms.HiddenInput, min_value=1)
    name = forms.CharField(max_length=200)
    domain = forms.CharField(max_length=253, required=False)
    industry = forms.CharField(max_length=100, required=False)
    country = forms.RegexField(
        r"^[A-Za-z]{2}$",
        required=False,
        help_text="Two letters, such as DE.",
        error_messages={"invalid": "Use the two letters of the country, such as DE."},
    )
    tier = forms.CharField(max_length=100, required=False)
    segment = forms.CharField(max_length=100, required=False)
    region = forms.CharField(max_length=100, required=False)

    DATED = (Attribute.TIER, Attribute.SEGMENT, Attribute.REGION)
    FIXED = ("name", "domain", "industry", "country")

    def __init__(self, *args: Any, customer: Customer, own_fields: list[CustomField], **kwargs: Any) -> None:
        initial = {name: getattr(customer, name) for name in ("version", *self.FIXED, *self.DATED)}
        initial |= {f"cf_{field.key}": customer.custom.get(field.key) for field in own_fields}
        super().__init__(*args, initial=initial | kwargs.pop("initial", {}), **kwargs)
        self.own = [field.key for field in own_fields]
        for field in own_fields:
            self.fields[f"cf_{field.key}"] = _own_field(field)

    def fixed_changes(self) -> dict[str, Any]:
        """Changed fields that keep no history of their own."""
        values = {name: self.cleaned_data[name] for name in self.FIXED if name in self.changed_data}
        return values | ({"country": values["country"].upper()} if "country" in values else {})

    def dated_changes(self) -> dict[str, str]:
        """Changed attributes that are kept by day."""
        return {str(key): self.cleaned_data[key] for key in self.DATED if key in self.changed_data}

    def own_changes(self) -> dict[str, Any]:
        """Changed values of the organisation's own fields, as JSON keeps them."""
        return {
            key: _stored(self.cleaned_data[f"cf_{key}"])
            for key in self.own
            if f"cf_{key}" in self.changed_data
        }


def _own_field(field: CustomField) -> forms.Field:
    label = f"{field.label}, {field.unit}" if field.unit else field.label
    if field.kind in (CustomFieldType.NUMBER, CustomFieldType.MONEY):
        return forms.DecimalField(label=label, required=False, max_digits=20, decimal_places=8)
    if field.kind == CustomFieldType.DATE:
        return forms.DateField(label=label, required=False, widget=date_input())
    if field.kind == CustomFieldType.BOOLEAN:
        return forms.NullBooleanField(label=label, required=False)
    if field.kind == CustomFieldType.CHOICE:
        choices = [("", "–"), *((option, option) for option in field.options)]
        return forms.ChoiceField(label=label, required=False, choices=choices)
    return forms.CharField(label=label, required=False, max_length=500)


def _stored(value: Any) -> Any:
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    return value.isoformat() if hasattr(value, "isoformat") else value
