"""Routes."""

from django.urls import path

from customers.views import alerts, bulk, customer, follow_ups, imports, portfolio, search, today, touchpoints

app_name = "customers"
urlpatterns = [
    path("", today.today, name="today"),
    path("portfolio/", portfolio.portfolio, name="portfolio"),
    path("portfolio/export.csv", portfolio.portfolio_export, name="portfolio_export"),
    path("portfolio/views/", portfolio.saved_view_add, name="saved_view_add"),
    path("portfolio/views/<int:pk>/delete/", portfolio.saved_view_delete, name="saved_view_delete"),
    path("portfolio/bulk/follow-up/", bulk.bulk_follow_up, name="bulk_follow_up"),
    path("portfolio/bulk/phase/", bulk.bulk_phase, name="bulk_phase"),
    path("portfolio/bulk/assign/", bulk.bulk_assign, name="bulk_assign"),
    path("customers/<int:pk>/", customer.customer, name="customer"),
    path("customers/<int:pk>/facts/", customer.customer_facts, name="customer_facts"),
    path("customers/<int:pk>/follow-ups/", customer.customer_follow_ups, name="customer_follow_ups"),
    path("customers/<int:pk>/follow-ups/new/", follow_ups.follow_up_form, name="follow_up_form"),
    path("customers/<int:pk>/timeline/", customer.customer_timeline, name="customer_timeline"),
    path("customers/<int:pk>/contacts/", customer.customer_contacts, name="customer_contacts"),
    path("customers/<int:pk>/fields/", customer.customer_fields, name="customer_fields"),
    path("customers/<int:pk>/fields/edit/", customer.fields_form, name="fields_form"),
    path("customers/<int:pk>/touchpoints/new/", touchpoints.touchpoint_form, name="touchpoint_form"),
    path(
        "customers/<int:pk>/touchpoints/<int:touchpoint_pk>/",
        touchpoints.touchpoint_correction,
        name="touchpoint_correction",
    ),
    path("customers/<int:pk>/pulse/", customer.pulse_form, name="pulse_form"),
    path("customers/<int:pk>/phase/", customer.phase_form, name="phase_form"),
    path("customers/<int:pk>/assign/", customer.assign_form, name="assign_form"),
    path("follow-ups/", follow_ups.follow_ups, name="follow_ups"),
    path("follow-ups/<int:pk>/", follow_ups.follow_up_change, name="follow_up_change"),
    path("follow-ups/<int:pk>/done/", follow_ups.follow_up_done, name="follow_up_done"),
    path("follow-ups/<int:pk>/reopen/", follow_ups.follow_up_reopen, name="follow_up_reopen"),
    path("alerts/<int:pk>/answer/", alerts.alert_answer, name="alert_answer"),
    path("search/", search.search, name="search"),
    path("imports/", imports.imports, name="imports"),
    path("imports/example/<slug:kind>.csv", imports.import_example, name="import_example"),
    path("imports/<int:pk>/", imports.import_batch, name="import_batch"),
    path("imports/<int:pk>/mapping/", imports.import_mapping, name="import_mapping"),
    path("imports/<int:pk>/commit/", imports.import_commit, name="import_commit"),
    path("imports/<int:pk>/undo/", imports.import_undo, name="import_undo"),
    path("imports/<int:pk>/problems.csv", imports.import_errors, name="import_errors"),
    path("imports/<int:pk>/rejected.csv", imports.import_rejected, name="import_rejected"),
]
