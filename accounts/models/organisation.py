from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from accounts.choices import ReadScope

THE_ROW = 1  # one organisation per installation


def default_time_zone() -> str:
    """The zone of the installation until an admin chooses one."""
    return settings.DEFAULT_TIME_ZONE


class Organisation(models.Model):
    """The company that runs this installation. There is exactly one row; read it by `queries.organisation.current`."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=THE_ROW)
    name = models.CharField(max_length=80, default="Your company")
    time_zone = models.CharField(
        max_length=64, default=default_time_zone, help_text="Days, months and due dates follow this zone."
    )
    currency = models.CharField(
        max_length=3, default="EUR", help_text="Totals and metrics are shown in this currency."
    )
    csm_read_scope = models.CharField(max_length=4, choices=ReadScope, default=ReadScope.OWN)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(id=THE_ROW), name="accounts_organisation_one_row"),
            models.CheckConstraint(
                condition=Q(currency__regex=r"^[A-Z]{3}$"),
                name="accounts_organisation_currency_is_iso",
                violation_error_message="Use the three capital letters of ISO 4217, for example EUR.",
            ),
            models.CheckConstraint(
                condition=Q(csm_read_scope__in=ReadScope.values), name="accounts_organisation_scope_known"
            ),
        ]

    def __str__(self) -> str:
        return self.name
