"""One answer of a language model on its way: what may be spoken of it so far, and how it ended."""

import threading
from collections.abc import Callable
from typing import Literal

from attrs import frozen

from protocol.clock import now_ns
from protocol.messages import Mood

Kind = Literal["refused", "rate limited", "server error", "malformed", "stalled", "unreachable"]


@frozen
class Failure:
    """Why there is no answer, or no more of it. reason: for the log; has neither the key nor words of the conversation.

    status: of HTTP, 0 where there was none. retry_after_s: when the server wants to be asked again; None: unsaid.
    """

    kind: Kind
    reason: str
    status: int = 0
    retry_after_s: float | None = None


class Answering:
    """Filled by the thread of actors/llm/chat.py, read by any other; nothing here waits.

    Times in ns of protocol.clock, None until then: first_token_ns (the first that is no reasoning), first_piece_ns,
    end_ns. mood: as the reply asked for; None where it did not, settled with the first piece. finish: what the server
    gave as its reason to stop.
    """

    def __init__(self, begun_ns: int):
        self.begun_ns = begun_ns
        self.first_token_ns: int | None = None
        self.first_piece_ns: int | None = None
        self.end_ns: int | None = None
        self.mood: Mood | None = None
        self.finish = ""
        self.failed: Failure | None = None
        self.cancelled = False
        self._pieces: list[str] = []
        self._lock = threading.Lock()
        self._stop: Callable[[], object] = lambda: None
        self._crash: BaseException | None = None

    def take(self) -> list[str]:
        """What has become complete since the last call, in order. Raises what went wrong inside the chat's thread."""
        with self._lock:
            taken, self._pieces = self._pieces, []
        if self._crash:
            raise self._crash
        return taken

    @property
    def done(self) -> bool:
        """Ended, well or not, and everything taken: first take(), then ask."""
        with self._lock:
            return self.end_ns is not None and not self._pieces and not self._crash

    def cancel(self) -> None:
        """Closes the stream at once; what was not taken is dropped. Does nothing after the end."""
        with self._lock:
            self._pieces.clear()
            if self.end_ns is not None:
                return
            self.end_ns, self.cancelled = now_ns(), True
        self._stop()

    # for the chat's thread
    def stopped_by(self, stop: Callable[[], object]) -> None:
        self._stop = stop

    def token(self) -> None:
        self.first_token_ns = self.first_token_ns or now_ns()

    def add(self, pieces: list[str], mood: Mood | None) -> None:
        with self._lock:
            if pieces and self.end_ns is None:
                if self.first_piece_ns is None:
                    self.first_piece_ns, self.mood = now_ns(), mood
                self._pieces += pieces

    def end(self, failure: Failure | None = None, finish: str = "") -> None:
        with self._lock:
            if self.end_ns is None:
                self.failed, self.finish, self.end_ns = failure, finish, now_ns()

    def crash(self, error: BaseException) -> None:
        with self._lock:
            self._crash = error
