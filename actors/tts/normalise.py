"""Text as a voice should read it: a table of small rules for what flite's own text analysis gets wrong.

flite reads plain numbers, decimals, ordinals, percentages, phone numbers, ranges such as 5-10, days after a month's
name, Roman numerals of kings, titles such as Dr and most acronyms itself; those are left to it.
"""

import re
import unicodedata
from collections.abc import Callable
from functools import partial

from anyascii import anyascii

from actors.tts.lexicon import ABBREVIATIONS, CURRENCIES, MONTHS, SPELLED, SYMBOLS, UNITS, year

MAX_TOKEN = 40  # characters; flite would read a word of 3000 letters for minutes

Replacement = str | Callable[[re.Match], str]

_MONTH = "|".join(MONTHS)
_NUMBER = r"\d+(?:,\d{3})*(?:\.\d+)?"
_TOP_LEVEL = "com|org|net|edu|gov|io|ai|dev|app|info|eu|uk|de|fr|ch|at|co"


def _spoken(address: str) -> str:
    """An address of the network: letters stay, marks become words."""
    words = {".": " dot ", "/": " slash ", "-": " dash ", "_": " underscore ", "@": " at ", "+": " plus "}
    return "".join(words.get(letter, letter) for letter in address)


def _site(match: re.Match) -> str:
    return _spoken(match["host"]) + (match["after"] or "")


def _currency(match: re.Match) -> str:
    one, many, cent, cents = CURRENCIES[match["sign"]]
    whole, fraction, scale = match["whole"], match["fraction"] or "", match["scale"]
    if scale:
        words = {"k": "thousand", "m": "million", "b": "billion", "bn": "billion"}
        point = f".{fraction}" if fraction else ""
        return f"{whole}{point} {words.get(scale.lower(), scale.lower())} {many}"
    if fraction and len(fraction) != 2:
        return f"{whole}.{fraction} {many}"
    if whole == "0" and fraction:
        return f"{int(fraction)} {cent if fraction == '01' else cents}"
    said = f"{whole} {one if whole == '1' else many}"
    if fraction.strip("0"):
        said += f" {int(fraction)} {cent if fraction == '01' else cents}"
    return said


def _date(match: re.Match) -> str:
    month, day = int(match["month"]), int(match["day"])
    if month > 12 >= day:
        month, day = day, month  # the day is written first
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return match[0]
    return f"{list(MONTHS.values())[month - 1]} {day}, {match['year']}"


def _time(match: re.Match) -> str:
    hour, minute, second, half = int(match["hour"]), match["minute"], match["second"], match["half"]
    if hour > 24 or int(minute) > 59:
        return f"{hour} to {int(minute)}" if not second else match[0]
    if half:
        said = f"{hour}" if minute == "00" else f"{hour}:{minute}"
    elif minute == "00":
        said = "midnight" if hour in (0, 24) else f"{hour} o'clock" if hour <= 12 else f"{hour} hundred"
    else:
        said = f"{hour}:{minute}" if hour else f"0 {minute}"
    return said + (f" and {int(second)} seconds" if second else "") + (f" {half.upper()} M" if half else "")


def _unit(match: re.Match) -> str:
    one, many = UNITS[match["unit"]]
    return f"{match['number']} {one if match['number'] == '1' else many}"


def _spelled(match: re.Match) -> str:
    if " " in match.string and match.string.isupper():
        return match[0]  # "IT IS LATE" is a loud voice, not information technology
    return " ".join(match["letters"]) + ("'s" if match["plural"] else "")


def _abbreviation(match: re.Match) -> str:
    said = ABBREVIATIONS[match[0]]
    at_end = match[0].endswith(".") and not match.string[match.end() :].strip()
    return said.rstrip(",") + "." if at_end else said


def _rule(pattern: str, replacement: Replacement, flags: int = 0) -> Callable[[str], str]:
    return partial(re.compile(pattern, flags).sub, replacement)


def _any(words) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


def _keep_writing(text: str) -> str:
    """Drops pictures and what is not seen; other scripts are kept for anyascii."""
    return "".join(" " if unicodedata.category(c) in ("So", "Sk", "Cc", "Cs", "Co", "Cn") else c for c in text)


RULES: tuple[Callable[[str], str], ...] = (
    # No token or run of space is so long that a rule below is slow on it
    _rule(r"(\S{200})\S+", r"\1"),
    _rule(r"[^\S\n]+", " "),
    _rule(r"\s*\n\s*", "\n"),
    # Markdown and HTML
    _rule(r"```\w*\n(.*?)```", r"\1", re.DOTALL),
    _rule(r"!?\[([^\[\]]{0,200})\]\([^)\s]{0,200}\)", r"\1"),
    _rule(r"</?[A-Za-z][^<>]{0,80}>", " "),
    _rule(r"^[ \t]*(?:#{1,6}|>+|[-*+]|\d{1,2}[.)](?=[ \t]+[A-Za-z*_]))[ \t]+", "", re.MULTILINE),
    _rule(r"^[ \t]*(?:[-*_=][ \t]*){3,}$", "", re.MULTILINE),
    _rule(r"(?<!\w)(\*{1,3}|_{1,3}|~~|`+)(?=\S)([^\n]{1,200}?)(?<=\S)\1(?!\w)", r"\2"),
    _rule(r"(?<=[^\s.,;:!?])[ \t]*\n+", ". "),
    # Signs that have a name, then everything to ASCII
    _rule(_any(SYMBOLS), lambda match: SYMBOLS[match[0]]),
    _rule(r"(?<=\d)[\u2010-\u2015](?=\d)", "-"),
    _rule(r"\s*[\u2012-\u2015]\s*|\s+-{1,3}\s+(?=\D)|(?<=\w)--+(?=\w)", ", "),
    _rule(
        rf"(?P<sign>[{''.join(CURRENCIES)}])\s?(?P<whole>\d+(?:,\d{{3}})*)(?:\.(?P<fraction>\d+))?"
        r"(?:\s?(?P<scale>thousand|[mb]illion|trillion|bn|[kKmMB])\b)?",
        _currency,
    ),
    _keep_writing,
    anyascii,
    # Addresses
    _rule(r"\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+", lambda match: _spoken(match[0])),
    _rule(
        r"\b(?:https?://|ftp://)(?:www\.)?(?P<host>[\w.-]*\w)(?::\d+)?(?:[/?#]\S*?)?(?P<after>[.,;:!?)\"']*(?=\s|$))",
        _site,
        re.IGNORECASE,
    ),
    _rule(rf"\b(?:www\.)?(?P<host>(?:[\w-]+\.)+(?:{_TOP_LEVEL}))\b(?:/\S*?(?=[.,;:!?)]*(?:\s|$)))?(?P<after>)", _site),
    _rule(r"(?<!\S)@(?=\w)", "at "),
    _rule(r"#(?=\d)", "number "),
    _rule(r"#(?=[A-Za-z])", "hashtag "),
    # Dates, times, years
    _rule(r"\b(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)(?:T(?=\d))?", _date),
    _rule(r"\b(?P<month>\d{1,2})/(?P<day>\d{1,2})/(?P<year>\d{4})\b", _date),
    _rule(r"\b(?P<day>\d{1,2})\.(?P<month>\d{1,2})\.(?P<year>\d{4})\b", _date),
    _rule(rf"\b({_MONTH})\b\.?(?=\s\d)", lambda match: MONTHS[match[1]]),
    _rule(rf"(\d(?:st|nd|rd|th)?\s)({_MONTH})\b\.?", lambda match: match[1] + MONTHS[match[2]]),
    _rule(
        r"\b(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second>\d\d))?"
        r"(?:\s?(?P<half>[ap])(?:\.m\.(?=\s+(?-i:[a-z]))|\.?m\b))?(?!:?\d)",
        _time,
        re.IGNORECASE,
    ),
    _rule(
        r"\b(\d{1,2})\s?([ap])(?:\.m\.(?=\s+(?-i:[a-z]))|\.?m\b)",
        lambda match: f"{match[1]} {match[2].upper()} M",
        re.IGNORECASE,
    ),
    # Numbers
    _rule(r"\b\d{1,3}(?:\.\d{3}){2,}\b", lambda match: match[0].replace(".", "")),
    _rule(r"(?<![\d.])\d+(?:\.\d+){2,}", lambda match: match[0].replace(".", " point ")),
    _rule(rf"(?P<number>{_NUMBER})\s?(?P<unit>{_any(UNITS)})(?![\w/^])", _unit),
    _rule(r"\b(\d{4})-(\d{4})\b", r"\1 to \2"),
    _rule(r"(?<![\w.,:/$-])(?:1[1-9]|20)\d\d(?![\w:/%-]|[.,]\d)", lambda match: year(match[0])),
    _rule(r"\b(\d):(\d)\b", r"\1 to \2"),
    _rule(r"(?<=\d)\s?[*x]\s?(?=\d)", " times "),
    _rule(r"(?<=\d) - (?=\d)", " minus "),
    _rule(r"\b(24|9)/(7|11)\b", r"\1 \2"),
    # Words
    _rule(r"\betc\.(?=\s+[A-Z])", "et cetera."),
    _rule(rf"(?<![\w.])(?:{_any(ABBREVIATIONS)})(?!\w)", _abbreviation),
    _rule(r"\bMs\.?(?=\s+[A-Z])", "Miz"),
    _rule(r"\b(Dr|Mr|Mrs|St)\.(?=\s+[A-Z])", r"\1"),
    _rule(r"\bNo\. ?(?=\d)", "number "),
    _rule(rf"\b(?P<letters>{_any(SPELLED)})(?P<plural>s?)\b", _spelled),
    _rule(r"\bC\+\+", "C plus plus"),
    _rule(r"\b([CF])#", r"\1 sharp"),
    _rule(r"\b[hH]+m+\b|\b[mM]{2,}\b", "hum"),
    _rule(r"\b[mM]+-?h+m+\b", "uh huh"),
    _rule(r"([A-Za-z])\1{3,}", r"\1\1"),
    # Marks
    _rule(r"\s*&\s*", " and "),
    _rule(r"\s*=\s*", " equals "),
    _rule(r"\s\+\s?|(?<=\d)\+(?=\d)|(?<!\S)\+(?=\d)", " plus "),
    _rule(r"(?<=\d)\+", " plus"),
    _rule(r"~\s?(?=\d)", "about "),
    _rule(r"(?<=\S)\s+<\s+(?=\S)", " less than "),
    _rule(r"(?<=\S)\s+>\s+(?=\S)", " greater than "),
    _rule(r"\s*\|\s*", ", "),
    _rule(r"(?<=[A-Za-z]{2})\.(?=[a-z]{2})", " dot "),
    _rule(r"(?<=[A-Za-z])([.,;:!?]+)(?=[A-Z][a-z])|(?<=[A-Za-z])([,;:!?]+)(?=[A-Za-z])", r"\1\2 "),
    _rule(r"([!?])[!?.]+", r"\1"),
    _rule(r"\.{2,}", "..."),
    _rule(r"(?<=[,;:])(?:\s*[,;:])+", ""),
    _rule(r"(?<=[.!?])(?:\s+[.,;:])+", ""),
    _rule(r"[^A-Za-z0-9\s.,;:!?'\"()$%/-]+", " "),
    _rule(rf"(\S{{{MAX_TOKEN}}})\S+", r"\1"),
    _rule(r"\s+([.,;:!?])(?=\s|$)", r"\1"),
    _rule(r"\s+", " "),
)


def normalise(text: str) -> str:
    """Printable ASCII for a voice, with the punctuation that gives it its phrases; "" where nothing can be said."""
    for rule in RULES:
        text = rule(text)
    text = text.strip(" ,;:")
    return text if any(letter.isalnum() for letter in text) else ""
