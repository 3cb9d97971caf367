"""Forms about the organisation, its teams and its log."""

from django import forms

from accounts.choices import ReadScope
from accounts.forms.fields import CurrencyField, TimeZoneField
from accounts.models import Team


class OrganisationForm(forms.Form):
    name = forms.CharField(label="Name", max_length=80, help_text="Shown beside the mark and in mails.")
    time_zone = TimeZoneField(
        label="Time zone", help_text="Days and months of all numbers begin at its midnight."
    )
    currency = CurrencyField(
        label="Reporting currency",
        help_text="Totals are shown in it. Amounts in other currencies use the rate of the day.",
        widget=forms.TextInput(attrs={"list": "currencies", "autocomplete": "off", "class": "in"}),
    )
    csm_read_scope = forms.ChoiceField(
        label="CSMs read",
        choices=ReadScope,
        widget=forms.RadioSelect,
        help_text="They write in their own book only, whatever they read. Default: own book.",
    )


class TeamForm(forms.Form):
    name = forms.CharField(label="Name", max_length=80)
    parent = forms.ModelChoiceField(
        label="Below", queryset=Team.objects.none(), required=False, empty_label="Nobody: a top team"
    )

    def __init__(self, *args: object, team: Team | None = None, **options: object) -> None:
        if team is not None:
            options["initial"] = {"name": team.name, "parent": team.parent_id}
        super().__init__(*args, **options)
        others = Team.objects.order_by("name")
        self.fields["parent"].queryset = others.exclude(pk=team.pk) if team else others


class AuditFilterForm(forms.Form):
    KINDS = (
        ("", "Everything"),
        ("sign_in", "Sign-in"),
        ("user", "Users"),
        ("team", "Teams"),
        ("organisation", "Organisation"),
        ("customer", "Customers"),
        ("subscription", "Subscriptions"),
        ("scorecard", "Scorecards"),
        ("campaign", "Campaigns"),
        ("import", "Imports"),
        ("job", "Jobs"),
    )

    q = forms.CharField(required=False, max_length=100)
    kind = forms.ChoiceField(required=False, choices=KINDS)
    since = forms.DateField(required=False)
    until = forms.DateField(required=False)
