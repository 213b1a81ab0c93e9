"""The bus process: ``python -m protocol.proxy``.

libzmq's own proxy forwards XSUB to XPUB in a thread, so nothing here can slow a message down. A copy of all traffic
comes to this side, which keeps the journal and answers who asks for it.
"""

import logging
import secrets
import select
import signal
import socket
import threading
from contextlib import suppress

import zmq

from protocol import codec, topics
from protocol.bus import RECONNECT_MS
from protocol.clock import MS, SECOND, now_ns
from protocol.envelope import Envelope
from protocol.errors import Malformed
from protocol.journal import Journal
from protocol.messages import BusUp
from protocol.run import endpoint, run_folder

log = logging.getLogger("bus")


def _forward(publishers: zmq.Socket, subscribers: zmq.Socket, copy: zmq.Socket) -> None:
    try:
        zmq.proxy(publishers, subscribers, copy)
    except zmq.ContextTerminated:
        for sock in (publishers, subscribers, copy):
            sock.close(linger=0)


class _Pulse:
    """Says BusUp, as soon as it can be heard and then once a second."""

    def __init__(self, context: zmq.Context, address: str):
        self.socket = context.socket(zmq.XPUB)  # unlike PUB it tells when the other end listens
        self.socket.connect(address)
        self.due_ns = now_ns()
        self._boot, self._seq = secrets.randbits(48), 0

    def beat(self) -> None:
        self._seq += 1
        now = self.due_ns = now_ns()
        self.due_ns += SECOND
        envelope = Envelope(topic="bus", actor="bus", boot=self._boot, seq=self._seq, sent_ns=now)
        self.socket.send_multipart(codec.encode(envelope, BusUp()))


def serve(stop: socket.socket) -> None:
    """Runs until ``stop`` is readable."""
    folder = run_folder()
    context = zmq.Context()
    publishers, subscribers, questions = context.socket(zmq.XSUB), context.socket(zmq.XPUB), context.socket(zmq.ROUTER)
    copy_in, copy_out = context.socket(zmq.PAIR), context.socket(zmq.PAIR)
    copy_in.bind("inproc://copy")
    copy_out.connect("inproc://copy")
    subscribers.bind(endpoint(folder, "subscribe"))
    questions.bind(endpoint(folder, "journal"))
    # After a restart the publishers have something to say at once. First those who listen must be back, which takes
    # two of their attempts.
    select.select([stop], [], [], 2 * RECONNECT_MS / 1000)
    publishers.bind(endpoint(folder, "publish"))
    publishers.send(b"\x01")  # everything: a publisher need not learn of a new subscriber before its next message
    threading.Thread(target=_forward, args=(publishers, subscribers, copy_in), name="forward", daemon=True).start()
    pulse = _Pulse(context, endpoint(folder, "publish"))
    log.info("ready in %s", folder)

    journal = Journal()
    poller = zmq.Poller()
    for source in (copy_out, questions, pulse.socket, stop):
        poller.register(source, zmq.POLLIN)
    while stop.fileno() not in (ready := dict(poller.poll(max(0, (pulse.due_ns - now_ns()) // MS + 1)))):
        # First what has passed, then the answers: the journal is never behind what its reader saw.
        while copy_out.poll(0):
            _keep(journal, copy_out.recv_multipart())
        if questions in ready:
            who, *words = questions.recv_multipart()
            questions.send_multipart([who, b"", *_answer(journal, words)])
        if pulse.socket in ready:
            pulse.socket.recv()
            pulse.beat()
        if now_ns() >= pulse.due_ns:
            pulse.beat()
    for sock in (copy_out, questions, pulse.socket):
        sock.close(linger=0)
    context.term()


def _keep(journal: Journal, frames: list[bytes]) -> None:
    """Malformed messages are left to the subscribers, who count them."""
    topic = topics.BY_NAME.get(frames[0].partition(b"/")[0].decode("ascii", "replace"))
    if topic is None or not topic.kept:
        return
    with suppress(Malformed):
        journal.take(*codec.decode(frames), frames)


def _answer(journal: Journal, words: list[bytes]) -> list[bytes]:
    """Answers "past TOPIC …" and "missed SESSION TOPIC ACTOR BOOT FIRST LAST"; to anything else with nothing."""
    match [word.decode("ascii", "replace") for word in words]:
        case ["past", *names]:
            return journal.past(set(names))
        case ["missed", session, topic, actor, *numbers] if len(numbers) == 3 and all(map(str.isdecimal, numbers)):
            return journal.missed(session, topic, actor, *map(int, numbers))
    return []


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s bus %(levelname)s %(message)s")
    stop, wake = socket.socketpair()
    wake.setblocking(False)
    signal.set_wakeup_fd(wake.fileno())
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    serve(stop)


if __name__ == "__main__":
    main()
