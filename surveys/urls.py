"""Routes."""

app_name = "surveys"
urlpatterns = []
