from django.db import models
from django.db.models import Q

from customers.choices import CostKind
from customers.models.facts import CURRENT, Fact, append_only


class CostEntry(Fact):
    """What was spent on the local days `[from_on, to_on)` to win customers or to keep them; spread evenly over them.

    Empty words mean unallocated: the cost is shown apart and never spread over segments or channels (V-4).
    """

    from_on = models.DateField()
    to_on = models.DateField()
    kind = models.CharField(max_length=12, choices=CostKind)
    amount = models.DecimalField(max_digits=20, decimal_places=8)
    currency = models.CharField(max_length=3)
    category = models.CharField(max_length=60, blank=True)
    segment = models.CharField(max_length=100, blank=True)
    channel = models.CharField(max_length=60, blank=True)

    class Meta:
        verbose_name = "cost"
        constraints = [
            models.UniqueConstraint(
                fields=["source", "source_key"],
                condition=CURRENT & ~Q(source_key=""),
                name="customers_costentry_source",
            ),
            models.CheckConstraint(
                condition=Q(to_on__gt=models.F("from_on")),
                name="customers_costentry_forward",
                violation_error_message="The end must lie after the start.",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=CostKind.values), name="customers_costentry_known_kind"
            ),
            models.CheckConstraint(
                condition=Q(amount__gte=0),
                name="customers_costentry_amount",
                violation_error_message="A cost is zero or more.",
            ),
        ]
        indexes = [
            models.Index(fields=["from_on", "to_on"], condition=CURRENT, name="customers_costentry_current")
        ]
        triggers = [append_only()]

    def __str__(self) -> str:
        return f"{self.kind} {self.category} from {self.from_on}".replace("  ", " ")
