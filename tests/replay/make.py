"""``python -m tests.replay.make``: records talk.mcap anew, a short call of a real system, for the replay tests.

After it ``visavis replay tests/replay/talk.mcap --update-refs tests/replay`` writes down what each actor says to it.
"""

import asyncio
import os
import signal
import subprocess
from pathlib import Path

from protocol import codec
from protocol.clock import SECOND
from protocol.messages import Health, Packet
from protocol.trace import TraceReader, TraceWriter
from tools.bench._spoken import spoken
from tools.caller import Caller
from tools.stack import Stack

TRACE = Path(__file__).with_name("talk.mcap")
PICTURES_NS = SECOND  # of these the H.264 is kept; all would be most of the file


async def call(url: str) -> None:
    """A sum; a question whose answer is interrupted."""
    async with Caller(url) as caller:
        await asyncio.sleep(0.3)
        await caller.ask(spoken("what is seven times eight"))
        asking = asyncio.create_task(caller.ask(spoken("what is your name")))
        await caller.until(lambda event: event.get("state") == "started", caller.events[-1][0], 5)
        await asyncio.sleep(0.5)
        caller.microphone.speak(spoken("stop please"))
        await asking
        await caller.quiet(4)


def main() -> None:
    raw = TRACE.with_suffix(".raw")
    with Stack() as stack:
        environment = {**os.environ, "VISAVIS_RUN": str(stack.folder)}
        recording = subprocess.Popen([".venv/bin/visavis", "record", raw], env=environment, stdout=subprocess.PIPE)
        recording.stdout.readline()
        asyncio.run(call(f"http://{stack.host}:{stack.port}"))
        recording.send_signal(signal.SIGINT)
        recording.communicate()
    TRACE.unlink(missing_ok=True)
    thin = TraceWriter(TRACE)
    first_ns = None
    for record in TraceReader(raw):
        if isinstance(record.message, Health):
            continue
        first_ns = first_ns or record.log_ns
        is_late = isinstance(record.message, Packet) and record.log_ns > first_ns + PICTURES_NS
        body = codec.encode(record.envelope, record.message)[1]
        thin.write(record.envelope, body, record.log_ns, None if is_late else record.content)
    thin.close()
    raw.unlink()
    print(f"{TRACE}: {TRACE.stat().st_size} bytes")


if __name__ == "__main__":
    main()
