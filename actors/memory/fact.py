"""A fact that a user stated: what it is worth, what it becomes when told again, and for which text it matters."""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from attrs import evolve, field, frozen

from actors.words import NOISE, split, stem

MAX_FACTS = 64  # of a user
MAX_CHARS = 80  # of a value: a name or a few words, never a speech
MAX_KEY_CHARS = 40
USER = re.compile(r"[A-Za-z0-9_-]{22,64}")  # 22 characters of base64url are 128 bits: not to be guessed

IMPORTANCE = {  # by key: who somebody is before what he likes; what he asked to be remembered stands high
    "name": 1.0, "home": 0.8, "origin": 0.8, "age": 0.8, "birthday": 0.8, "work": 0.8, "note": 0.8,
}  # fmt: skip
OF_NAMES = 0.8  # "dog's name", "mother's name"
OF_OTHERS = 0.5
FADES = 0.5  # the part of the worth that time takes; the rest stays
FADES_DAYS = 30
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_NO_CUES = NOISE | frozenset([
    "a", "i", "me", "my", "mine", "you", "your", "yours", "we", "us", "our", "he", "his", "she", "her", "they", "them",
    "their", "this", "these", "those", "be", "am", "are", "was", "were", "do", "does", "did", "have", "has", "had",
    "can", "could", "will", "would", "should", "what", "which", "there", "here", "not", "no", "yes", "with", "for",
    "from", "by", "as", "if", "then", "tell", "know", "remember", "think", "say", "please", "really", "very", "just",
    "about", "some", "any",
])  # fmt: skip
_CUES = {  # how one speaks of a key without naming it
    "name": "who called", "home": "where live", "origin": "where come born", "age": "old", "birthday": "born old",
    "work": "job living profession", "like": "love enjoy favorite",
}  # fmt: skip


@frozen
class Fact:
    """said_at: UTC, when it was told last. told: how often. changed: how often its value became another one.

    score: 0 to 1, see ``ranked``. What the user said stays out of its repr, and so out of logs.
    """

    user: str = field(repr=False)
    key: str = field(repr=False)
    value: str = field(repr=False)
    said_at: datetime
    told: int = 1
    changed: int = 0
    score: float = 0.0


def fact(user: str, key: str, value: str, said_at: datetime) -> Fact:
    """One told for the first time. Raises ValueError for a bad user or key, no value, or a time without a zone."""
    if said_at.tzinfo is None:
        raise ValueError("said_at has no time zone")
    return Fact(checked_user(user), checked_key(key), checked_value(value), said_at.astimezone(UTC))


def checked_user(user: str) -> str:
    """Raises ValueError; never with the id in it, which is as good as a password."""
    if not USER.fullmatch(user):
        raise ValueError(f"a user id is 22 to 64 of A-Z a-z 0-9 _ -; this one has {len(user)} characters")
    return user


def checked_key(key: str) -> str:
    """In lower case, words one space apart, its first MAX_KEY_CHARS characters. Raises ValueError for nothing."""
    if not (key := _line(key).lower()[:MAX_KEY_CHARS].strip()):
        raise ValueError("a key has no printable character")
    return key


def checked_value(value: str) -> str:
    """One line, its first MAX_CHARS characters. Raises ValueError where nothing is left."""
    if not (value := _line(value)[:MAX_CHARS].strip()):
        raise ValueError("a value has no printable character")
    return value


def _line(text: str) -> str:
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())


def ranked(facts: Iterable[Fact]) -> list[Fact]:
    """With their scores, best first; of equal ones the later told first.

    importance × recency × told, the factors of Park et al., "Generative Agents" (2023), as a product, so that each is
    a share. Recency falls as a power of time, as human memory does (Wixted and Ebbesen, "On the form of forgetting",
    1991; the exponent 1/2 is ACT-R's), but takes only half: a name from last year is still worth more than this
    morning's favorite colour. Each telling halves the doubt: 1/2, 3/4, 7/8.
    Ages count back from the last thing this user told: nothing fades while he is away, and no clock is needed.
    """
    facts = list(facts)
    newest = max((one.said_at for one in facts), default=EPOCH)
    scored = [evolve(one, score=_score(one, newest)) for one in facts]
    return sorted(scored, key=lambda one: (one.score, one.said_at), reverse=True)


def _score(one: Fact, newest: datetime) -> float:
    importance = IMPORTANCE.get(one.key, OF_NAMES if one.key.endswith("'s name") else OF_OTHERS)
    days = (newest - one.said_at) / timedelta(days=1)
    recency = 1 - FADES + FADES * (1 + days / FADES_DAYS) ** -0.5
    return importance * recency * (1 - 0.5**one.told)


def tell(known: Sequence[Fact], new: Fact) -> tuple[Fact, list[str]]:
    """What ``new`` becomes among what is known, and the keys that must go for it: the least worth, never its own."""
    old = next((one for one in known if one.key == new.key), None)
    if old:
        new = evolve(new, told=old.told + 1, changed=old.changed + (old.value != new.value))
    others = [one for one in ranked([*(one for one in known if one is not old), new]) if one.key != new.key]
    return new, [one.key for one in others[MAX_FACTS - 1 :]]


def matching(text: str, facts: Iterable[Fact], most: int) -> list[Fact]:
    """The facts that share a word with ``text``, those with most words first; of equal ones in the order given."""
    wanted = cues(text)
    shared = [(overlap(wanted, one.key, one.value), one) for one in facts]
    shared = sorted((pair for pair in shared if pair[0]), key=lambda pair: -pair[0])
    return [one for _, one in shared[:most]]


def cues(text: str) -> set[str]:
    """Stems of the words that mean something."""
    return {stem(word) for word in split(text) if word not in _NO_CUES}


def overlap(wanted: set[str], key: str, value: str) -> int:
    """How many of these stems the fact is about."""
    return len(wanted & cues(f"{key} {value} {_CUES.get(key, '')}"))
