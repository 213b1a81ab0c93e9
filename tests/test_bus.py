"""The bus and the ports on it, with the real process."""

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import zmq

from actors.port import Port
from actors.step import Input, Output
from protocol import messages as m
from protocol.bus import Bus
from protocol.clock import SECOND, now_ns
from protocol.errors import BusUnreachable, NotOwner, ProtocolError
from protocol.run import endpoint, run_folder

ROOT = Path(__file__).parents[1]


@pytest.fixture
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("r")
    folder.chmod(0o700)
    return folder


def start_bus(folder):
    environment = {**os.environ, "VISAVIS_RUN": str(folder)}
    return subprocess.Popen(
        [sys.executable, "-m", "protocol.proxy"], cwd=ROOT, env=environment, stderr=subprocess.DEVNULL
    )


@pytest.fixture
def bus(folder):
    process = start_bus(folder)
    yield process
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0


def receive(end, kind, seconds=5.0) -> list:
    """The messages of a type, as soon as there is one."""
    deadline = now_ns() + int(seconds * SECOND)
    while now_ns() < deadline:
        got = [(one.envelope, one.message) if isinstance(one, Input) else one for one in end.receive(50)]
        if got := [pair for pair in got if isinstance(pair[1], kind)]:
            return got
    return []


def joined(folder, actor, *hears):
    bus = Bus(actor, hears, folder)
    bus.connect()
    return bus


def test_the_first_message_after_connect_arrives(bus, folder):
    listener, speaker = joined(folder, "stt", m.Speech), joined(folder, "vad")
    sent = speaker.publish(m.Speech(state="started", utterance=1, at_sample=0, at_ns=0), session="s")
    assert receive(listener, m.Speech) == [(sent, m.Speech(state="started", utterance=1, at_sample=0, at_ns=0))]
    listener.close()
    speaker.close()


def test_who_joins_late_gets_the_last_kept_message_of_each_call_and_each_actor(bus, folder):
    transport, llm = joined(folder, "transport"), joined(folder, "llm")
    for session in ("one", "two", "three"):
        transport.publish(m.Session(state="open"), session=session)
    llm.publish(m.Dialogue(state="idle"), session="one")
    llm.publish(m.Dialogue(state="speaking"), session="one")
    for actor in (transport, llm):
        actor.publish(m.Health(actor=actor.actor, state="ready", pid=1))
    transport.publish(m.Session(state="closed"), session="two")

    deadline, kept = now_ns() + 5 * SECOND, []
    while len(kept) != 5 and now_ns() < deadline:  # the proxy's copy of the traffic is a step behind the traffic
        late = Bus("status", (m.Session, m.Dialogue, m.Health), folder)
        kept = [(envelope.session, message) for envelope, message in late.connect()]
        late.close()
    assert sorted(session for session, message in kept if isinstance(message, m.Session)) == ["one", "three"]
    assert [pair for pair in kept if isinstance(pair[1], m.Dialogue)] == [("one", m.Dialogue(state="speaking"))]
    assert {message.actor for _, message in kept if isinstance(message, m.Health)} == {"transport", "llm"}
    transport.close()
    llm.close()


def test_nobody_publishes_on_the_topic_of_another(bus, folder):
    vad = joined(folder, "vad")
    with pytest.raises(NotOwner, match="vad published on turn, which belongs to llm"):
        vad.publish(m.Turn(state="committed"))
    vad.close()


def test_malformed_bytes_are_counted_and_the_next_message_still_arrives(bus, folder):
    listener, speaker = joined(folder, "stt", m.Speech, m.MicAudio), joined(folder, "vad")
    context = zmq.Context()
    raw = context.socket(zmq.PUB)
    raw.connect(endpoint(folder, "publish"))
    good = m.Speech(state="ended", utterance=1, at_sample=0, at_ns=0)
    deadline = now_ns() + 5 * SECOND
    while not listener.counts["malformed speech"] and now_ns() < deadline:
        raw.send_multipart([b"speech/s", os.urandom(100)])
        raw.send_multipart([b"mic/s"])
        listener.receive(20)
    speaker.publish(good, session="s")
    assert receive(listener, m.Speech)[-1][1] == good
    assert listener.counts["malformed speech"] >= 1
    raw.close(linger=0)
    context.term()
    listener.close()
    speaker.close()


def test_a_gap_in_the_numbers_is_counted_as_lost(bus, folder):
    listener, speaker = joined(folder, "stt", m.Speech), joined(folder, "vad")
    message = m.Speech(state="ended", utterance=1, at_sample=0, at_ns=0)
    speaker.publish(message, session="s")
    receive(listener, m.Speech)
    speaker._sent["speech", "s"] += 3
    speaker.publish(message, session="s")
    assert len(receive(listener, m.Speech)) == 1
    assert listener.counts["lost speech"] == 3
    listener.close()
    speaker.close()


def test_a_bus_that_was_killed_and_came_back_is_found_again(folder):
    process = start_bus(folder)
    listener, speaker = joined(folder, "stt", m.Speech), joined(folder, "vad")
    process.kill()
    process.wait()
    process = start_bus(folder)
    message = m.Speech(state="ended", utterance=1, at_sample=0, at_ns=0)
    deadline, got = now_ns() + 10 * SECOND, []
    while not got and now_ns() < deadline:
        speaker.publish(message, session="s")
        got = listener.receive(20)
    assert got
    process.terminate()
    assert process.wait(10) == 0
    listener.close()
    speaker.close()


def test_no_bus_is_an_error_that_names_the_folder_and_the_wait(folder):
    alone = Bus("vad", (), folder)
    with pytest.raises(BusUnreachable, match=f"no bus in {folder} after 0.1 s"):
        alone.connect(timeout_s=0.1)
    alone.close()


def test_the_run_folder_is_private_or_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("VISAVIS_RUN", str(tmp_path / "new"))
    assert stat.S_IMODE(run_folder().stat().st_mode) == 0o700
    (tmp_path / "new").chmod(0o755)
    with pytest.raises(ProtocolError, match="mode 0700; it is 0755"):
        run_folder()


def test_a_socket_path_that_is_too_long_is_refused_with_its_length(tmp_path):
    with pytest.raises(ProtocolError, match="a socket's path at most 107: set VISAVIS_RUN shorter"):
        endpoint(tmp_path / ("x" * 120), "publish")


def pair(folder, speaker, listener, *hears):
    speaking, listening = Port(speaker, "", (), folder), Port(listener, "", hears, folder)
    speaking.open()
    listening.open()
    return speaking, listening


def test_content_travels_with_its_message_and_the_cause_with_both(bus, folder):
    transport, vad = pair(folder, "transport", "vad", m.MicAudio)
    sound = np.arange(320, dtype=np.int16)
    sent = transport.publish(Output(m.MicAudio(start_sample=0), content=sound, turn=4), "s")
    [heard] = [one for one in vad.receive(2000)]
    assert np.array_equal(heard.content, sound) and heard.envelope.id == sent.id
    speech = m.Speech(state="started", utterance=1, at_sample=0, at_ns=0)
    said = vad.publish(Output(speech, cause=heard), "s")
    assert (said.cause, said.turn) == (sent.id, 4)
    transport.close()
    vad.close()


def test_content_that_was_overwritten_is_counted_stale_and_not_handed_on(bus, folder):
    renderer, encoder = pair(folder, "renderer", "encoder", m.Frame, m.Session)
    planes = np.zeros((96, 64), np.uint8)
    for number in range(20):
        renderer.publish(Output(m.Frame(frame=number, width=64, height=64), content=planes), f"s{number}")
        renderer.publish(Output(m.Frame(frame=number, width=64, height=64), content=planes), "same")
    deadline, got = now_ns() + 5 * SECOND, []
    while not any(one.envelope.session == "s19" for one in got) and now_ns() < deadline:
        got += encoder.receive(50)
    frames = [one.message.frame for one in got if one.envelope.session == "same"]
    assert frames == sorted(frames) and frames[-1] == 19
    assert len(frames) + encoder.counts["dropped frame"] + encoder.counts["stale frame"] == 20
    renderer.close()
    encoder.close()


def test_work_for_a_dead_turn_is_dropped_on_arrival_and_counted(bus, folder):
    llm, tts = pair(folder, "llm", "tts", m.Reply)
    llm.publish(Output(m.Reply(sentence=0, text="one"), turn=1), "s")
    llm.publish(Output(m.Turn(state="cancelled"), turn=2), "s")
    for turn in (1, 2, 3):
        llm.publish(Output(m.Reply(sentence=0, text="two"), turn=turn), "s")
        llm.publish(Output(m.Reply(sentence=0, text="elsewhere"), turn=turn), "other")
    deadline, got = now_ns() + 5 * SECOND, []
    while len(got) < 5 and now_ns() < deadline:
        got += tts.receive(50)
    assert [(one.envelope.session, one.envelope.turn) for one in got] == [
        ("s", 1), ("other", 1), ("other", 2), ("s", 3), ("other", 3)
    ]  # fmt: skip
    assert tts.counts["dead reply"] == 2
    llm.close()
    tts.close()


def test_health_tells_state_memory_and_counts(bus, folder):
    vad, status = pair(folder, "vad", "status", m.Health)
    vad.counts["late mic"] += 3
    vad.beat("ready", sessions=2)
    [(_, health)] = receive(status, m.Health)
    assert (health.actor, health.state, health.sessions, health.pid) == ("vad", "ready", 2, os.getpid())
    assert health.memory_bytes > 10_000_000 and health.counts == {"late mic": 3}
    vad.close()
    status.close()


def mapped_rings() -> int:
    return Path("/proc/self/maps").read_text().count("memfd:visavis")


def test_a_call_that_is_over_leaves_no_memory_with_its_writer_or_its_reader(bus, folder):
    renderer, encoder = pair(folder, "renderer", "encoder", m.Frame)
    before = mapped_rings()
    frame = Output(m.Frame(frame=0, width=64, height=64), content=np.zeros((96, 64), np.uint8))
    renderer.publish(frame, "s")
    assert encoder.receive(2000)
    assert mapped_rings() == before + 2
    renderer.publish(frame, "s")  # still under way when the call ends
    encoder.forget("s")
    encoder.receive(200)
    renderer.forget("s")
    assert mapped_rings() == before
    renderer.close()
    encoder.close()
