"""Where the facts of all users are kept, over calls and restarts: one contract, two kinds."""

import logging
import os
from abc import abstractmethod
from datetime import datetime
from typing import Protocol

from actors.memory.fact import Fact, checked_key, matching
from protocol.run import data_folder

log = logging.getLogger(__name__)


class StoreError(Exception):
    """Nothing was read or written, and a call goes on without. Never says what a user told, nor his id."""


class Unavailable(StoreError):
    """The store does not answer, or not in time. The next try connects anew."""


class Damaged(StoreError):
    """What was found is no store. It was moved aside; from now on the memory begins anew."""


class Store(Protocol):
    """May be used by several processes at once, each with its own object, an object by one thread only.

    Its time comes with what is told. Everything raises StoreError, and ValueError for a user, key or value that
    fact.py refuses.
    """

    @abstractmethod
    def facts(self, user: str) -> list[Fact]:
        """Best first; none of a user who is not known."""

    def get(self, user: str, key: str) -> Fact | None:
        key = checked_key(key)
        return next((one for one in self.facts(user) if one.key == key), None)

    @abstractmethod
    def keep(self, user: str, key: str, value: str, said_at: datetime) -> None:
        """Told for the first time, or again: then the value is the new one. ``said_at``: with its time zone.

        Above MAX_FACTS facts of a user the least worth go. Survives the end of this process as soon as it returns;
        the last ones before a power cut may be lost.
        """

    @abstractmethod
    def edit(self, user: str, key: str, value: str) -> bool:
        """Corrects a value and nothing else of a fact; False where there is none of this key."""

    @abstractmethod
    def forget(self, user: str, key: str | None = None) -> bool:
        """Deletes one fact, or all. True where there was something to delete."""

    def recall(self, user: str, text: str, most: int) -> list[Fact]:
        """The facts that matter for ``text``: those that share most words with it, of equal ones the best."""
        return matching(text, self.facts(user), most)

    @abstractmethod
    def users(self) -> list[str]:
        """Whoever has a fact, in order."""

    @abstractmethod
    def close(self) -> None: ...


def open_store() -> Store:
    """In Redis where ``$REDIS_URL`` is set, else in a file of the data folder. Raises StoreError."""
    if url := os.environ.get("REDIS_URL"):
        from actors.memory.redis_store import RedisStore

        log.info("memory: in Redis, as REDIS_URL is set")
        return RedisStore(url)
    from actors.memory.sqlite_store import SqliteStore

    path = data_folder() / "memory.sqlite3"
    log.info("memory: in %s", path)
    return SqliteStore(path)
