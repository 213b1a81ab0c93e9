"""A reply's text in stretches short enough that the first sound of each is made quickly."""

import re

MAX_CLAUSE = 100  # characters, some 6 s of speech, of which flite makes the first sound within 20 ms

_SENTENCE = re.compile(r"(?<=[.!?])(?<!\b[A-Za-z]\.)\s+|(?<=[.!?][\"')])\s+")  # not after an initial
_BREAKS = (  # where a sentence that is too long may be cut, best place first
    re.compile(r"(?<=[;:])\s+"),
    re.compile(r"(?<=,)\s+"),
    re.compile(r"\s+(?=(?:and|but|or|so|because|which|while|when|where|if|that|then|than) )"),
    re.compile(r"\s+"),
)


def clauses(text: str) -> list[str]:
    """Sentences, and parts of those of more than 100 characters; only a single longer word stays longer."""
    return [part for sentence in _SENTENCE.split(text) for part in _fit(sentence.strip(), _BREAKS) if part]


def _fit(text: str, breaks: tuple[re.Pattern, ...]) -> list[str]:
    if len(text) <= MAX_CLAUSE or not breaks:
        return [text]
    parts: list[str] = []
    for piece in breaks[0].split(text):
        for part in _fit(piece, breaks[1:]):
            if parts and len(parts[-1]) + 1 + len(part) <= MAX_CLAUSE:
                parts[-1] += " " + part
            else:
                parts.append(part)
    return parts
