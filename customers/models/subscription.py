from django.db import models

from customers.choices import Interval, LineKind, LineStatus
from customers.models.customer import Customer
from customers.models.facts import CURRENT, Fact, append_only, no_overlap, range_is_forward
from customers.models.scoped import ScopedFactQuerySet, ScopedQuerySet


class Subscription(models.Model):
    """One line a customer pays for: (customer, external id, product). What it costs when is in its line versions."""

    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="subscriptions")
    external_id = models.CharField(max_length=200, blank=True)
    product = models.CharField(max_length=100, blank=True)
    currency = models.CharField(max_length=3)
    auto_renew = models.BooleanField(null=True)
    notice_days = models.PositiveSmallIntegerField(null=True)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["customer", "external_id", "product"], name="customers_subscription_one_line"
            ),
        ]

    def __str__(self) -> str:
        return self.product or self.external_id or f"line {self.pk}"


class LineVersion(Fact):
    """What a line costs during [from_on, to_on): append-only, two clocks, no overlap among current versions.

    `amount` is the price of one interval for the whole line, without tax; `mrr` is the monthly value at list price
    less the running discount, quantised once to 8 decimals by `metrics.formulas.mrr` when the fact is written; 0 for usage
    charges and one-time charges, which are outside MRR.
    `mrr_after_discount` is the value from `discount_until` on; trials count from `trial_end` on.
    """

    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="line_versions")
    subscription = models.ForeignKey(Subscription, on_delete=models.PROTECT, related_name="versions")
    from_on = models.DateField()
    to_on = models.DateField(null=True)
    plan = models.CharField(max_length=100, blank=True)
    quantity = models.DecimalField(max_digits=20, decimal_places=8, null=True)
    amount = models.DecimalField(max_digits=20, decimal_places=8)
    currency = models.CharField(max_length=3)
    interval = models.CharField(max_length=10, choices=Interval, default=Interval.MONTH)
    interval_count = models.PositiveSmallIntegerField(default=1)
    status = models.CharField(max_length=12, choices=LineStatus, default=LineStatus.ACTIVE)
    kind = models.CharField(
        max_length=10, choices=LineKind, default=LineKind.RECURRING, db_default=LineKind.RECURRING
    )
    discount_percent = models.DecimalField(max_digits=7, decimal_places=4, null=True)
    discount_amount = models.DecimalField(max_digits=20, decimal_places=8, null=True)
    discount_until = models.DateField(null=True)
    trial_end = models.DateField(null=True)
    cancelled_on = models.DateField(null=True)
    reason = models.CharField(max_length=200, blank=True)
    mrr = models.DecimalField(max_digits=20, decimal_places=8)
    mrr_after_discount = models.DecimalField(max_digits=20, decimal_places=8)

    objects = ScopedFactQuerySet.as_manager()

    class Meta:
        constraints = [
            no_overlap(
                "customers_lineversion_no_overlap",
                key="subscription_id",
                condition=CURRENT,
                message="Two periods of this line overlap. End the earlier one on the day the later one starts.",
            ),
            range_is_forward("customers_lineversion_forward"),
            models.CheckConstraint(
                condition=models.Q(amount__gte=0, amount__lt=10**12)
                & models.Q(mrr__gte=0, mrr__lt=10**12)
                & models.Q(mrr_after_discount__gte=0, mrr_after_discount__lt=10**12),
                name="customers_lineversion_money",
                violation_error_message="Amounts lie between 0 and a million million.",
            ),
            models.CheckConstraint(
                condition=models.Q(discount_percent=None)
                | models.Q(discount_percent__gte=0, discount_percent__lte=100),
                name="customers_lineversion_percent",
            ),
            models.CheckConstraint(
                condition=models.Q(status__in=LineStatus.values)
                & models.Q(interval__in=Interval.values)
                & models.Q(kind__in=LineKind.values),
                name="customers_lineversion_words",
            ),
        ]
        indexes = [
            models.Index(
                fields=["customer", "from_on"], condition=CURRENT, name="customers_lineversion_current"
            ),
        ]
        triggers = [append_only()]

    def __str__(self) -> str:
        return f"{self.subscription_id} from {self.from_on}"
