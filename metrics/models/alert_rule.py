from django.db import models

from customers.models import Customer
from metrics.choices import AlertKind


class AlertRule(models.Model):
    """When a change of health is worth an alert, for whom, and who hears of it."""

    kind = models.CharField(max_length=20, choices=AlertKind)
    title = models.CharField(max_length=80)
    scope = models.CharField(max_length=300, blank=True)  # labels joined by " & "; empty for everybody
    points = models.DecimalField(max_digits=6, decimal_places=2, default=10)  # N of the drop rule
    days = models.PositiveSmallIntegerField(default=14)  # D of the drop rule, or days before a renewal
    receivers = models.JSONField(default=list)  # of "owner", "manager"
    by_mail = models.BooleanField(default=False)
    is_on = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(kind__in=AlertKind.values), name="metrics_alertrule_words"
            )
        ]

    def __str__(self) -> str:
        return self.title


class SettledBand(models.Model):
    """The band that alerts, segments and playbooks go by: it follows the score only when that is clearly elsewhere."""

    customer = models.OneToOneField(
        Customer, primary_key=True, on_delete=models.CASCADE, related_name="settled_band"
    )
    band = models.CharField(max_length=40)
    tone = models.CharField(max_length=10)
    since = models.DateField()
    candidate = models.CharField(max_length=40, blank=True)  # another band the score has been in
    streak = models.PositiveSmallIntegerField(default=0)  # daily evaluations in a row on that side
    judged_on = models.DateField()
    state = models.JSONField(default=dict)  # what the drop rule remembers, per rule

    def __str__(self) -> str:
        return f"{self.customer_id}: {self.band}"
