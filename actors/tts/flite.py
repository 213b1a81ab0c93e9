"""flite: a small fast voice for plain CPUs, that says when it will speak each sound before it has made the first."""

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, repeat
from queue import SimpleQueue

import numpy as np

from actors.tts import libflite
from actors.tts.timing import Timing

VOICES = ("slt", "rms", "awb")  # flite's diphone voices are left out: their sound drifts from their phone times
MAX_TEXT = 500  # characters, some 25 s of prose; all of a text is analysed before its first sound
LEAD_SAMPLES = 160  # silence kept before the first sound: the 170 to 270 ms that flite makes are waiting for nothing
SENTENCE_GAP_SAMPLES = 3200  # silence after the last sound of a sentence
CLAUSE_GAP_SAMPLES = 1600  # and where the sentence goes on
PACKET_SAMPLES = 320  # a text's length is whole 20 ms packets of the call
FIRST_BLOCKS = (320, 640, 1280)  # the first one small, to be heard early; 20, 40, 80 ms
BLOCK_SAMPLES = 1600


class _Job:
    """One text on its way through the worker."""

    def __init__(self, text: bytes) -> None:
        self.text = text
        self.made: SimpleQueue = SimpleQueue()  # Timing and lead, then sound, then None; as long as MAX_TEXT allows
        self.timed = False
        self.stopped = False

    def run(self, voice: libflite.Voice) -> None:
        try:
            if not self.stopped:
                voice.speak(self.text, self._take)
        finally:
            self.made.put(None)

    def _take(self, utterance: libflite.Utterance, sound: np.ndarray) -> bool:
        if not self.timed:
            self.made.put(_timing(utterance, self.text))
            self.timed = True
        self.made.put(sound)
        return not self.stopped


class Flite:
    """Speaks ASCII text, streaming. voice: slt (a woman), rms (a man) or awb (a Scotsman)."""

    name = "flite"
    sample_rate_hz = 16000

    def __init__(self, voice: str = "slt") -> None:
        if voice not in VOICES:
            raise ValueError(f"flite has no voice {voice!r}; it has {', '.join(VOICES)}")
        self._voice_name = voice

    def missing(self) -> str | None:
        try:
            libflite.find(self._voice_name)
        except OSError as error:
            return f"{error}: install the package libflite1 (Debian and Ubuntu: apt-get install libflite1)"
        return None

    def load(self) -> None:
        self._voice = libflite.open_voice(self._voice_name)
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="flite")

    def warm(self) -> None:
        for _ in self.speak("Hello there, this is a first sentence."):
            pass

    def close(self) -> None:
        self._worker.shutdown(cancel_futures=True)

    def speak(self, text: str) -> Iterator[Timing | np.ndarray]:
        """Yields a Timing, then int16 [samples] at 16 kHz, 20, 40, 80, then 100 ms each, while flite makes the rest.

        The blocks are Timing.samples long together, with 10 ms of silence in front and a gap behind that is longer
        after ``.``, ``!`` and ``?``. The same text gives the same samples. Closing the iterator stops flite at its next
        20 ms of sound. Several may be open at a time: texts are made in the order of their first ``next``.
        Raises ValueError for text that is too long or not printable ASCII (see normalise.py).
        """
        if len(text) > MAX_TEXT:
            raise ValueError(f"text has {len(text)} characters, more than {MAX_TEXT}")
        if not (text.isascii() and text.isprintable()):
            strange = sum(not (letter.isascii() and letter.isprintable()) for letter in text)
            raise ValueError(f"text has {strange} characters that are not printable ASCII")
        job = _Job(text.encode("ascii"))
        future = self._worker.submit(job.run, self._voice)
        try:
            made = job.made.get()
            if made is None:
                future.result()  # raises what went wrong
                raise RuntimeError(f"flite made no sound of a text of {len(text)} characters")
            timing, lead = made
            yield timing
            sound = np.zeros(lead + timing.samples, np.int16)
            sizes = chain(FIRST_BLOCKS, repeat(BLOCK_SAMPLES))
            start, filled = lead, 0
            while start < len(sound):
                end = min(start + next(sizes), len(sound))
                while filled < end:
                    chunk = job.made.get()
                    if chunk is None:
                        future.result()
                        filled = len(sound)  # the gap is longer than the silence flite ends with
                        break
                    chunk = chunk[: len(sound) - filled]
                    sound[filled : filled + len(chunk)] = chunk
                    filled += len(chunk)
                yield sound[start:end]
                start = end
        finally:
            job.stopped = True


def _timing(utterance: libflite.Utterance, text: bytes) -> tuple[Timing, int]:
    """When what will be said, without the silence flite begins with; and the samples of that silence to leave out."""
    rate = Flite.sample_rate_hz
    names, ends = zip(*utterance.phones(), strict=True)
    before = ends[0] if names[0] == "pau" else 0.0
    after = ends[-2] if names[-1] == "pau" and len(ends) > 1 else ends[-1]
    lead = max(0, round(before * rate) - LEAD_SAMPLES)
    gap = SENTENCE_GAP_SAMPLES if text.rstrip(b"\"') ").endswith((b".", b"!", b"?")) else CLAUSE_GAP_SAMPLES
    samples = math.ceil((after * rate - lead + gap) / PACKET_SAMPLES) * PACKET_SAMPLES

    def ms(seconds: float) -> float:
        return round((seconds - lead / rate) * 1000, 1)

    words: list[tuple[str, float, float]] = []
    for word, start, end in utterance.words():
        if end <= start:
            continue  # a mark that is not spoken
        if word.startswith("'") and words:  # flite takes "it's" for "it" and "'s"
            word, start = words[-1][0] + word, words.pop()[1]
        words.append((word.lstrip("_"), start, end))
    return (
        Timing(
            samples=samples,
            names=names,
            ends_ms=(*(ms(end) for end in ends[:-1]), samples * 1000 / rate),
            words=tuple(word for word, _, _ in words),
            word_starts_ms=tuple(ms(start) for _, start, _ in words),
            word_ends_ms=tuple(ms(end) for _, _, end in words),
        ),
        lead,
    )
