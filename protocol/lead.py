"""Which process of an actor is at work, where several are there: the one that holds the actor's lock file.

The kernel gives the lock back when its holder ends, however that came about, and wakes who waits for it.
"""

import fcntl
import os
from pathlib import Path


class Lead:
    """Of one process. It is given back by give(), or when the process ends."""

    def __init__(self, folder: Path, actor: str):
        self._path = _path(folder, actor)
        self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def take(self, waits: bool = False) -> bool:
        """False where another process has it; ``waits``: until none has."""
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX if waits else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, str(os.getpid()).encode(), 0)
        return True

    def give(self) -> None:
        fcntl.flock(self._fd, fcntl.LOCK_UN)


def last_leader(folder: Path, actor: str) -> int:
    """The process that took the lead last; 0 where none ever did."""
    path = _path(folder, actor)
    return int(path.read_text() or 0) if path.exists() else 0


def _path(folder: Path, actor: str) -> Path:
    return folder / f"{actor}.lock"
