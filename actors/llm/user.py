"""The user as the llm's machine hears him: whether he speaks, since when, and which of his words wait for an answer."""

from attrs import define

from protocol.messages import Speech


@define
class User:
    """utterance: his last, -1 for none. speaks: pauses included. sounds: now. began_ns: the utterance. silent_ns: when
    he made his last sound. parts: what he has said in utterances that are over and not answered.
    """

    utterance: int = -1
    speaks: bool = False
    sounds: bool = False
    began_ns: int = 0
    silent_ns: int = 0
    parts: tuple[str, ...] = ()

    def hear(self, speech: Speech) -> None:
        self.utterance = speech.utterance
        self.sounds = speech.state in ("started", "resumed")
        match speech.state:
            case "started":
                self.speaks, self.began_ns = True, speech.at_ns
            case "paused":
                self.silent_ns = speech.at_ns
            case "ended":
                self.speaks, self.silent_ns = False, speech.at_ns
