"""What the user told about himself. Lives as long as the call, or, of a user with an id, in a store."""

from datetime import datetime

from actors.llm.fact import MAX_CHARS, MAX_FACTS, cues, overlap
from actors.llm.store import Store


class Memory:
    """Facts by key ("name", "favorite food"), in the order they were told. A key told again moves to the end."""

    def __init__(self) -> None:
        self._facts: dict[str, str] = {}

    def keep(self, key: str, value: str, said_at: datetime | None = None) -> None:
        """Keeps the newest MAX_FACTS facts, and the first MAX_CHARS characters of a value; not when it was said."""
        self._facts.pop(key, None)
        self._facts[key] = value[:MAX_CHARS].strip()
        while len(self._facts) > MAX_FACTS:
            del self._facts[next(iter(self._facts))]

    def get(self, key: str) -> str | None:
        return self._facts.get(key)

    def facts(self) -> dict[str, str]:
        """A copy."""
        return dict(self._facts)

    def recall(self, text: str, most: int) -> dict[str, str]:
        """Those that share a word with ``text``, most words first, of equal ones the later told first."""
        wanted = cues(text)
        shared = {key: overlap(wanted, key, value) for key, value in self._facts.items()}
        best = sorted((key for key in reversed(shared) if shared[key]), key=lambda key: -shared[key])
        return {key: self._facts[key] for key in best[:most]}

    def forget(self, key: str | None = None) -> bool:
        """Drops one fact, or all. True where there was something to drop."""
        if key is None:
            had = bool(self._facts)
            self._facts.clear()
            return had
        return self._facts.pop(key, None) is not None


class UserMemory:
    """A Memory that outlives the call: the facts of one user in a store, best first. Everything raises StoreError."""

    def __init__(self, store: Store, user: str):
        self._store, self._user = store, user

    def keep(self, key: str, value: str, said_at: datetime) -> None:
        self._store.keep(self._user, key, value, said_at)

    def get(self, key: str) -> str | None:
        found = self._store.get(self._user, key)
        return found and found.value

    def facts(self) -> dict[str, str]:
        return {one.key: one.value for one in self._store.facts(self._user)}

    def recall(self, text: str, most: int) -> dict[str, str]:
        return {one.key: one.value for one in self._store.recall(self._user, text, most)}

    def forget(self, key: str | None = None) -> bool:
        return self._store.forget(self._user, key)
