"""What a receiver says to an alert: useful or not, and that it is seen."""

from datetime import datetime

from django.db import transaction

from accounts.models import User
from config.web.errors import DomainError
from config.work import audit
from customers.choices import AlertState
from customers.models import Alert

RATINGS = {"useful": True, "not_useful": False}
SEEN = "seen"


@transaction.atomic
def answer_alert(*, alert: Alert, answer: str, by: User, now: datetime) -> Alert:
    """Rate an alert, or put it away; rating it again changes the rating."""
    if answer in RATINGS:
        alert.useful = RATINGS[answer]
        alert.save(update_fields=["useful"])
    elif answer == SEEN:
        alert.state, alert.closed_at = AlertState.SEEN, now
        alert.save(update_fields=["state", "closed_at"])
    else:
        raise DomainError("An alert is useful, not useful, or seen.", hint="Choose one of the buttons.")
    audit.record(by=by, now=now, action="alert.answered", subject=alert, after={"answer": answer})
    return alert
