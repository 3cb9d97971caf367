"""Drafting a campaign. Empty filters mean everybody, empty words mean the standard ones."""

from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms

from surveys.choices import Nature, OnThrottle, SurveyKind
from surveys.formulas.windows import EVERY_DAY
from surveys.models import Campaign
from surveys.services.drafts import Plan

FILTERS = ("plan", "phase", "tier", "segment", "region", "csm", "role")
FILTER_LABELS = {"csm": "CSM", "role": "Role of the contact"}
OFFERED_KINDS = [SurveyKind.NPS, SurveyKind.CSAT5, SurveyKind.CES7]
POLICY, ANY = "policy", "any"
WINDOWS = [
    (POLICY, "In the hours of the rules"),
    (ANY, "At any hour of any day"),
]


class CampaignForm(forms.Form):
    """Kind, words, audience and schedule of a draft."""

    name = forms.CharField(max_length=120, widget=forms.TextInput(attrs={"autocomplete": "off"}))
    kind = forms.ChoiceField(
        choices=[(kind.value, kind.label) for kind in OFFERED_KINDS], widget=forms.RadioSelect, initial="nps"
    )
    nature = forms.ChoiceField(
        label="About",
        choices=[(Nature.RELATIONSHIP, "the relationship as a whole"), (Nature.TRANSACTIONAL, "one event")],
        help_text="A relationship question is asked again after 90 days at the earliest.",
    )
    subject_of_csat = forms.CharField(
        label="Satisfied with what", max_length=80, required=False, help_text="For CSAT. Empty: your company."
    )
    question = forms.CharField(
        required=False,
        max_length=300,
        widget=forms.Textarea(attrs={"rows": 2, "placeholder": "The standard question of the kind"}),
        help_text="Empty: the standard question. Other words start a series of their own.",
    )
    intro = forms.CharField(
        label="First sentence of the mail",
        required=False,
        max_length=600,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="After “Hello Robin,”. Empty: the standard one.",
    )
    window = forms.ChoiceField(
        label="Send", choices=WINDOWS, help_text="Always on the clock of the contact’s own time zone."
    )
    ends_on = forms.DateField(
        label="Last day",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text="Empty: 30 days after launch.",
    )
    on_throttle = forms.ChoiceField(
        label="When somebody was asked too recently", choices=[OnThrottle.DEFER, OnThrottle.SKIP]
    )
    reminders = forms.BooleanField(label="One reminder after 5 days if nothing came back", required=False)

    def __init__(self, *args: Any, options: Mapping[str, Sequence[tuple[str, str]]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["on_throttle"].choices = OnThrottle.choices[::-1]
        for name in FILTERS:
            self.fields[name] = forms.MultipleChoiceField(
                label=FILTER_LABELS.get(name, name.capitalize()),
                choices=list(options.get(name, [])),
                required=False,
                widget=forms.CheckboxSelectMultiple,
            )

    @property
    def filter_fields(self) -> list[forms.BoundField]:
        """The audience filters that have something to choose from."""
        return [self[name] for name in FILTERS if self.fields[name].choices]

    def audience(self) -> dict[str, Any]:
        """The rule as it is stored: only filters in use; CSMs by id."""
        chosen = {name: self.cleaned_data[name] for name in FILTERS if self.cleaned_data.get(name)}
        if "csm" in chosen:
            chosen["csm"] = [int(pk) for pk in chosen["csm"]]
        return chosen

    def plan(self, zone: ZoneInfo) -> Plan:
        """What the service needs; the last day ends at its local midnight."""
        data = self.cleaned_data
        any_time = data["window"] == ANY
        ends_at = None
        if data["ends_on"]:
            ends_at = datetime.combine(data["ends_on"] + timedelta(days=1), time(), tzinfo=zone)
        return Plan(
            name=data["name"],
            kind=data["kind"],
            nature=data["nature"],
            audience=self.audience(),
            about=data["subject_of_csat"],
            words={name: data[name] for name in ("question", "intro") if data[name]},
            on_throttle=data["on_throttle"],
            reminders=int(data["reminders"]),
            ends_at=ends_at,
            send_days=list(EVERY_DAY) if any_time else None,
            send_from=time() if any_time else None,
            send_until=time() if any_time else None,
        )


def initial_of(campaign: Campaign, zone: ZoneInfo) -> dict[str, Any]:
    """The form's values for an existing draft."""
    version = campaign.current
    text = version.texts.get(language="en")
    rule = version.audience
    return {
        "name": campaign.name,
        "kind": version.kind,
        "nature": version.nature,
        "question": text.question,
        "intro": text.intro,
        "window": ANY if campaign.send_days is not None else POLICY,
        "ends_on": (campaign.ends_at - timedelta(days=1)).astimezone(zone).date()
        if campaign.ends_at
        else None,
        "on_throttle": version.on_throttle,
        "reminders": bool(version.reminders),
        **{name: [str(value) for value in rule.get(name, [])] for name in FILTERS},
    }


class LaunchForm(forms.Form):
    """The number of people, typed, when the audience is large."""

    typed_count = forms.IntegerField(required=False, min_value=0, label="Number of people")


class LiftForm(forms.Form):
    """Why an address may be asked again."""

    reason = forms.CharField(max_length=300)


class SuppressForm(forms.Form):
    """An address that must not be asked."""

    email = forms.CharField(label="Address", max_length=254)
