"""The project's one way to draw a form: label above, help below, the error next to the field."""

from typing import Any

from django import forms
from django.forms.boundfield import BoundField
from django.forms.renderers import TemplatesSetting

from config.web.errors import DomainError

PLAIN = ("checkbox", "radio", "hidden", "color", "range")


class Field(BoundField):
    """Gives every control the class of the design and points it at its error."""

    def build_widget_attrs(self, attrs: dict[str, Any], widget: forms.Widget | None = None) -> dict[str, Any]:
        attrs = super().build_widget_attrs(attrs, widget)
        widget = widget or self.field.widget
        kind = getattr(widget, "input_type", "")
        if kind not in PLAIN and "class" not in widget.attrs:
            attrs["class"] = "in"
        return attrs

    @property
    def is_check(self) -> bool:
        """A single box, which stands before its label."""
        return isinstance(self.field.widget, forms.CheckboxInput)

    @property
    def is_group(self) -> bool:
        """Several boxes or radios under one legend."""
        return isinstance(self.field.widget, forms.CheckboxSelectMultiple | forms.RadioSelect)


class Renderer(TemplatesSetting):
    """Draws forms with templates/components."""

    form_template_name = "components/form.html"
    field_template_name = "components/field.html"
    bound_field_class = Field


def refuse(form: forms.BaseForm, error: DomainError) -> None:
    """Show a rule's refusal at its field, or above the form when it belongs to none."""
    form.add_error(error.field if error.field in form.fields else None, str(error))
