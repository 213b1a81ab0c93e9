"""Whether a sentence looks finished, from its words alone: by grammar, and by the questions that the persona expects.

Transcripts of recognisers have few capitals or marks, so the grammar looks at the last words: what cannot end an
English sentence, and what rarely does.
"""

from collections.abc import Sequence
from typing import Literal

from actors.words import content, split

Look = Literal["open", "unsure", "likely", "complete", "certain"]

_NEVER_LAST = frozenset([  # articles, possessives, conjunctions, auxiliaries, fillers
    "a", "an", "the", "any", "many", "ever", "his", "my", "your", "our", "their", "its", "and", "or", "but", "because",
    "if", "although", "than",
    "as", "when", "while", "whether", "every", "very", "i", "he", "she", "we", "they", "these", "such", "between",
    "into", "during", "without", "since", "until", "upon", "toward", "towards", "per", "quite", "rather", "both",
    "who", "whose", "which", "am", "was", "were", "has", "had", "having", "would", "could", "should", "shall", "may",
    "might", "must", "let", "plus", "minus", "times", "divided", "multiplied", "point", "uh", "um", "er", "erm", "hm",
    "hmm", "mm", "so", "like", "wondering", "looking", "trying", "going", "just", "actually", "really", "got", "being",
])  # fmt: skip
_MAY_END = {  # ... but these may, after those
    "going": ("it", "how"), "like": ("you", "they", "we", "i", "look", "that", "it"), "really": ("not", "you"),
    "so": ("think", "hope", "why"), "times": ("many",), "looking": ("am", "just"), "am": ("i",), "was": ("it",),
    "would": ("i", "you"), "could": ("you", "i"), "should": ("you", "i"),
}  # fmt: skip
_PREPOSITIONS = frozenset([  # last only where a question has left them behind: "where are you from"
    "about", "at", "by", "for", "from", "in", "of", "on", "over", "to", "under", "with", "after", "before", "against",
    "through", "near", "behind", "beside", "off", "onto", "across",
])  # fmt: skip
_LEADS = frozenset(["what", "who", "where", "which", "how", "whom", "when", "why"])
_ASKS = frozenset(["do", "does", "did", "can", "could", "will", "would", "should", "have", "has", "had", "may"])
_IS = frozenset(["is", "are"])
_PRONOUNS = frozenset(["i", "you", "he", "she", "it", "we", "they", "this", "that", "there"])
_SUBJECTS = _PRONOUNS | {"your", "my", "his", "her", "their", "does", "did"}  # who may leave a preposition behind
_TAKES = frozenset([  # verbs that want an object, which only a question has named already: "what do you want"
    "tell", "give", "show", "explain", "bring", "take", "make", "get", "say", "ask", "find", "put", "send", "buy",
    "recommend", "describe", "mean", "enjoy", "prefer", "love", "hate", "have", "think", "do", "want", "need",
])  # fmt: skip
_SAYS = frozenset([  # what goes on with "that"
    "me", "him", "you", "us", "think", "said", "say", "hope", "believe", "sure", "so", "mean", "thought", "told",
])  # fmt: skip
_TELLS_ME = frozenset(["tell", "give", "show", "bring", "teach", "send", "ask", "let"])
_ALONE = frozenset(["thanks", "thank", "goodbye", "bye", "no", "nothing", "never", "stop", "repeat", "pardon"])
_VERBS = _IS | _ASKS | _TAKES | frozenset([
    "am", "was", "were", "be", "might", "must", "sing", "stop", "let", "go", "like", "know", "live", "work", "works",
    "went", "made", "said", "saw", "feel", "see", "hear", "come", "came", "makes", "goes", "lives", "likes", "play",
    "look", "looks", "help", "wait", "repeat",
])  # fmt: skip
_SHORT = 2  # words; so few are a part of something


class Completeness:
    """``questions``: of the persona, plain words."""

    def __init__(self, questions: Sequence[str]):
        known = [tuple(content(split(question))) for question in questions]
        self._known = frozenset(known)
        self._begun = frozenset(words[:count] for words in known for count in range(1, len(words)))

    def of(self, text: str) -> Look:
        """open: more must come. unsure: too little to tell. likely: the grammar of a whole sentence.

        complete: a question of the persona, or marked as the end. certain: one that no other question goes on from.
        """
        words = split(text)
        if not words:
            return "open"
        key = tuple(content(words))
        last_mark = text.rstrip("\"') ")[-1:]
        if key in self._known and not (key in self._begun and _is_open(words)):
            greeting = len(key) <= _SHORT and not _ALONE.intersection(key)
            return "complete" if greeting or key in self._begun else "certain"
        if last_mark in ("?", "!"):
            return "complete"
        if _is_open(words) or text.rstrip().endswith((",", "-", "—")):
            return "open"
        if key in self._begun:
            return "open"
        if _ALONE.intersection(words):
            return "likely"
        return "likely" if len(words) > _SHORT and _VERBS.intersection(words) else "unsure"


def _is_open(words: list[str]) -> bool:
    if words[-1] == "please" and len(words) > 1:
        words = words[:-1]
    last, before = words[-1], words[-2] if len(words) > 1 else ""
    asks = bool(_LEADS.intersection(words[:-1]))
    if before in _MAY_END.get(last, ()):
        return not asks
    if last == "like" and words[0] == "what":  # "what is the weather like"
        return len(words) < 4
    if last in _NEVER_LAST:
        return True
    if last == "that" and before in _SAYS:
        return True
    if last in _PREPOSITIONS:
        return not (asks and before != "think" and _SUBJECTS.intersection(words[:-1]))
    if last in _IS:  # "what is", but "tell me what it is"
        return not (asks and before in _PRONOUNS and len(words) > 3)
    if last in _LEADS and before or before in _LEADS and last in _ASKS:  # "do you know what", "where do"
        return True
    if before in _ASKS and last in _PRONOUNS:  # "can you"
        return True
    if last in _ASKS and before in _PRONOUNS:  # "what can you do", "yes i do"
        return False
    if before in _TELLS_ME and last == "me":
        return True
    return last in _TAKES | _ASKS and not asks
