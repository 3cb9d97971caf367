from django.conf import settings
from django.db import models

from customers.choices import AssignmentRole
from customers.models.customer import Customer
from customers.models.facts import CURRENT, Fact, append_only, no_overlap, range_is_forward
from customers.models.scoped import ScopedFactQuerySet


class Assignment(Fact):
    """Who looks after a customer during [from_on, to_on). One primary CSM at a time, or nobody (unassigned)."""

    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="assignments")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="assignments")
    role = models.CharField(max_length=10, choices=AssignmentRole, default=AssignmentRole.PRIMARY)
    from_on = models.DateField()
    to_on = models.DateField(null=True)

    objects = ScopedFactQuerySet.as_manager()

    class Meta:
        constraints = [
            no_overlap(
                "customers_assignment_one_primary",
                key="customer_id",
                condition=CURRENT & models.Q(role="primary"),
                message="This customer already has a primary CSM during these days.",
            ),
            range_is_forward("customers_assignment_forward"),
            models.CheckConstraint(
                condition=models.Q(role__in=AssignmentRole.values), name="customers_assignment_known_role"
            ),
        ]
        indexes = [
            models.Index(fields=["user", "customer"], condition=CURRENT, name="customers_assignment_user"),
            models.Index(fields=["customer"], condition=CURRENT, name="customers_assignment_customer"),
        ]
        triggers = [append_only()]

    def __str__(self) -> str:
        return f"{self.role} of {self.customer_id}: {self.user_id}"
