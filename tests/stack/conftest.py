"""Real stacks in folders of their own, started and watched from outside like a user does."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from config.devstack import signals
from config.devstack.paths import ROOT, DataFolder
from config.devstack.postgres import PROCESS_TABLE

START_SECONDS = 180
END_SECONDS = 120
DEATH_SECONDS = 10  # 2 s on a quiet machine; tests may share theirs
KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "VIRTUAL_ENV")


def clean_environment(**more):
    """What a fresh terminal has: nothing that the tests or another stack have set."""
    return {key: os.environ[key] for key in KEPT if key in os.environ} | {"NO_BOOTSTRAP": "1"} | more


def manage(*arguments, data, **more):
    """Run a management command to its end."""
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=clean_environment(TEND_DATA=str(data), **more),
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
        check=False,
    )


def _hears_hang_up():
    """Tests that run under nohup would hand its deafness on."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


class Dev:
    """One `manage.py dev`, with its output in a file."""

    def __init__(self, data, *arguments):
        self.data = DataFolder(Path(data))
        self.output = self.data.root / "seen.txt"
        with self.output.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "dev", "--no-demo", "--data", str(data), *arguments],
                cwd=ROOT,
                env=clean_environment(),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_hears_hang_up,  # noqa: PLW1509 - async-safe
            )

    @property
    def seen(self):
        return self.output.read_text(errors="replace")

    def wait_until_ready(self):
        signals.until(lambda: "Tend is ready" in self.seen or self.ended(), seconds=START_SECONDS)
        assert "Tend is ready" in self.seen, self.seen
        return self

    @property
    def url(self):
        return re.search(r"Tend is ready: (\S+)", self.seen)[1]

    def ended(self):
        return self.process.poll() is not None

    def signal_and_wait(self, number):
        self.process.send_signal(number)
        return self.wait()

    def wait(self):
        return self.process.wait(END_SECONDS)

    def part(self, mark):
        """The first process of this stack whose command line has `mark`."""
        return min(self.parts(mark))

    def parts(self, mark):
        """All of them."""
        return [pid for pid, line in self.children().items() if mark in line]

    def children(self):
        """Every process that belongs to this data folder, except the one we started."""
        marks = [str(self.data.root), str(self.data.valkey_socket), str(self.data.postgres_sockets)]
        found = {}
        for entry in PROCESS_TABLE.glob("[0-9]*"):
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                environment = (entry / "environ").read_bytes().decode(errors="replace")
            except OSError:
                continue
            ours = any(mark in line for mark in marks) or f"TEND_DATA={self.data.root}\0" in environment
            if ours and int(entry.name) not in {self.process.pid, os.getpid()}:
                found[int(entry.name)] = line
        return found

    def leaves_nothing_within(self, seconds):
        return signals.until(lambda: not self.children(), seconds=seconds)


@pytest.fixture(scope="session")
def prepared(tmp_path_factory):
    """A data folder with an odd name whose database is migrated; stacks of these tests follow each other in it."""
    folder = tmp_path_factory.mktemp("Dätä 'of' a stack")
    yield folder
    _remove_state(folder)


@pytest.fixture
def fresh(tmp_path):
    """An empty data folder."""
    yield tmp_path
    _remove_state(tmp_path)


def _remove_state(folder):
    """As root the cluster lives outside the data folder."""
    note = folder / "state"
    if note.exists():
        shutil.rmtree(note.read_text())


@pytest.fixture
def start(request):
    """Start stacks; whatever a failing test leaves is killed."""

    def begin(data, *arguments):
        dev = Dev(data, *arguments)
        request.addfinalizer(lambda: _end(dev))
        return dev

    return begin


def _end(dev):
    if not dev.ended():
        dev.process.kill()
        dev.process.wait()
    if not dev.leaves_nothing_within(DEATH_SECONDS):
        for pid in dev.children():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def last_json(text):
    return json.loads(text.strip().splitlines()[-1])
