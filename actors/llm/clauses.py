"""A reply cut into pieces to speak, while it streams in: a clause as soon as there is one, then whole sentences."""

import re
import unicodedata

from actors.llm.prose import Prose

FIRST_WORDS = 4  # the first clause; a shorter one would be over before the next piece has a voice
FIRST_LONG_WORDS = 10  # so many without a comma are cut before "and", "because" ...
MAX_PIECE = 400  # characters, some 25 s of speech, well below protocol.messages.MAX_TEXT

_END = re.compile(r"\n|[.!?…]+[\"'”’)\]]*(?=\s)|[。！？]")
_COMMA = re.compile(r"[,;:]+[\"'”’)]*(?=\s)|(?<=\s)[–—-]+(?=\s)|—(?=\w)|…|\.{3,}(?=\s)|[，、；：]")
_JOINT = re.compile(r"\s+(?=(?:and|but|because|which|so|or|while|where|when|although|if|that|then)\s)")
_GOES_ON = re.compile(  # the full stop of an abbreviation that a name, number or further words follow
    r"(?:^|[\s(\"'])(?:Dr|Mr|Mrs|Ms|Mx|Prof|St|Mt|Gen|Sen|Rep|Gov|Capt|Sgt|Lt|Col|Rev|Hon|Fr|vs"
    r"|cf|ca|approx|e\.g|i\.e|viz|al|[A-HJ-Z])\.$"
)
_MAY_GO_ON = re.compile(  # ... that also ends sentences: the next letter tells
    r"(?:^|[\s(\"'])(?:No|Nos|Vol|Fig|Eq|Sr|Jr|etc|Inc|Ltd|Co|Corp|Ave|Blvd|Rd|dept|est|min|max|a\.m|p\.m|[A-Z](?:\.[A-Z])+"
    r"|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\.$|(?:\.\.|…)[\"'”’)]*$"
)
_EMOTICON = re.compile(r"(?<!\S)(?:[:;=8]['-]?[()DPpOo|/*]+|<3|\^_?\^|[xX]D)(?=[\s.,!?]|$)")
_EMPTY = re.compile(r"\(\s*\)|\[\s*\]|\"\s*\"|“\s*”")
_LEADING = re.compile(r"^(?:[\s,;:!?…)\]–—|>]|[.-](?!\d))+")


class Clauses:
    """Text in as it comes, complete pieces out."""

    def __init__(self) -> None:
        self._prose = Prose()
        self._text = ""
        self._none_yet = True

    @property
    def mood(self) -> str | None:
        """Known with the first piece."""
        return self._prose.mood

    @property
    def silent(self) -> bool:
        """So far there were only marks, thoughts and blanks."""
        return self._prose.silent

    def feed(self, text: str) -> list[str]:
        self._text += self._prose.feed(text)
        return self._pieces(end=False)

    def end(self, complete: bool = True) -> list[str]:
        """The rest. Not ``complete``: an unfinished sentence is left out, unless it is all there is."""
        self._text += self._prose.feed("", end=True) + " "
        pieces = self._pieces(end=True)
        if (complete or self._none_yet) and (rest := _tidy(self._text + "\n")):
            pieces.append(rest)
        self._text = ""
        return pieces

    def _pieces(self, end: bool) -> list[str]:
        pieces = []
        while (cut := self._cut(end)) is not None:
            piece, self._text = _tidy(self._text[:cut]), self._text[cut:]
            if piece:
                pieces.append(piece)
                self._none_yet = False
        return pieces

    def _cut(self, end: bool) -> int | None:
        """Where the next piece ends; None where that is not certain yet."""
        text = self._text[: 2 * MAX_PIECE]
        cut = self._sentence(text, end)
        if self._none_yet and (clause := self._clause(text, len(text) if cut is None else cut, end)) is not None:
            cut = clause
        if cut is None and len(text) <= MAX_PIECE or cut is not None and cut <= MAX_PIECE:
            return cut
        places = [place.end() for place in _COMMA.finditer(text, 0, MAX_PIECE)]
        spaces = [place.end() for place in re.finditer(r"\s+", text[:MAX_PIECE])]
        return max(places or spaces, default=MAX_PIECE) or MAX_PIECE

    def _sentence(self, text: str, end: bool) -> int | None:
        for found in _END.finditer(text):
            before, after = text[: found.end()], text[found.end() :].lstrip(" ")[:1]
            if found[0] == "\n" or "!" in found[0] or "?" in found[0]:
                return found.end()
            if _GOES_ON.search(before):
                continue
            if _MAY_GO_ON.search(before):
                if not after and not end:
                    return None
                if after.islower() or after in tuple(",;0123456789"):
                    continue
            return found.end()
        return None

    def _clause(self, text: str, before: int, end: bool) -> int | None:
        for found in _COMMA.finditer(text, 0, before):
            after = text[found.end() :].lstrip()[:1]
            if text[found.start() - 1 : found.start()].isdigit() and (not after or after.isdigit()):
                if not after and not end:
                    return None
                continue  # "1, 2, 3", "March 3, 2024"
            if _words(text[: found.start()]) >= FIRST_WORDS:
                return found.end()
        for found in _JOINT.finditer(text, 0, before):
            if _words(text[: found.start()]) >= FIRST_LONG_WORDS:
                return found.end()
        return None


def _words(text: str) -> int:
    return sum(any(map(str.isalnum, word)) for word in text.split())


def _tidy(text: str) -> str:
    """One line, as it is to be shown and spoken; "" where nothing in it can be said."""
    line_ends = text.endswith("\n")
    text = _EMPTY.sub(" ", _EMOTICON.sub(" ", unicodedata.normalize("NFC", text)))
    text = re.sub(r"\s+([,.!?;:…])(?!\w)", r"\1", " ".join(text.split()))
    text = _LEADING.sub("", text).rstrip(" |–—-")
    if not any(map(str.isalnum, text)):
        return ""
    bare = line_ends and re.search(r"(?:\w|[^.!?…。！？][)\"'”’%°])$", text)
    return f"{text}." if bare else text
