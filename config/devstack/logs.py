"""What the person at the terminal sees: our own few lines, then the services' logs side by side."""

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

NAME_WIDTH = 8
LOG_LIMIT_BYTES = 50_000_000  # then the file is emptied: a stack that runs for weeks must not fill the disk


def say(text: str) -> None:
    """The answer itself, on standard output."""
    _write(text, sys.stdout.fileno())


def tell(text: str) -> None:
    """Progress and trouble, on standard error."""
    _write(text, sys.stderr.fileno())


def _write(text: str, target: int) -> None:
    try:
        os.write(target, f"{text}\n".encode(errors="replace"))
    except OSError:
        # The terminal or the reader is gone; the stack is not.
        os.dup2(os.open(os.devnull, os.O_WRONLY), target)


class LogView:
    """Follows log files from their present end."""

    def __init__(self, sources: Sequence[tuple[str, Path]]) -> None:
        self._sources = [(name, path, path.open("rb")) for name, path in sources]
        for _, _, file in self._sources:
            file.seek(0, os.SEEK_END)

    def news(self) -> Iterator[tuple[str, str]]:
        """Whole lines that came since the last call, each with its source."""
        for name, path, file in self._sources:
            for line in iter(file.readline, b""):
                if not line.endswith(b"\n"):
                    file.seek(-len(line), os.SEEK_CUR)  # the rest is still being written
                    break
                yield name, line.decode(errors="replace").rstrip()
            if file.tell() > LOG_LIMIT_BYTES:
                os.truncate(path, 0)
                file.seek(0)

    def show(self) -> None:
        """Print the news."""
        for name, line in self.news():
            say(f"{name:<{NAME_WIDTH}}| {line}")
