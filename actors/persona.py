"""A persona: who the avatar is, what it is asked and what it answers. One TOML file; see llm/personas/vivi.toml.

The conversation answers from it, the recogniser builds its language model from its questions, the voice is named in it.
"""

import re
import tomllib
from collections.abc import Callable
from pathlib import Path

from attrs import NOTHING, Attribute, field, fields, frozen
from attrs.validators import instance_of

from actors.engine import CannotStart

DEFAULT_PERSONA = Path(__file__).parent / "llm" / "personas" / "vivi.toml"
MAX_BYTES = 1 << 20  # the shipped persona has 60 KB
MAX_CHARS = 600  # of one answer: about 40 s of speech
MOODS = ("neutral", "happy", "sad", "surprised", "concerned", "amused")

_SLOT = re.compile(r"\{(\w+)\}")
_QUESTION = re.compile(r"[a-z'{][a-z'_{} ]*")
_ANSWER_SLOTS = {"user"}  # filled with the user's name; such an answer waits until the name is known


class BadPersona(CannotStart):
    """A file that is no persona: the message names the file, the group with its number and line, and what is wrong."""


def _line(_, attribute: Attribute, value) -> None:
    if not isinstance(value, str):
        raise ValueError(f"{attribute.name} is a {type(value).__name__}, not a string")
    if len(value) > MAX_CHARS:
        raise ValueError(f"{attribute.name} has {len(value)} characters, more than {MAX_CHARS}")


def _check_lines(name: str, values, least: int, wrong: Callable[[str], str | None]) -> None:
    """At least ``least`` strings, each without anything ``wrong``."""
    if not isinstance(values, list | tuple) or not all(isinstance(value, str) for value in values):
        raise ValueError(f"{name} is not a list of strings")
    if len(values) < least:
        raise ValueError(f"{name} has {len(values)} entries; it needs at least {least}")
    for number, value in enumerate(values, 1):
        if reason := wrong(value):
            raise ValueError(f"{name}, entry {number}: {reason}")


def _lines(least: int, wrong: Callable[[str], str | None]):
    return lambda _, attribute, values: _check_lines(attribute.name, values, least, wrong)


def _spoken(text: str) -> str | None:
    """What is wrong with a text to speak."""
    if not text.strip():
        return "empty"
    if len(text) > MAX_CHARS:
        return f"{len(text)} characters, more than {MAX_CHARS}"
    for position, letter in enumerate(text):
        if not " " <= letter <= "~":
            return f"character {letter!r} at position {position} is not plain ASCII, which voices need"
    return None


def _answer(text: str) -> str | None:
    if unknown := set(_SLOT.findall(text)) - _ANSWER_SLOTS:
        return f"unknown slot {{{min(unknown)}}}"
    return _spoken(text)


def _asked(text: str) -> str | None:
    """What is wrong with an example question, already in plain form."""
    if not _QUESTION.fullmatch(text):
        return f"{text!r} is not plain words; write numbers as words"
    return None


def _plain(values):
    """Example questions as the recogniser would write them: lower case, no punctuation."""
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        return values  # the validator says so
    return tuple(" ".join(re.sub(r"[.,;:!?\"-]", " ", value.lower()).split()) for value in values)


def _tuple(values):
    return tuple(values) if isinstance(values, list) else values


@frozen(kw_only=True)
class Group:
    """Ways to ask one thing, and ways to answer it.

    skill: computes the answer instead of ``answers`` (names: actors/llm/scripted.py). ask: said after the answer, once
    in a call. yes: the group that answers when the user then agrees. remember: the fact that the reply to ``ask`` is
    kept as. after: the group whose answer must have come just before; "" for any.
    """

    id: str = field(validator=_line)
    questions: tuple[str, ...] = field(converter=_plain, validator=_lines(1, _asked))
    answers: tuple[str, ...] = field(default=(), converter=_tuple, validator=_lines(0, _answer))
    mood: str = field(default="neutral", validator=_line)
    skill: str = field(default="", validator=_line)
    ask: str = field(default="", validator=_line)
    yes: str = field(default="", validator=_line)
    remember: str = field(default="", validator=_line)
    after: str = field(default="", validator=_line)

    def __attrs_post_init__(self) -> None:
        if self.mood not in MOODS:
            raise ValueError(f"mood {self.mood!r} is none of {', '.join(MOODS)}")
        if self.skill and self.answers:
            raise ValueError(f"has skill {self.skill!r} and answers; one of the two")
        plain = [answer for answer in self.answers if not _SLOT.search(answer)]
        if not self.skill and len(plain) < 2:
            raise ValueError(
                f"{len(plain)} answers without slots; two are needed, so that none is given twice in a row"
            )
        if not any(_SLOT.sub("", question).strip() for question in self.questions):
            raise ValueError("no question has words besides its slots")
        if (self.yes or self.remember) and not self.ask:
            raise ValueError("yes and remember need a question in ask")


@frozen(kw_only=True)
class Fallback:
    """What is said when nothing fits.

    unclear: asks again. guess: offers the nearest {question}. offer: says what one can ask.
    """

    unclear: tuple[str, ...] = field(converter=_tuple, validator=_lines(2, _spoken))
    guess: tuple[str, ...] = field(converter=_tuple, validator=_lines(2, _spoken))
    offer: tuple[str, ...] = field(converter=_tuple, validator=_lines(2, _spoken))


@frozen(kw_only=True)
class Persona:
    """voice: name of the voice for tts. character: who this is, in prose, for engines that write their own answers.

    pronunciations: word to ARPAbet phones, for words that no dictionary has. slots: what {slot} in a
    question stands for.
    """

    name: str = field(validator=_line)
    voice: str = field(validator=_line)
    character: str = field(validator=instance_of(str))
    fallback: Fallback
    groups: tuple[Group, ...]
    pronunciations: dict[str, str]
    slots: dict[str, tuple[str, ...]]

    def questions(self) -> list[str]:
        """Every example question in plain lower-case words; each value of a slot stands at least once in its place."""
        return list(
            dict.fromkeys(text for group in self.groups for one in group.questions for text in self._expand(one))
        )

    def _expand(self, question: str) -> list[str]:
        names = _SLOT.findall(question)
        expanded = []
        for step in range(max((len(self.slots[name]) for name in names), default=1)):
            text = question
            for place, name in enumerate(names):
                values = self.slots[name]
                # each place starts elsewhere, so that not all pairs are "one times one"
                text = text.replace(f"{{{name}}}", values[(step + 7 * place) % len(values)], 1)
            expanded.append(text)
        return expanded


def load_persona(path: Path) -> Persona:
    """Reads and checks a persona file. Raises BadPersona."""
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise BadPersona(f"{path}: {size} bytes, more than {MAX_BYTES}")
        text = path.read_bytes().decode()
        table = tomllib.loads(text)
    except OSError as error:
        raise BadPersona(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise BadPersona(f"{path}: byte {error.start} is not UTF-8") from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise BadPersona(f"{path}: {error}") from error
    try:
        return _persona(
            table, [number for number, line in enumerate(text.splitlines(), 1) if line.strip() == "[[group]]"]
        )
    except (ValueError, TypeError) as error:
        raise BadPersona(f"{path}: {error}") from error


def _persona(table: dict, lines: list[int]) -> Persona:
    """``lines``: where the groups begin."""
    slots = {name: _slot(name, values) for name, values in _table(table, "slots", {}).items()}
    pronunciations = _table(table, "pronunciations", {})
    for word, phones in pronunciations.items():
        if not isinstance(phones, str) or not re.fullmatch(r"[A-Z]{1,2}( [A-Z]{1,2})*", phones):
            raise ValueError(f"pronunciation of {word!r} is {phones!r}, not ARPAbet phones such as 'V IY V IY'")
    raw = table.get("group")
    if not isinstance(raw, list) or not raw:
        raise ValueError("no [[group]]; a persona needs at least one")
    groups: list[Group] = []
    seen: dict[str, str] = {}  # question to group
    for number, entry in enumerate(raw, 1):
        where = f"line {lines[number - 1]}, " if len(lines) == len(raw) else ""
        name = entry.get("id", "without id") if isinstance(entry, dict) else "not a table"
        try:
            group = _build(Group, entry)
            _check(group, slots, groups, seen)
        except ValueError as error:
            raise ValueError(f"{where}group {number} ({name}): {error}") from error
        groups.append(group)
    first = {group.id: group.questions[0] for group in groups}
    for group in groups:
        for key in ("yes", "after"):
            if (other := getattr(group, key)) and other not in first:
                raise ValueError(f"group {group.id}: {key} names the group {other!r}, which is not there")
        if group.yes and _SLOT.search(first[group.yes]):
            raise ValueError(f"group {group.id}: yes asks {first[group.yes]!r}, which has a slot")
    rest = {key: value for key, value in table.items() if key not in ("group", "fallback", "slots", "pronunciations")}
    fallback = _build(Fallback, _table(table, "fallback", None))
    whole = dict(fallback=fallback, groups=tuple(groups), pronunciations=pronunciations, slots=slots)
    return _build(Persona, {**rest, **whole})


def _check(group: Group, slots: dict, others: list[Group], seen: dict[str, str]) -> None:
    """What a group must be among the others; adds its questions to ``seen``."""
    if any(other.id == group.id for other in others):
        raise ValueError("another group has this id")
    for question in group.questions:
        if unknown := set(_SLOT.findall(question)) - slots.keys():
            raise ValueError(f"{question!r} has the slot {{{min(unknown)}}}, which is not in [slots]")
        if "{" in _SLOT.sub("", question) or "}" in _SLOT.sub("", question):
            raise ValueError(f"{question!r} has a brace that belongs to no slot")
        if not group.after and seen.setdefault(question, group.id) != group.id:
            raise ValueError(f"{question!r} is in group {seen[question]}, too")


def _slot(name: str, values) -> tuple[str, ...]:
    _check_lines(f"slot {name}", values, 1, _asked)
    return tuple(values)


def _table(table: dict, key: str, default):
    value = table.get(key, default)
    if not isinstance(value, dict):
        raise ValueError(f"no [{key}]" if value is None else f"{key} is a {type(value).__name__}, not a table")
    return value


def _build(kind: type, values):
    """An instance of ``kind`` from a table of the file. Raises ValueError for missing, unknown and wrong keys."""
    if not isinstance(values, dict):
        raise ValueError(f"is a {type(values).__name__}, not a table")
    known = {one.name: one for one in fields(kind)}
    if unknown := values.keys() - known.keys():
        raise ValueError(f"unknown key {min(unknown)!r}")
    if missing := [name for name, one in known.items() if one.default is NOTHING and name not in values]:
        raise ValueError(f"no {missing[0]!r}")
    return kind(**values)
