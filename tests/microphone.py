"""Speech for tests, as the blocks of a microphone."""

import wave
from pathlib import Path

import numpy as np
import pytest

from actors.step import Input
from actors.tts.flite import Flite
from protocol.clock import SECOND
from protocol.envelope import Envelope
from protocol.messages import MicAudio, Speech

RECORDINGS = Path(__file__).parents[2] / "shared/data/speech"
RATE_HZ = 16000
BLOCK = 320
START_NS = 10 * SECOND  # the clock when sample 0 was spoken


def at_ns(sample: int) -> int:
    return START_NS + sample * SECOND // RATE_HZ


def block(start: int, samples: np.ndarray | None = None, late_ns: int = 0) -> Input:
    """20 ms from sample ``start``, sent when its last sample was spoken."""
    samples = np.zeros(BLOCK, np.int16) if samples is None else samples
    sent_ns = at_ns(start + len(samples)) + late_ns
    envelope = Envelope(topic="mic", actor="transport", boot=1, seq=start // BLOCK + 1, sent_ns=sent_ns)
    return Input(envelope, MicAudio(start_sample=start), samples)


def blocks(samples: np.ndarray, start: int = 0) -> list[Input]:
    return [block(start + i, samples[i : i + BLOCK]) for i in range(0, len(samples) - BLOCK + 1, BLOCK)]


def speech(state: str, utterance: int, at_sample: int) -> Input:
    message = Speech(state=state, utterance=utterance, at_sample=at_sample, at_ns=at_ns(at_sample))
    return Input(Envelope(topic="speech", actor="vad", boot=1, seq=1, sent_ns=at_ns(at_sample)), message)


def in_a_room(samples: np.ndarray, before_s: float = 0.5, after_s: float = 0.8) -> np.ndarray:
    """With quiet noise around and under it."""
    padded = np.pad(samples, (int(before_s * RATE_HZ), int(after_s * RATE_HZ)))
    noise = np.random.default_rng(0).normal(0, 20, len(padded))
    return np.clip(padded + noise, -32768, 32767).astype(np.int16)


def spoken(text: str, voice: str = "rms") -> np.ndarray:
    """int16 at 16 kHz, by a synthetic voice; skips the test where there is none."""
    engine = Flite(voice)
    if reason := engine.missing():
        pytest.skip(reason)
    engine.load()
    _, *sound = engine.speak(text)
    engine.close()
    return np.concatenate(sound)


def recorded(name: str) -> tuple[np.ndarray, str]:
    """A recording of a person, int16 at 16 kHz, and its words; skips the test where there is none."""
    if not (path := RECORDINGS / f"{name}.wav").exists():
        pytest.skip(f"no recording {path}")
    with wave.open(str(path)) as file:
        assert file.getframerate() == RATE_HZ and file.getnchannels() == 1
        samples = np.frombuffer(file.readframes(file.getnframes()), np.int16)
    return samples, path.with_suffix(".txt").read_text().strip()
