"""`python3 manage.py dev`: start everything in order, show the logs, stop everything together."""

import argparse
import os
from collections.abc import Sequence

from config.devstack import running, signals
from config.devstack.locks import FileLock
from config.devstack.logs import say, tell
from config.devstack.network import PORT
from config.devstack.paths import StackError, data_folder
from config.devstack.stack import Stack
from config.env import BadSettingError


def dev(arguments: Sequence[str]) -> int:
    """Run the stack until it is told to stop (0) or a part of it dies (1)."""
    options = _options(arguments)
    data = data_folder(options.data)
    os.environ["TEND_DATA"] = str(data.root)
    lock = FileLock(data.stack_lock)
    if not _become_the_stack(lock):
        return 1
    stack = Stack(data, options)
    failure = "see the messages above"
    try:
        signals.listen()
        stack.start(lock)
        code = stack.check() if options.check else stack.watch()
        failure = ""
    except signals.StopRequested:
        failure = "interrupted"
        code = 1 if options.check else 0
    except (StackError, BadSettingError) as error:
        failure = str(error)
        code = 1
        tell(failure)
    finally:
        signals.obey()
        stack.stop()
        if options.check:
            stack.report(failure)
        lock.close()
    return code


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="manage.py dev", description="Start Tend with everything it needs.")
    parser.add_argument("--port", type=int, help=f"of the web server (default: {PORT} or the next free one)")
    parser.add_argument("--data", help="data folder (default: TEND_DATA, or .data in the checkout)")
    parser.add_argument("--reset", action="store_true", help="delete the data and begin anew")
    parser.add_argument("--no-demo", action="store_true", help="leave an empty database empty")
    parser.add_argument("--reload", action="store_true", help="restart the web server when code changes")
    parser.add_argument("--check", action="store_true", help="start, test, print one JSON line, stop")
    return parser.parse_args(arguments)


def _become_the_stack(lock: FileLock) -> bool:
    """Take the lock; wait for commands that use the database, give way to another `dev`."""
    if lock.try_take_patiently():
        return True
    holder = lock.holder()
    if holder and holder.note == running.COMMANDS:
        tell("Another command is using the database; starting when it has finished.")
        lock.take()
        return True
    where = holder.note if holder and holder.note else "about to print its address"
    say(f"Already running: {where} (pid {holder.pid if holder else 'unknown'})")
    return False
