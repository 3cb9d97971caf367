from django.apps import AppConfig


class MetricsConfig(AppConfig):
    """Everything computed."""

    name = "metrics"
