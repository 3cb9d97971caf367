"""Routes."""

app_name = "metrics"
urlpatterns = []
