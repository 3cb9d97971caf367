"""Rows that belong to a customer share the customer's door."""

from datetime import date
from typing import Any, Self

from django.db import models

from customers.models.customer import Customer
from customers.models.facts import FactQuerySet


class ScopedQuerySet(models.QuerySet[Any]):
    """Adds `visible_to` to every model with a `customer`."""

    def visible_to(self, user: Any, *, on: date | None = None) -> Self:
        """Rows of the customers that `user` may read."""
        return self.filter(customer__in=Customer.objects.all().visible_to(user, on=on))


class ScopedFactQuerySet(FactQuerySet):
    """The same for facts."""

    def visible_to(self, user: Any, *, on: date | None = None) -> Self:
        """Facts of the customers that `user` may read."""
        return self.filter(customer__in=Customer.objects.all().visible_to(user, on=on))
