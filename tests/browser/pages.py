"""Which pages the browser looks at. A page without an address of its own parts is found by itself."""

from django.urls import reverse
from django.utils import timezone

from config.checks import FOREIGN, routes
from metrics.formulas.periods import add_months, month_of
from metrics.services import closing
from tests.factories.customers import make_customer, make_follow_up
from tests.factories.health import make_scored_customer, score_now, starter
from tests.factories.ledgers import make_rate
from tests.factories.mails import RAW, make_captured_mail, make_job
from tests.factories.operations import make_cost
from tests.factories.users import make_team, make_user

# Metrics of every kind of page: an amount, a share, several lists, answers, tables, nothing kept.
METRICS = ("mrr", "grr_12m", "ltv_cac", "nps", "churn_by_kind", "plan_movements", "outcome_attainment")
SECTIONS = ("bridge", "satisfaction", "work")
# Routes that are no pages: answers for machines, downloads, parts that other pages load.
NO_PAGES = {
    "healthz",
    "readyz",
    "customers:portfolio_export",
    "metrics:portfolio_as_of_export",
    "accounts:outbox_frame",
    "metrics:end_override",
    "surveys:api_responses",
}


def plain_pages():
    """Every route without parameters that a browser may open by GET."""
    for route in routes():
        name = route["name"]
        if (
            name
            and "<" not in route["pattern"]
            and name not in NO_PAGES
            and not name.startswith((*FOREIGN, "api"))
        ):
            yield reverse(name)


def filled_pages():
    """Rows for the lists, and the pages about one of them."""
    team = make_team("North", parent=make_team("Customer success"))
    person = make_user("Anna Berg", team=team, email="anna@tend.example")
    gone = make_user("Gone Person", is_active=False, email="gone@tend.example")
    jobs = [
        make_job(state="queued", title="Import customers.csv"),
        make_job(state="running", title="Recompute", progress_done=3, progress_total=10, note="Slice 2"),
        make_job(state="done", title="Export", progress_done=10, progress_total=10, result_url="/"),
        make_job(state="dead", title="Import usage.csv", last_error="Row 7: not a number"),
    ]
    mail = make_captured_mail(raw=RAW.replace(b"<script>steal()</script>", b""))
    starter()
    for customer in (make_scored_customer(owner=person, name="Larch & Sons"), make_customer(name="Bare Ltd")):
        make_follow_up(customer, owner=person)
        score_now(customer)
        yield from pages_about(customer)
    yield from (reverse("accounts:user", args=[who.pk]) for who in (person, gone))
    yield from metric_settings()
    yield from (reverse("metrics:metric", args=[key]) for key in METRICS)
    yield from (reverse("metrics:metric_section", args=[name]) for name in SECTIONS)
    yield reverse("metrics:metric_split", args=["mrr"])
    yield from (reverse(f"metrics:{name}", args=["stickiness", 1]) for name in ("measure", "measure_chart"))
    yield f"{reverse('metrics:metric', args=['mrr'])}?as_of=2026-01-15&shown=reported"
    yield from (f"{reverse('metrics:portfolio_as_of')}?as_of={day}" for day in ("2026-01-15", "2999-01-01"))
    yield reverse("accounts:team", args=[team.pk])
    yield from (reverse("accounts:job_progress", args=[job.pk]) for job in jobs)
    yield reverse("accounts:outbox_mail", args=[mail.pk])


def metric_settings():
    """A version of the definition, a closed month, a cost and the rates of a currency."""
    now = timezone.now()
    month = add_months(month_of(now.date()), -1)
    closing.close_month(month=month, by=None, now=now)
    make_rate("USD", month, "1.1")
    yield f"{reverse('metrics:definition_draft')}?preset=stripe"
    yield reverse("metrics:definition_version", args=[0])
    yield reverse("metrics:closed_month", args=[f"{month:%Y-%m}"])
    yield reverse("metrics:cost", args=[make_cost(month, 100, now=now).pk])
    yield reverse("metrics:rates_of_currency", args=["USD"])


def pages_about(customer):
    """The customer page, its panels opened on their own, and its drawers."""
    for route in routes():
        if route["name"] in NO_PAGES:
            continue
        if "customers/<int:pk>/" in route["pattern"] and route["pattern"].count("<") == 1:
            yield reverse(route["name"], args=[customer.pk])
    yield f"{reverse('metrics:customer_as_of', args=[customer.pk])}?as_of=2026-01-15"


def public_pages():
    """Pages for people who are not signed in."""
    yield from (
        reverse(name)
        for name in (
            "account_login",
            "account_reset_password",
            "account_reset_password_done",
            "account_signup",
        )
    )
    yield reverse("accounts:accept_invite", args=["x" * 43])
    yield "/nowhere/"
