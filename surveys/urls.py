from django.urls import URLPattern, path

from surveys.views import answer, campaigns, deliveries, panels, people, policy, results, unsubscribe

app_name = "surveys"
urlpatterns: list[URLPattern] = [
    path("s/<str:token>", answer.answer, name="answer"),
    path("s/<str:token>/thanks", answer.thanks, name="thanks"),
    path("u/<str:token>", unsubscribe.unsubscribe, name="unsubscribe"),
    path("privacy", answer.privacy, name="privacy"),
    path("surveys/", campaigns.campaigns, name="campaigns"),
    path("surveys/new/", campaigns.campaign_new, name="campaign_new"),
    path("surveys/audience/", campaigns.audience_count, name="audience_count"),
    path("surveys/low-answers/", panels.low_answers_panel, name="low_answers_panel"),
    path("surveys/customers/<int:pk>/", panels.customer_panel, name="customer_panel"),
    path("surveys/deliveries/", deliveries.deliveries, name="deliveries"),
    path("surveys/deliveries/release/", deliveries.hold_release, name="hold_release"),
    path("surveys/deliveries/<int:pk>/resend/", deliveries.message_resend, name="message_resend"),
    path("surveys/deliveries/<int:pk>/close/", deliveries.message_close, name="message_close"),
    path("surveys/suppressions/", deliveries.suppressions, name="suppressions"),
    path("surveys/suppressions/<int:pk>/lift/", deliveries.suppression_lift, name="suppression_lift"),
    path("surveys/policy/", policy.policy, name="policy"),
    path("surveys/people/<int:pk>/known.json", people.subject_export, name="subject_export"),
    path("surveys/<int:pk>/", campaigns.campaign, name="campaign"),
    path("surveys/<int:pk>/edit/", campaigns.campaign_edit, name="campaign_edit"),
    path("surveys/<int:pk>/left-out/", campaigns.left_out, name="left_out"),
    path("surveys/<int:pk>/mail/", campaigns.campaign_preview, name="campaign_preview"),
    path("surveys/<int:pk>/test/", campaigns.campaign_test, name="campaign_test"),
    path("surveys/<int:pk>/launch/", campaigns.campaign_launch, name="campaign_launch"),
    path("surveys/<int:pk>/pause/", campaigns.campaign_pause, name="campaign_pause"),
    path("surveys/<int:pk>/resume/", campaigns.campaign_resume, name="campaign_resume"),
    path("surveys/<int:pk>/cancel/", campaigns.campaign_cancel, name="campaign_cancel"),
    path("surveys/<int:pk>/delete/", campaigns.campaign_delete, name="campaign_delete"),
    path("surveys/<int:pk>/results/", results.results, name="results"),
]
