from django.apps import AppConfig


class SurveysConfig(AppConfig):
    """Asking contacts by mail and bringing their answers back."""

    name = "surveys"

    def ready(self) -> None:
        """Let files of past answers in: their rows are this app's."""
        from customers.services.imports import registry  # noqa: PLC0415 - before-bootstrap
        from surveys.services import erasure, imports  # noqa: PLC0415 - before-bootstrap

        registry.register("responses", apply=imports.apply, undo=imports.undo)
        registry.know_erased(erasure.erased_addresses)
