"""PocketSphinx with the language model of its wheel, mixed with one made of the persona's questions.

Each word is scored by both: a question of the persona is likely, but other speech is not forced into one.
"""

import importlib.util
import logging
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from actors.stt.cepstrum import Cepstrum
from actors.stt.pronounce import pronounce
from actors.stt.sphinx import CMN_FRAMES, Decoder, Mix, Sphinx

log = logging.getLogger(__name__)

FRAME_SAMPLES = 160  # 10 ms
GENERAL_WEIGHT = 0.01  # stands for half the probability, see Sphinx.mix; from 0.1 to 0.001 the errors hardly differ
CALIBRATE_SAMPLES = 16000  # 1 s of an unknown microphone tells its cepstrum; decoding it again then costs 0.1 s
LONG_FRAMES = 250  # the mean is taken here at the latest, see Decoder.mean
SHORT_FRAMES = 30  # less speech than this says nothing about the microphone


class Pocketsphinx:
    """questions: plain lower-case words. cache: folder of what is kept. pronunciations: word to ARPAbet phones."""

    name = "pocketsphinx"

    def __init__(self, questions: Sequence[str], cache: Path, pronunciations: Mapping[str, str] | None = None):
        self._questions, self._cache, self._pronunciations = questions, cache, dict(pronunciations or {})
        self._free: list[Decoder] = []
        self._sphinx: Sphinx | None = None
        self._mix: Mix | None = None

    def missing(self) -> str | None:
        if importlib.util.find_spec("pocketsphinx") is None:
            return "the Python package pocketsphinx is not installed"
        return None

    def load(self) -> None:
        """0.4 s of a core. Raises SphinxError."""
        from pocketsphinx import get_model_path

        model = Path(get_model_path("en-us"))
        try:
            self.last_good = Cepstrum.load(self._kept)
        except ValueError as error:
            log.warning("starting without what was learnt about the microphone: %s", error)
            self.last_good = Cepstrum()
        self._sphinx = Sphinx(model)
        decoder = Decoder(self._sphinx)
        questions = self._learn_words(decoder)
        weights = {model / "en-us.lm.bin": GENERAL_WEIGHT if questions else 1.0}
        with TemporaryDirectory() as folder:
            if questions:
                own = Path(folder) / "persona.arpa"
                _write_model(questions, own)
                weights[own] = 1.0
            self._mix = self._sphinx.mix(weights)
        decoder.use(self._mix)
        self._free.append(decoder)

    def _learn_words(self, decoder: Decoder) -> list[str]:
        """Puts the questions' words into the dictionary; returns the questions that have no unknown word."""
        words = {word for question in self._questions for word in question.split()}
        unknown = {word for word in words if decoder.phones(word) is None}
        derived = {word: phones for word in unknown if (phones := pronounce(word, decoder.phones))}
        self._pronunciations = {
            word: phones for word, phones in {**derived, **self._pronunciations}.items() if word in unknown
        }
        for word, phones in self._pronunciations.items():
            decoder.add_word(word, phones)
        unknown -= self._pronunciations.keys()
        known = [question for question in self._questions if unknown.isdisjoint(question.split())]
        if unknown:
            log.warning(
                "%d of %d questions left out of the language model: nobody says how %d of their words sound",
                len(self._questions) - len(known),
                len(self._questions),
                len(unknown),
            )
        return known

    @property
    def _kept(self) -> Path:
        return self._cache / "cepstrum.json"

    def warm(self) -> None:
        stream = self.open()
        stream.begin()
        stream.feed(np.random.default_rng(0).integers(-300, 300, 1600, np.int16))
        stream.end()

    def close(self) -> None:
        self._free.clear()
        self._mix = self._sphinx = None

    def open(self) -> "Stream":
        """For one call."""
        return Stream(self)

    def take(self) -> Decoder:
        """A decoder for one utterance. Where two calls speak at once another is made: 0.25 s and 70 MB."""
        if self._free:
            return self._free.pop()
        decoder = Decoder(self._sphinx)
        for word, phones in self._pronunciations.items():
            decoder.add_word(word, phones)
        decoder.use(self._mix)
        return decoder

    def give(self, decoder: Decoder) -> None:
        decoder.end()
        if self._sphinx is not None:
            self._free.append(decoder)

    def keep(self, cepstrum: Cepstrum) -> None:
        """What the next call starts from, in this process or another one."""
        self.last_good = cepstrum.elsewhere()
        self.last_good.save(self._kept)


def _write_model(questions: Sequence[str], path: Path) -> None:
    """Probabilities of up to three words in a row, as ARPA text; 0.1 s for 3000 questions."""
    from pocketsphinx.lm import ArpaBoLM

    model = ArpaBoLM(text="\n".join(questions), add_start=True)
    model.compute()
    with path.open("w") as file:
        model.write(file)


class Stream:
    """The utterances of one call."""

    def __init__(self, engine: Pocketsphinx):
        self._engine = engine
        self._cepstrum = engine.last_good
        self._decoder: Decoder | None = None

    def begin(self) -> None:
        self._decoder = self._engine.take()
        self._give_back = weakref.finalize(self, self._engine.give, self._decoder)
        self._before = self._cepstrum
        self._again: list[np.ndarray] | None = None if self._cepstrum.known else []
        self._start()

    def _start(self) -> None:
        self._start_mean = np.array(self._cepstrum.mean)
        self._decoder.begin(self._cepstrum.mean)
        self._frames, self._measured = 0.0, False

    def feed(self, samples: np.ndarray) -> None:
        """samples: int16 [n], 16 kHz, right after the ones before."""
        self._hear(samples)
        if self._again is not None:
            self._again.append(samples)
            if sum(map(len, self._again)) >= CALIBRATE_SAMPLES:
                self._calibrate()

    def _hear(self, samples: np.ndarray) -> None:
        self._decoder.feed(samples)
        if samples.any():  # frames of digital silence do not enter the mean
            self._frames += len(samples) / FRAME_SAMPLES
        if self._frames >= LONG_FRAMES and not self._measured:
            self._measure()

    def _measure(self) -> None:
        """The microphone's cepstrum from before and from this utterance."""
        self._measured = True
        if self._frames >= SHORT_FRAMES:
            share = self._frames / (CMN_FRAMES + self._frames)
            heard = self._start_mean + (self._decoder.mean() - self._start_mean) / share
            self._cepstrum = self._before.heard(heard, self._frames)

    def _calibrate(self) -> None:
        """Hears the utterance from its beginning again, now with the microphone's own cepstrum."""
        again, self._again = self._again, None
        self._measure()
        self._decoder.end()
        self._start()
        for samples in again:
            self._hear(samples)

    def partial(self) -> str:
        """The words so far; the last ones may still change."""
        return self._decoder.text()

    def words(self) -> str:
        """The words, complete if nobody goes on; "" for none.

        What the decoder says at its own end of an utterance is not better: 1 of 150 sentences differed, for the worse.
        """
        if self._again is not None:
            self._calibrate()
        return self._decoder.text()

    def end(self) -> None:
        """Ends the utterance."""
        if not self._measured:
            self._measure()
        self._give_back()
        self._decoder = None
        if self._cepstrum.known:
            self._engine.keep(self._cepstrum)
