"""Forms about people."""

from django import forms

from accounts.choices import Grant, ReadScope, Role
from accounts.forms.fields import TimeZoneField
from accounts.models import Team, User


class InviteForm(forms.Form):
    email = forms.EmailField(label="Work email", max_length=254)
    name = forms.CharField(label="Name", max_length=120)
    role = forms.ChoiceField(label="Role", choices=Role, initial=Role.CSM)
    team = forms.ModelChoiceField(
        label="Team", queryset=Team.objects.none(), required=False, empty_label="No team"
    )

    def __init__(self, *args: object, by: User, **options: object) -> None:
        super().__init__(*args, **options)
        self.fields["team"].queryset = Team.objects.order_by("name")
        self.fields["role"].choices = roles_to_give(by)


class UserForm(forms.Form):
    name = forms.CharField(label="Name", max_length=120)
    role = forms.ChoiceField(label="Role", choices=Role)
    team = forms.ModelChoiceField(
        label="Team", queryset=Team.objects.none(), required=False, empty_label="No team"
    )
    read_scope = forms.ChoiceField(
        label="Reads",
        required=False,
        choices=[("", "What the role gives"), *ReadScope.choices],
        help_text="Can only narrow what the role gives. CSMs follow the switch of the organisation.",
    )
    grants = forms.MultipleChoiceField(
        label="Rights besides the role",
        choices=Grant,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="None of them shows more customers. Admins hold all of them.",
    )

    def __init__(self, *args: object, by: User, person: User, **options: object) -> None:
        initial = {
            "name": person.name,
            "role": person.role,
            "team": person.team_id,
            "read_scope": person.read_scope,
            "grants": person.grants,
        }
        super().__init__(*args, initial=initial, **options)
        self.fields["team"].queryset = Team.objects.order_by("name")
        self.fields["role"].choices = roles_to_give(by, present=person.role)


class AcceptForm(forms.Form):
    name = forms.CharField(
        label="Your name", max_length=120, widget=forms.TextInput(attrs={"autocomplete": "name"})
    )
    password = forms.CharField(
        label="Password",
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="12 characters or more. A few words in a row are good; no digits or signs needed.",
    )


class ProfileForm(forms.Form):
    name = forms.CharField(
        label="Name", max_length=120, widget=forms.TextInput(attrs={"autocomplete": "name"})
    )
    time_zone = TimeZoneField(
        label="Time zone",
        empty="The organisation's",
        required=False,
        help_text="Moments are shown in it; your follow-ups fall due at its midnight.",
    )


class PeopleFilterForm(forms.Form):
    q = forms.CharField(required=False, max_length=100)
    role = forms.ChoiceField(required=False, choices=[("", "Any role"), *Role.choices])
    left = forms.BooleanField(required=False)


def roles_to_give(by: User, present: str = "") -> list[tuple[str, str]]:
    """Roles this person may give: an admin all of them, others their own and CSM."""
    return [
        (value, label)
        for value, label in Role.choices
        if by.is_admin or value in {Role.CSM, by.role, present}
    ]
