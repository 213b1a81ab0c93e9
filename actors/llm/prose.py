"""A language model's writing, while it streams in, as plain sentences: what nobody would say aloud is left out.

Numbers, units, dates and single signs are the voice's own business (actors/tts/normalise.py).
"""

import re
import unicodedata

from actors.persona import MOODS

MAX_SPAN = 100  # characters; a mark with no partner after so many was not the beginning of anything
MAX_LINK = 400  # ... of a link, with its address
ENDS = ".!?…:\"'”’)。！？"  # a sentence's last character
MAX_WORD = 200  # characters; a longer run without a space is processed in parts

_SAFE = re.compile(r".*[\s。！？]", re.DOTALL)  # up to here no token can still change its meaning
_SIGNS = frozenset("°©®™№℃℉")  # "other symbols" that have a name
_UNSEEN = frozenset(("So", "Sk", "Cc", "Cs", "Co", "Cn", "Cf", "Me"))  # emoji, their joiners, broken characters
_AS_EMOJI = "\ufe0f"  # turns the sign before it into a picture
_ACTS = (
    "smil|laugh|chuckl|giggl|grinn?|nodd?|sigh|wink|wav|paus|shrugg?|blink|gasp|blush|smirk|frown|beam|bow|cough|yawn"
)
_POSES = "lean|look|think|tilt|clear|rais|whisper|gestur|glanc|gaz|pout|humm?|sniff|excited|warm|gentl|playful"
_ACT = re.compile(rf"(?:\w+ly )?(?:{_ACTS})(?:e?s|ing)\b", re.IGNORECASE)
_POSE = re.compile(rf"(?:\w+ly )?(?:{_ACTS}|{_POSES})(?:e?s|ing|ly|l?y)\b", re.IGNORECASE)
_LINE = re.compile(  # what a line may begin with
    r"[ \t]*(?P<rule>(?:[-_=] ?){3,}(?=\s)|(?:\* ?){3,}(?=\s)|\|[-:| ]+\|[ \t]*(?=\n))?"
    r"(?P<item>(?:>[ \t]?)*(?:#{1,6}[ \t]+|[-*+•‣◦][ \t]+(?:\[[ xX]\][ \t]+)?|\|[ \t]*)?)"
    r"(?:(?P<number>\d{1,2})[.)][ \t]+)?"
)
_MARK = re.compile(
    r"(?P<newline>[ \t]*\n\s*)"
    r"|(?P<fence>```+|~~~+)"
    r"|<(?P<thought>think|thinking|thought|reasoning)>"
    r"|(?P<tag></?[A-Za-z])"
    r"|(?P<code>`)"
    r"|(?P<bold>\*\*+|__+|~~)"
    r"|(?P<star>\*|(?<!\w)_(?=\w))"
    r"|(?P<bracket>!?\[)"
    r"|(?P<aside>\((?=[A-Za-z]+(?: \w+)*\)))"
    r"|(?P<url>https?://)",
    re.IGNORECASE,
)
_SPANS = {  # the whole, where the mark begins one
    "tag": re.compile(r"</?[A-Za-z][^<>\n]*>"),
    "code": re.compile(r"`([^`\n]+)`"),
    "star": re.compile(r"([*_])(?=\S)([^*_\n]+)(?<=\S)\1(?!\w)"),
    "bracket": re.compile(r"!?\[([^\[\]\n]*)\](\([^()\s]*(?:[ \t][^()\n]*)?\))?"),
    "aside": re.compile(r"\(([^()\n]+)\)"),
    "url": re.compile(
        r"https?://(?:[^\s/@]*@)?(?:www\.)?([^\s/?#:<>()*]*[\w])(?:[:/?#](?:[^\s<>()*]*[\w/=&])?)?", re.I
    ),
}


class Prose:
    """mood: what a tag such as "[happy]" at the beginning asked for, if there was one. silent: no word so far."""

    def __init__(self) -> None:
        self.mood: str | None = None
        self.silent = True
        self._raw = ""  # not yet understood
        self._before = "\n"  # the character before it
        self._last = ""  # the last one before it that is no space
        self._at_line_start = True
        self._in_item = False  # the line's end is the end of a sentence
        self._number = 0  # of the last numbered item

    def feed(self, text: str, end: bool = False) -> str:
        """What is now certain, in lines: a line break ends a sentence. ``end``: nothing comes any more."""
        self._raw += text
        at, out = 0, []
        while at < self._certain(end):
            if self._at_line_start:
                start = self._line(at, end)
                if start is None:
                    break
                at = start
                continue
            mark = _MARK.search(self._raw, at, self._certain(end))
            plain = self._raw[at : mark.start() if mark else self._certain(end)]
            self._say(plain, out)
            at += len(plain)
            if not mark:
                break
            if (after := self._mark(mark, end, out)) is None:
                break
            self._before, at = self._raw[after - 1], after
        self._raw = self._raw[at:]
        return "".join(out)

    def _certain(self, end: bool) -> int:
        found = _SAFE.match(self._raw)
        certain = found.end() if found else 0
        return len(self._raw) if end or len(self._raw) - certain > MAX_WORD else certain

    def _say(self, text: str, out: list[str]) -> None:
        seen = "".join(
            c
            for c in text
            if " " <= c < "\x7f"
            or c.isspace()
            or c in _SIGNS
            or (unicodedata.category(c) not in _UNSEEN and c != _AS_EMOJI)
        )
        self.silent = self.silent and not any(map(str.isalnum, seen))
        self._before = text[-1:] or self._before
        self._last = seen.rstrip()[-1:] or self._last
        out.append(seen)

    def _line(self, at: int, end: bool) -> int | None:
        """Steps over what begins a line; None where more must be known."""
        found = _LINE.match(self._raw, at)
        if found.end() >= self._certain(end) and not end:
            return None
        self._at_line_start, self._in_item = False, bool(found["item"])
        if found["number"] and int(found["number"]) != self._number + 1:  # "7. That was easy."
            return found.start("number")
        if found["number"]:
            self._number, self._in_item = self._number + 1, True
        return found.end()

    def _mark(self, mark: re.Match, end: bool, out: list[str]) -> int | None:
        """Where to go on after the mark and what belongs to it; None where more must be known."""
        kind, start = mark.lastgroup, mark.start()
        match kind:
            case "newline":
                return self._newline(mark, end, out)
            case "bold":
                return mark.end()
            case "fence" | "thought":
                close = mark[0] if kind == "fence" else f"</{mark[kind]}>"
                if (found := self._raw.find(close, mark.end())) < 0:
                    return len(self._raw) if end else None
                out.append("\n" if kind == "fence" else " ")
                self._at_line_start = True
                return found + len(close)
        whole = _SPANS[kind].match(self._raw, start)
        following = self._raw[mark.end() : mark.end() + 1]
        if kind == "star" and (self._before.isalnum() or following.isspace()):
            self._say(mark[0] if following.isalnum() or self._before.isspace() else "", out)
            return mark.end()  # the end of something, or a sign between numbers
        most = MAX_LINK if kind in ("bracket", "url") else MAX_SPAN
        if whole and whole.end() - start <= most:
            if whole.end() >= self._certain(end) and not end:
                return None  # "[text]" may go on with "(address)"
            self._say(self._spoken(kind, whole), out)
            return whole.end()
        rest = self._raw[start : start + most]
        if not end and len(rest) < most and "\n" not in rest:
            return None
        self._say("<" if kind == "tag" else "", out)
        return start + 1 if kind == "tag" else mark.end()

    def _newline(self, mark: re.Match, end: bool, out: list[str]) -> int | None:
        blank = mark[0].count("\n") > 1
        if not (blank or self._in_item or (self._last and self._last in ENDS)):
            following = _LINE.match(self._raw, mark.end())
            if following.end() >= self._certain(end) and not end:
                return None
            begins = following["item"] or following["rule"] or following["number"]
            if not begins and not self._raw.startswith(("```", "~~~"), following.end()):
                out.append(" ")  # a wrapped line
                return mark.end()
        out.append("\n")
        self._at_line_start = True
        return mark.end()

    def _spoken(self, kind: str, whole: re.Match) -> str:
        if kind in ("code", "url"):
            return whole[1]
        if kind == "tag":
            return " "
        inner = whole[2 if kind == "star" else 1].strip()
        word = inner.lower().removeprefix("mood:").strip()
        if kind == "bracket" and (whole[0][0] == "!" or whole[2]):
            return "" if whole[0][0] == "!" else inner
        if word in MOODS and kind != "star":
            if self.silent:
                self.mood = self.mood or word
            return "" if kind == "bracket" or self.silent else whole[0]
        if kind == "star":
            alone = self._last in ENDS
            return "" if _ACT.match(inner) or (alone and (inner[0].islower() or _POSE.match(inner))) else inner
        if _POSE.match(inner):
            return ""
        if kind == "aside":
            return whole[0]
        tag = self.silent and inner.isalpha() and inner.islower()
        return "" if tag or re.fullmatch(r"\^?[\d,; -]*", inner) else inner
