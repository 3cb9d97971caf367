from datetime import date
from typing import Any, Self

from django.db import models
from django.db.models.functions import Lower, Now

from accounts.queries.scope import book_owner_ids
from customers.choices import AssignmentRole, Phase
from customers.models.facts import RecordedNow


class CustomerQuerySet(models.QuerySet["Customer"]):
    """Filters over customers; `visible_to` is what every page, part, search, count and export starts from."""

    def visible_to(self, user: Any, *, on: date | None = None) -> Self:
        """Customers that `user` may read today (or with the rights of day `on`)."""
        return self.in_books_of(book_owner_ids(user), on=on)

    def in_book_of(self, user: Any, *, on: date | None = None) -> Self:
        """Customers whose primary CSM, co-owner or cover is `user`."""
        return self.in_books_of({user.pk}, on=on)

    def in_books_of(self, owner_ids: set[int] | None, *, on: date | None = None) -> Self:
        """Customers held in any role by one of these users on a day (default today); None means all customers."""
        if owner_ids is None:
            return self
        day = on or models.functions.TruncDate(Now())
        held = models.Q(
            assignments__user_id__in=owner_ids, assignments__superseded_by=None, assignments__voids=False
        )
        held &= models.Q(assignments__role__in=AssignmentRole.values, assignments__from_on__lte=day)
        held &= models.Q(assignments__to_on=None) | models.Q(assignments__to_on__gt=day)
        return self.filter(pk__in=Customer.objects.filter(held).values("pk"))

    def active(self) -> Self:
        """Not archived."""
        return self.filter(archived_at=None)


class Customer(models.Model):
    """The company that pays. Phase, tier, segment, region and parent are also dated AttributeValue facts."""

    name = models.CharField(max_length=200)
    domain = models.CharField(max_length=253, blank=True)
    parent = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="children"
    )
    segment = models.CharField(max_length=100, blank=True)
    tier = models.CharField(max_length=100, blank=True)
    industry = models.CharField(max_length=100, blank=True)
    region = models.CharField(max_length=100, blank=True)
    country = models.CharField(max_length=2, blank=True)
    currency = models.CharField(max_length=3, blank=True)
    time_zone = models.CharField(max_length=64, blank=True)
    phase = models.CharField(max_length=20, choices=Phase, blank=True)
    phase_since = models.DateField(null=True, blank=True)
    created_on = models.DateField(null=True, blank=True)
    custom = models.JSONField(default=dict, blank=True)
    search_text = models.TextField(blank=True, editable=False)
    archived_at = models.DateTimeField(null=True, blank=True)
    version = models.PositiveIntegerField(default=1)
    recorded_at = models.DateTimeField(db_default=RecordedNow(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = CustomerQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(phase="") | models.Q(phase__in=Phase.values),
                name="customers_customer_known_phase",
            ),
            models.CheckConstraint(
                condition=models.Q(parent=None) | ~models.Q(parent=models.F("id")),
                name="customers_customer_not_own_parent",
                violation_error_message="A customer cannot be its own parent.",
            ),
        ]
        indexes = [
            models.Index(Lower("name"), "id", name="customers_customer_name"),
            models.Index(Lower("domain"), name="customers_customer_domain"),
        ]

    def __str__(self) -> str:
        return self.name


class ExternalId(models.Model):
    """A customer's id in another system; unique per source and never changed."""

    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="external_ids")
    source = models.CharField(max_length=60, default="import")
    value = models.CharField(max_length=200)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["source", "value"],
                name="customers_externalid_unique",
                violation_error_message="Another customer already has this id in this source.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.source}:{self.value}"
