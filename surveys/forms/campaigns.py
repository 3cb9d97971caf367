"""Drafting a campaign. Empty filters mean everybody, empty words mean the standard ones."""

from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms

from customers.choices import Phase
from surveys.choices import Nature, OnThrottle, SenderMode, SurveyKind, TriggerEvent
from surveys.forms.campaign_fields import (
    ANY,
    AUDIENCE,
    FIRST,
    MANNER,
    OWN,
    POLICY,
    SCHEDULE,
    TRIGGER,
    WEEK,
    WINDOWS,
    WORDS,
)
from surveys.formulas.planning import ROLES, STANDARD_QUOTA
from surveys.formulas.windows import EVERY_DAY, utc_of_local
from surveys.models import Campaign, CampaignText
from surveys.services.drafts import Plan
from surveys.services.standard_words import TEXT_FIELDS, standard_words
from surveys.words import catalogue

FILTERS = ("plan", "phase", "tier", "segment", "region", "csm", "role")
FILTER_LABELS = {"csm": "CSM", "role": "Role of the contact"}
OWN_WORDS = ("question", "intro", "prompt_negative", "prompt_neutral", "prompt_positive")
EASE = (SurveyKind.CES5, SurveyKind.CES7)


def role_field(role: str) -> str:
    """Form field of a role's quota."""
    return f"most_{role.replace(' ', '_')}"


class WindowFields(forms.Form):
    """Days and hours in which mails leave, the hourly cap, the last day; shared by drafting and adjusting."""

    window = forms.ChoiceField(
        label="Hours", choices=WINDOWS, help_text="Always on the clock of the contact’s own time zone."
    )
    send_days = forms.TypedMultipleChoiceField(
        label="Days", coerce=int, choices=WEEK, required=False, widget=forms.CheckboxSelectMultiple
    )
    send_from = forms.TimeField(
        label="From", required=False, widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
    )
    send_until = forms.TimeField(
        label="Until", required=False, widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
    )
    cap_per_hour = forms.IntegerField(
        label="At most so many mails an hour",
        required=False,
        min_value=1,
        help_text="Empty: as the rules say.",
    )
    ends_on = forms.DateField(
        label="Last day",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text="Empty: 30 days after the start, a year when it repeats or waits for events.",
    )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if data.get("window") == OWN:
            for name in ("send_days", "send_from", "send_until"):
                if data.get(name) in (None, []):
                    self.add_error(name, "Own hours need this.")
            first, last = data.get("send_from"), data.get("send_until")
            if first is not None and last is not None and last != time() and first >= last:
                self.add_error("send_until", "The end must be later than the beginning.")
        return data

    def hours(self) -> dict[str, Any]:
        """Columns of the campaign: None follows the rules."""
        data = self.cleaned_data
        if data["window"] == ANY:
            return {"send_days": list(EVERY_DAY), "send_from": time(), "send_until": time()}
        if data["window"] == OWN:
            return {name: data[name] for name in ("send_days", "send_from", "send_until")}
        return {"send_days": None, "send_from": None, "send_until": None}

    def end(self, zone: ZoneInfo) -> datetime | None:
        """The last day ends at its local midnight."""
        day = self.cleaned_data["ends_on"]
        return utc_of_local(day + timedelta(days=1), time(), zone) if day else None


class CampaignForm(WindowFields):
    """Kind, words, audience and schedule of a draft. Name and kind are enough; the rest has a good standard."""

    name = forms.CharField(max_length=120, widget=forms.TextInput(attrs={"autocomplete": "off"}))
    kind = forms.ChoiceField(
        choices=[(kind.value, kind.label) for kind in SurveyKind],
        widget=forms.RadioSelect,
        initial="nps",
        help_text="NPS: would they recommend you. CSAT: how satisfied they are. CES: how easy something was.",
    )
    subject_of_csat = forms.CharField(
        label="Satisfied with what", max_length=80, required=False, help_text="For CSAT. Empty: your company."
    )
    ease_of = forms.ChoiceField(
        label="Easy to do what",
        required=False,
        choices=[("", "to handle an issue"), *[(one.value, f"to complete: {one.label}") for one in Phase]],
        help_text="For CES. Each phase is a series of its own.",
    )
    nature = forms.ChoiceField(
        label="About",
        choices=[(Nature.RELATIONSHIP, "the relationship as a whole"), (Nature.TRANSACTIONAL, "one event")],
        help_text="A relationship NPS is asked again after 90 days at the earliest.",
    )
    default_language = forms.ChoiceField(
        label="First language",
        required=False,
        choices=[(code, catalogue.words(code).name) for code in catalogue.languages()],
        help_text="Whoever reads none of the campaign’s languages gets this one. Add others on the draft.",
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
    prompt_negative = forms.CharField(label="Then ask the unhappy", required=False, max_length=200)
    prompt_neutral = forms.CharField(label="Then ask those in between", required=False, max_length=200)
    prompt_positive = forms.CharField(label="Then ask the happy", required=False, max_length=200)
    age_from = forms.IntegerField(
        label="Customer for at least", required=False, min_value=1, help_text="days"
    )
    age_to = forms.IntegerField(label="Customer for at most", required=False, min_value=1, help_text="days")
    asks_escalated = forms.BooleanField(label="Ask customers in escalation too", required=False)
    is_sampled = forms.BooleanField(label="Ask a sample only", required=False)
    per_customer = forms.IntegerField(
        label="At most per customer", required=False, min_value=1, help_text="Empty: no limit but the rules’."
    )
    starts_at = forms.DateTimeField(
        label="Start",
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        help_text="Empty: at once after launch.",
    )
    cadence_days = forms.IntegerField(
        label="Ask again every", required=False, min_value=1, max_value=365, help_text="days; empty: once"
    )
    drip_days = forms.IntegerField(
        label="Spread over",
        required=False,
        min_value=1,
        max_value=90,
        help_text="sending days; empty: at once",
    )
    on_throttle = forms.ChoiceField(
        label="When somebody was asked too recently",
        required=False,
        choices=[("", "As usual for the kind of event"), *OnThrottle.choices[::-1]],
    )
    reminders = forms.TypedChoiceField(
        required=False,
        coerce=int,
        empty_value=0,
        choices=[(0, "none"), (1, "one after 5 days"), (2, "two, 5 days apart")],
    )
    trigger_event = forms.ChoiceField(
        label="Ask when",
        required=False,
        choices=[("", "everybody of the audience, at the start"), *TriggerEvent.choices],
    )
    trigger_phase = forms.ChoiceField(
        label="Phase that ended", required=False, choices=[("", "any"), *Phase.choices]
    )
    trigger_days = forms.IntegerField(label="Days after go-live", required=False, min_value=1, max_value=3650)
    trigger_from = forms.IntegerField(
        label="Days before the renewal, from", required=False, min_value=1, max_value=365
    )
    trigger_to = forms.IntegerField(label="to", required=False, min_value=0, max_value=364)
    trigger_usage = forms.CharField(label="Name of the usage event", required=False, max_length=200)
    trigger_delay_hours = forms.IntegerField(label="Wait so many hours after it", required=False, min_value=0)
    sender_mode = forms.ChoiceField(label="Mails come from", required=False, choices=SenderMode.choices)
    is_anonymous = forms.BooleanField(
        label="Anonymous: nobody can see who said what", required=False,
        help_text="Cannot be changed after launch. No cases, no names, no changes of an answer.",
    )  # fmt: skip

    def __init__(self, *args: Any, options: Mapping[str, Sequence[tuple[str, str]]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in FILTERS:
            self.fields[name] = forms.MultipleChoiceField(
                label=FILTER_LABELS.get(name, name.capitalize()),
                choices=list(options.get(name, [])),
                required=False,
                widget=forms.CheckboxSelectMultiple,
            )
        for role in ROLES:
            self.fields[role_field(role)] = forms.IntegerField(
                label=f"{role.capitalize()}s per customer", required=False, min_value=0,
                help_text=f"Empty: {STANDARD_QUOTA} when sampling.",
            )  # fmt: skip

    @property
    def filter_fields(self) -> list[forms.BoundField]:
        """The audience filters that have something to choose from."""
        return [self[name] for name in FILTERS if self.fields[name].choices]

    @property
    def first_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in FIRST]

    @property
    def more(self) -> list[tuple[str, str, list[forms.BoundField], bool]]:
        """(title, what it is for, fields, open): everything that has a good standard."""
        groups = (
            ("Words", "Other words than the standard ones", WORDS),
            ("Sample", "Age of the customer, escalations, quotas", (*AUDIENCE, *map(role_field, ROLES))),
            ("Schedule", "Start, waves, hours, reminders", SCHEDULE),
            ("After an event", "Ask one by one, as things happen", TRIGGER),
            ("Sender and manner", "In whose name, anonymous or not", MANNER),
        )
        return [
            (title, hint, [self[name] for name in names], any(name in self.errors for name in names))
            for title, hint, names in groups
        ]

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        event = data.get("trigger_event")
        if event and (data.get("cadence_days") or data.get("drip_days")):
            self.add_error("trigger_event", "An event comes when it comes: nothing to repeat or to spread.")
        needed = {TriggerEvent.AFTER_GO_LIVE: "trigger_days", TriggerEvent.USAGE_EVENT: "trigger_usage"}
        if event in needed and not data.get(needed[event]):
            self.add_error(needed[event], "This event needs it.")
        first, last = data.get("trigger_from"), data.get("trigger_to")
        if event == TriggerEvent.BEFORE_RENEWAL and first and last is not None and first <= last:
            self.add_error("trigger_to", "The range runs backwards: 120 to 90 days before.")
        youngest, oldest = data.get("age_from"), data.get("age_to")
        if youngest and oldest and youngest > oldest:
            self.add_error("age_to", "This is less than “at least”.")
        return data

    def audience(self) -> dict[str, Any]:
        """The rule as it is stored: only filters in use; CSMs by id."""
        names = (*FILTERS, "age_from", "age_to")
        chosen = {name: self.cleaned_data[name] for name in names if self.cleaned_data.get(name)}
        if "csm" in chosen:
            chosen["csm"] = [int(pk) for pk in chosen["csm"]]
        return chosen

    def quotas(self) -> dict[str, int]:
        """Contacts per role when only a sample is asked."""
        data = self.cleaned_data
        if not data.get("is_sampled"):
            return {}
        wanted = {role: data.get(role_field(role)) for role in ROLES}
        return {role: STANDARD_QUOTA if most is None else most for role, most in wanted.items()}

    def plan(self, zone: ZoneInfo) -> Plan:
        """What the service needs."""
        data = self.cleaned_data
        return Plan(
            name=data["name"],
            kind=data["kind"],
            nature=data["nature"],
            audience=self.audience(),
            about=data["ease_of"] if data["kind"] in EASE else data["subject_of_csat"],
            words={name: data[name] for name in OWN_WORDS},
            default_language=data["default_language"] or catalogue.DEFAULT,
            on_throttle=data["on_throttle"],
            reminders=data["reminders"],
            starts_at=data["starts_at"].replace(tzinfo=zone) if data["starts_at"] else None,
            ends_at=self.end(zone),
            cap_per_hour=data["cap_per_hour"],
            cadence_days=data["cadence_days"] or 0,
            drip_days=data["drip_days"] or 0,
            per_customer=data["per_customer"] or 0,
            per_role=self.quotas(),
            trigger_event=data["trigger_event"],
            trigger_rule=self._rule(),
            trigger_delay_hours=data["trigger_delay_hours"] or 0,
            asks_escalated=data["asks_escalated"],
            sender_mode=data["sender_mode"] or SenderMode.COMPANY,
            is_anonymous=data["is_anonymous"],
            **self.hours(),
        )

    def _rule(self) -> dict[str, Any]:
        data = self.cleaned_data
        rules: dict[str, dict[str, Any]] = {
            TriggerEvent.PHASE_ENDED: {"phase": data["trigger_phase"]},
            TriggerEvent.AFTER_GO_LIVE: {"days": data["trigger_days"]},
            TriggerEvent.BEFORE_RENEWAL: {"from_days": data["trigger_from"], "to_days": data["trigger_to"]},
            TriggerEvent.USAGE_EVENT: {"event": data["trigger_usage"]},
        }
        found = rules.get(data["trigger_event"], {})
        return {name: value for name, value in found.items() if value not in (None, "")}


def window_initial(campaign: Campaign, zone: ZoneInfo) -> dict[str, Any]:
    """The window of a campaign as its form shows it."""
    own = {
        "send_days": campaign.send_days,
        "send_from": campaign.send_from,
        "send_until": campaign.send_until,
    }
    window = POLICY
    if campaign.send_days is not None:
        any_time = (campaign.send_days, campaign.send_from, campaign.send_until) == (
            list(EVERY_DAY), time(), time(),
        )  # fmt: skip
        window = ANY if any_time else OWN
    last = (campaign.ends_at - timedelta(minutes=1)).astimezone(zone).date() if campaign.ends_at else None
    shown = own if window == OWN else {}
    return {"window": window, "cap_per_hour": campaign.cap_per_hour, "ends_on": last, **shown}


def own_words(text: CampaignText) -> dict[str, str]:
    """Words that are not the standard ones; a form shows the others as empty, so that another kind brings its own."""
    version = text.version
    standard = standard_words(
        version.kind, language=text.language, company=version.company, about=version.about
    )
    words = {name: getattr(text, name) for name in TEXT_FIELDS}
    return {name: "" if word == standard[name] else word for name, word in words.items()}


def initial_of(campaign: Campaign, zone: ZoneInfo) -> dict[str, Any]:
    """The form's values for an existing draft."""
    version = campaign.current
    text = version.texts.select_related("version").get(language=version.default_language)
    rule, event = version.audience, version.trigger_rule
    is_ease = version.kind in EASE
    return {
        **window_initial(campaign, zone),
        "name": campaign.name,
        "kind": version.kind,
        "nature": version.nature,
        "subject_of_csat": "" if is_ease else version.about,
        "ease_of": version.about if is_ease else "",
        "default_language": version.default_language,
        **own_words(text),
        "starts_at": campaign.starts_at.astimezone(zone) if campaign.starts_at else None,
        "cadence_days": version.cadence_days or None,
        "drip_days": version.drip_days or None,
        "on_throttle": version.on_throttle,
        "reminders": version.reminders,
        "per_customer": version.per_customer or None,
        "is_sampled": bool(version.per_role),
        **{role_field(role): most for role, most in version.per_role.items()},
        "asks_escalated": version.asks_escalated,
        "age_from": rule.get("age_from"),
        "age_to": rule.get("age_to"),
        "trigger_event": version.trigger_event,
        "trigger_phase": event.get("phase", ""),
        "trigger_days": event.get("days"),
        "trigger_from": event.get("from_days"),
        "trigger_to": event.get("to_days"),
        "trigger_usage": event.get("event", ""),
        "trigger_delay_hours": version.trigger_delay_hours or None,
        "sender_mode": version.sender_mode,
        "is_anonymous": version.is_anonymous,
        **{name: [str(value) for value in rule.get(name, [])] for name in FILTERS},
    }
