"""Routes."""

from django.urls import path

from metrics.views import (
    card_editor,
    card_preview,
    cohorts,
    costs,
    dashboard,
    definition,
    exports,
    health_changes,
    health_receipts,
    ledger,
    metric,
    months,
    overrides,
    overview,
    panels,
    panels_health,
    rates,
    scorecards,
)

app_name = "metrics"
urlpatterns = [
    path("metrics/", dashboard.dashboard, name="dashboard"),
    path("metrics/bridge.csv", dashboard.bridge_export, name="bridge_export"),
    path("metrics/movements/", ledger.movements, name="movements"),
    path("metrics/cohorts/", cohorts.cohorts, name="cohorts"),
    path("metrics/cohorts/<str:month>/<int:k>/", cohorts.cohort_customers, name="cohort_customers"),
    path("metrics/definition/", definition.definition, name="definition"),
    path("metrics/definition/draft/", definition.definition_draft, name="definition_draft"),
    path("metrics/definition/preview/", definition.definition_preview, name="definition_preview"),
    path("metrics/definition/publish/", definition.publish_definition, name="publish_definition"),
    path(
        "metrics/definition/versions/<int:number>/", definition.definition_version, name="definition_version"
    ),
    path("metrics/months/", months.months, name="months"),
    path("metrics/months/close/", months.close_month_now, name="close_month_now"),
    path("metrics/months/<str:month>/", months.closed_month, name="closed_month"),
    path("metrics/months/<str:month>/export.csv", months.closed_month_export, name="closed_month_export"),
    path("metrics/costs/", costs.costs, name="costs"),
    path("metrics/costs/<int:pk>/", costs.cost, name="cost"),
    path("metrics/costs/<int:pk>/take-back/", costs.take_back_cost, name="take_back_cost"),
    path("metrics/rates/", rates.rates, name="rates"),
    path("metrics/rates/<str:currency>/", rates.rates_of_currency, name="rates_of_currency"),
    path("metrics/customers/<int:pk>/revenue/", panels.revenue_panel, name="revenue_panel"),
    path("metrics/customers/<int:pk>/usage/", panels.usage_panel, name="usage_panel"),
    path("metrics/customers/<int:pk>/health/", panels_health.health_panel, name="health_panel"),
    path("metrics/customers/<int:pk>/health/change/", health_changes.health_change, name="health_change"),
    path(
        "metrics/customers/<int:pk>/health/receipts/",
        health_receipts.health_receipt_of_day,
        name="health_receipt_of_day",
    ),
    path("health/receipts/<int:pk>/", health_receipts.health_receipt, name="health_receipt"),
    path(
        "health/receipts/<int:pk>/check/", health_receipts.health_receipt_check, name="health_receipt_check"
    ),
    path("metrics/customers/<int:pk>/override/", overrides.override_form, name="override_form"),
    path("metrics/customers/<int:pk>/override/end/", overrides.end_override, name="end_override"),
    path("metrics/sections/<slug:name>/", overview.metric_section, name="metric_section"),
    path("metrics/<slug:key>/", metric.metric, name="metric"),
    path("metrics/<slug:key>/split/", metric.metric_split, name="metric_split"),
    path("metrics/<slug:key>/rows.<slug:kind>", exports.metric_rows_export, name="metric_rows_export"),
    path("metrics/<slug:key>/series.<slug:kind>", exports.metric_series_export, name="metric_series_export"),
    path("health/", scorecards.health_settings, name="health_settings"),
    path("health/versions/<int:pk>/", scorecards.scorecard, name="scorecard"),
    path("health/drafts/", scorecards.start_draft, name="start_draft"),
    path("health/drafts/<int:pk>/", card_editor.scorecard_draft, name="scorecard_draft"),
    path("health/drafts/<int:pk>/weights/", card_editor.scorecard_weights, name="scorecard_weights"),
    path("health/drafts/<int:pk>/preview/", card_preview.scorecard_preview, name="scorecard_preview"),
    path("health/drafts/<int:pk>/publish/", scorecards.publish_scorecard, name="publish_scorecard"),
    path("health/drafts/<int:pk>/discard/", scorecards.discard_draft, name="discard_draft"),
]
