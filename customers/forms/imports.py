"""Forms of an import: the file, then which column is which field."""

from collections.abc import Mapping
from typing import Any

from django import forms

from customers.choices import ImportKind
from customers.connectors.layouts import Layout
from customers.connectors.preview import Preview, suggested

ENCODINGS = [
    ("", "UTF-8 (or as the file says)"),
    ("cp1252", "Windows Western (cp1252)"),
    ("latin-1", "ISO Latin 1"),
    ("cp1250", "Windows Central European (cp1250)"),
    ("shift_jis", "Shift JIS"),
    ("utf-16-le", "UTF-16, little endian"),
    ("utf-16-be", "UTF-16, big endian"),
]
DELIMITERS = [("", "Comma"), ("semicolon", "Semicolon"), ("tab", "Tab"), ("bar", "Bar")]
DATE_FORMATS = [
    ("", "2026-01-31"),
    ("DD/MM/YYYY", "31/01/2026, day first"),
    ("MM/DD/YYYY", "01/31/2026, month first"),
    ("DD.MM.YYYY", "31.01.2026"),
    ("DD-MM-YYYY", "31-01-2026, day first"),
    ("MM-DD-YYYY", "01-31-2026, month first"),
    ("YYYY/MM/DD", "2026/01/31"),
]
NUMBER_FORMATS = {
    "": ("1234.56", {}),
    "comma-point": ("1,234.56", {"decimal": ".", "thousands": ","}),
    "point-comma": ("1.234,56", {"decimal": ",", "thousands": "."}),
    "comma": ("1234,56", {"decimal": ","}),
    "space-comma": ("1 234,56", {"decimal": ",", "thousands": "space"}),
    "apostrophe-point": ("1'234.56", {"decimal": ".", "thousands": "apostrophe"}),
}
CONSTANTS = 2  # values for all rows that the page offers


class UploadForm(forms.Form):
    """A file and where it comes from."""

    file = forms.FileField(
        label="File", help_text="CSV, plain, gzip or zip. The first row names the columns.", max_length=200
    )
    kind = forms.ChoiceField(label="What it holds", choices=ImportKind)
    source = forms.SlugField(
        label="Source",
        max_length=60,
        initial="import",
        help_text="The system the ids come from, for instance crm. Files with the same ids share a source.",
    )
    encoding = forms.ChoiceField(label="Encoding", choices=ENCODINGS, required=False)
    delimiter = forms.ChoiceField(label="Between columns", choices=DELIMITERS, required=False)
    history = forms.BooleanField(
        label="These facts are history",
        required=False,
        help_text="They count as known since the day they speak of, so that scores of past days see them.",
    )

    def options(self) -> dict[str, Any]:
        """How the file is written, as far as somebody said so, and whether its facts are history."""
        given = {name: self.cleaned_data[name] for name in ("encoding", "delimiter", "history")}
        return {name: value for name, value in given.items() if value}


class MappingForm(forms.Form):
    """One choice per column, how days and numbers are written, and values for all rows."""

    date_format = forms.ChoiceField(label="Days are written", choices=DATE_FORMATS, required=False)
    number_format = forms.ChoiceField(
        label="Numbers are written",
        choices=[(key, example) for key, (example, _) in NUMBER_FORMATS.items()],
        required=False,
    )

    def __init__(
        self,
        *args: Any,
        layout: Layout,
        preview: Preview,
        fields: Mapping[str, str | None] | None,
        constants: Mapping[str, str],
        options: Mapping[str, str],
        custom: Mapping[str, str],
        **more: Any,
    ) -> None:
        super().__init__(*args, **more)
        self.layout, self.preview, self.kept = layout, preview, options
        named = [(field.name, f"{field.name}: {field.about}") for field in layout.fields]
        named += (
            [(f"cf_{key}", f"cf_{key}: {label}") for key, label in custom.items()] if layout.custom else []
        )
        choices = [("", "Leave out"), *named]
        guess = suggested(layout, preview.header, fields)
        for place, column in enumerate(preview.header):
            self.fields[f"column_{place}"] = forms.ChoiceField(
                label=f"Field for column {column}",
                choices=choices,
                required=False,
                initial=guess.get(column, ""),
                widget=forms.Select(attrs={"class": "in auto", "aria-label": f"Field for column {column}"}),
            )
        self._add_constants(choices, constants)
        self.fields["date_format"].initial = options.get("date_format", "")
        self.fields["number_format"].initial = number_format_of(options)

    def _add_constants(self, choices: list[tuple[str, str]], constants: Mapping[str, str]) -> None:
        known = [*constants.items(), *[("", "")] * CONSTANTS][:CONSTANTS]
        for place, (name, value) in enumerate(known):
            self.fields[f"constant_{place}"] = forms.ChoiceField(
                label="Same in every row", choices=[("", "None"), *choices[1:]], required=False, initial=name
            )
            self.fields[f"value_{place}"] = forms.CharField(
                label="Value", max_length=200, required=False, initial=value
            )

    def columns(self) -> list[dict[str, Any]]:
        """The columns of the file with their choice, for the table of the page."""
        return [
            {
                "name": column,
                "samples": ", ".join(self.preview.samples[place]),
                "field": self[f"column_{place}"],
                "share": self.preview.filled[place] * 100 // max(self.preview.rows, 1),
            }
            for place, column in enumerate(self.preview.header)
        ]

    def constant_pairs(self) -> list[tuple[Any, Any]]:
        """Bound fields of the values for all rows."""
        return [(self[f"constant_{place}"], self[f"value_{place}"]) for place in range(CONSTANTS)]

    def clean(self) -> dict[str, Any]:
        """A field is filled by one column only."""
        found = super().clean() or self.cleaned_data
        taken: dict[str, str] = {}
        for place, column in enumerate(self.preview.header):
            name = found.get(f"column_{place}")
            if name and name in taken:
                self.add_error(
                    f"column_{place}", f"{name} is filled by {taken[name]} already. Choose one of the two."
                )
            elif name:
                taken[name] = column
        for place in range(CONSTANTS):
            name, value = found.get(f"constant_{place}"), found.get(f"value_{place}")
            if bool(name) != bool(value):
                self.add_error(f"value_{place}", "A value for all rows needs a field and a value.")
        return found

    def mapping(self) -> dict[str, str | None]:
        """Field names with their columns; columns that carry a field's name but are left out are named as such."""
        found: dict[str, str | None] = {
            name: None for name in self.preview.header if self.layout.field(name) is not None
        }
        for place, column in enumerate(self.preview.header):
            name = self.cleaned_data.get(f"column_{place}")
            if name:
                found[name] = column
        return found

    def constants(self) -> dict[str, str]:
        """Values for all rows."""
        pairs = [
            (self.cleaned_data.get(f"constant_{place}"), self.cleaned_data.get(f"value_{place}"))
            for place in range(CONSTANTS)
        ]
        return {name: value for name, value in pairs if name and value}

    def options(self) -> dict[str, str]:
        """How the file is written."""
        kept = {name: self.kept[name] for name in ("encoding", "delimiter") if self.kept.get(name)}
        chosen = {"date_format": self.cleaned_data["date_format"]} if self.cleaned_data["date_format"] else {}
        return kept | chosen | NUMBER_FORMATS[self.cleaned_data["number_format"]][1]


def number_format_of(options: Mapping[str, str]) -> str:
    """The choice that stands for the decimal and thousands signs of stored options."""
    given = {name: options[name] for name in ("decimal", "thousands") if options.get(name)}
    return next((key for key, (_, signs) in NUMBER_FORMATS.items() if signs == given), "")
