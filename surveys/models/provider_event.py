from django.db import models
from django.db.models.functions import Now


class ProviderEvent(models.Model):
    """What a mail provider or the bounce mailbox told us, stored before anything is done with it."""

    source = models.CharField(max_length=30)
    event_id = models.CharField(max_length=200)
    type = models.CharField(max_length=20)
    message_id = models.CharField(max_length=200, blank=True)
    recipient = models.CharField(max_length=254, blank=True)
    payload = models.JSONField(default=dict)
    occurred_at = models.DateTimeField()
    received_at = models.DateTimeField(db_default=Now())
    applied_at = models.DateTimeField(null=True, blank=True)
    problem = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source", "event_id"], name="surveys_providerevent_once"),
        ]
        indexes = [
            models.Index(
                fields=["received_at"], condition=models.Q(applied_at=None), name="surveys_providerevent_open"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.type} from {self.source}"
