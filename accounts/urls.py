"""Addresses of settings, people, background work and the log."""

from django.urls import path

from accounts.views import jobs, log, settings, users

app_name = "accounts"
urlpatterns = [
    path("settings/", settings.settings, name="settings"),
    path("settings/profile/", settings.profile, name="profile"),
    path("settings/organisation/", settings.organisation, name="organisation"),
    path("settings/teams/", settings.teams, name="teams"),
    path("settings/teams/<int:pk>/", settings.team, name="team"),
    path("settings/teams/<int:pk>/delete/", settings.delete_team, name="delete_team"),
    path("settings/users/", users.users, name="users"),
    path("settings/users/invite/", users.invite_user, name="invite_user"),
    path("settings/users/<int:pk>/", users.user, name="user"),
    path("settings/users/<int:pk>/deactivate/", users.deactivate_user, name="deactivate_user"),
    path("settings/users/<int:pk>/reactivate/", users.reactivate_user, name="reactivate_user"),
    path("settings/users/<int:pk>/invite/", users.invite_user_again, name="invite_user_again"),
    path("settings/jobs/", jobs.jobs, name="jobs"),
    path("settings/jobs/<int:pk>/", jobs.job_progress, name="job_progress"),
    path("settings/jobs/<int:pk>/again/", jobs.run_job_again, name="run_job_again"),
    path("audit/", log.audit, name="audit"),
    path("outbox/", log.outbox, name="outbox"),
    path("outbox/<int:pk>/", log.outbox_mail, name="outbox_mail"),
    path("outbox/<int:pk>/html/", log.outbox_frame, name="outbox_frame"),
    path("invite/<str:secret>/", users.accept_invite, name="accept_invite"),
]
