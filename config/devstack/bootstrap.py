"""First run on a bare machine: make `.venv`, install what `requirements.txt` names, run again inside it.

Standard library only. Nothing here may import Django or any installed package.
"""

import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "installed"  # SHA-256 of what was installed; written last, so its absence means "not finished"
LOCK = ROOT / ".venv.lock"
LOG = VENV / "install.log"
INPUTS = (ROOT / "requirements.txt", ROOT / ".ci" / "constraints.txt")
OURS = (
    "django",
    "celery",
    "django_htmx",
)  # together these tell an environment for Tend from an unrelated one
PIP_PLACES = (
    "PIP_USER",
    "PIP_TARGET",
    "PIP_PREFIX",
    "PIP_REQUIRE_VIRTUALENV",
)  # would install somewhere else


def ensure() -> None:
    """Return when this process may import Tend's packages; otherwise install them and start over inside `.venv`."""
    if os.environ.get("NO_BOOTSTRAP") == "1" or _in_an_environment_of_the_caller():
        return
    if not _installed():
        _install()
    elif _inside():
        return
    os.execv(PYTHON, [str(PYTHON), *sys.argv])


def _inside() -> bool:
    return Path(sys.prefix).resolve() == VENV.resolve()


def _in_an_environment_of_the_caller() -> bool:
    """An active environment other than `.venv` that has Django, or a system Python that has all of ours."""
    if _inside():
        return False
    has = [importlib.util.find_spec(name) is not None for name in OURS]
    return all(has) or (has[0] and sys.prefix != sys.base_prefix)


def _wanted() -> str:
    digest = hashlib.sha256()
    for path in INPUTS:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _installed() -> bool:
    try:
        return STAMP.read_text(encoding="ascii") == _wanted() and PYTHON.exists()
    except OSError:
        return False


def _install() -> None:
    """One process installs; others wait for it and find the work done."""
    for module in ("venv", "ensurepip"):
        if importlib.util.find_spec(module) is None:
            _give_up_without(module)
    with LOCK.open("w", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _say("Another start is installing Tend's packages; waiting for it.")
            fcntl.flock(lock, fcntl.LOCK_EX)
        if not _installed():
            _install_now()


def _install_now() -> None:
    started = time.monotonic()
    update = STAMP.exists() and PYTHON.exists()
    _say(f"{'Updating' if update else 'Installing'} Tend's packages in {VENV.name} (about a minute) ...")
    STAMP.unlink(missing_ok=True)
    try:
        if not update:
            shutil.rmtree(VENV, ignore_errors=True)
            _run([_base_python(), "-m", "venv", str(VENV)])
        requirements, constraints = map(str, INPUTS)
        _run([str(PYTHON), "-m", "pip", "install", "--no-input", "-r", requirements, "-c", constraints])
    except KeyboardInterrupt:
        sys.exit("\nInterrupted. The next start begins the installation again.")
    STAMP.write_text(_wanted(), encoding="ascii")
    _say(f"Installed in {time.monotonic() - started:.0f} s.")


def _base_python() -> str:
    """The interpreter below any environment, because `.venv` may be the one we run in and about to be made again."""
    return getattr(sys, "_base_executable", None) or sys.executable


def _run(command: list[str]) -> None:
    env = {key: value for key, value in os.environ.items() if key not in PIP_PLACES}
    env["PIP_DISABLE_PIP_VERSION_CHECK"] = "1"
    VENV.mkdir(exist_ok=True)
    with LOG.open("ab") as out:
        code = subprocess.run(
            command, stdout=out, stderr=subprocess.STDOUT, cwd=ROOT, env=env, check=False
        ).returncode
    if code == 0:
        return
    tail = "\n".join(LOG.read_text(encoding="utf-8", errors="replace").splitlines()[-6:])
    sys.exit(
        f"{tail}\n\nTend's packages could not be installed. The whole story is in {LOG}\n"
        "Check the network (or the settings of pip), then run the same command again."
    )


def _give_up_without(module: str) -> NoReturn:
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    sys.exit(
        f"This Python lacks the module '{module}', which Tend needs to make its environment.\n"
        f"Install it and run the same command again: apt install python{version}-venv  (Debian, Ubuntu), "
        "or use a Python from python.org."
    )


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
