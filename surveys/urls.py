from django.urls import URLPattern, path

from surveys.views import answer, unsubscribe

app_name = "surveys"
urlpatterns: list[URLPattern] = [
    path("s/<str:token>", answer.answer, name="answer"),
    path("s/<str:token>/thanks", answer.thanks, name="thanks"),
    path("u/<str:token>", unsubscribe.unsubscribe, name="unsubscribe"),
    path("privacy", answer.privacy, name="privacy"),
]
