from django.conf import settings
from django.db import models
from django.db.models.functions import Now


class Erasure(models.Model):
    """A person's wish to be forgotten. `email` is blanked when every app that knew the person has noted itself in `done`;
    what stays is a keyed hash, so that the same person can be known again in a restored backup.
    """

    email = models.CharField(max_length=254, blank=True)

    email_hash = models.CharField(max_length=64, blank=True)  # filled by surveys, which hold the key
    reason = models.CharField(max_length=300, blank=True)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    requested_at = models.DateTimeField()
    recorded_at = models.DateTimeField(db_default=Now())
    contact_ids = models.JSONField(default=list)  # contacts that had the address
    done = models.JSONField(default=dict)  # app: moment at which it had forgotten the person
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["requested_at"],
                condition=models.Q(finished_at=None),
                name="customers_erasure_waiting",
            ),
        ]

    def __str__(self) -> str:
        return f"erasure {self.pk}"
