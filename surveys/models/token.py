from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from surveys.choices import TokenPurpose
from surveys.models.message import Message


class LinkToken(models.Model):
    """A mailed link. The 16 random bytes are nowhere, only their SHA-256; an answer's end is its invitation's."""

    sha256 = models.CharField(max_length=64, primary_key=True)
    purpose = models.CharField(max_length=12, choices=TokenPurpose)
    message = models.ForeignKey(Message, on_delete=models.PROTECT, related_name="tokens")
    minted_for = models.CharField(
        max_length=32
    )  # the lease of the rendering; tokens of a dead try are deleted
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(purpose__in=TokenPurpose.values), name="surveys_linktoken_purpose"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.purpose} link of {self.message_id}"
