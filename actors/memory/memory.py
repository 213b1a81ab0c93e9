"""What is known of the one who calls; and drafts of it, which change nothing before they are committed."""

from collections.abc import Callable, Mapping
from datetime import datetime

from actors.memory.fact import MAX_CHARS, MAX_FACTS, cues, overlap
from actors.memory.store import Store


class Draft:
    """Facts by key ("name", "favorite food") as they were when it was made, and what was done to them since."""

    def __init__(self, facts: Mapping[str, str]):
        self._facts = dict(facts)
        self.changes: list[Callable[[Memory], None]] = []

    def keep(self, key: str, value: str, said_at: datetime) -> None:
        """A key told again moves to the end. said_at: with its time zone."""
        _keep(self._facts, key, value)
        self.changes.append(lambda memory: memory.keep(key, value, said_at))

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
        had = bool(self._facts) if key is None else key in self._facts
        self.changes.append(lambda memory: memory.forget(key))
        if key is None:
            self._facts.clear()
        else:
            self._facts.pop(key, None)
        return had


class Memory:
    """Of one call: the newest MAX_FACTS facts, as long as it lasts; with ``store``, of a user over all his calls.

    With a store everything raises StoreError.
    """

    def __init__(self, store: Store | None = None, user: str = ""):
        self._store, self._user = store, user
        self._facts: dict[str, str] = {}

    def draft(self) -> Draft:
        """Reads the store anew each time: another process may have changed it."""
        if self._store is None:
            return Draft(self._facts)
        best_first = self._store.facts(self._user)
        return Draft({one.key: one.value for one in reversed(best_first)})  # the best as if told last

    def commit(self, draft: Draft) -> None:
        """What was done to the draft is done."""
        for change in draft.changes:
            change(self)

    def keep(self, key: str, value: str, said_at: datetime) -> None:
        if self._store is None:
            _keep(self._facts, key, value)
        else:
            self._store.keep(self._user, key, value, said_at)

    def forget(self, key: str | None = None) -> None:
        if self._store is not None:
            self._store.forget(self._user, key)
        elif key is None:
            self._facts.clear()
        else:
            self._facts.pop(key, None)


def _keep(facts: dict[str, str], key: str, value: str) -> None:
    """The newest MAX_FACTS facts, and the first MAX_CHARS characters of a value."""
    facts.pop(key, None)
    facts[key] = value[:MAX_CHARS].strip()
    while len(facts) > MAX_FACTS:
        del facts[next(iter(facts))]
