from django.apps import AppConfig


class WebConfig(AppConfig):
    """What every page shares: tags, forms, charts, static files."""

    name = "config.web"
    label = "web"
