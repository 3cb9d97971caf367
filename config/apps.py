from django.apps import AppConfig


class FrameConfig(AppConfig):
    """The frame: management commands, system checks, and the Celery app bound to this process."""

    name = "config"
    label = "frame"

    def ready(self) -> None:
        from config import celery, checks  # noqa: F401, PLC0415 - before-bootstrap
