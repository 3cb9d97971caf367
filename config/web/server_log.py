"""The web server's own log, named in gunicorn.conf.py."""

from typing import Any

from gunicorn.glogging import Logger

from config.web.masking import MaskedFormatter


class MaskedLogger(Logger):  # type: ignore[misc]
    """Access and error lines without the secrets of mailed links, whatever format is asked for."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        for handler in (*self.error_log.handlers, *self.access_log.handlers):
            inner = handler.formatter
            fmt, datefmt = (inner._fmt, inner.datefmt) if inner else (None, None)
            handler.setFormatter(MaskedFormatter(fmt, datefmt))
