"""Filters of the portfolio as they stand in a URL, and what can be done to a selection."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.http import QueryDict

from accounts.models import User
from customers.choices import FollowUpPriority, Phase
from customers.queries.portfolio import FLAGS, TONES, VIEWS, Filters
from customers.queries.portfolio_sorts import SORT_KEYS, SORTS

MOST_CHOSEN = 30  # values of one filter; a longer list is not typed by anybody
MOST_SELECTED = 500  # customers in one bulk action; more would not answer within a request
LONGEST_VALUE = 100
ID_DIGITS = 18
RENEWAL_WINDOWS = [
    ("", "Any time"),
    ("30", "Within 30 days"),
    ("60", "Within 60 days"),
    ("90", "Within 90 days"),
    ("180", "Within 180 days"),
    ("passed", "Date has passed"),
    ("none", "No date"),
]


class PortfolioFilterForm(forms.Form):
    """Reads filters from a URL. What it cannot read is left out and named in `refused`, never an error page."""

    view = forms.ChoiceField(choices=[(view, view) for view in VIEWS], required=False)
    q = forms.CharField(label="Text", max_length=100, required=False)
    band = forms.MultipleChoiceField(choices=[(tone, tone) for tone in TONES], required=False)
    flag = forms.MultipleChoiceField(choices=[(flag, flag) for flag in FLAGS], required=False)
    phase = forms.MultipleChoiceField(choices=Phase.choices, required=False)
    mrr_from = forms.DecimalField(
        label="MRR from", min_value=0, max_digits=14, decimal_places=2, required=False
    )
    mrr_to = forms.DecimalField(label="MRR to", min_value=0, max_digits=14, decimal_places=2, required=False)
    renewal = forms.ChoiceField(choices=RENEWAL_WINDOWS, required=False)

    def filters(self, default_view: str) -> Filters:
        """The filters that could be read; `default_view` where the URL names none."""
        self.is_valid()
        clean = self.cleaned_data
        return Filters(
            view=clean.get("view") or default_view,
            text=clean.get("q", ""),
            tones=tuple(clean.get("band", ())),
            words=_texts(self.data, "word"),
            flags=tuple(clean.get("flag", ())),
            phases=tuple(clean.get("phase", ())),
            tiers=_texts(self.data, "tier"),
            owner_ids=_ids(self.data, "owner"),
            mrr_from=clean.get("mrr_from"),
            mrr_to=clean.get("mrr_to"),
            renewal=clean.get("renewal", ""),
            sort=sort_keys(self.data.get("sort", "")),
        )

    @property
    def refused(self) -> list[str]:
        """What was left out, with the reason."""
        return [
            f"{self.fields[name].label or name.capitalize()} is left out: {errors[0]}"
            for name, errors in self.errors.items()
        ]


def sort_keys(text: str) -> tuple[str, ...]:
    """Up to three known keys of "-mrr,renewal"; each counts once."""
    keys: list[str] = []
    for key in text.split(",")[: 2 * SORT_KEYS]:
        known = key.removeprefix("-") in SORTS
        if known and key.lstrip("-") not in [other.lstrip("-") for other in keys]:
            keys.append(key)
    return tuple(keys[:SORT_KEYS])


def query_of(filters: Filters, *, size: int = 0, page: int = 0, **changed: Any) -> str:
    """The shortest query string that gives these filters again; `changed` replaces single parameters."""
    values: dict[str, Any] = {
        "view": filters.view,
        "q": filters.text,
        "band": filters.tones,
        "word": filters.words,
        "flag": filters.flags,
        "phase": filters.phases,
        "tier": filters.tiers,
        "owner": filters.owner_ids,
        "mrr_from": filters.mrr_from,
        "mrr_to": filters.mrr_to,
        "renewal": filters.renewal,
        "sort": ",".join(filters.sort),
        "size": size,
        "page": page if page > 1 else 0,
    } | changed
    kept = {
        key: value
        for key, value in values.items()
        if value is not None and value != 0 and value not in ("", ())
    }
    return urlencode(kept, doseq=True)


class SavedViewForm(forms.Form):
    """A name for the filters of the page."""

    name = forms.CharField(max_length=60)
    query = forms.CharField(max_length=1000, required=False)


class SelectionForm(forms.Form):
    """Customers ticked in the portfolio, and what to do with them."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.selected = _ids(self.data, "sel", most=MOST_SELECTED)


class BulkFollowUpForm(SelectionForm):
    """The same follow-up for every selected customer, owned by its CSM."""

    title = forms.CharField(max_length=200)
    due_on = forms.DateField(label="Due", widget=forms.DateInput(attrs={"type": "date"}))
    priority = forms.ChoiceField(choices=FollowUpPriority.choices, initial=FollowUpPriority.NORMAL)


class BulkPhaseForm(SelectionForm):
    """Another phase for every selected customer, from a day on."""

    phase = forms.ChoiceField(choices=Phase.choices)
    from_on = forms.DateField(label="From", widget=forms.DateInput(attrs={"type": "date"}))


class BulkAssignForm(SelectionForm):
    """Another primary CSM for every selected customer, from a day on."""

    owner = forms.ModelChoiceField(label="CSM", queryset=User.objects.none())
    from_on = forms.DateField(label="From", widget=forms.DateInput(attrs={"type": "date"}))

    def __init__(self, *args: Any, people: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["owner"].queryset = people


def _texts(data: Any, name: str) -> tuple[str, ...]:
    values = [value for value in _all(data, name) if value.isprintable() and len(value) <= LONGEST_VALUE]
    return tuple(dict.fromkeys(value for value in values if value))[:MOST_CHOSEN]


def _ids(data: Any, name: str, most: int = MOST_CHOSEN) -> tuple[int, ...]:
    values = [value for value in _all(data, name) if value.isascii() and value.isdigit()]
    return tuple(dict.fromkeys(int(value) for value in values if len(value) <= ID_DIGITS))[:most]


def _all(data: Any, name: str) -> Sequence[str]:
    return data.getlist(name) if isinstance(data, QueryDict) else ()
