"""Whether English words can end a sentence, by the last few of them and by what question they stand in.

Function words decide it: they are few, and what must follow most of them is known. A cut after a noun is not seen.
"""

from actors.llm.number import parse

_NEVER = frozenset([  # articles, possessives, conjunctions, fillers, adverbs of degree
    "a", "an", "the", "my", "your", "our", "their", "its", "his", "every", "such", "whose", "and", "or", "but", "nor",
    "because", "if", "although", "than", "as", "while", "whether", "unless", "until", "since", "between", "among",
    "into", "during", "upon", "toward", "towards", "without", "per", "very", "quite", "rather", "both", "plus",
    "minus", "divided", "multiplied", "uh", "um", "er", "erm", "hm", "hmm", "mm", "wondering",
    "trying", "having", "being", "just", "actually", "let", "these", "any", "also", "which", "always",
])  # fmt: skip
_MAY_FOLLOW = {  # last words of many sentences after these, and of few after others
    "so": ("think", "hope", "guess", "suppose", "say", "why", "believe", "not", "even"), "really": ("not", "you"),
    "like": ("you", "they", "we", "look", "looks", "that", "it", "this"), "going": ("it", "how", "you", "keep", "get"),
    "looking": ("you", "just", "keep"), "got": ("i", "you", "we"), "ever": ("than", "for", "as"), "most": ("at",),
    "though": ("even", "it", "as"), "well": ("you", "as", "very", "feel", "is", "it", "sleep", "work", "doing"),
    "point": ("the", "good", "a"),
}  # fmt: skip
_LEADS = frozenset(["what", "who", "where", "which", "how", "whom", "when", "why"])
_BE = frozenset(["is", "are", "am", "was", "were"])
_MODALS = frozenset(["can", "could", "will", "would", "should", "shall", "may", "might", "must"])
_DOES = frozenset(["do", "does", "did"])
_HAS = frozenset(["have", "has", "had"])
AUXILIARIES = _BE | _MODALS | _DOES | _HAS
_NOMINATIVES = frozenset(["i", "he", "she", "we", "they"])
PRONOUNS = _NOMINATIVES | {"you", "it", "this", "that", "there"}
_SUBJECTS = PRONOUNS | {"your", "my", "his", "her", "their", "does", "did"}  # who may leave a preposition behind
_ANSWERS = frozenset(["yes", "no", "course", "sure", "maybe", "wish", "hope", "than", "as", "so", "neither"])
_CLAUSES = frozenset([  # what a subject follows, and that a verb
    "if", "because", "when", "while", "whether", "although", "though", "since", "until", "unless", "but", "where",
])  # fmt: skip
_SAYS = frozenset([  # what goes on with "that"
    "me", "him", "you", "us", "think", "said", "say", "hope", "believe", "sure", "so", "mean", "thought", "told",
    "know", "seems",
])  # fmt: skip
_PREPOSITIONS = frozenset([
    "about", "at", "by", "for", "from", "in", "of", "on", "to", "under", "with", "after", "against", "through", "near",
    "behind", "beside", "onto", "across", "over", "before",
])  # fmt: skip
_PARTICLES = frozenset(["in", "on", "over", "through"])  # ... that may belong to the verb: "come in", "put it on"
_MOVES = frozenset(["come", "go", "get", "move", "hold", "carry", "log", "start", "it", "them", "light", "is", "was"])
_TALKS = frozenset(["talk", "talking", "listen", "listening", "speak", "speaking", "belong", "up", "where", "not"])
_TELLS = frozenset(["tell", "give", "show", "bring", "teach", "send", "ask", "let"])
_TAKES = _TELLS | frozenset([  # verbs that want an object, which only a question has named already
    "explain", "take", "make", "get", "say", "find", "put", "buy", "recommend", "describe", "mean", "enjoy", "prefer",
    "love", "hate", "think", "want", "need", "said", "add", "wanted", "needed", "made", "gave", "took", "became",
    "saw", "met", "bought", "brought", "found",
])  # fmt: skip
_TAKES_AFTER_TO = frozenset(["know", "see", "be", "visit", "meet", "learn", "become", "build", "use", "do", "have"])
_NAMELESS = frozenset(["nothing", "something", "anything", "someone", "anyone", "nobody", "everything", "let", "of"])
_MEASURES = frozenset(["old", "much", "many", "far", "long", "tall", "big", "often", "high", "fast", "deep", "heavy"])
_ATTRIBUTES = _MEASURES - {"much", "many", "far"} | frozenset([
    "little", "few", "bit", "small", "new", "good", "bad", "nice", "great", "young", "short", "strange", "beautiful",
])  # fmt: skip
_OPENERS = frozenset([  # whole texts that only lead in
    "on the other hand", "in my opinion", "first of all", "for example", "by the way", "in fact",
    "you know", "i mean", "in other words", "at first", "how about", "what about", "in general", "to be honest",
])  # fmt: skip


def is_open(words: list[str]) -> bool:
    """More must come."""
    if words[-1] == "please" and len(words) > 1:
        words = words[:-1]
    if " ".join(words) in _OPENERS:
        return True
    if words[0] in ("and", "but", "so", "well", "okay") and len(words) > 2 and words[1] not in AUXILIARIES:
        words = words[1:]
    if len(words) == 1:
        return words[0] in _NEVER | _NOMINATIVES | AUXILIARIES | _PREPOSITIONS | {"so", "like", "how"} | _TELLS
    last, before = words[-1], words[-2]
    asks = not _LEADS.isdisjoint(words[:-1])
    if last in _NEVER:
        return True
    if last in _MAY_FOLLOW:
        return _lacks_companion(words, asks)
    if last in PRONOUNS | {"her"}:
        return _is_subject(words, asks)
    if last in AUXILIARIES or last == "not":
        return _lacks_verb(words, asks)
    if last in _PREPOSITIONS:
        return _lacks_noun(words, asks)
    if last in _LEADS:
        settled = before in ("wonder", "guess", "not") or words[-3:-1] in (
            ["not", "know"],
            ["tell", "me"],
            ["show", "me"],
        )
        return not settled
    if last in ("me", "us") and before in _TELLS:
        return not asks or before == "tell"
    if last in _TAKES or last in _TAKES_AFTER_TO and before == "to":
        return not asks and _NAMELESS.isdisjoint(words[:-1]) and before not in ("as", "in", "my", "not")
    if last in ("been", "never", "wonder", "favorite"):  # "where have you been", but "the man who had been"
        return words[0] not in (_LEADS - {"what"} if last == "favorite" else _LEADS)
    if last == "times":
        return parse([before], 0) is not None and _HAS.isdisjoint(words)
    return (
        (before == "how" and last in _MEASURES)
        or (before in ("a", "an") and last in _ATTRIBUTES)
        or (words[0] in _CLAUSES and words[1] not in AUXILIARIES and len(words) < 5)
    )


def _lacks_companion(words: list[str], asks: bool) -> bool:
    last, before = words[-1], words[-2]
    if last == "like":
        return not (asks and len(words) > 3 or before == "you" and "if" in words)
    return before not in _MAY_FOLLOW[last] or (last == "going" and before == "it" and not asks)


def _is_subject(words: list[str], asks: bool) -> bool:
    """... whose verb has not come: "can you", "if it", "tell you", but not "how are you", "so do i", "he saw it"."""
    last, before = words[-1], words[-2]
    if before in _BE:
        return not asks and words[0] not in ("so", "neither")
    if before in ("do", "have", "had") and last in ("it", "this", "that"):
        return len(words) == 2
    if before in AUXILIARIES:
        return words[-3:-2] not in (["so"], ["neither"], ["nor"])
    if last == "that" and before in _SAYS or before == "that" and words[-3:-2] and words[-3] in _SAYS:
        return True
    if last == "that" and before in ("after", "before"):
        return not asks
    if last == "you" and before in ("ask", "tell"):
        return not asks
    return before in _CLAUSES or last in _NOMINATIVES and before != "than"


def _lacks_verb(words: list[str], asks: bool) -> bool:
    """Ends with an auxiliary that stands for no verb: "how much does", "i am", but not "yes i am", "who you are"."""
    last, before = words[-1], words[-2]
    if last == "not":
        return before in AUXILIARIES and words[0] not in _ANSWERS and not asks
    if asks and last in _BE:  # "what is", "what i mean is", but "tell me what it is"
        return before in _LEADS or before == "there" or words[0] in _LEADS and (before in _TAKES or words[1] not in _BE)
    if before in _LEADS:
        return True
    if before not in PRONOUNS:
        return not (last in ("do", "have") and (asks or before in ("not", "to")))
    return not (asks or last in _DOES or not _ANSWERS.isdisjoint(words[:-2]))


def _lacks_noun(words: list[str], asks: bool) -> bool:
    """Ends with a preposition whose noun has not come, neither after it nor at the front of the question."""
    last, before = words[-1], words[-2]
    if last in _PARTICLES and (before in _MOVES or words[-3:-2] and words[-3] in ("turn", "put", "switch", "let")):
        return before in ("is", "was", "it") and last not in ("over", "on")
    if last == "before":
        return _HAS.isdisjoint(words) and not asks
    if last == "to" and before not in _TALKS:
        return not ("not" in words and before == "want")
    if "to" in words[:-1] and not _NAMELESS.isdisjoint(words):  # "nothing to live for"
        return False
    if last == "about" and before in ("think", "know", "how", "what"):
        return True
    return not ((asks or _has_relative(words)) and not _SUBJECTS.isdisjoint(words[:-1]))


def _has_relative(words: list[str]) -> bool:
    """ "the house that i live in" """
    triples = zip(words, words[1:], words[2:], strict=False)
    return any(one == "that" and noun not in _SAYS | _BE and next_ in PRONOUNS for noun, one, next_ in triples)
