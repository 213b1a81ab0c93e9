"""PocketSphinx 5.1 by its C API (pocketsphinx.h, pocketsphinx/model.h), which the wheel's extension module exports.

The wheel's Python classes cannot mix two language models, and hold the GIL while they decode.
"""

import ctypes as C
import importlib.util
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

NGRAM_AUTO = 0
LOG_BASE = 1.0001  # of all scores, as the decoder has it
LANGUAGE_MODEL = b"mix"
CMN_FRAMES = 500  # what set_cmn's mean counts for against the frames heard since (CMN_WIN in feat/cmn.h)

_SIGNATURES = {
    "err_set_loglevel_str": ([C.c_char_p], C.c_char_p),
    "ps_config_init": ([C.c_void_p], C.c_void_p),
    "ps_config_free": ([C.c_void_p], C.c_int),
    "ps_config_set_str": ([C.c_void_p, C.c_char_p, C.c_char_p], C.c_void_p),
    "ps_config_set_bool": ([C.c_void_p, C.c_char_p, C.c_int], C.c_void_p),
    "ps_config_set_float": ([C.c_void_p, C.c_char_p, C.c_double], C.c_void_p),
    "ps_init": ([C.c_void_p], C.c_void_p),
    "ps_free": ([C.c_void_p], C.c_int),
    "ps_add_word": ([C.c_void_p, C.c_char_p, C.c_char_p, C.c_int], C.c_int),
    "ps_lookup_word": ([C.c_void_p, C.c_char_p], C.c_void_p),
    "ps_add_lm": ([C.c_void_p, C.c_char_p, C.c_void_p], C.c_int),
    "ps_activate_search": ([C.c_void_p, C.c_char_p], C.c_int),
    "ps_start_utt": ([C.c_void_p], C.c_int),
    "ps_process_raw": ([C.c_void_p, C.c_char_p, C.c_size_t, C.c_int, C.c_int], C.c_int),
    "ps_end_utt": ([C.c_void_p], C.c_int),
    "ps_get_hyp": ([C.c_void_p, C.POINTER(C.c_int32)], C.c_char_p),
    "ps_get_cmn": ([C.c_void_p, C.c_int], C.c_char_p),
    "ps_set_cmn": ([C.c_void_p, C.c_char_p], C.c_int),
    "logmath_init": ([C.c_double, C.c_int, C.c_int], C.c_void_p),
    "logmath_free": ([C.c_void_p], C.c_int),
    "ngram_model_read": ([C.c_void_p, C.c_char_p, C.c_int, C.c_void_p], C.c_void_p),
    "ngram_model_free": ([C.c_void_p], C.c_int),
    "ngram_model_set_init": (
        [C.c_void_p, C.POINTER(C.c_void_p), C.POINTER(C.c_char_p), C.POINTER(C.c_float), C.c_int32],
        C.c_void_p,
    ),
    "ngram_model_set_interp": ([C.c_void_p, C.c_void_p, C.c_void_p], C.c_void_p),
    "ckd_free": ([C.c_void_p], None),
}


class SphinxError(Exception):
    """PocketSphinx refused something; its own words are on stderr."""


def _library() -> C.CDLL:
    library = C.CDLL(importlib.util.find_spec("pocketsphinx._pocketsphinx").origin)
    for name, (arguments, result) in _SIGNATURES.items():
        function = getattr(library, name)
        function.argtypes, function.restype = arguments, result
    library.err_set_loglevel_str(b"ERROR")
    return library


def _check(result, what: str):
    if not result:
        raise SphinxError(f"PocketSphinx could not {what}")
    return result


class Sphinx:
    """What all decoders share: acoustic model, dictionary, settings. model: folder of the wheel's en-us model."""

    def __init__(self, model: Path):
        self.library = lib = _library()
        self.config = lib.ps_config_init(None)
        lib.ps_config_set_str(self.config, b"hmm", bytes(model / "en-us"))
        lib.ps_config_set_str(self.config, b"dict", bytes(model / "cmudict-en-us.dict"))
        lib.ps_config_set_float(self.config, b"samprate", 16000.0)
        # One pass: the second and third find a few more words, but only after the speech has ended.
        lib.ps_config_set_bool(self.config, b"fwdflat", 0)
        lib.ps_config_set_bool(self.config, b"bestpath", 0)
        self._log_math = lib.logmath_init(LOG_BASE, 0, 1)  # language models point at it without holding it
        for free, what in ((lib.ps_config_free, self.config), (lib.logmath_free, self._log_math)):
            weakref.finalize(self, free, what)

    def mix(self, models: Mapping[Path, float]) -> "Mix":
        """One language model out of several ARPA or binary files and their weights.

        A word's score is the logarithm of sum(weight * probability ** 6.5), 6.5 being the decoder's language weight:
        so a weight w stands for w ** (1 / 6.5) of the probability. Raises SphinxError for a file that is no model.
        """
        lib, count = self.library, len(models)
        read = [
            _check(lib.ngram_model_read(self.config, bytes(path), NGRAM_AUTO, self._log_math), f"read {path}")
            for path in models
        ]
        names = (C.c_char_p * count)(*(str(i).encode() for i in range(count)))
        weights = (C.c_float * count)(*models.values())
        mix = lib.ngram_model_set_init(self.config, (C.c_void_p * count)(*read), names, weights, count)
        for one in read:  # the set holds them
            lib.ngram_model_free(one)
        lib.ngram_model_set_interp(_check(mix, "mix language models"), None, None)
        return Mix(self, mix)


class Mix:
    """A language model in memory."""

    def __init__(self, sphinx: Sphinx, pointer: int):
        self._sphinx, self.pointer = sphinx, pointer
        weakref.finalize(self, sphinx.library.ngram_model_free, pointer)


class Decoder:
    """Hears one utterance at a time. Give it its words first, then its language model."""

    def __init__(self, sphinx: Sphinx):
        self._sphinx, self._library = sphinx, sphinx.library
        self._decoder = _check(self._library.ps_init(sphinx.config), "make a decoder")
        weakref.finalize(self, self._library.ps_free, self._decoder)
        self._mix: Mix | None = None
        self._hearing = False

    def phones(self, word: str) -> str | None:
        """The word's ARPAbet phones, None where it is not in the dictionary."""
        if not (found := self._library.ps_lookup_word(self._decoder, word.encode())):
            return None
        phones = C.string_at(found).decode()
        self._library.ckd_free(found)
        return phones

    def add_word(self, word: str, phones: str) -> None:
        if self._library.ps_add_word(self._decoder, word.encode(), phones.encode(), 0) < 0:
            raise SphinxError(f"PocketSphinx refused the word {word!r} with phones {phones!r}")

    def use(self, mix: Mix) -> None:
        self._mix = mix
        for result in (
            self._library.ps_add_lm(self._decoder, LANGUAGE_MODEL, mix.pointer),
            self._library.ps_activate_search(self._decoder, LANGUAGE_MODEL),
        ):
            if result < 0:
                raise SphinxError("PocketSphinx refused the language model")

    def begin(self, mean: Sequence[float]) -> None:
        """Starts an utterance. mean: 13 cepstral means of the microphone, taken off every frame."""
        self._library.ps_set_cmn(self._decoder, ",".join(f"{value:g}" for value in mean).encode())
        if self._library.ps_start_utt(self._decoder) < 0:
            raise SphinxError("PocketSphinx could not begin an utterance")
        self._hearing = True

    def feed(self, samples: np.ndarray) -> None:
        """samples: int16 [n], 16 kHz. Takes 0.1 of their time on one core in the middle, up to 0.4 in noise."""
        if self._library.ps_process_raw(self._decoder, samples.tobytes(), len(samples), 0, 0) < 0:
            raise SphinxError(f"PocketSphinx could not process {len(samples)} samples")

    def text(self) -> str:
        """The best words so far, or of the ended utterance."""
        return (self._library.ps_get_hyp(self._decoder, None) or b"").decode()

    def mean(self) -> np.ndarray:
        """float64 [13]: begin's mean, counted as CMN_FRAMES frames, together with the utterance's; used from here on.

        Exact for the first 300 frames of an utterance; later frames fade the older ones out.
        """
        return np.array(self._library.ps_get_cmn(self._decoder, 1).split(b","), float)

    def end(self) -> None:
        """Ends the utterance, if one is going on; text() is then final."""
        if self._hearing and self._library.ps_end_utt(self._decoder) < 0:
            raise SphinxError("PocketSphinx could not end the utterance")
        self._hearing = False
