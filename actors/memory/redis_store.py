"""The store in Redis: a hash for each user, a field for each fact, its content as JSON. Nothing expires.

Redis must be told itself to write to a disk (``appendonly yes``, best with the default ``appendfsync everysec``), and
what is forgotten stays in its append-only file until that is rewritten.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from attrs import evolve

from actors.memory.fact import EPOCH, Fact, checked_key, checked_user, checked_value, fact, ranked, tell
from actors.memory.store import Damaged, Store, Unavailable

USERS = "visavis:memory:user:"
DAMAGED = "visavis:memory:damaged:"
ANSWER_S = 0.25  # a server that takes longer is not there
MICROSECOND = timedelta(microseconds=1)


class RedisStore(Store):
    """``url``: redis://, rediss:// or unix://, as redis-py takes it. Connects at the first use.

    After a lost connection one call raises Unavailable, and the next one connects anew. A user's hash that cannot be
    read is moved to the prefix DAMAGED, and deleted when he wants everything forgotten.
    """

    def __init__(self, url: str):
        """Raises Unavailable where redis-py is not installed or ``url`` is none."""
        try:
            import redis
            from redis.backoff import NoBackoff
            from redis.retry import Retry
        except ImportError:
            raise Unavailable("REDIS_URL is set, but there is no redis-py: pip install redis") from None
        self._redis = redis
        try:
            self._client = redis.Redis.from_url(
                url,
                decode_responses=True,
                socket_timeout=ANSWER_S,
                socket_connect_timeout=ANSWER_S,
                retry=Retry(NoBackoff(), 0),  # a conversation does not wait
            )
        except ValueError:  # its text has the URL, and that a password
            raise Unavailable("REDIS_URL is no URL of the kind redis://host:6379/0") from None

    def facts(self, user: str) -> list[Fact]:
        checked_user(user)
        with self._errors(user):
            return ranked(_read(self._client, user))

    def keep(self, user: str, key: str, value: str, said_at: datetime) -> None:
        first = fact(user, key, value, said_at)

        def change(pipe) -> None:
            new, gone = tell(_read(pipe, user), first)
            pipe.multi()
            pipe.hset(USERS + user, new.key, _written(new))
            if gone:
                pipe.hdel(USERS + user, *gone)

        self._change(user, change)

    def edit(self, user: str, key: str, value: str) -> bool:
        checked_user(user)
        key, value = checked_key(key), checked_value(value)

        def change(pipe) -> bool:
            old = pipe.hget(USERS + user, key)
            pipe.multi()
            if old is not None:
                pipe.hset(USERS + user, key, _written(evolve(_fact(user, key, old), value=value)))
            return old is not None

        return self._change(user, change)

    def forget(self, user: str, key: str | None = None) -> bool:
        checked_user(user)
        with self._errors(user):
            if key is None:
                return self._client.delete(USERS + user, DAMAGED + user) > 0
            return self._client.hdel(USERS + user, checked_key(key)) > 0

    def users(self) -> list[str]:
        with self._errors():
            return sorted(name.removeprefix(USERS) for name in self._client.scan_iter(f"{USERS}*", count=1000))

    def close(self) -> None:
        self._client.close()

    def _change(self, user: str, change: Callable) -> bool | None:
        """Reads, then writes in one transaction; again, where another process wrote to this user in between."""
        with self._errors(user):
            return self._client.transaction(change, USERS + user, value_from_callable=True)

    @contextmanager
    def _errors(self, user: str | None = None) -> Iterator[None]:
        """Turns those of Redis into ours: without their texts, which may repeat what was sent."""
        try:
            yield
        except self._redis.ResponseError as error:
            code = str(error).split(" ", 1)[0]
            if code == "WRONGTYPE":
                self._move_aside(user)
            raise Unavailable(f"Redis refuses: {code}") from None
        except self._redis.RedisError as error:
            raise Unavailable(f"Redis does not answer: {type(error).__name__}") from None
        except (UnicodeDecodeError, _Unreadable):
            self._move_aside(user)

    def _move_aside(self, user: str) -> None:
        """Raises Damaged."""
        with self._errors():
            self._client.rename(USERS + user, DAMAGED + user)
        raise Damaged(f"the facts of a user in Redis cannot be read; they are now under {DAMAGED}")


class _Unreadable(Exception):
    """No fact that this file wrote."""


def _read(client, user: str) -> list[Fact]:
    return [_fact(user, key, text) for key, text in client.hgetall(USERS + user).items()]


def _fact(user: str, key: str, text: str) -> Fact:
    """Further fields, of a later version, are passed over."""
    try:
        made = json.loads(text)
        said_at = EPOCH + int(made["said_at_us"]) * MICROSECOND
        return Fact(user, key, str(made["value"]), said_at, int(made["told"]), int(made["changed"]))
    except (ValueError, KeyError, TypeError, OverflowError):
        raise _Unreadable from None


def _written(one: Fact) -> str:
    return json.dumps(
        {
            "value": one.value,
            "said_at_us": (one.said_at - EPOCH) // MICROSECOND,
            "told": one.told,
            "changed": one.changed,
        }
    )
