from django.conf import settings
from django.db import models

from customers.models.customer import Customer
from customers.models.scoped import ScopedQuerySet


class CustomerSummary(models.Model):
    """The one row per customer that the portfolio reads; written only by `customers.services.summaries`."""

    customer = models.OneToOneField(
        Customer, primary_key=True, on_delete=models.CASCADE, related_name="summary"
    )
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    currency = models.CharField(max_length=3, blank=True)
    mrr = models.DecimalField(max_digits=20, decimal_places=8, default=0)
    mrr_change_90d = models.DecimalField(max_digits=20, decimal_places=8, default=0)
    is_paying = models.BooleanField(default=False)
    first_paid_on = models.DateField(null=True)
    plan = models.CharField(max_length=100, blank=True)
    renewal_on = models.DateField(null=True)
    score = models.DecimalField(max_digits=14, decimal_places=6, null=True)
    band = models.CharField(max_length=40, default="insufficient")
    band_label = models.CharField(max_length=40, blank=True)
    tone = models.CharField(max_length=10, default="none")
    computed_score = models.DecimalField(max_digits=14, decimal_places=6, null=True)
    override_until = models.DateField(null=True)
    settled_band = models.CharField(max_length=40, blank=True)
    card = models.CharField(max_length=80, blank=True)
    held = models.BooleanField(default=False)
    coverage = models.DecimalField(max_digits=7, decimal_places=6, default=0)
    trend_30d = models.DecimalField(max_digits=14, decimal_places=6, null=True)
    trend_points = models.JSONField(default=list)
    top_cause = models.CharField(max_length=200, blank=True)
    active_users_30d = models.PositiveIntegerField(null=True)
    last_seen_on = models.DateField(null=True)
    last_touch_at = models.DateTimeField(null=True)
    open_follow_ups = models.PositiveIntegerField(default=0)
    next_follow_up_on = models.DateField(null=True)
    next_follow_up = models.CharField(max_length=200, blank=True)
    open_tickets = models.PositiveIntegerField(default=0)
    last_nps = models.PositiveSmallIntegerField(null=True)
    last_nps_at = models.DateTimeField(null=True)
    last_csat = models.PositiveSmallIntegerField(null=True)
    last_ces = models.PositiveSmallIntegerField(null=True)
    pulse = models.PositiveSmallIntegerField(null=True)
    computed_at = models.DateTimeField(null=True)
    inputs_as_of = models.DateField(null=True)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(mrr__gte=0, mrr__lt=10**12), name="customers_summary_mrr"
            ),
            models.CheckConstraint(
                condition=models.Q(coverage__gte=0, coverage__lte=1), name="customers_summary_coverage"
            ),
        ]
        indexes = [
            models.Index(fields=["owner", "score"], name="customers_summary_owner"),
            models.Index(fields=["renewal_on"], name="customers_summary_renewal"),
        ]

    def __str__(self) -> str:
        return f"summary of {self.customer_id}"
