"""What the user says about himself: kept, told again, forgotten. English sentence patterns, on plain words."""

import re
from collections.abc import Iterable

from actors.llm import number
from actors.llm.skill import Heard, Said
from actors.memory.memory import Draft
from actors.words import content, split

MAX_WORDS = 7  # of a value; longer ones are stories, not facts

_RELATIVES = "dog|cat|pet|wife|husband|partner|daughter|son|mother|father|brother|sister|friend|boss|horse"
_THINGS = f"{_RELATIVES}|birthday|team|car|company|school|hometown"
_KNOW = "(?:do you )?(?:know|remember)"
_TELLS = (  # pattern with the value; key, which may use the pattern's group k
    (r"(?:my name is|i am called|the name is|(?:people |everyone |you can |you may )?calls? me) (?P<v>.+)", "name"),
    (r"i (?:live|am living) (?:in|near) (?P<v>.+)", "home"),
    (r"i (?:am|come) from (?P<v>.+)", "origin"),
    (r"my favorite (?P<k>\w+(?: \w+)?) is (?P<v>.+)", "favorite {k}"),
    (rf"my (?P<k>{_RELATIVES}) (?:is called|is named|name is) (?P<v>.+)", "{k}'s name"),
    (rf"my (?P<k>{_THINGS}) is (?:on |in )?(?P<v>.+)", "{k}"),
    (r"(?:i work as|my job is|i am working as) (?P<v>.+)", "work"),
    (r"i (?:really |also |do )?(?:like|love|enjoy|adore) (?P<v>.+)", "like"),
)
_ASKS = (  # pattern; key, "*" for all
    (rf"what is my name|who am i|what am i called|tell me my name|{_KNOW} (?:my name|who i am)", "name"),
    (rf"where do i live|where is my home|{_KNOW} where i live", "home"),
    (rf"where (?:am i|do i come) from|{_KNOW} where i (?:am|come) from", "origin"),
    (rf"how old am i|what is my age|{_KNOW} (?:how old i am|my age)", "age"),
    (rf"(?:what is|tell me|{_KNOW}) my favorite (?P<k>\w+(?: \w+)?)", "favorite {k}"),
    (r"what (?P<k>\w+) do i like (?:best|most)", "favorite {k}"),
    (r"what do i (?:like|love|enjoy)", "like"),
    (rf"what do i do for (?:a living|work)|what is my (?:job|work|profession)|{_KNOW} my job", "work"),
    (rf"(?:what|who|when|where) is my (?P<k>{_THINGS})(?: called| named| name)?", "{k}"),
    (r"(?:tell me )?what (?:do|did|can) you (?:know|remember|learn) about me|tell me what you know about me", "*"),
    (rf"{_KNOW} (?:me|anything about me)|what (?:did i tell|have i told) you(?: about me| about myself)?", "*"),
)
_FORGETS = (
    r"(?:please )?(?:forget|delete|erase|remove|clear|wipe) "
    r"(?:everything|all|me|my data|your memory|my memory|all my data|what i (?:told you|said))"
    r"(?: (?:you know|i told you|i said|that i told you|that you know))?(?: about me| about myself)?"
)
_FORGETS_ONE = rf"(?:please )?(?:forget|delete|erase) my (name|age|home|job|favorite \w+|{_THINGS})"
_REMEMBER = re.compile(r"^(?:please )?(?:remember|note|do not forget|keep in mind) that ")
_LEADS = re.compile(  # of a reply, before the value
    r"^(?:(?:it is|that is|i am from|i am|i like|i love|i think|my name is|probably|mine is|i would say|i live in|in"
    r"|from|maybe|perhaps) )+"
)
_TAILS = re.compile(
    r"(?: (?:too|as well|by the way|today|very much|a lot|and you|what about you|how about you|what is yours"
    r"|years old))+$"
)
_NO_FACTS = ("you", "your", "it", "that", "this", "to talk", "talking", "what", "how", "the way", "them", "him", "her")
_COMMANDS = frozenset([  # no reply begins so
    "what", "who", "where", "when", "why", "how", "which", "is", "are", "do", "does", "did", "can", "could", "will",
    "would", "should", "tell", "give", "say", "stop", "repeat", "sing", "play", "let",
])  # fmt: skip
_KEYS = {"job": "work"}
_SWAP = {
    "my": "your", "me": "you", "i": "you", "mine": "yours", "myself": "yourself", "am": "are", "your": "my",
    "you": "me",
}  # fmt: skip
_SENTENCES = {
    "name": "Your name is {v}.", "home": "You live in {v}.", "origin": "You are from {v}.",
    "age": "You are {v} years old.", "work": "You work as {v}.", "note": "You asked me to remember: {v}.",
}  # fmt: skip
_UNKNOWN = {
    "name": "your name", "home": "where you live", "origin": "where you are from", "age": "how old you are",
    "work": "what you do for a living", "like": "what you like",
}  # fmt: skip


class Facts:
    """The skill. names, jobs: what may follow "i am" and be a name or a job, in plain words."""

    def __init__(self, names: Iterable[str] = (), jobs: Iterable[str] = ()):
        self._names, self._jobs = frozenset(names), frozenset(jobs)

    def answer(self, heard: Heard) -> Said | None:
        """Acts on a sentence that tells, asks or withdraws a fact; None for any other."""
        text = " ".join(content(split(heard.text)))
        return _forget(text, heard.memory) or _recall(text, heard.memory) or self._tell(text, heard)

    def reply(self, key: str, heard: Heard) -> Said | None:
        """Keeps the reply to a question after ``key``; None where it does not look like one."""
        words = content(split(heard.text))
        if words[0] in _COMMANDS:
            return None
        value = _clean(_LEADS.sub("", " ".join(words)))
        if value is None or (key == "name" and len(value.split()) > 2):
            return None
        if key == "age":
            parsed = number.parse(value.split(), 0)
            if parsed is None or parsed[1] < len(value.split()):
                return None
        return _keep(key, value, heard)

    def _tell(self, text: str, heard: Heard) -> Said | None:
        asked_to_remember = _REMEMBER.match(text)
        text = _REMEMBER.sub("", text)
        if bare := re.fullmatch(r"(?:i am|it is|this is) (.+)", text):
            value = _TAILS.sub("", bare[1])
            parsed = number.parse(value.split(), 0)
            if value.split()[0] in self._names and len(value.split()) <= 2:
                return _keep("name", value, heard)
            if text.startswith("i am") and value in self._jobs:
                return _keep("work", value, heard)
            if text.startswith("i am") and parsed and parsed[1] == len(value.split()):
                return _keep("age", value, heard)
        for pattern, key in _TELLS:
            if (found := re.fullmatch(pattern, text)) and (value := _clean(found["v"])):
                return _keep(_key(key, found), value, heard)
        if asked_to_remember and (value := _clean(text)):
            return _keep("note", value, heard)
        return None


def _key(key: str, found: re.Match) -> str:
    key = key.format(**found.groupdict())
    return _KEYS.get(key, key)


def _clean(value: str) -> str | None:
    """From the user's mouth to mine: "my mother" is "your mother". None for what is too long or no fact."""
    value = _TAILS.sub("", value)
    words = value.split()
    if not words or len(words) > MAX_WORDS or any(value == one or value.startswith(one + " ") for one in _NO_FACTS):
        return None
    return " ".join(_SWAP.get(word, word) for word in words)


def _keep(key: str, value: str, heard: Heard) -> Said:
    memory, said_at = heard.memory, heard.now.astimezone()
    place = key in ("home", "origin") and value.split()[0] not in ("a", "an", "the")
    if key == "name" or key.endswith("'s name") or place:
        value = value.title()
    if key == "like":
        known = [one for one in (memory.get("like") or "").split(", ") if one and one != value]
        memory.keep("like", ", ".join([*known[-4:], value]), said_at)
        return Said(
            (
                f"Good to know. You like {value}.",
                f"You like {value}. I will remember that.",
                f"I see, {value}. Tell me more if you like.",
            ),
            "happy",
        )
    memory.keep(key, value, said_at)
    if key == "name":
        return Said(
            (
                f"Nice to meet you, {value}.",
                f"Hello, {value}. I will remember your name.",
                f"{value}. That is a good name to have.",
            ),
            "happy",
        )
    sentence = _sentence(key, value)
    opens = ("Good to know.", "I will remember that.", "Thank you for telling me.")
    return Said(tuple(f"{one} {sentence}" for one in opens), "happy")


def _sentence(key: str, value: str) -> str:
    if key == "like":
        head, _, last = value.rpartition(", ")
        return f"You like {f'{head} and {last}' if head else last}."
    return _SENTENCES.get(key, f"Your {key} is {{v}}.").format(v=value)


def _recall(text: str, memory: Draft) -> Said | None:
    for pattern, key in _ASKS:
        if found := re.fullmatch(pattern, text):
            return _tell_all(memory) if key == "*" else _tell_one(_key(key, found), memory)
    return None


def _tell_one(key: str, memory: Draft) -> Said:
    if key in ("home", "origin") and not memory.get(key):
        key = next((other for other in ("home", "origin") if memory.get(other)), key)
    if memory.get(f"{key}'s name"):
        key = f"{key}'s name"
    value = memory.get(key)
    if value is None:
        thing = _UNKNOWN.get(key, f"your {key}")
        return Said(
            (f"You have not told me yet. I do not know {thing}.", f"I do not know {thing}. Will you tell me?"),
            remember=key,
        )
    sentence = _sentence(key, value)
    return Said((sentence, f"That I remember. {sentence}", f"You told me. {sentence}"), "happy")


def _tell_all(memory: Draft) -> Said:
    told = [_sentence(key, value) for key, value in memory.facts().items()]
    if not told:
        return Said(
            (
                "Nothing yet. You have not told me anything about yourself.",
                "I do not know a thing about you so far. Tell me your name, if you like.",
            )
        )
    return Said((" ".join(["This is what I know.", *told]), " ".join(["Let me see.", *told])), "happy")


def _forget(text: str, memory: Draft) -> Said | None:
    if re.fullmatch(_FORGETS, text):
        if memory.forget():
            return Said(("Done. I have forgotten everything about you.", "It is gone. We can start over, stranger."))
        return Said(
            ("There is nothing to forget. You have not told me anything yet.", "My memory of you is already empty.")
        )
    if found := re.fullmatch(_FORGETS_ONE, text):
        key = _KEYS.get(found[1], found[1])
        if memory.forget(key):
            return Said((f"Done. I have forgotten your {found[1]}.", f"Your {found[1]} is gone from my memory."))
        return Said(
            (f"I never knew your {found[1]}.", f"You have not told me your {found[1]}, so there is nothing to forget.")
        )
    return None
