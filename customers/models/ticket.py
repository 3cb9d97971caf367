from django.db import models

from customers.choices import TicketPriority
from customers.models.customer import Customer
from customers.models.facts import CURRENT, Fact, append_only
from customers.models.scoped import ScopedFactQuerySet


class Ticket(Fact):
    """State of a support ticket as last reported by its source; a newer report supersedes the older row."""

    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="tickets")
    opened_at = models.DateTimeField()
    solved_at = models.DateTimeField(null=True)
    first_response_at = models.DateTimeField(null=True)
    priority = models.CharField(max_length=10, choices=TicketPriority, default=TicketPriority.NORMAL)
    agent_replies = models.PositiveIntegerField(null=True)
    reopened = models.PositiveIntegerField(default=0)
    transferred = models.BooleanField(default=False)
    escalated = models.BooleanField(default=False)
    csat = models.PositiveSmallIntegerField(null=True)

    objects = ScopedFactQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["source", "source_key"], condition=CURRENT, name="customers_ticket_source"
            ),
            models.CheckConstraint(
                condition=models.Q(solved_at=None) | models.Q(solved_at__gte=models.F("opened_at")),
                name="customers_ticket_solved_after_open",
                violation_error_message="A ticket cannot be solved before it was opened.",
            ),
            models.CheckConstraint(
                condition=models.Q(priority__in=TicketPriority.values), name="customers_ticket_known_priority"
            ),
            models.CheckConstraint(
                condition=models.Q(csat=None) | models.Q(csat__gte=1, csat__lte=5),
                name="customers_ticket_csat",
            ),
        ]
        indexes = [
            models.Index(fields=["customer", "opened_at"], condition=CURRENT, name="customers_ticket_current")
        ]
        triggers = [append_only()]

    def __str__(self) -> str:
        return self.source_key
