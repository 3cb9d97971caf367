"""Where things live on this machine: the data folder, the sockets, and root's state folder."""

import hashlib
import os
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
SOCKET_HOME = Path("/tmp")  # short on purpose: a socket path may have 107 bytes, on macOS 103
STATE_HOMES = (Path("/var/lib"), Path("/var/tmp"))  # where root keeps what `nobody` must reach


class StackError(Exception):
    """The embedded stack cannot go on; the text says what happened and what to do next."""


@dataclass(frozen=True)
class DataFolder:
    """One installation's own files; everything embedded lives below it."""

    root: Path

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def env_file(self) -> Path:
        """The URLs of the running stack."""
        return self.root / "env"

    @property
    def stack_lock(self) -> Path:
        """Held by whoever runs the embedded services."""
        return self.root / "stack.lock"

    @property
    def users_lock(self) -> Path:
        """Shared by the commands that need the database while they run."""
        return self.root / "users.lock"

    @property
    def demo_unfinished(self) -> Path:
        """There while the demo company is being loaded into an empty database."""
        return self.root / "demo-unfinished"

    @property
    def secret_key(self) -> Path:
        return self.root / "secret_key"

    @property
    def valkey(self) -> Path:
        return self.root / "valkey"

    @property
    def beat_schedule(self) -> Path:
        return self.root / "beat-schedule"

    @property
    def valkey_socket(self) -> Path:
        return self._sockets("") / "valkey.sock"

    @property
    def postgres(self) -> Path:
        """The folder around the cluster: in the data folder, or where `nobody` may go when we are root."""
        return (self.root if os.geteuid() else state_folder(self)) / "postgres"

    @property
    def postgres_sockets(self) -> Path:
        return self._sockets("-pg")

    def _sockets(self, suffix: str) -> Path:
        key = hashlib.sha256(os.fsencode(self.root)).hexdigest()[:10]
        return SOCKET_HOME / f"tend-{os.geteuid()}-{key}{suffix}"


def data_folder(chosen: str | os.PathLike[str] | None = None) -> DataFolder:
    """The data folder in use: the argument, `TEND_DATA`, or `.data` in the checkout; made when missing."""
    path = Path(chosen or os.environ.get("TEND_DATA") or ROOT / ".data").expanduser()
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if path == ROOT / ".data":
            path.chmod(0o700)
    except OSError as error:
        message = (
            f"The data folder {path} cannot be used: {error.strerror}. Name another with --data or TEND_DATA."
        )
        raise StackError(message) from error
    return DataFolder(path.resolve())


def private_folder(path: Path, owner: int) -> Path:
    """A folder in a shared place that only `owner` can enter; refuses one that somebody else laid there."""
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        found = path.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid not in {owner, os.geteuid()}:
            message = f"{path} belongs to somebody else. Remove it (or ask its owner to), then start again."
            raise StackError(message) from None
    if path.lstat().st_uid != owner:
        os.chown(path, owner, -1, follow_symlinks=False)
    path.chmod(0o700)
    return path


def state_folder(data: DataFolder) -> Path:
    """Root's folder for this data folder. A copied checkout gets its own, a moved one keeps it."""
    note = data.root / "state"
    if note.is_file():
        path = Path(note.read_text(encoding="utf-8").strip())
        origin = path / "belongs-to"
        if origin.is_file():
            other = Path(origin.read_text(encoding="utf-8"))
            if other == data.root or not (other / "state").is_file():
                origin.write_text(str(data.root), encoding="utf-8")
                return path
    home = next((home for home in STATE_HOMES if os.access(home, os.W_OK | os.X_OK)), STATE_HOMES[-1])
    path = home / "tend" / secrets.token_hex(6)
    path.mkdir(parents=True)
    path.chmod(0o755)
    path.parent.chmod(0o755)
    (path / "belongs-to").write_text(str(data.root), encoding="utf-8")
    note.write_text(str(path), encoding="utf-8")
    return path


def secret_key(data: DataFolder) -> str:
    """The signing key of this installation, made on the first run and readable by its owner alone."""
    try:
        with os.fdopen(os.open(data.secret_key, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(50))
    except FileExistsError:
        pass
    key = data.secret_key.read_text(encoding="utf-8").strip()
    if key:
        return key
    data.secret_key.unlink()  # a crash between making and filling it
    return secret_key(data)
