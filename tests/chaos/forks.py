"""A Python that has imported Tend and runs commands in forks of itself: each is a process that may be killed.

python -m tests.chaos.forks reads one JSON order per line: argv, environment, files for output and errors. It answers
with the exit code, negative for a signal. Importing Tend takes longer than most commands; it happens once here.
"""

import gc
import json
import os
import random
import runpy
import signal
import subprocess
import sys
import threading
from importlib import import_module

import django

from config.devstack import commands, processes
from config.devstack.paths import ROOT

SEEDS = "tests.chaos.seeds"


class Forks:
    """The other end, in the tests. Started with the first order."""

    def __init__(self, env, folder):
        self.env, self.folder = env, folder
        self.process = None
        self.orders = 0
        self.lock = threading.Lock()

    def run(self, argv, *, seconds, **more):
        """What `subprocess.run` would return for `manage.py ARGV`, or for a seed when `argv` begins with SEEDS."""
        with self.lock:
            self.orders += 1
            out, err = (self.folder / f"{self.orders}-{argv[0]}.{end}" for end in ("out", "err"))
            order = {"argv": list(map(str, argv)), "env": more, "out": str(out), "err": str(err)}
            code = self._order(order, seconds)
        return subprocess.CompletedProcess(order["argv"], code, out.read_text(), err.read_text())

    def _order(self, order, seconds):
        if self.process is None:
            self.process = self._start()
        patience = threading.Timer(seconds, processes.kill_group, [self.process.pid])
        patience.start()
        try:
            self.process.stdin.write(json.dumps(order) + "\n")
            self.process.stdin.flush()
            answer = self.process.stdout.readline()
        finally:
            patience.cancel()
        assert answer, f"{order['argv']} took over {seconds} s, or the forks could not start: {self.folder}"
        return json.loads(answer)

    def _start(self):
        self.folder.mkdir()
        with (self.folder / "forks.log").open("w") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "tests.chaos.forks"],
                cwd=ROOT,
                env=self.env,
                text=True,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )

    def stop(self):
        if self.process is not None:
            self.process.stdin.close()
            self.process.wait()
            self.process.stdout.close()


def load():
    """Import what commands and seeds need; nothing is connected before the fork."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from config.celery import app

    import_module("config.urls")
    app.loader.import_default_modules()
    runpy.run_module(SEEDS)  # for what it imports
    gc.freeze()


def obey(order):
    """Run one order in a fork; its exit code, negative for a signal."""
    child = os.fork()
    if child == 0:
        become(order)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def become(order):
    """This process is the command from now on."""
    for number, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(order[name], os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.environ.update(order["env"])
    random.seed()
    name, *rest = order["argv"]
    code = 1
    try:
        if name == SEEDS:
            sys.argv = [SEEDS, *rest]
            runpy.run_module(SEEDS, run_name="__main__")
        else:
            sys.argv = ["manage.py", name, *rest]
            commands.run(sys.argv)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 - as the interpreter would: shown, and the exit code says so
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def main():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    load()
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # a stray line is no answer
    for line in sys.stdin:
        answers.write(f"{obey(json.loads(line))}\n")
        answers.flush()


if __name__ == "__main__":
    main()
