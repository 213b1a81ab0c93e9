"""What goes on in the scripted persona's head: what was said in a call, what the user told, what is expected next."""

import copy
import random
import re
from collections.abc import Sequence
from datetime import datetime

from attrs import evolve, field, frozen

from actors.llm import arithmetic, daytime, sentence
from actors.llm.exchange import Exchange
from actors.llm.script import EXACT, SURE, Script
from actors.llm.skill import Heard, Said
from actors.memory.memory import Draft, Memory
from actors.persona import Group
from actors.words import is_noise, split

GUESS = 0.42  # from this score on a question is offered: "did you mean ...?"
PATIENCE = 2  # failures in a row until it is said what one can ask

_YES = frozenset([
    "yes", "yeah", "sure", "okay", "please", "of", "course", "gladly", "why", "not", "go", "ahead", "on", "i", "would",
    "love", "to", "all", "right", "absolutely",
])  # fmt: skip
_AGAIN = frozenset(["another", "again", "more"])
_MORE = _AGAIN | {"one", "please", "give", "tell", "me", "yet", "okay", "yes"}
# what "did you mean ...?" may repeat begins so: nobody wants to be asked "did you mean: i hate you?"
_OFFERED = frozenset([
    "what", "who", "where", "when", "why", "how", "which", "is", "are", "do", "does", "can", "will", "tell", "explain",
])  # fmt: skip
_ON = frozenset([
    "go on", "please go on", "sorry go on", "okay go on", "yes go on", "continue", "please continue", "keep going",
    "carry on", "go ahead", "and then", "you were saying", "what were you saying", "what were you going to say",
])  # fmt: skip
_SLOT = re.compile(r"\{\w+\}")
_COMPUTED = {"time": daytime.time, "day": daytime.day, "date": daytime.date, "year": daytime.year}
SKILLS = frozenset([*_COMPUTED, "arithmetic", "facts", "repeat"])
_NOT_CAUGHT = {  # a skill was meant, but what exactly was lost
    "arithmetic": (
        "I can do sums. Say one like this: what is seven times eight?",
        "Give me the numbers once more, please. For example, twenty three minus nine.",
    ),
    "facts": (
        "You told me something about yourself, I think, but I did not catch it. Say it once more?",
        "I would like to remember that, but I did not get it. Could you say it again?",
    ),
}
_NOTHING_YET = ("I have not said anything yet.", "There is nothing to repeat so far.")


@frozen
class Answer:
    """sentences: to be spoken, in order; none where nothing was said that wants an answer. group: what was understood.

    understood: False also where the answer asks back.
    """

    sentences: tuple[str, ...] = ()
    mood: str = "neutral"
    group: str = field(default="", kw_only=True)
    understood: bool = field(default=True, kw_only=True)


SILENCE = Answer(understood=False)


class Mind:
    """Of one call. ``copy()`` thinks on without changing this one. memory: what it reads and writes about the user."""

    def __init__(self, script: Script, seed: int | str):
        self._script = script
        self._random = random.Random(seed)
        self.memory: Draft = Memory().draft()
        self._bags: dict[str, list[int]] = {}  # variants not yet used
        self._used: dict[str, int] = {}  # variant used last
        self._asked: set[str] = set()
        self._last = ""  # group of the last answer
        self._answer: Answer | None = None
        self._failures = 0
        self._yes = ""  # question that a "yes" would now be the answer to
        self._wanted = ""  # fact that was just asked for

    def copy(self) -> "Mind":
        other = copy.copy(self)
        other._random = random.Random()
        other._random.setstate(self._random.getstate())
        other._bags = {key: list(bag) for key, bag in self._bags.items()}
        other._used, other._asked = dict(self._used), set(self._asked)
        return other

    def go_on(self, parts: Sequence[str], history: Sequence[Exchange]) -> Answer | None:
        """The rest of a reply that was cut, where the user asks for it."""
        if " ".join(split(parts[-1])) not in _ON:
            return None
        rest = next((one.unheard() for one in reversed(history) if one.cut), [])
        return Answer(("As I was saying.", *rest), group="go on") if rest else None

    def answer_all(self, parts: Sequence[str], now: datetime) -> Answer:
        """``parts``: utterances with long pauses between: one sentence, or several questions, all to be answered."""
        if len(parts) == 1 or any(self._script.find(part, self._last)[0] < SURE for part in parts):
            return self.answer(" ".join(parts), now)
        answers = [self.answer(part, now) for part in parts]
        return evolve(answers[-1], sentences=tuple(text for one in answers for text in one.sentences))

    def answer(self, text: str, now: datetime) -> Answer:
        """``text``: an utterance. ``now``: local time."""
        if is_noise(text):
            return SILENCE
        yes, wanted = self._yes, self._wanted
        self._yes = self._wanted = ""
        words = set(split(text))
        if yes and words <= _YES:
            text = yes
        elif words <= _MORE and words & _AGAIN and self._last in self._script.groups:
            text = self._script.groups[self._last].questions[0]
        heard = Heard(text=text, now=now, memory=self.memory)
        score, question, group = self._script.find(text, self._last)
        answer = self._understand(heard, wanted, score, question, group) or self._fail(score, question)
        if answer is self._answer:  # repeated, and with it what it asked
            self._yes, self._wanted = yes, wanted
        if answer.understood:
            self._failures = 0
            self._last = answer.group
        self._answer = answer
        return answer

    def _understand(self, heard: Heard, wanted: str, score: float, question: str, group: Group) -> Answer | None:
        if score >= EXACT and not group.skill:
            return self._from(group)
        if said := self._parsed(heard):
            return said
        if wanted and score < EXACT and (said := self._script.facts.reply(wanted, heard)):
            return self._say("facts", said)
        if score < SURE:
            return None
        return self._computed(group, question, heard) if group.skill else self._from(group)

    def _parsed(self, heard: Heard) -> Answer | None:
        """The skills that read the sentence itself."""
        if "arithmetic" in self._script.skills and (variants := arithmetic.answer(heard.text)):
            return self._say("arithmetic", Said(variants))
        if "facts" in self._script.skills and (said := self._script.facts.answer(heard)):
            return self._say("facts", said)
        return None

    def _computed(self, group: Group, question: str, heard: Heard) -> Answer:
        """The skill of a group that was found by a question like ``question``."""
        if group.skill == "repeat":
            return self._answer or self._say(group.id, Said(_NOTHING_YET))
        if compute := _COMPUTED.get(group.skill):
            return self._say(group.id, compute(heard))
        if not _SLOT.search(question) and (said := self._parsed(evolve(heard, text=question))):
            return said
        return self._say(group.id, Said(_NOT_CAUGHT[group.skill]))

    def _from(self, group: Group) -> Answer:
        """An answer of the persona, with the question back where it is due."""
        text = self._pick(group.id, group.answers)
        if group.ask and group.id not in self._asked and not (group.remember and self.memory.get(group.remember)):
            self._asked.add(group.id)
            text = f"{text} {group.ask}"
            self._wanted = group.remember
            self._yes = self._script.groups[group.yes].questions[0] if group.yes else ""
        return Answer(tuple(sentence.split(text)), group.mood, group=group.id)

    def _say(self, group: str, said: Said) -> Answer:
        self._wanted = said.remember
        return Answer(tuple(sentence.split(self._pick(group, said.variants))), said.mood, group=group)

    def _fail(self, score: float, question: str) -> Answer:
        """Nothing fits: offers the nearest question, asks again, or says what one can ask."""
        fallback = self._script.persona.fallback
        self._failures += 1
        kind, variants = "unclear", fallback.unclear
        if self._failures >= PATIENCE:
            kind, variants = "offer", fallback.offer
        elif score >= GUESS and not _SLOT.search(question) and question.split()[0] in _OFFERED:
            kind, variants, self._yes = "guess", fallback.guess, question
        text = self._pick(kind, variants).replace("{question}", question)
        return Answer(tuple(sentence.split(text)), "concerned", group=kind, understood=False)

    def _pick(self, key: str, variants: Sequence[str]) -> str:
        """A variant with the user's name filled in: each once before any comes again, never the same twice in a row."""
        user = self.memory.get("name")
        able = [number for number, text in enumerate(variants) if user or "{user}" not in text]
        bag = [number for number in self._bags.get(key, ()) if number in able]
        if not bag:
            bag = [number for number in able if number != self._used.get(key) or len(able) == 1]
            self._random.shuffle(bag)
        self._used[key] = number = bag.pop()
        self._bags[key] = bag
        return variants[number].replace("{user}", user or "")
