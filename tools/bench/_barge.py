"""People who speak into a reply: those who want the floor, and those who only say that they listen."""

import asyncio
import random
import statistics

import numpy as np
from attrs import define

from protocol.clock import MS, SECOND
from tools.bench._quantiles import quantiles
from tools.bench._spoken import spoken
from tools.caller import AUDIBLE, RATE_HZ, Caller
from tools.recording import Sound, sound

QUESTIONS = (  # whose answers are long
    "tell me a story", "how do you work", "are you a large language model", "where does your voice come from",
    "what is your face made of",
)  # fmt: skip
INTERRUPTIONS = (
    "stop please", "wait a moment", "no what is your name", "hold on", "stop tell me a joke", "excuse me",
    "wait i have a question", "what time is it", "that is enough thank you", "sorry who are you",
)  # fmt: skip
# flite would spell "mhm" in letters; "" is a cough
BACKCHANNELS = ("um hum", "uh huh", "yes", "okay", "right", "yeah", "i see", "oh really", "sure", "")
TIMES = 2  # each of them
SOONEST_S, LATEST_S = 0.9, 2.5  # into the reply
COUGH_MS = 150
SILENT_MS = 300  # so much silence is no gap between two words
REPLY_S = 8.0
BETWEEN_S = 0.6


@define
class Event:
    at_ns: int  # the first audible sample left the caller
    stopped: bool = False  # the reply did not go on to its end
    hold_ms: float | None = None


async def measure(url: str) -> dict:
    """Keys of `visavis bench talk`: barge_in_ms and false_interrupt_pct and what belongs to them."""
    (interruptions, caller), (backchannels, _) = await asyncio.gather(
        _call(url, [text for text in INTERRUPTIONS for _ in range(TIMES)]),
        _call(url, [text for text in BACKCHANNELS for _ in range(TIMES)]),
    )
    heard = sound(caller.tapes["audio"])
    silent_ms = [value for one in interruptions if (value := silence_after(heard, one.at_ns)) is not None]
    holds = [one.hold_ms for one in backchannels if one.hold_ms is not None]
    return {
        **quantiles("barge_in_ms", silent_ms),
        "barge_ins": len(silent_ms),
        "missed_interruptions": sum(not one.stopped for one in interruptions),
        "false_interrupt_pct": round(100 * sum(one.stopped for one in backchannels) / len(backchannels), 1),
        "false_interrupt_texts": [
            text
            for text, one in zip((t for t in BACKCHANNELS for _ in range(TIMES)), backchannels, strict=True)
            if one.stopped
        ],
        "backchannels": len(backchannels),
        "backchannel_hold_ms_p50": round(statistics.median(holds), 1) if holds else None,
    }


async def _call(url: str, texts: list[str]) -> tuple[list[Event], Caller]:
    rng = random.Random(0)
    events = []
    async with Caller(url) as caller:
        await asyncio.sleep(1.0)
        for number, text in enumerate(texts):
            question_ns = caller.microphone.speak(spoken(QUESTIONS[number % len(QUESTIONS)]))
            started_ns = await caller.until(_plays("started"), question_ns, REPLY_S)
            await asyncio.sleep(rng.uniform(SOONEST_S, LATEST_S))
            pcm = spoken(text) if text else cough()
            begin_ns = caller.microphone.speak(pcm)
            event = Event(begin_ns + int(np.flatnonzero(np.abs(pcm.astype(int)) > AUDIBLE)[0]) * SECOND // RATE_HZ)
            if started_ns is not None:
                over = await caller.until(_plays("finished", "stopped"), event.at_ns, 20.0)
                event.stopped = over is None or caller.last("playout")["state"] == "stopped"
                event.hold_ms = _hold_ms(caller, event.at_ns)
                events.append(event)
            await asyncio.sleep(1.2)
            await caller.quiet(REPLY_S)
            await asyncio.sleep(BETWEEN_S)
    return events, caller


def _plays(*states: str):
    return lambda event: event["type"] == "playout" and event["state"] in states


def _hold_ms(caller: Caller, since_ns: int) -> float | None:
    times = {event["state"]: at_ns for at_ns, event in caller.events if event["type"] == "floor" and at_ns > since_ns}
    return (times["taken"] - times["yielded"]) / MS if {"taken", "yielded"} <= times.keys() else None


def cough() -> np.ndarray:
    """A burst of noise, int16 at 48 kHz."""
    count = COUGH_MS * RATE_HZ // 1000
    burst = np.random.default_rng(0).normal(0, 4000, count) * np.hanning(count)
    return np.concatenate([burst, np.zeros(RATE_HZ // 2)]).astype(np.int16)


def silence_after(heard: Sound, at_ns: int) -> float | None:
    """Ms from ``at_ns`` until the last audible sample arrived that no other followed within SILENT_MS.

    None where nothing was audible around ``at_ns``.
    """
    first = max(0, (at_ns - SILENT_MS * MS - heard.start_ns) * RATE_HZ // SECOND)
    audible = first + np.flatnonzero(np.abs(heard.pcm[first:].astype(np.int32)) > AUDIBLE)
    if not len(audible) or audible[0] - first > 2 * SILENT_MS * RATE_HZ // 1000:
        return None
    gaps = np.flatnonzero(np.diff(audible) > SILENT_MS * RATE_HZ // 1000)
    last = int(audible[gaps[0]] if len(gaps) else audible[-1])
    block, inside = divmod(last, RATE_HZ // 50)
    arrived_ns = int(heard.arrivals_ns[block]) + inside * SECOND // RATE_HZ
    return (arrived_ns - at_ns) / MS if arrived_ns > at_ns else None
