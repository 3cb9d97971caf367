import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models.functions import Now


class DefinitionVersion(models.Model):
    """One numbered set of all config values of the metrics: immutable, with author and date (rule G-11).

    `config` holds every key as text; the version with the highest number is in force. Time zone and currency are kept
    for reading old versions; what is in force of those two is the organisation's own row.
    """

    number = models.PositiveIntegerField(unique=True)
    config = models.JSONField()
    preset = models.CharField(max_length=20, blank=True)
    note = models.CharField(max_length=300, blank=True)
    published_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    published_at = models.DateTimeField(db_default=Now())

    class Meta:
        triggers = [
            pgtrigger.Protect(name="immutable", operation=pgtrigger.Update | pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return f"definition {self.number}"


class LinePrice(models.Model):
    """Monthly value of a line version where the definition in force gives another one than the fact carries.

    Weeks, days, terms and averaged ramps depend on config keys; every other version is read from the fact itself.
    """

    version_id = models.BigIntegerField(primary_key=True)
    customer_id = models.BigIntegerField(db_index=True)
    mrr = models.DecimalField(max_digits=20, decimal_places=8)
    mrr_after_discount = models.DecimalField(max_digits=20, decimal_places=8)

    def __str__(self) -> str:
        return f"{self.version_id}: {self.mrr}"
