"""What a reply should sound and look like in perfect sync:

the voice and the lips of its text, made anew from the same engines.
"""

import numpy as np
from attrs import frozen
from scipy.signal import resample_poly

from actors.animator.rules import Rules
from actors.animator.track import Track
from actors.step import Input
from actors.tts.actor import Tts
from actors.tts.flite import Flite
from protocol.clock import now_ns
from protocol.envelope import Envelope
from protocol.messages import Mood, Phones, Reply, Voice
from tools.caller import RATE_HZ


@frozen(eq=False)
class Reference:
    """pcm: float64 at 48 kHz from the reply's start. track: ``track.mouth(t_ms)`` gives the 52 weights of the mouth."""

    pcm: np.ndarray
    phones: tuple[Phones, ...]
    track: Track


def reference(sentences: list[str], engine: Flite, mood: Mood = "neutral") -> Reference:
    """engine: loaded, with the voice that the reply was spoken with."""
    machine, track, blocks, said = Tts(engine), Rules().open(), [], []
    envelope = Envelope(topic="reply", actor="llm", turn=1, boot=1, seq=1, sent_ns=now_ns())
    inputs = [
        Input(envelope, Reply(sentence=number, text=text, last=number == len(sentences) - 1, mood=mood))
        for number, text in enumerate(sentences)
    ]
    while outputs := list(machine.step(inputs, now_ns())):
        inputs = []
        for output in outputs:
            match output.message:
                case Voice():
                    blocks.append(output.content)
                case Phones() as phones:
                    said.append(phones)
                    track.extend(phones.start_ms, phones.names, phones.ends_ms)
    pcm = np.concatenate(blocks).astype(np.float64)
    return Reference(resample_poly(pcm, RATE_HZ // engine.sample_rate_hz, 1), tuple(said), track)
