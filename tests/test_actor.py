"""The runtime: what every actor does alike. The actor here is a real process that counts the user's utterances."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from test_bus import bus, folder, receive  # noqa: F401  (fixtures)

from actors.engine import EngineMissing, choose
from actors.port import Port
from actors.step import Output
from protocol import messages as m
from protocol.clock import MS

ROOT = Path(__file__).parents[1]

COUNTER = """
from actors.actor import run
from actors.step import Output
from protocol.messages import Speech, Transcript

class Nothing:
    name = "nothing"
    def missing(self): return None
    def load(self): pass
    def warm(self): pass
    def close(self): print("engine closed", flush=True)

class Counter:
    wake_ns = None
    def __init__(self): self.n = 0
    def step(self, inputs, now_ns):
        for one in inputs:
            if one.message.utterance == 13:
                raise ZeroDivisionError("thirteen")
            self.n += 1
            self.wake_ns = now_ns + 50_000_000
            yield Output(Transcript(utterance=self.n, stage="final", text="heard"), cause=one)
        if not inputs:
            self.wake_ns = None
            yield Output(Transcript(utterance=self.n, stage="partial", text="woke by itself"))

run("stt", "auto", [Nothing()], [Speech], lambda engine, session: Counter())
"""


@pytest.fixture
def actor(bus, folder):  # noqa: F811
    environment = {**os.environ, "VISAVIS_RUN": str(folder)}
    pipes = dict(stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    process = subprocess.Popen([sys.executable, "-c", COUNTER], cwd=ROOT, env=environment, **pipes)
    yield process
    process.kill()
    process.communicate()


@pytest.fixture
def outside(bus, folder):  # noqa: F811
    """Speaks for transport and vad, and hears the actor."""
    ends = [Port(name, "", hears, folder) for name, hears in (("transport", ()), ("vad", (m.Transcript, m.Health)))]
    for end in ends:
        end.open()
    yield ends
    for end in ends:
        end.close()


def wait_ready(listener):
    while receive(listener, m.Health, seconds=20)[-1][1].state != "ready":
        pass


def say(vad, session, utterance=1):
    return vad.publish(Output(m.Speech(state="ended", utterance=utterance, at_sample=0, at_ns=0)), session)


def test_each_call_has_a_machine_of_its_own_from_open_to_closed(actor, outside):
    transport, vad = outside
    wait_ready(vad)
    for session in ("one", "two"):
        transport.publish(Output(m.Session(state="open")), session)
    seen = []
    for session in ("one", "one", "two", "one"):
        sent = say(vad, session)
        [(envelope, transcript), *_] = [
            pair for pair in receive(vad, m.Transcript) if pair[1].stage == "final"
        ] or receive(vad, m.Transcript)
        assert envelope.cause == sent.id
        seen.append((envelope.session, transcript.utterance))
    assert seen == [("one", 1), ("one", 2), ("two", 1), ("one", 3)]


def test_a_machine_is_stepped_at_the_time_it_asked_for(actor, outside):
    transport, vad = outside
    wait_ready(vad)
    transport.publish(Output(m.Session(state="open")), "one")
    say(vad, "one")
    [(answer, _), *rest] = receive(vad, m.Transcript)
    [(woke, message), *_] = rest or receive(vad, m.Transcript)
    assert message.text == "woke by itself" and woke.sent_ns - answer.sent_ns > 45 * MS


def test_input_for_a_call_nobody_opened_is_counted(actor, outside):
    _, vad = outside
    wait_ready(vad)
    say(vad, "nobody")
    while not (counts := receive(vad, m.Health)[-1][1].counts):
        pass
    assert counts == {"homeless speech": 1}


def test_a_signal_ends_it_cleanly(actor, outside):
    wait_ready(outside[1])
    actor.send_signal(signal.SIGTERM)
    output, _ = actor.communicate(timeout=10)
    assert actor.returncode == 0
    assert "engine closed" in output and "stt INFO stopped" in output


def test_an_error_in_a_step_ends_the_process_and_says_why(actor, outside):
    transport, vad = outside
    wait_ready(vad)
    transport.publish(Output(m.Session(state="open")), "one")
    say(vad, "one", utterance=13)
    output, _ = actor.communicate(timeout=10)
    assert actor.returncode == 1
    assert "stt stops on an error" in output and "ZeroDivisionError: thirteen" in output


def test_a_call_that_was_open_before_the_actor_started_is_known_to_it(bus, outside, folder):  # noqa: F811
    transport, vad = outside
    transport.publish(Output(m.Session(state="open")), "early")
    environment = {**os.environ, "VISAVIS_RUN": str(folder)}
    process = subprocess.Popen([sys.executable, "-c", COUNTER], cwd=ROOT, env=environment)
    wait_ready(vad)
    say(vad, "early")
    assert receive(vad, m.Transcript)[0][1].utterance == 1
    process.terminate()
    assert process.wait(10) == 0


class Named:
    def __init__(self, name, missing=None):
        self.name, self._missing = name, missing

    def missing(self):
        return self._missing


def test_auto_takes_the_best_engine_that_can_run_and_a_missing_one_is_refused_in_words():
    engines = [Named("large", "no weights in models/large"), Named("small")]
    assert choose(engines, "auto").name == "small"
    assert choose(engines, "small").name == "small"
    with pytest.raises(EngineMissing, match="large: no weights in models/large"):
        choose(engines, "large")
    with pytest.raises(EngineMissing, match="no engine 'huge'; there are auto, large, small"):
        choose(engines, "huge")
