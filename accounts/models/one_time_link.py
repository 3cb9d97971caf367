from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from accounts.choices import LinkPurpose


class OneTimeLink(models.Model):
    """A mailed link that works once and for one purpose. Only the SHA-256 of its secret is stored."""

    user = models.ForeignKey("accounts.User", on_delete=models.CASCADE, related_name="links")
    purpose = models.CharField(max_length=12, choices=LinkPurpose)
    digest = models.CharField(max_length=64, unique=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(purpose__in=LinkPurpose.values), name="accounts_one_time_link_purpose_known"
            )
        ]

    def __str__(self) -> str:
        return f"{self.purpose} for user {self.user_id}"
