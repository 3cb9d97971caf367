"""Routes."""

app_name = "customers"
urlpatterns = []
