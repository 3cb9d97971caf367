"""What the URL of a metrics page asks for: which months, in which grain, whose customers, as of and known when."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, ClassVar
from urllib.parse import urlencode

from django import forms
from django.core.exceptions import ValidationError

from metrics.formulas.periods import Period, add_months, month_of, months_between, periods_between

GRAINS = (("month", "Months"), ("quarter", "Quarters"), ("year", "Years"))
COMPANY, BOOK = "company", "book"
RESTATED, REPORTED = "restated", "reported"
SHOWN = ((RESTATED, "As restated"), (REPORTED, "As reported"))
MONTHS_SHOWN = 12  # complete months before the running one
LONGEST = 60  # months; five years of columns are as many as a page can show
EARLIEST, LATEST = date(1990, 1, 1), date(2200, 1, 1)
ISO_MONTH = len("2026-03")
CLOCKS = ("as_of", "known")


@dataclass(frozen=True)
class Span:
    """Months `first` to `last`, both included, cut into periods of a grain, for a book or for the company.

    `as_of` is a past day after which nothing counts, `known` a past day at whose end facts were known; None is today.
    """

    first: date
    last: date
    grain: str = "month"
    whose: str = COMPANY
    as_of: date | None = None
    known: date | None = None
    shown: str = RESTATED
    fiscal_start: int = 1

    @property
    def periods(self) -> list[Period]:
        """Whole periods of the grain that touch the span, oldest first."""
        return list(periods_between(self.first, self.last, self.grain, fiscal_start=self.fiscal_start))

    def query(self, **changes: Any) -> str:
        """The URL state that shows this span again, with changes."""
        span = replace(self, **changes)
        state = {"from": f"{span.first:%Y-%m}", "to": f"{span.last:%Y-%m}", "grain": span.grain}
        days = {name: day.isoformat() for name in CLOCKS if (day := getattr(span, name))}
        kept = days | ({"shown": span.shown} if span.shown != RESTATED else {})
        return urlencode({**state, "whose": span.whose, **kept})


class MonthField(forms.CharField):
    """A month as 2026-03; gives its first day."""

    widget = forms.TextInput(attrs={"type": "month", "autocomplete": "off"})

    def clean(self, value: Any) -> date:
        text = str(super().clean(value)).strip()
        month = month_from(text)
        if month is None:
            raise ValidationError(f"“{text[:20]}” is not a month. Write it as 2026-03.")
        return month


class DayField(forms.DateField):
    """A day as 2026-03-31."""

    widget = forms.DateInput(attrs={"type": "date", "autocomplete": "off"}, format="%Y-%m-%d")
    default_error_messages: ClassVar = {"invalid": "This is not a day. Write it as 2026-03-31."}

    def __init__(self, **options: Any) -> None:
        super().__init__(input_formats=["%Y-%m-%d"], **options)

    def clean(self, value: Any) -> Any:
        day = super().clean(value)
        if day is not None and not EARLIEST < day < LATEST:
            raise ValidationError(self.error_messages["invalid"])
        return day


class SpanForm(forms.Form):
    """From, to, grain and whose. What the URL leaves out stands as usual; a wrong one does too, and says so."""

    def __init__(
        self, params: Mapping[str, Any], *, standing: Span, whose: list[tuple[str, str]], today: date
    ) -> None:
        filled = {
            "from": f"{standing.first:%Y-%m}",
            "to": f"{standing.last:%Y-%m}",
            "grain": standing.grain,
            "whose": standing.whose,
        }
        names = (*filled, *CLOCKS, "shown")
        super().__init__(
            filled | {"shown": RESTATED} | {key: params[key] for key in names if params.get(key)}
        )
        self.standing, self.today = standing, today
        self.fields["from"] = MonthField(label="From")
        self.fields["to"] = MonthField(label="To")
        self.fields["grain"] = forms.ChoiceField(choices=GRAINS, label="By")
        self.fields["whose"] = forms.ChoiceField(choices=whose, label="Whose customers")
        self.fields["as_of"] = DayField(label="Nothing after", required=False)
        self.fields["known"] = DayField(label="As known on", required=False)
        self.fields["shown"] = forms.ChoiceField(choices=SHOWN, label="Closed months")

    def clean(self) -> dict[str, Any]:
        """The span runs forward and is not longer than a page can show."""
        values = super().clean() or {}
        first, last = values.get("from"), values.get("to")
        if first and last and first > last:
            self.add_error("to", "The last month lies before the first. Choose a later one.")
        elif last and last > self.standing.last:
            self.add_error("to", f"{last:%B %Y} has not begun. Choose an earlier month.")
        elif first and last and len(months_between(first, last)) > LONGEST:
            self.add_error("from", f"A page shows at most {LONGEST} months. Choose a later first month.")
        for name in CLOCKS:
            if (day := values.get(name)) and day > self.today:
                self.add_error(name, f"{day:%-d %B %Y} has not come. Choose today or an earlier day.")
        return values

    def span(self) -> Span:
        """What to show: the cleaned values, and the standing ones in place of refused ones."""
        self.is_valid()
        good = self.cleaned_data
        both = good.get("from") and good.get("to")
        return Span(
            first=good["from"] if both else self.standing.first,
            last=good["to"] if both else self.standing.last,
            grain=good.get("grain") or self.standing.grain,
            whose=good.get("whose") or self.standing.whose,
            **{name: day for name in CLOCKS if (day := good.get(name)) and day < self.today},
            shown=good.get("shown") or RESTATED,
        )


def standing_span(today: date, *, whose: str) -> Span:
    """Twelve complete months and the running one."""
    this = month_of(today)
    return Span(first=add_months(this, -MONTHS_SHOWN), last=this, whose=whose)


def month_from(text: str) -> date | None:
    """2026-03 as its first day; None for anything else, and for years no business has."""
    year, dash, number = text.partition("-")
    plain = text.isascii() and year.isdigit() and number.isdigit() and dash and len(text) == ISO_MONTH
    if not plain or not 1 <= int(number) <= 12:  # noqa: PLR2004  months of a year
        return None
    month = date(int(year), int(number), 1) if int(year) else EARLIEST
    return month if EARLIEST < month < LATEST else None
