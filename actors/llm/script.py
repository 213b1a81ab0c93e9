"""A persona, indexed: which of its groups of questions is meant."""

import re

import numpy as np

from actors.llm import arithmetic
from actors.llm.completeness import Completeness
from actors.llm.facts import Facts
from actors.llm.retrieval import Index
from actors.persona import Group, Persona
from actors.words import split

SURE = 0.53  # score from which a question counts as understood
EXACT = 0.9  # the words of the persona itself: before the skills, which would take "i like your voice" for a fact
SECOND_SHARE = 0.2  # of the second nearest phrasing in a group's score
SAME = 0.7  # ... and as one of the persona's, however it was put or misheard
FOLLOWS = 0.05  # advantage of what belongs to the answer just given

_SLOT = re.compile(r"\{\w+\}")


class Script:
    """Shared by the calls; never changes."""

    def __init__(self, persona: Persona):
        self.persona = persona
        self.groups = {group.id: group for group in persona.groups}
        self._groups, rows = [], []
        for group in persona.groups:
            plain = [(text, question) for question in group.questions if (text := _SLOT.sub("", question).strip())]
            rows += [(*one, len(self._groups)) for one in plain]
            self._groups += [group] if plain else []
        self._questions = [question for _, question, _ in rows]  # with their slots
        self._owners = np.array([owner for _, _, owner in rows])  # int64 [questions]: number of the group, rising
        self._starts = np.searchsorted(self._owners, np.arange(len(self._groups)))
        self.index = Index([text for text, _, _ in rows], ignored=split(persona.name))
        self.skills = {group.skill for group in persona.groups if group.skill}
        self.completeness = Completeness(persona.questions(), self._is_answerable)
        self.facts = Facts(persona.slots.get("name", ()), persona.slots.get("job", ()))

    def _is_answerable(self, text: str) -> bool:
        return arithmetic.answer(text) is not None or self.find(text, "")[0] >= SAME

    def find(self, text: str, last: str) -> tuple[float, str, Group]:
        """The best score with its question and group. ``last``: group of the answer before.

        A group scores by its nearest two phrasings: one alone may look like anything.
        """
        scores = self.index.scores(text)
        best = np.maximum.reduceat(scores, self._starts)
        second = np.maximum.reduceat(np.where(scores == best[self._owners], 0, scores), self._starts)
        of_groups = np.where((best >= EXACT) | (second == 0), best, (1 - SECOND_SHARE) * best + SECOND_SHARE * second)
        for number, group in enumerate(self._groups):
            if group.after:
                of_groups[number] = of_groups[number] + FOLLOWS if group.after == last and best[number] >= SURE else 0
        chosen = int(of_groups.argmax())
        row = int(np.where(self._owners == chosen, scores, -1).argmax())
        return float(of_groups[chosen]), self._questions[row], self._groups[chosen]
