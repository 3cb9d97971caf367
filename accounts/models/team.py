from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower


class Team(models.Model):
    """A group of CSMs. Teams form a tree: a manager reads the books of the own team and of all teams below."""

    name = models.CharField(max_length=80)
    parent = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="children"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                Lower("name"),
                name="accounts_team_name_unique",
                violation_error_message="There is a team of that name already.",
            ),
            models.CheckConstraint(
                condition=~Q(parent=F("id")),
                name="accounts_team_not_own_parent",
                violation_error_message="A team cannot stand below itself.",
            ),
        ]

    def __str__(self) -> str:
        return self.name
