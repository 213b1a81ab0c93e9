"""Engine: any language model behind the chat-completions protocol, with the scripted persona to step down to.

What the user tells about himself is kept by the same skill as the scripted persona's, and what fits is recalled into
each prompt. A model that fails says nothing wrong: the persona says honestly what happened and goes on from its script.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from actors.llm.answering import Answering
from actors.llm.chat import Chat, Messages
from actors.llm.endpoint import BadEndpoint, Endpoint
from actors.llm.exchange import CUT, Exchange
from actors.llm.scripted import Conversation as Script
from actors.llm.scripted import Scripted, Thought
from actors.llm.skill import Heard
from actors.memory.memory import Draft
from protocol.clock import SECOND, now_ns

log = logging.getLogger(__name__)

REST_NS = 30 * SECOND  # after a failure the script answers for so long, at once, before the model is asked again
RECALLED = 8  # facts about the user in a prompt
REMEMBERED = 20  # exchanges in a prompt
STYLE = """
Your words are spoken aloud by a voice while a face moves its lips: plain sentences without markup, lists or emoji, at
most three short ones unless you are asked for more, and a short first one. A reply that ends with "—" was interrupted
there: the user heard nothing behind it. Begin a reply with [happy], [sad], [surprised], [concerned] or [amused] where
that is how you feel.
"""
SORRY = "My language model does not answer, so I go on without it."
LOST = "I am sorry, I lost the thread there."


class LanguageModel:
    """environment: LLM_BASE_URL, LLM_MODEL and LLM_API_KEY. scripted: not loaded yet."""

    name = "chat"

    def __init__(self, scripted: Scripted, environment: Mapping[str, str]):
        self._scripted = scripted
        self._environment = environment

    def missing(self) -> str | None:
        if not (self._environment.get("LLM_BASE_URL") or self._environment.get("LLM_MODEL")):
            return "neither LLM_BASE_URL nor LLM_MODEL is set"
        try:
            Endpoint.from_environment(self._environment)
        except BadEndpoint as error:
            return str(error)
        return self._scripted.missing()

    def load(self) -> None:
        """Raises BadPersona, BadEndpoint."""
        endpoint = Endpoint.from_environment(self._environment)
        self._scripted.load()
        self._chat = Chat(endpoint)
        log.info("asking %s", endpoint.host)

    @property
    def script(self):
        return self._scripted.script

    def warm(self) -> None:
        """The server is asked whether it listens; where it does not, the persona will say so when it is spoken to."""
        self._scripted.warm()
        if failure := self._chat.warm().result():
            log.warning("the language model is not there: %s", failure.reason)

    def open(self, seed: int | str) -> "Conversation":
        return Conversation(self._chat, self._scripted.open(seed), self.script.persona.character)

    def close(self) -> None:
        self._chat.close()
        self._scripted.close()


class Conversation:
    """One call. script: the persona's conversation, which holds the memory and answers where the model does not."""

    def __init__(self, chat: Chat, script: Script, character: str):
        self._chat, self._script, self._character = chat, script, character
        self._rests_until_ns = 0

    def meet(self, user: str) -> None:
        self._script.meet(user)

    def resume(self, history: Sequence[Exchange], now: datetime) -> None:
        """The model is told the history with each question."""

    def expect(self) -> None:
        self._chat.warm()

    def begin(self, parts: Sequence[str], now: datetime, history: Sequence[Exchange]) -> "Reply | Thought":
        if now_ns() < self._rests_until_ns:
            return self._script.begin(parts, now, history)
        memory = self._script.recall()
        self._script.facts.answer(Heard(text=" ".join(parts), now=now, memory=memory))
        known = memory.recall(" ".join(parts), RECALLED) or dict(list(memory.facts().items())[:RECALLED])
        answering = self._chat.begin(self._messages(parts, now, history, known))
        return Reply(self, answering, memory, self._script.owed(), lambda: self._script.begin(parts, now, history))

    def keep(self, pending: "Reply | Thought") -> None:
        if isinstance(pending, Thought):
            return self._script.keep(pending)
        pending.is_kept = True
        if pending.instead is not None:
            self._script.keep(pending.instead)
        else:
            self._script.remember(pending.memory)

    def step_down(self, reply: "Reply") -> None:
        """The script answers in the model's place; what the user told is not remembered twice."""
        if reply.is_kept:
            reply.instead.mind.memory.changes.clear()
            self._script.keep(reply.instead)

    def failed(self, reason: str) -> None:
        log.warning("the language model failed: %s", reason)
        self._rests_until_ns = now_ns() + REST_NS

    def _messages(
        self, parts: Sequence[str], now: datetime, history: Sequence[Exchange], known: Mapping[str, str]
    ) -> Messages:
        facts = "".join(f"\n- {key}: {value}" for key, value in known.items())
        about = f"\nWhat the user has told you about himself:{facts}\n" if facts else ""
        system = f"{self._character.strip()}\n{STYLE}\nIt is {now:%A, %d %B %Y, %H:%M}.{about}"
        messages = [{"role": "system", "content": system}]
        for exchange in list(history)[-REMEMBERED:]:
            heard = exchange.heard()
            messages.append({"role": "user", "content": exchange.user})
            messages.append({"role": "assistant", "content": f"{heard} {CUT}".strip() if exchange.cut else heard})
        return [*messages, {"role": "user", "content": " ".join(parts)}]


class Reply:
    """The model's sentences; where it fails, an honest word, and before its first sentence the script's instead.

    memory: with what the user just told. owed: sentences before all others. script: makes the answer in place of the
    model's; ``instead`` is that answer, once it is needed.
    """

    def __init__(
        self,
        conversation: Conversation,
        answering: Answering,
        memory: Draft,
        owed: list[str],
        script: Callable[[], Thought],
    ):
        self.memory = memory
        self.instead: Thought | None = None
        self.is_kept = False
        self._conversation, self._answering, self._script, self._owed = conversation, answering, script, owed
        self._has_said = self._is_over = False

    @property
    def mood(self) -> str | None:
        return self._answering.mood if self.instead is None else self.instead.mood

    @property
    def first_token_ns(self) -> int | None:
        return self._answering.first_token_ns

    def take(self) -> list[str]:
        sentences = self._answering.take()
        if sentences and not self._has_said:
            self._has_said = True
            sentences = [*self._owed, *sentences]
        if self._answering.done and not self._is_over:
            self._is_over = True
            sentences += self._last_words()
        return sentences

    def _last_words(self) -> list[str]:
        """What is to be said where the model did not say it all."""
        if failure := self._answering.failed:
            self._conversation.failed(failure.reason)
        if self._has_said:
            return [LOST] if failure else []
        self.instead = self._script()
        self._conversation.step_down(self)
        return [SORRY, *self.instead.take()] if failure else self.instead.take()

    @property
    def done(self) -> bool:
        return self._is_over

    def cancel(self) -> None:
        self._answering.cancel()
