"""What the user told about himself. Lives as long as the call."""

MAX_FACTS = 64
MAX_CHARS = 80  # of a value: a name or a few words, never a speech


class Memory:
    """Facts by key ("name", "favorite food"), in the order they were told. A key told again moves to the end."""

    def __init__(self) -> None:
        self._facts: dict[str, str] = {}

    def keep(self, key: str, value: str) -> None:
        """Keeps the newest MAX_FACTS facts, and the first MAX_CHARS characters of a value."""
        self._facts.pop(key, None)
        self._facts[key] = value[:MAX_CHARS].strip()
        while len(self._facts) > MAX_FACTS:
            del self._facts[next(iter(self._facts))]

    def get(self, key: str) -> str | None:
        return self._facts.get(key)

    def facts(self) -> dict[str, str]:
        """A copy."""
        return dict(self._facts)

    def forget(self, key: str | None = None) -> bool:
        """Drops one fact, or all. True where there was something to drop."""
        if key is None:
            had = bool(self._facts)
            self._facts.clear()
            return had
        return self._facts.pop(key, None) is not None
