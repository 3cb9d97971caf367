"""What is known of survey mails on their way out."""


def uncertain_count() -> int:
    """Messages whose fate a person must decide."""
    return 0


def hold_reason() -> str | None:
    """Why sending is held, or None."""
    return None
