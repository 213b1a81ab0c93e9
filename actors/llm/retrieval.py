"""Finds the known question that is nearest to what was heard, in spite of misheard words.

Two views, added: words, weighted by how rare they are (idf), where a word that sounds or is spelt alike counts in part;
and the sound of the whole sentence in trigrams, which forgives wrong word boundaries ("for get" against "forget").
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np

from actors.words import content, sound, split, stem

WORDS_SHARE = 0.6  # of the score; the rest is sound
IDF_POWER = 0.8  # below 1, so that one rare word does not outweigh the rest of a sentence
ALIKE = 0.55  # words less alike than this have nothing to do with each other
SAME_SOUND = 0.85  # likeness of words of one sound
SHORT_SOUND = 0.6  # where that sound is two letters: "it" and "eight", "do" and "due"
SAME_SPELLING = 0.9  # and of different words with the same letter pairs


class Index:
    """The known questions, ready to be compared. ``ignored``: words without meaning here, such as the avatar's name."""

    def __init__(self, questions: Sequence[str], ignored: Sequence[str] = ()):
        self._ignored = frozenset(ignored)
        split_questions = [self._split(question) for question in questions]
        stems = [[stem(word) for word in words] for words in split_questions]
        self._vocabulary = {
            word: number for number, word in enumerate(sorted({word for words in stems for word in words}))
        }
        self._has = np.zeros((len(questions), len(self._vocabulary)), np.float32)
        for row, words in enumerate(stems):
            self._has[row, [self._vocabulary[word] for word in words]] = 1
        self._idf = _rarity(self._has) ** IDF_POWER
        self._rare = float(np.log(1 + len(questions))) ** IDF_POWER  # of a word that is in no question
        self._weight = self._has @ self._idf
        pieces = [_bigrams(word) for word in self._vocabulary]
        self._bigram = {
            piece: number for number, piece in enumerate(sorted({piece for one in pieces for piece in one}))
        }
        self._spelt = np.zeros((len(self._vocabulary), len(self._bigram)), np.float32)
        for row, one in enumerate(pieces):
            self._spelt[row, [self._bigram[piece] for piece in one]] = 1
        self._sounds: dict[str, list[int]] = {}
        for word, number in self._vocabulary.items():
            self._sounds.setdefault(sound(word), []).append(number)

        grams = [_trigrams(words) for words in split_questions]
        self._gram = _numbered(grams)
        counts = np.zeros((len(questions), len(self._gram)), np.float32)
        for row, one in enumerate(grams):
            for gram, count in one.items():
                counts[row, self._gram[gram]] = count
        self._gram_idf = _rarity(counts > 0)
        self._heard_as = counts * self._gram_idf
        self._heard_as /= np.linalg.norm(self._heard_as, axis=1, keepdims=True) + 1e-9
        self._alike = lru_cache(maxsize=4096)(self._alike_uncached)

    def scores(self, text: str) -> np.ndarray:
        """float32 [questions]: 0 to 1, how well each one fits."""
        words = self._split(text)
        if not words:
            return np.zeros(len(self._has), np.float32)
        stems = list(dict.fromkeys(stem(word) for word in words))
        return WORDS_SHARE * self._by_words(stems) + (1 - WORDS_SHARE) * self._by_sound(words)

    def _split(self, text: str) -> list[str]:
        words = content(split(text))
        return [word for word in words if word not in self._ignored] or words

    def _by_words(self, words: list[str]) -> np.ndarray:
        matched = np.zeros(len(self._has), np.float32)
        covered = np.zeros(len(self._vocabulary), np.float32)  # how well each known word was heard
        total = 0.0
        for word in words:
            number = self._vocabulary.get(word)
            idf = self._rare if number is None else float(self._idf[number])
            columns, alike = self._alike(word)
            total += idf
            if len(columns):
                matched += idf * (self._has[:, columns] * alike).max(1)
                covered[columns] = np.maximum(covered[columns], alike)
        return (matched + self._has @ (self._idf * covered)) / (total + self._weight)

    def _alike_uncached(self, word: str) -> tuple[np.ndarray, np.ndarray]:
        """The known words that are like ``word``: their numbers, int64 [n], and how much, float32 [n]."""
        alike = np.zeros(len(self._vocabulary), np.float32)
        if len(word) > 1:
            pieces = _bigrams(word)
            shared = self._spelt[:, [self._bigram[piece] for piece in pieces if piece in self._bigram]].sum(1)
            alike = SAME_SPELLING * 2 * shared / (len(pieces) + self._spelt.sum(1))
            if len(key := sound(word)) > 1 and (same := self._sounds.get(key)):
                alike[same] = np.maximum(alike[same], SAME_SOUND if len(key) > 2 else SHORT_SOUND)
        if word in self._vocabulary:
            alike[self._vocabulary[word]] = 1
        columns = np.flatnonzero(alike >= ALIKE)
        return columns, alike[columns]

    def _by_sound(self, words: list[str]) -> np.ndarray:
        heard = np.zeros(len(self._gram), np.float32)
        unknown = 0.0
        for gram, count in _trigrams(words).items():
            number = self._gram.get(gram)
            if number is None:
                unknown += (count * self._rare) ** 2
            else:
                heard[number] = count * self._gram_idf[number]
        return self._heard_as @ heard / (np.sqrt(float(heard @ heard) + unknown) + 1e-9)


def _rarity(has: np.ndarray) -> np.ndarray:
    """Inverse document frequency, float32 [features], of ``has``: [questions, features], 1 where a question has it."""
    return np.log(1 + len(has) / np.maximum(has.sum(0), 1)).astype(np.float32)


def _numbered(lists: Iterable[Iterable[str]]) -> dict[str, int]:
    return {item: number for number, item in enumerate(sorted({item for one in lists for item in one}))}


def _bigrams(word: str) -> set[str]:
    padded = f"^{word}$"
    return {padded[i : i + 2] for i in range(len(padded) - 1)}


def _trigrams(words: list[str]) -> Counter[str]:
    """Of the sound of the whole sentence, without word boundaries."""
    line = f"^^{''.join(sound(word) for word in words)}$$"
    return Counter(line[i : i + 3] for i in range(len(line) - 2))
