"""Routes."""

from django.urls import path

from metrics.views import cohorts, dashboard, ledger, panels, panels_health, scorecards

app_name = "metrics"
urlpatterns = [
    path("metrics/", dashboard.dashboard, name="dashboard"),
    path("metrics/bridge.csv", dashboard.bridge_export, name="bridge_export"),
    path("metrics/movements/", ledger.movements, name="movements"),
    path("metrics/cohorts/", cohorts.cohorts, name="cohorts"),
    path("metrics/cohorts/<str:month>/<int:k>/", cohorts.cohort_customers, name="cohort_customers"),
    path("metrics/customers/<int:pk>/revenue/", panels.revenue_panel, name="revenue_panel"),
    path("metrics/customers/<int:pk>/usage/", panels.usage_panel, name="usage_panel"),
    path("metrics/customers/<int:pk>/health/", panels_health.health_panel, name="health_panel"),
    path("metrics/<slug:key>/", ledger.metric, name="metric"),
    path("health/", scorecards.health_settings, name="health_settings"),
    path("health/versions/<int:pk>/", scorecards.scorecard, name="scorecard"),
    path("health/drafts/", scorecards.start_draft, name="start_draft"),
    path("health/drafts/<int:pk>/", scorecards.scorecard_draft, name="scorecard_draft"),
    path("health/drafts/<int:pk>/weights/", scorecards.scorecard_weights, name="scorecard_weights"),
    path("health/drafts/<int:pk>/preview/", scorecards.scorecard_preview, name="scorecard_preview"),
    path("health/drafts/<int:pk>/publish/", scorecards.publish_scorecard, name="publish_scorecard"),
    path("health/drafts/<int:pk>/discard/", scorecards.discard_draft, name="discard_draft"),
]
