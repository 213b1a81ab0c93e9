"""The runtime: what every actor does alike. The actor here is a real process that counts the user's utterances."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from bus_process import receive

from actors.engine import EngineMissing, choose
from actors.port import Port
from actors.step import Output
from protocol import messages as m
from protocol.clock import MS
from protocol.topics import of

ROOT = Path(__file__).parents[1]

COUNTER = """
from actors.actor import arguments, run
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

run("stt", arguments("stt", "").parse_args(), [Nothing()], [Speech], lambda engine, session: Counter())
"""


@pytest.fixture
def actor(bus, run_folder):
    environment = {**os.environ, "VISAVIS_RUN": str(run_folder)}
    pipes = dict(stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    process = subprocess.Popen([sys.executable, "-c", COUNTER], cwd=ROOT, env=environment, **pipes)
    yield process
    process.kill()
    process.communicate()


@pytest.fixture
def outside(bus, run_folder):
    """Speaks for transport and vad, and hears the actor."""
    ends = [Port(name, "", hears, run_folder) for name, hears in (("transport", ()), ("vad", (m.Transcript, m.Health)))]
    for end in ends:
        end.open()
    yield ends
    for end in ends:
        end.close()


def wait_ready(listener):
    while receive(listener, m.Health, seconds=20)[-1][1].state != "ready":
        pass


def open_calls(transport, vad, *sessions):
    """Returns when the actor says that it has them; what another actor says may overtake their opening."""
    for session in sessions:
        transport.publish(Output(m.Session(state="open")), session)
    while receive(vad, m.Health)[-1][1].sessions != len(sessions):
        pass


def say(vad, session, utterance=1):
    return vad.publish(Output(m.Speech(state="ended", utterance=utterance, at_sample=0, at_ns=0)), session)


def answers(vad, *stages):
    """The first transcript of each stage."""
    found = {}
    while not set(stages) <= set(found):
        heard = receive(vad, m.Transcript)
        assert heard, f"no transcript came, only {list(found)}"
        for envelope, transcript in heard:
            found.setdefault(transcript.stage, (envelope, transcript))
    return [found[stage] for stage in stages]


def test_each_call_has_a_machine_of_its_own_from_open_to_closed(actor, outside):
    transport, vad = outside
    wait_ready(vad)
    open_calls(transport, vad, "one", "two")
    seen = []
    for session in ("one", "one", "two", "one"):
        sent = say(vad, session)
        [(envelope, transcript)] = answers(vad, "final")
        assert envelope.cause == sent.id
        seen.append((envelope.session, transcript.utterance))
    assert seen == [("one", 1), ("one", 2), ("two", 1), ("one", 3)]


def test_a_machine_is_stepped_at_the_time_it_asked_for(actor, outside):
    transport, vad = outside
    wait_ready(vad)
    open_calls(transport, vad, "one")
    say(vad, "one")
    (said, _), (woke, _) = answers(vad, "final", "partial")
    assert woke.sent_ns - said.sent_ns > 45 * MS


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
    open_calls(transport, vad, "one")
    say(vad, "one", utterance=13)
    output, _ = actor.communicate(timeout=10)
    assert actor.returncode == 1
    assert "stt stops on an error" in output and "ZeroDivisionError: thirteen" in output


def test_a_call_that_was_open_before_the_actor_started_is_known_to_it(bus, outside, run_folder):
    transport, vad = outside
    transport.publish(Output(m.Session(state="open")), "early")
    environment = {**os.environ, "VISAVIS_RUN": str(run_folder)}
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


@pytest.mark.parametrize(
    ("actor", "option", "content", "words"),
    [
        ("llm", "--persona", None, "there is no persona file"),
        ("llm", "--persona", b'name = "half', "Unterminated|line 1"),
        ("stt", "--persona", b'name = "x"\n', "needs at least one"),
        ("stt", "--persona", b"\0" * (2 << 20), "more than"),
        ("renderer", "--avatar", None, "no avatar at"),
        (
            "renderer",
            "--avatar",
            b"ply\nformat binary_little_endian 1.0\nelement vertex 2147483648\n",
            "end_header|header",
        ),
    ],
)
def test_a_bad_file_ends_the_actor_with_a_line_that_names_it(bus, run_folder, tmp_path, actor, option, content, words):
    path = tmp_path / "given"
    if content is not None:
        path.write_bytes(content)
    environment = {**os.environ, "VISAVIS_RUN": str(run_folder)}
    command = [sys.executable, "-m", f"actors.{actor}", option, str(path)]
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)
    lines = ended.stderr.splitlines()
    assert ended.returncode == 3
    assert f"{actor} ERROR" in lines[-1] and str(path) in lines[-1]
    assert re.search(words, lines[-1]), lines[-1]
    assert "Traceback" not in ended.stderr


def test_what_is_heard_only_for_its_time_is_neither_read_nor_dropped_nor_counted(bus, run_folder):
    ends = [Port("renderer", "", (), run_folder), Port("transport", "", [m.Frame], run_folder, unread=[m.Frame])]
    for end in ends:
        end.open()
    renderer, transport = ends
    count = of(m.Frame).slots + 2  # the first ones are overwritten before they are heard
    for k in range(count):
        message = m.Frame(frame=k, offset_ns=0, width=64, height=64)
        renderer.publish(Output(message, content=np.zeros((96, 64), np.uint8)), "one")
    heard = []
    while len(heard) < count and (more := transport.receive(5000)):
        heard += more
    assert [one.message.frame for one in heard] == list(range(count))
    assert all(one.content is None and one.envelope.sent_ns for one in heard)
    assert not any(transport.counts.values())
    for end in ends:
        end.close()
