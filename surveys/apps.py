from django.apps import AppConfig


class SurveysConfig(AppConfig):
    """Asking contacts by mail and bringing their answers back."""

    name = "surveys"
