"""The bus process: ``python -m protocol.proxy``.

libzmq's own proxy forwards XSUB to XPUB in a thread, so nothing here can slow a message down. A copy of all traffic
comes to this side, which keeps the snapshot and answers who asks for it.
"""

import logging
import signal
import socket
import threading

import zmq

from protocol.run import endpoint, run_folder
from protocol.snapshot import Snapshot

log = logging.getLogger("bus")


def _forward(publishers: zmq.Socket, subscribers: zmq.Socket, copy: zmq.Socket) -> None:
    try:
        zmq.proxy(publishers, subscribers, copy)
    except zmq.ContextTerminated:
        for sock in (publishers, subscribers, copy):
            sock.close(linger=0)


def serve(stop: socket.socket) -> None:
    """Runs until ``stop`` is readable."""
    folder = run_folder()
    context = zmq.Context()
    publishers, subscribers, snapshots = context.socket(zmq.XSUB), context.socket(zmq.XPUB), context.socket(zmq.ROUTER)
    copy_in, copy_out = context.socket(zmq.PAIR), context.socket(zmq.PAIR)
    copy_in.bind("inproc://copy")
    copy_out.connect("inproc://copy")
    publishers.bind(endpoint(folder, "publish"))
    publishers.send(b"\x01")  # everything: a publisher need not learn of a new subscriber before its next message
    subscribers.bind(endpoint(folder, "subscribe"))
    snapshots.bind(endpoint(folder, "snapshot"))
    threading.Thread(target=_forward, args=(publishers, subscribers, copy_in), name="forward", daemon=True).start()
    log.info("ready in %s", folder)

    snapshot = Snapshot()
    poller = zmq.Poller()
    for source in (copy_out, snapshots, stop):
        poller.register(source, zmq.POLLIN)
    while stop.fileno() not in (ready := dict(poller.poll())):
        # First what has passed, then the answers: a snapshot is never older than what its reader saw.
        while copy_out.poll(0):
            snapshot.take(copy_out.recv_multipart())
        if snapshots in ready:
            who, *_ = snapshots.recv_multipart()
            snapshots.send_multipart([who, b"", *snapshot.frames()])
    for sock in (copy_out, snapshots):
        sock.close(linger=0)
    context.term()


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
