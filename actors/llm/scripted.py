"""Engine: answers from a persona file, without a language model and without a network.

What was said is compared with every question of the persona (retrieval.py); sums, time and the user's own facts are
computed. Where nothing fits, it says so and asks back. The same seed and the same words give the same answers.
"""

import logging
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from attrs import define

from actors.llm.conversation import Ready
from actors.llm.exchange import Exchange
from actors.llm.mind import SKILLS, Mind
from actors.llm.script import Script
from actors.memory.memory import Draft, Memory
from actors.memory.store import Store, StoreError, open_store
from actors.persona import BadPersona, load_persona

log = logging.getLogger(__name__)

FORGETFUL = "My memory does not answer just now, so what you tell me stays in this call."


class Scripted:
    """The engine; opens a conversation for each call."""

    name = "scripted"

    def __init__(self, persona_path: Path):
        self._path = persona_path
        self._store: Store | None = None

    def missing(self) -> str | None:
        return None if self._path.is_file() else f"there is no persona file {self._path}"

    def load(self) -> None:
        """Raises BadPersona."""
        persona = load_persona(self._path)
        for group in persona.groups:
            if group.skill and group.skill not in SKILLS:
                known = ", ".join(sorted(SKILLS))
                raise BadPersona(f"{self._path}: group {group.id}: skill {group.skill!r} is none of {known}")
        self.script = Script(persona)
        try:
            self._store = open_store()
        except StoreError as error:
            log.warning("what users tell is kept for their call only: %s", error)

    def warm(self) -> None:
        self.open(seed=0).begin(["what time is it"], datetime(2000, 1, 1), ())

    def open(self, seed: int | str) -> "Conversation":
        return Conversation(self.script, seed, self._store)

    def close(self) -> None:
        if self._store:
            self._store.close()


@define(eq=False)
class Thought(Ready):
    """A reply, and what the mind becomes with it. Its memory is of the call alone where the store did not answer."""

    mind: Mind | None = None


class Conversation:
    """One call. Each answer changes a copy of the mind, which takes the mind's place when the turn is certain."""

    def __init__(self, script: Script, seed: int | str, store: Store | None):
        self.facts = script.facts
        self._mind = Mind(script, seed)
        self._store, self._memory = store, Memory()
        self._owes_word = False  # the user does not know yet that the memory failed

    def meet(self, user: str) -> None:
        if user and self._store:
            self._memory = Memory(self._store, user)

    def resume(self, history: Sequence[Exchange], now: datetime) -> None:
        """The same words make the same mind; what they told is in the memory already."""
        for number, exchange in enumerate(history):
            self._mind.memory = self.recall()
            if self._mind.go_on(exchange.parts, history[:number]) is None:
                self._mind.answer_all(exchange.parts, now)

    def expect(self) -> None:
        pass

    def begin(self, parts: Sequence[str], now: datetime, history: Sequence[Exchange]) -> Thought:
        mind = self._mind.copy()
        mind.memory = self.recall()
        answer = mind.go_on(parts, history) or mind.answer_all(parts, now)
        return Thought([*self.owed(), *answer.sentences], answer.mood, mind)

    def keep(self, pending: Thought) -> None:
        self._mind = pending.mind
        self.remember(pending.mind.memory)

    def owed(self) -> list[str]:
        """What must be said before anything else: that the memory failed, until a turn that says so is kept."""
        return [FORGETFUL] if self._owes_word else []

    def recall(self) -> Draft:
        """A draft of what is known of the user."""
        try:
            return self._memory.draft()
        except StoreError as error:
            self._lose(error)
            return self._memory.draft()

    def remember(self, draft: Draft) -> None:
        """What a draft changed counts from now on."""
        self._owes_word = False
        try:
            self._memory.commit(draft)
        except StoreError as error:
            self._lose(error)
            self._memory.commit(draft)

    def _lose(self, error: StoreError) -> None:
        log.warning("the memory of a caller failed: %s", error)
        self._memory, self._owes_word = Memory(), True
