"""Sums that are said aloud: "what is seven times eight". A small grammar, computed exactly; nothing is evaluated.

sum := product (("plus" | "minus") product)*    product := power (("times" | "over") power)*
power := part ("squared" | "cubed" | "to the power of" part)*
part := number | "square root of" part | number "percent of" part | "half of" part | "double" part
"""

import re
from collections.abc import Sequence
from fractions import Fraction
from math import isqrt

from actors.llm import number
from actors.llm.number import LIMIT

MAX_POWER = 64
MAX_WORDS = 60
ROOT_PLACES = 10**6  # a root that is not whole is taken to six decimals

_FRAME = re.compile(
    r"^(?:(?:can|could|do|would) you (?:tell me|calculate|compute|know) |tell me |and |then )*"
    r"(?:what (?:is|are|does|do) |how much (?:is|are|does|do) |calculate |compute |how many (?:is|are) |work out )?"
    r"(?:the result of )?"
)
_TAIL = re.compile(r"(?: equals?| equal to what| is what| makes?| please| make| give| gives)+$")
_TOKENS = (  # longest first
    ("to the power of", "^"), ("to the power", "^"), ("multiplied by", "*"), ("multiplied with", "*"),
    ("divided by", "/"), ("take away", "-"), ("the square root of", "root"), ("square root of", "root"),
    ("square root", "root"), ("root of", "root"), ("percent of", "%"), ("per cent of", "%"), ("a half of", "half"),
    ("half of", "half"), ("half", "half"), ("twice", "double"), ("double", "double"), ("squared", "^2"),
    ("cubed", "^3"), ("times", "*"), ("time", "*"), ("over", "/"), ("plus", "+"), ("minus", "-"), ("less", "-"),
)  # fmt: skip
_SIGNS = {
    "x": "times", "*": "times", "\u00d7": "times", "+": "plus", "-": "minus", "/": "divided by", "\u00f7": "divided by",
    "%": "percent",
}  # fmt: skip


class _NoSum(Exception):
    """The words are no sum."""


class _Impossible(Exception):
    """They are one without an answer; says why."""


def answer(text: str) -> tuple[str, ...] | None:
    """What to say, in two variants, or None if ``text`` is not a sum from end to end."""
    words = _words(text)
    try:
        value, steps = _Parser(words).whole()
    except _NoSum:
        return None
    except _Impossible as reason:
        return (f"That does not work. {reason}", f"There is no answer to that one. {reason}")
    if not steps:
        return None
    said = number.say(value)
    return (f"That is {said}.", f"It makes {said}.", f"{said[0].upper()}{said[1:]}.")


def _words(text: str) -> list[str]:
    text = re.sub(r"(?<=\d),(?=\d{3})", "", text.lower())
    text = re.sub(
        r"(?<=\d)\.(\d+)", lambda match: " point " + " ".join(number.say(Fraction(int(d))) for d in match[1]), text
    )
    for sign, word in _SIGNS.items():
        text = re.sub(rf"(?<=\d)\s*{re.escape(sign)}\s*(?=\d|\s|$)", f" {word} ", text)
    text = " ".join(re.findall(r"[a-z0-9]+", text.replace("what's", "what is")))
    return _TAIL.sub("", _FRAME.sub("", text)).split()[:MAX_WORDS]


class _Parser:
    def __init__(self, words: Sequence[str]):
        self._words, self._place, self._steps = words, 0, 0

    def whole(self) -> tuple[Fraction, int]:
        """The value and the number of operations. Raises _NoSum, _Impossible."""
        value = self._sum()
        if self._place < len(self._words):
            raise _NoSum
        return value, self._steps

    def _take(self, *wanted: str) -> str | None:
        for phrase, token in _TOKENS:
            words = phrase.split()
            if token in wanted and list(self._words[self._place : self._place + len(words)]) == words:
                self._place += len(words)
                self._steps += 1
                return token
        return None

    def _sum(self) -> Fraction:
        value = self._product()
        while True:
            if token := self._take("+", "-"):
                part = self._product()
                value = _checked(value + part if token == "+" else value - part)
            elif self._words[self._place : self._place + 1] == ["and"]:  # "how much is two and two"
                self._place += 1
                self._steps += 1
                value = _checked(value + self._product())
            else:
                return value

    def _product(self) -> Fraction:
        value = self._power()
        while token := self._take("*", "/"):
            part = self._power()
            if token == "/" and not part:
                raise _Impossible("Nothing can be divided by zero.")
            value = _checked(value * part if token == "*" else value / part)
        return value

    def _power(self) -> Fraction:
        value = self._part()
        while token := self._take("^", "^2", "^3"):
            power = self._part() if token == "^" else Fraction(int(token[1]))
            if power.denominator != 1 or not 0 <= power <= MAX_POWER:
                raise _Impossible(f"I only take whole powers up to {number.say(Fraction(MAX_POWER))}.")
            result = Fraction(1)
            for _ in range(int(power)):
                result = _checked(result * value)
            value = result
        return value

    def _part(self) -> Fraction:
        if token := self._take("root", "half", "double"):
            part = self._part()
            return _root(part) if token == "root" else _checked(part / 2 if token == "half" else part * 2)
        found = number.parse(self._words, self._place)
        if found is None:
            raise _NoSum
        value, self._place = found
        if self._take("%"):
            return _checked(value * self._part() / 100)
        return _checked(value)


def _checked(value: Fraction) -> Fraction:
    if abs(value) > LIMIT:
        raise _Impossible("The numbers get too big to say.")
    return value


def _root(value: Fraction) -> Fraction:
    """Exact where it can be, else to six decimals."""
    if value < 0:
        raise _Impossible("A negative number has no square root that I could say.")
    root = Fraction(isqrt(value.numerator), isqrt(value.denominator))
    return root if root * root == value else Fraction(isqrt(int(value * ROOT_PLACES**2)), ROOT_PLACES)
