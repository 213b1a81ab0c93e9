"""Whisper through faster-whisper, where its weights are on this machine: more accurate, and a core busier."""

import importlib.util
from pathlib import Path

import numpy as np

RATE_HZ = 16000
PARTIAL_SAMPLES = (
    RATE_HZ  # of new speech before the text is made anew: each time costs as much as the whole 30 s window
)
MAX_TOKENS = 200  # in 30 s people say no more; it stops a model that repeats itself
THREADS = 2  # more are no faster in models as small as run on a CPU in time
NEEDED = ("model.bin", "config.json", "tokenizer.json")  # without the last one faster-whisper would ask the network


class FasterWhisper:
    """models: the folder with model folders called whisper-*, in CTranslate2 format."""

    name = "faster-whisper"

    def __init__(self, models: Path):
        self._models = models

    def missing(self) -> str | None:
        if importlib.util.find_spec("faster_whisper") is None:
            return "the Python package faster-whisper is not installed"
        if self._folder() is None:
            return f"no model in {self._models}/whisper-*; get one with: visavis models fetch whisper-base.en"
        return None

    def _folder(self) -> Path | None:
        """The smallest model: here speed decides."""
        whole = [
            folder
            for folder in sorted(self._models.glob("whisper-*"))
            if all((folder / name).exists() for name in NEEDED)
        ]
        return min(whole, key=lambda folder: (folder / "model.bin").stat().st_size, default=None)

    def load(self) -> None:
        from faster_whisper import WhisperModel

        self._model = WhisperModel(str(self._folder()), device="cpu", compute_type="int8", cpu_threads=THREADS)

    def warm(self) -> None:
        self.text(np.zeros(RATE_HZ, np.float32))

    def close(self) -> None:
        del self._model

    def open(self) -> "Stream":
        """For one call."""
        return Stream(self)

    def text(self, samples: np.ndarray) -> str:
        """The words in float32 [n] samples at 16 kHz, up to 30 s of them."""
        segments, _ = self._model.transcribe(
            samples,
            language="en",
            beam_size=1,
            temperature=0.0,  # a list would mean trying again, hotter, while the user waits
            condition_on_previous_text=False,
            without_timestamps=True,
            max_new_tokens=MAX_TOKENS,
        )
        return " ".join(segment.text.strip() for segment in segments).strip()


class Stream:
    """The utterances of one call. Whisper cannot go on from where it was: it hears the utterance so far each time."""

    def __init__(self, engine: FasterWhisper):
        self._engine = engine

    def begin(self) -> None:
        self._blocks: list[np.ndarray] = []
        self._samples = self._heard = 0  # fed; of these, in the text
        self._text = ""

    def feed(self, samples: np.ndarray) -> None:
        """samples: int16 [n], 16 kHz, right after the ones before."""
        self._blocks.append(samples)
        self._samples += len(samples)

    def partial(self) -> str:
        """The words of up to a second ago."""
        return self.words() if self._samples - self._heard >= PARTIAL_SAMPLES else self._text

    def words(self) -> str:
        """The words, complete if nobody goes on; "" for none."""
        if self._samples > self._heard:
            self._text = self._engine.text(np.concatenate(self._blocks).astype(np.float32) / 32768)
            self._heard = self._samples
        return self._text

    def end(self) -> None:
        """Ends the utterance."""
        self.begin()
