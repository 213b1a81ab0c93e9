"""The part of the flite C library that speaks: one voice, heard while it is made.

flite is by Black and Lenzo, "Flite: a small fast run-time synthesis engine", 2001 (github.com/festvox/flite); the
structures are those of cst_wave.h, cst_audio.h and cst_voice.h of version 2.2.
"""

import ctypes
import functools
import threading
from collections.abc import Callable, Iterator

import numpy as np

CONTINUE, STOP = 0, -1  # what a streaming callback answers: CST_AUDIO_STREAM_CONT, CST_AUDIO_STREAM_STOP
CHUNK_SAMPLES = 256  # ask for sound this often; the clustergen voices round it up to 320
NAME_OF_STREAMING = ctypes.create_string_buffer(b"streaming_info")  # flite keeps the pointer, so it must never be freed

_WORD_START = b"R:SylStructure.daughter1.daughter1.R:Segment.p.end"
_WORD_END = b"R:SylStructure.daughtern.daughtern.R:Segment.end"

_one_at_a_time = threading.Lock()  # a voice has one callback and its noise comes from the process's one rand()


class _Wave(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_char_p),
        ("sample_rate", ctypes.c_int),
        ("num_samples", ctypes.c_int),
        ("num_channels", ctypes.c_int),
        ("samples", ctypes.c_void_p),
    ]


class _Streaming(ctypes.Structure):
    pass


_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(_Wave), ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.POINTER(_Streaming)
)
_Streaming._fields_ = [
    ("min_buffsize", ctypes.c_int),
    ("callback", _Callback),
    ("utterance", ctypes.c_void_p),
    ("item", ctypes.c_void_p),
    ("userdata", ctypes.c_void_p),
]


class _Voice(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("features", ctypes.c_void_p)]


_SIGNATURES = {
    "flite_init": ([], ctypes.c_int),
    "flite_synth_text": ([ctypes.c_char_p, ctypes.c_void_p], ctypes.c_void_p),
    "delete_utterance": ([ctypes.c_void_p], None),
    "utt_relation": ([ctypes.c_void_p, ctypes.c_char_p], ctypes.c_void_p),
    "relation_head": ([ctypes.c_void_p], ctypes.c_void_p),
    "item_next": ([ctypes.c_void_p], ctypes.c_void_p),
    "item_feat_string": ([ctypes.c_void_p, ctypes.c_char_p], ctypes.c_char_p),
    "item_feat_float": ([ctypes.c_void_p, ctypes.c_char_p], ctypes.c_float),
    "ffeature_float": ([ctypes.c_void_p, ctypes.c_char_p], ctypes.c_float),
    "new_audio_streaming_info": ([], ctypes.POINTER(_Streaming)),
    "audio_streaming_info_val": ([ctypes.POINTER(_Streaming)], ctypes.c_void_p),
    "flite_feat_set": ([ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p], None),
}


def find(voice: str) -> ctypes.CDLL:
    """The library with a voice such as "slt"; it brings the rest of flite along. Raises OSError where there is none."""
    return ctypes.CDLL(f"libflite_cmu_us_{voice}.so.1")


@functools.cache
def open_voice(voice: str) -> "Voice":
    """The process's one such voice. Raises OSError where its library is missing."""
    return Voice(voice)


class Utterance:
    """What flite knows of the text it is speaking: complete when the first sound of it comes."""

    def __init__(self, library: ctypes.CDLL, pointer: int) -> None:
        self._library, self._pointer = library, pointer

    def _items(self, relation: bytes) -> Iterator[tuple[int, str]]:
        item = self._library.relation_head(self._library.utt_relation(self._pointer, relation))
        while item:
            yield item, self._library.item_feat_string(item, b"name").decode("ascii")
            item = self._library.item_next(item)

    def phones(self) -> list[tuple[str, float]]:
        """(ARPAbet in lower case, end in seconds), in order."""
        return [(name, self._library.item_feat_float(item, b"end")) for item, name in self._items(b"Segment")]

    def words(self) -> list[tuple[str, float, float]]:
        """(word as flite spells it, start and end in seconds); silent marks end at 0."""
        at = self._library.ffeature_float
        return [(name, at(item, _WORD_START), at(item, _WORD_END)) for item, name in self._items(b"Word")]


class Voice:
    """Use open_voice(): flite itself has only one of each in a process."""

    def __init__(self, voice: str) -> None:
        voice_library = find(voice)
        self._library = library = ctypes.CDLL("libflite.so.1")
        for name, (arguments, result) in _SIGNATURES.items():
            function = getattr(library, name)
            function.argtypes, function.restype = arguments, result
        library.flite_init()
        register = getattr(voice_library, f"register_cmu_us_{voice}")
        register.argtypes, register.restype = [ctypes.c_char_p], ctypes.c_void_p
        self._voice = register(None)
        self._srand = ctypes.CDLL(None).srand
        self._callback = _Callback(self._on_sound)  # kept, as C calls it
        streaming = library.new_audio_streaming_info()
        streaming.contents.min_buffsize = CHUNK_SAMPLES
        streaming.contents.callback = self._callback
        features = ctypes.cast(self._voice, ctypes.POINTER(_Voice)).contents.features
        value = library.audio_streaming_info_val(streaming)
        library.flite_feat_set(features, ctypes.addressof(NAME_OF_STREAMING), value)

    def speak(self, text: bytes, on_sound: Callable[[Utterance, np.ndarray], bool]) -> None:
        """Blocks until all is spoken or on_sound(utterance, int16 [samples]) answers False; flite runs without the GIL.

        text: printable ASCII. Raises what on_sound raised, and RuntimeError where flite makes nothing of the text.
        """
        with _one_at_a_time:
            self._on, self._error = on_sound, None
            self._srand(1)  # the same text sounds the same, sample for sample
            utterance = self._library.flite_synth_text(text, self._voice)
            if utterance:
                self._library.delete_utterance(utterance)
            error, self._on, self._error = self._error, None, None
        if error:
            raise error
        if not utterance:
            raise RuntimeError(f"flite made nothing of a text of {len(text)} characters")

    def _on_sound(self, wave, start: int, count: int, _last: int, streaming) -> int:
        try:
            sound = ctypes.string_at(wave.contents.samples + 2 * start, 2 * count)
            utterance = Utterance(self._library, streaming.contents.utterance)
            return CONTINUE if self._on(utterance, np.frombuffer(sound, np.int16)) else STOP
        except BaseException as error:  # it cannot cross C: speak() raises it on the other side
            self._error = error
            return STOP
