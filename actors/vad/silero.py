"""Silero's voice activity detection, version 6 (snakers4/silero-vad, MIT): the ONNX file inside faster-whisper."""

import importlib.util
from pathlib import Path

import numpy as np

FRAME_SAMPLES = 512  # 32 ms at 16 kHz, what the network was trained on
CONTEXT_SAMPLES = 64  # of the frame before, in front of each frame
STATE = (1, 1, 128)


def _model() -> Path | None:
    """The file, without importing the package it lies in."""
    package = importlib.util.find_spec("faster_whisper")
    path = package and Path(package.origin).parent / "assets" / "silero_vad_v6.onnx"
    return path if path and path.exists() else None


class Silero:
    """0.1 ms of a core per frame."""

    name = "silero"

    def missing(self) -> str | None:
        if _model() is None:
            return "the Python package faster-whisper, which has silero_vad_v6.onnx inside, is not installed"
        if importlib.util.find_spec("onnxruntime") is None:
            return "the Python package onnxruntime is not installed"
        return None

    def load(self) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        # A thread that spins between frames would take a core from the picture.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.add_session_config_entry("session.inter_op.allow_spinning", "0")
        self._network = onnxruntime.InferenceSession(str(_model()), options, providers=["CPUExecutionProvider"])

    def warm(self) -> None:
        self.open().probability(np.zeros(FRAME_SAMPLES, np.int16))

    def close(self) -> None:
        del self._network

    def open(self) -> "Stream":
        """For one call."""
        return Stream(self._network)


class Stream:
    """What the network remembers of one microphone."""

    def __init__(self, network):
        self._network = network
        self._window = np.zeros((1, CONTEXT_SAMPLES + FRAME_SAMPLES), np.float32)
        self._state = {"h": np.zeros(STATE, np.float32), "c": np.zeros(STATE, np.float32)}

    def probability(self, samples: np.ndarray) -> float:
        """0 to 1, that these samples, int16 [512] at 16 kHz right after the ones before, are speech."""
        if samples.shape != (FRAME_SAMPLES,) or samples.dtype != np.int16:
            raise ValueError(f"a frame is int16 [{FRAME_SAMPLES}], not {samples.dtype} {list(samples.shape)}")
        window = self._window
        window[0, :CONTEXT_SAMPLES] = window[0, -CONTEXT_SAMPLES:]
        window[0, CONTEXT_SAMPLES:] = samples
        window[0, CONTEXT_SAMPLES:] /= 32768
        found, h, c = self._network.run(None, {"input": window, **self._state})
        self._state = {"h": h, "c": c}
        return float(found.flat[0])
