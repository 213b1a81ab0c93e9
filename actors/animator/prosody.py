"""What a sentence's times tell about how it is said: stresses, phrases, and whether it asks.

Phones carry no pitch. A stressed vowel is longer than the others of its sentence (D. Klatt, "Linguistic uses of
segmental duration in English", 1976), so length stands for stress, but less in the last word of a phrase, which is
always long.
"""

from collections.abc import Sequence
from statistics import median

from attrs import frozen

from actors.animator.visemes import PHONES, VISEMES
from protocol.messages import Phones

OPENERS = """who what when where why which whose how do does did are is was were am can could would will shall should
may might have has had"""
LIGHT = """a an the and or but if then than that this these those there here it its i you he she we they me him her us
them my your his our their of in on at to for from with by as be been being so not no yes too very just"""
QUESTION = frozenset(OPENERS.split())  # a sentence that opens with one of these asks something
UNSTRESSED = frozenset(LIGHT.split()) | QUESTION
PHRASE_GAP_S = 0.06  # of silence between two words: a new phrase
FINAL = 0.75  # of the length of a phrase's last vowel counts
VOWELS = frozenset(name for name, parts in PHONES.items() if name != "pau" and VISEMES[parts[0]].vowel)


@frozen
class Stress:
    """A stressed word. ``at_s``: the middle of its stressed vowel; ``strength``: 0 to 1; ``ends_s``: the word's end."""

    at_s: float
    strength: float
    ends_s: float


@frozen
class Sentence:
    """Times are seconds of the face's own life."""

    start_s: float
    end_s: float  # of its last word
    mood: str
    first: bool  # of the reply
    last: bool
    asks: bool
    phrases: tuple[tuple[float, float], ...]  # starts and ends, in order
    stresses: tuple[Stress, ...]

    @classmethod
    def of(cls, phones: Phones, reply_s: float, first: bool) -> "Sentence":
        """``reply_s``: when the reply starts, in the face's life."""
        starts = [reply_s + ms / 1000 for ms in phones.word_starts_ms]
        ends = [reply_s + ms / 1000 for ms in phones.word_ends_ms]
        phrases: list[tuple[float, float]] = []
        for begins, stops in zip(starts, ends, strict=True):
            if phrases and begins - phrases[-1][1] < PHRASE_GAP_S:
                begins = phrases.pop()[0]
            phrases.append((begins, stops))
        start_s = reply_s + phones.start_ms / 1000
        return cls(
            start_s=start_s,
            end_s=ends[-1] if ends else start_s,
            mood=phones.mood,
            first=first,
            last=phones.last,
            asks=bool(phones.words) and phones.words[0].lower() in QUESTION,
            phrases=tuple(phrases),
            stresses=_stresses(phones.words, starts, ends, _vowels(phones, reply_s), {stop for _, stop in phrases}),
        )


def _vowels(phones: Phones, reply_s: float) -> list[tuple[float, float]]:
    """Starts and ends, in seconds."""
    bounds = [reply_s + ms / 1000 for ms in (phones.start_ms, *phones.ends_ms)]
    return [(bounds[i], bounds[i + 1]) for i, name in enumerate(phones.names) if name in VOWELS]


def _stresses(
    words: Sequence[str],
    starts: Sequence[float],
    ends: Sequence[float],
    vowels: Sequence[tuple[float, float]],
    phrase_ends: set[float],
) -> tuple[Stress, ...]:
    usual = median(stop - start for start, stop in vowels) if vowels else 0.0
    stresses = []
    for word, begins, stops in zip(words, starts, ends, strict=True):
        inside = [(stop - start, (start + stop) / 2) for start, stop in vowels if begins <= (start + stop) / 2 < stops]
        if word.lower() in UNSTRESSED or len(word) < 3 or not inside:
            continue
        length, at_s = max(inside)
        longer = length * (FINAL if stops in phrase_ends else 1.0) / usual
        stresses.append(Stress(at_s, min(max((longer - 0.5) / 1.5, 0.0), 1.0), stops))
    return tuple(stresses)
