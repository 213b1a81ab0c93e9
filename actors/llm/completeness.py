"""Whether a sentence looks finished, from its words alone: by the questions that the persona expects, and by grammar.

Transcripts of recognisers have few capitals or marks, so the grammar (ending.py) looks at the last words.
"""

from collections.abc import Callable, Sequence
from typing import Literal

from actors.llm.ending import AUXILIARIES, is_open
from actors.words import content, split

Look = Literal["open", "unsure", "likely", "complete", "certain"]

_WHOLE = frozenset(tuple(idiom.split()) for idiom in [  # though questions of a persona may begin so
    "that is all", "that is it", "come on", "go on", "go ahead", "never mind", "let me think", "let me see", "you too",
    "me too", "i see", "i know", "i think so", "i hope so", "i guess so", "i guess", "i agree", "i disagree", "not yet",
    "not really", "of course", "of course not", "sounds good", "same to you", "i do not think so",
])  # fmt: skip
_COURTESY = (["thank", "you"], ["please"], ["thanks"])  # said after what is whole
_ALONE = frozenset(["thanks", "thank", "goodbye", "bye", "no", "nothing", "never", "stop", "repeat", "pardon"])
_VERBS = AUXILIARIES | frozenset([
    "be", "sing", "stop", "let", "go", "like", "know", "live", "work", "works", "went", "made", "said", "saw", "feel",
    "see", "hear", "come", "came", "makes", "goes", "lives", "likes", "play", "look", "looks", "help", "wait", "repeat",
    "tell", "give", "show", "explain", "bring", "take", "make", "get", "say", "ask", "find", "put", "send", "buy",
    "recommend", "describe", "mean", "enjoy", "prefer", "love", "hate", "think", "want", "need", "told", "gave",
    "took", "got",
])  # fmt: skip
_SHORT = 2  # words; so few are a part of something
_TELLS_OF_HIMSELF = frozenset(["i", "my", "we", "our"])


class Completeness:
    """``questions``: of the persona, plain words. is_answerable: whether there is an answer to other words, too."""

    def __init__(self, questions: Sequence[str], is_answerable: Callable[[str], bool] = lambda text: False):
        self._is_answerable = is_answerable
        known = [tuple(content(split(question))) for question in questions]
        self._known = frozenset(known)
        self._begun = frozenset(words[:count] for words in known for count in range(1, len(words)))

    def of(self, text: str) -> Look:
        """open: more must come. unsure: too little to tell. likely: the grammar of a whole sentence.

        complete: what has an answer, or is marked as the end. certain: a question of the persona that no other one
        goes on from.
        """
        words = split(text)
        if not words:
            return "open"
        key = self._key(words)
        if key in self._known and not (key in self._begun and is_open(words)):
            greeting = len(key) <= _SHORT and not _ALONE.intersection(key)
            told = words[0] in _TELLS_OF_HIMSELF  # who tells of himself may go on where one who asks does not
            return "complete" if greeting or told or key in self._begun else "certain"
        if text.rstrip("\"') ")[-1:] in ("?", "!"):
            return "complete"
        if tuple(words) in _WHOLE:
            return "likely"
        if is_open(words) or text.rstrip().endswith((",", "-", "—")) or key in self._begun:
            return "open"
        if _ALONE.intersection(words):
            return "likely"
        if len(words) <= _SHORT or not _VERBS.intersection(words):
            return "unsure"
        return "complete" if self._is_answerable(text) else "likely"

    def _key(self, words: list[str]) -> tuple[str, ...]:
        """As the questions are kept, without the thanks after one of them."""
        for courtesy in _COURTESY:
            polite = tuple(content(words[: -len(courtesy)]))
            if words[-len(courtesy) :] == courtesy and polite in self._known:
                return polite
        return tuple(content(words))
