"""The one base of every error a person may read."""


class DomainError(Exception):
    """A rule said no.

    `message` says what happened, `hint` what to do next, `field` which form field it belongs to (or None).
    Forms show it at the field, the API as a problem object with `code`, a job as its error.
    """

    code = "refused"

    def __init__(
        self, message: str, *, hint: str = "", field: str | None = None, code: str | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.field = field
        if code:
            self.code = code

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()
