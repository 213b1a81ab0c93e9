"""The store in one SQLite file, the default.

Written ahead (WAL, https://sqlite.org/wal.html) with synchronous=NORMAL: a commit is not synced to the disk, so that
telling a fact hardly ever waits for one; a killed process loses nothing, a power cut the last ones told. Forgetting
writes the whole file anew and empties the log: it takes longer, and then the bytes are gone.
"""

import fcntl
import logging
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from actors.memory.fact import EPOCH, Fact, checked_key, checked_user, checked_value, fact, ranked, tell
from actors.memory.store import Damaged, Store, Unavailable

log = logging.getLogger(__name__)

BUSY_S = 0.5  # so long another process may write; one fact takes it less than a millisecond
SETTINGS = (
    "journal_mode = WAL",
    "synchronous = NORMAL",
    "wal_autocheckpoint = 8192",  # pages: only once in some thousand facts does telling one wait for the disk
    "secure_delete = ON",
    "temp_store = MEMORY",  # VACUUM leaves nothing in a temporary file
)
MICROSECOND = timedelta(microseconds=1)
MIGRATIONS = (  # number n leads to version n + 1; they only ever add, so that older code reads newer files
    "CREATE TABLE fact (user TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, "
    "said_at_us INTEGER NOT NULL, "  # since 1970, UTC
    "told INTEGER NOT NULL, changed INTEGER NOT NULL, PRIMARY KEY (user, key)) WITHOUT ROWID",
)


class _Unsound(sqlite3.DatabaseError):
    """The check of a whole file found what reading a part of it might not."""

    sqlite_errorcode, sqlite_errorname = sqlite3.SQLITE_CORRUPT, "quick_check"


class SqliteStore(Store):
    """``path``: made with mode 0600 where it is not there. A damaged file is moved to ``path`` + ".damaged".

    It then still holds what users told, until the next damaged one takes its place.
    """

    def __init__(self, path: Path):
        """Raises Unavailable."""
        self._path = path
        self._damaged = path.with_name(path.name + ".damaged")
        self._db: sqlite3.Connection | None = None
        self._inode = 0  # of the file that is open; 0 where none is
        try:
            self._open()
        except Damaged as error:
            log.error("%s", error)

    def facts(self, user: str) -> list[Fact]:
        checked_user(user)
        with self._transaction("BEGIN") as db:
            return ranked(_read(db, user))

    def keep(self, user: str, key: str, value: str, said_at: datetime) -> None:
        new = fact(user, key, value, said_at)
        with self._transaction("BEGIN IMMEDIATE") as db:
            new, gone = tell(_read(db, user), new)
            db.execute(
                "INSERT INTO fact (user, key, value, said_at_us, told, changed) VALUES (?, ?, ?, ?, ?, ?) "
                "ON CONFLICT DO UPDATE SET value = excluded.value, said_at_us = excluded.said_at_us, "
                "told = excluded.told, changed = excluded.changed",
                (user, new.key, new.value, (new.said_at - EPOCH) // MICROSECOND, new.told, new.changed),
            )
            db.executemany("DELETE FROM fact WHERE user = ? AND key = ?", [(user, key) for key in gone])

    def edit(self, user: str, key: str, value: str) -> bool:
        """As ``forget``, for the bytes of the value before."""
        row = checked_value(value), checked_user(user), checked_key(key)
        with self._transaction("BEGIN IMMEDIATE") as db:
            found = db.execute("UPDATE fact SET value = ? WHERE user = ? AND key = ?", row).rowcount
        self._wipe()
        return found > 0

    def forget(self, user: str, key: str | None = None) -> bool:
        """Returns when no byte of it is in the files any more. Raises Unavailable also where only that failed."""
        checked_user(user)
        with self._transaction("BEGIN IMMEDIATE") as db:
            if key is None:
                had = db.execute("DELETE FROM fact WHERE user = ?", (user,)).rowcount
            else:
                had = db.execute("DELETE FROM fact WHERE user = ? AND key = ?", (user, checked_key(key))).rowcount
        self._wipe()
        return had > 0

    def _wipe(self) -> None:
        """Writes the file anew: secure_delete leaves copies where SQLite had moved rows from page to page."""
        with self._errors():
            self._db.execute("VACUUM")
            busy, _, _ = self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise Unavailable(f"{self._path} is in use: what was deleted may still be in its log; delete it again")

    def users(self) -> list[str]:
        with self._transaction("BEGIN") as db:
            return [user for (user,) in db.execute("SELECT DISTINCT user FROM fact ORDER BY user")]

    def close(self) -> None:
        self._db.close()

    # ---- the file

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[sqlite3.Connection]:
        with self._errors():
            if self._inode != _inode(self._path):  # another process has moved it aside
                self._open()
            with self._db:
                self._db.execute(begin)
                yield self._db

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Turns SQLite's into ours; a damaged file is replaced by a new one."""
        try:
            yield
        except sqlite3.DatabaseError as error:
            if (code := getattr(error, "sqlite_errorcode", None)) is None:  # a mistake in this file
                raise
            if code & 0xFF not in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
                raise Unavailable(f"{self._path}: {error.sqlite_errorname}: {error}") from error
            self._replace()
            raise Damaged(f"{self._path} is damaged ({error.sqlite_errorname}): now {self._damaged}") from error
        except OSError as error:
            raise Unavailable(f"{self._path}: {error.strerror}") from error

    def _open(self) -> None:
        """Raises Unavailable; Damaged with the new one open."""
        if self._db:
            self._db.close()
        try:
            with self._errors(), self._alone():
                with open(self._path, "ab") as file:
                    os.fchmod(file.fileno(), 0o600)  # SQLite gives it to the files beside, too
                    self._inode = os.fstat(file.fileno()).st_ino
                self._db = sqlite3.connect(self._path, timeout=BUSY_S, isolation_level=None)
                for setting in SETTINGS:
                    self._db.execute(f"PRAGMA {setting}")
                _migrate(self._db)
        except Unavailable:
            self._inode = 0  # the next use tries again
            raise

    def _replace(self) -> None:
        """Moves the file aside, unless another process has done so, and opens a new one."""
        self._db.close()
        with self._errors(), self._alone():
            if _inode(self._path) == self._inode:
                for ending in ("-wal", "-shm", ""):
                    Path(f"{self._damaged}{ending}").unlink(missing_ok=True)  # of an earlier one
                    if (part := Path(f"{self._path}{ending}")).exists():
                        part.rename(f"{self._damaged}{ending}")
        self._open()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """No other process opens or replaces the file meanwhile."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            yield
        finally:
            os.close(folder)


def _inode(path: Path) -> int:
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return 0


def _migrate(db: sqlite3.Connection) -> None:
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if version < len(MIGRATIONS):
        with db:
            db.execute("BEGIN IMMEDIATE")
            for script in MIGRATIONS[version:]:
                db.execute(script)
            db.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
    (verdict,) = db.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        raise _Unsound


def _read(db: sqlite3.Connection, user: str) -> list[Fact]:
    rows = db.execute("SELECT user, key, value, said_at_us, told, changed FROM fact WHERE user = ?", (user,))
    return [
        Fact(user, key, value, EPOCH + said_at_us * MICROSECOND, told, changed)
        for user, key, value, said_at_us, told, changed in rows
    ]
