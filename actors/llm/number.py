"""Numbers as they are spoken, in both directions. Exact: fractions, never floats."""

from collections.abc import Sequence
from fractions import Fraction

LIMIT = 10**15  # beyond it nobody follows the words
PLACES = 3  # decimals spoken

_ONES = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_VALUES = {word: value for value, word in enumerate(_ONES)} | {word: 10 * value for value, word in enumerate(_TENS, 2)}
_MISHEARD = {
    "ate": 8, "won": 1, "mind": 9, "for": 4, "fore": 4, "to": 2, "too": 2, "tree": 3, "tin": 10, "fourty": 40, "oh": 0,
}  # fmt: skip
_ORDINALS = {
    "one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth",
    "twelve": "twelfth",
}  # fmt: skip
_MONTH_DAYS = 31


def parse(words: Sequence[str], start: int) -> tuple[Fraction, int] | None:
    """The number that begins at ``start`` and the place after it; None where there is none.

    Takes digits, "minus", "a hundred and twenty", "three point one four" and words that are often misheard ("ate").
    """
    place = start
    negative = place < len(words) and words[place] in ("minus", "negative")
    place += negative
    found = _digits(words, place) or _whole(words, place)
    if found is None:
        return None
    value, place = found
    if place + 1 < len(words) and words[place] == "point" and words[place + 1] in _VALUES:
        scale = Fraction(1, 10)
        place += 1
        while place < len(words) and _VALUES.get(words[place], 10) < 10:
            value, scale, place = value + _VALUES[words[place]] * scale, scale / 10, place + 1
    elif list(words[place : place + 3]) == ["and", "a", "half"]:
        value, place = value + Fraction(1, 2), place + 3
    return (-value if negative else value), place


def _digits(words: Sequence[str], place: int) -> tuple[Fraction, int] | None:
    if place < len(words) and words[place].isdecimal() and len(words[place]) <= len(str(LIMIT)):
        return Fraction(int(words[place])), place + 1
    return None


def _whole(words: Sequence[str], start: int) -> tuple[Fraction, int] | None:
    total = group = 0  # group: the part below a thousand that is being said
    room = LIMIT  # what may still follow: below 10 after "twenty", nothing after "seven"
    place, spoken = start, False
    while place < len(words):
        word = words[place]
        value = _VALUES.get(word, _MISHEARD.get(word) if not spoken or room == 10 else None)
        follows = words[place + 1] if place + 1 < len(words) else ""
        if value is not None and value < room and (value > 0 or not spoken):
            group, room, spoken = group + value, 10 if value >= 20 else 0, True
        elif word == "hundred" and 0 < group < 20:
            group, room = group * 100, 100
        elif word in _SCALES and group:
            total, group, room = total + group * _SCALES[word], 0, LIMIT
        elif word in ("a", "hey") and not spoken and start and not follows:  # at the end, "eight" is often heard so
            group, spoken = 8, True
        elif word == "a" and not spoken and (follows == "hundred" or follows in _SCALES):
            group, room, spoken = 1, 0, True
        elif word in ("hundred", *_SCALES) and not spoken:
            group, room, spoken = 100 if word == "hundred" else 1, 100, True
            total, group = (0, group) if word == "hundred" else (_SCALES[word], 0)
        elif not (word == "and" and spoken and room >= 100 and follows in _VALUES):
            break
        place += 1
    return (Fraction(total + group), place) if spoken else None


def say(value: Fraction) -> str:
    """In words, with at most three decimals: "minus two point five", "about zero point three three three"."""
    rounded = round(value, PLACES)
    whole, rest = divmod(abs(rounded), 1)
    text = say_whole(int(whole))
    if rest:
        digits = f"{int(rest * 10**PLACES):0{PLACES}d}".rstrip("0")
        text += " point " + " ".join(_ONES[int(digit)] for digit in digits)
    if rounded < 0:
        text = f"minus {text}"
    return text if rounded == value else f"about {text}"


def say_whole(value: int) -> str:
    """0 to LIMIT, in words."""
    if value < 20:
        return _ONES[value]
    if value < 100:
        return f"{_TENS[value // 10 - 2]} {_ONES[value % 10]}" if value % 10 else _TENS[value // 10 - 2]
    if value < 1000:
        return f"{_ONES[value // 100]} hundred" + (f" and {say_whole(value % 100)}" if value % 100 else "")
    name, scale = max(((name, scale) for name, scale in _SCALES.items() if scale <= value), key=lambda one: one[1])
    head, rest = divmod(value, scale)
    return f"{say_whole(head)} {name}" + (f"{' and' if rest < 100 else ''} {say_whole(rest)}" if rest else "")


def say_ordinal(value: int) -> str:
    """ "twenty first". For days of a month."""
    if not 1 <= value <= _MONTH_DAYS:
        raise ValueError(f"{value} is no day of a month")
    *head, last = say_whole(value).split()
    regular = f"{last[:-1]}ieth" if last.endswith("y") else f"{last}th"
    return " ".join([*head, _ORDINALS.get(last, regular)])


def say_year(value: int) -> str:
    """ "nineteen eighty four", "two thousand and six", "twenty twenty six"."""
    if value % 1000 < 10 or value // 100 < 11:
        return say_whole(value)
    rest = value % 100
    if rest == 0:
        return f"{say_whole(value // 100)} hundred"
    return f"{say_whole(value // 100)} {'oh ' if rest < 10 else ''}{say_whole(rest)}"
