from django.apps import AppConfig


class CustomersConfig(AppConfig):
    """Facts about customers and the work of a CSM."""

    name = "customers"
