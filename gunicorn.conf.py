"""Read by gunicorn when it starts in this folder."""

logger_class = "config.web.server_log.MaskedLogger"
