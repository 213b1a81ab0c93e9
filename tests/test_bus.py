"""The bus and the ports on it, with the real process."""

import os
import stat
from pathlib import Path

import numpy as np
import pytest
import zmq
from bus_process import receive, start_bus

from actors.port import Port
from actors.step import Output
from protocol import messages as m
from protocol import run
from protocol.bus import Bus
from protocol.clock import SECOND, now_ns
from protocol.errors import BusUnreachable, NotOwner, ProtocolError

ROOT = Path(__file__).parents[1]


def joined(run_folder, actor, *hears):
    bus = Bus(actor, hears, run_folder)
    bus.connect()
    return bus


def test_the_first_message_after_connect_arrives(bus, run_folder):
    listener, speaker = joined(run_folder, "stt", m.Speech), joined(run_folder, "vad")
    sent = speaker.publish(m.Speech(state="started", utterance=1, at_sample=0, at_ns=0), session="s")
    assert receive(listener, m.Speech) == [(sent, m.Speech(state="started", utterance=1, at_sample=0, at_ns=0))]
    listener.close()
    speaker.close()


def test_who_joins_late_gets_the_last_kept_message_of_each_call_and_each_actor(bus, run_folder):
    transport, llm = joined(run_folder, "transport"), joined(run_folder, "llm")
    for session in ("one", "two", "three"):
        transport.publish(m.Session(state="open"), session=session)
    llm.publish(m.Dialogue(state="idle"), session="one")
    llm.publish(m.Dialogue(state="speaking"), session="one")
    for actor in (transport, llm):
        actor.publish(m.Health(actor=actor.actor, state="ready", pid=1))
    transport.publish(m.Session(state="closed"), session="two")

    deadline, kept = now_ns() + 5 * SECOND, []
    while len(kept) != 5 and now_ns() < deadline:  # the proxy's copy of the traffic is a step behind the traffic
        late = Bus("status", (m.Session, m.Dialogue, m.Health), run_folder)
        kept = [(envelope.session, message) for envelope, message in late.connect()]
        late.close()
    assert sorted(session for session, message in kept if isinstance(message, m.Session)) == ["one", "three"]
    assert [pair for pair in kept if isinstance(pair[1], m.Dialogue)] == [("one", m.Dialogue(state="speaking"))]
    assert {message.actor for _, message in kept if isinstance(message, m.Health)} == {"transport", "llm"}
    transport.close()
    llm.close()


def test_nobody_publishes_on_the_topic_of_another(bus, run_folder):
    vad = joined(run_folder, "vad")
    with pytest.raises(NotOwner, match="vad published on turn, which belongs to llm"):
        vad.publish(m.Turn(state="committed"))
    vad.close()


def test_malformed_bytes_are_counted_and_the_next_message_still_arrives(bus, run_folder):
    listener, speaker = joined(run_folder, "stt", m.Speech, m.MicAudio), joined(run_folder, "vad")
    context = zmq.Context()
    raw = context.socket(zmq.PUB)
    raw.connect(run.endpoint(run_folder, "publish"))
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


def test_a_gap_in_the_numbers_is_counted_as_lost(bus, run_folder):
    listener, speaker = joined(run_folder, "stt", m.Speech), joined(run_folder, "vad")
    message = m.Speech(state="ended", utterance=1, at_sample=0, at_ns=0)
    speaker.publish(message, session="s")
    receive(listener, m.Speech)
    speaker._sent["speech", "s"] += 3
    speaker.publish(message, session="s")
    assert len(receive(listener, m.Speech)) == 1
    assert listener.counts["lost speech"] == 3
    listener.close()
    speaker.close()


def test_a_bus_that_was_killed_and_came_back_is_found_again(run_folder):
    process = start_bus(run_folder)
    listener, speaker = joined(run_folder, "stt", m.Speech), joined(run_folder, "vad")
    process.kill()
    process.wait()
    process = start_bus(run_folder)
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


def test_a_gap_in_the_numbers_is_filled_from_the_journal(bus, run_folder):
    listener, speaker = joined(run_folder, "stt", m.Speech), joined(run_folder, "vad")
    for number in range(1, 8):
        speaker.publish(m.Speech(state="started", utterance=number, at_sample=0, at_ns=0), session="s")
    heard = []
    while len(heard) < 7:
        heard += receive(listener, m.Speech)
    listener._seen["vad", "speech", "s"] = (speaker.boot, 2)  # as if the rest had never come
    speaker.publish(m.Speech(state="ended", utterance=7, at_sample=0, at_ns=0), session="s")
    filled = []
    while len(filled) < 6:
        filled += [(envelope.seq, message.utterance) for envelope, message in receive(listener, m.Speech)]
    assert filled == [(3, 3), (4, 4), (5, 5), (6, 6), (7, 7), (8, 7)]
    assert listener.counts["filled speech"] == 5 and listener.counts["lost speech"] == 0
    listener.close()
    speaker.close()


def test_the_past_of_one_call_is_given_again_and_the_others_go_on_with_what_is_new(bus, run_folder):
    listener, speaker = joined(run_folder, "stt", m.Speech), joined(run_folder, "vad")

    def say(session, number):
        speaker.publish(m.Speech(state="started", utterance=number, at_sample=0, at_ns=0), session=session)

    heard = []
    for number, session in enumerate("aba"):
        say(session, number)
    while len(heard) < 3:
        heard += receive(listener, m.Speech)
    say("b", 3)
    say("a", 4)
    past = []
    while len(past) < 3:  # the last of them may still be under way
        past = listener.past(now_ns() + SECOND, "a")
    assert [message.utterance for _, message in past] == [0, 2, 4]
    assert [message.utterance for _, message in receive(listener, m.Speech)] == [3]
    listener.close()
    speaker.close()


def test_a_bus_that_restarted_is_told_again_what_its_publishers_hold(run_folder):
    process = start_bus(run_folder)
    speaker = joined(run_folder, "vad")
    listener = joined(run_folder, "stt", m.Speech)
    for number in (1, 2, 3):
        speaker.publish(m.Speech(state="started", utterance=number, at_sample=0, at_ns=0), session="s")
    heard = []
    while len(heard) < 3:
        heard += receive(listener, m.Speech)
    while speaker._bus_boot is None:
        speaker.receive(100)
    process.kill()
    process.wait()
    process = start_bus(run_folder)
    known = []
    deadline = now_ns() + 10 * SECOND
    while len(known) < 3 and now_ns() < deadline:
        speaker.receive(100)
        late = Bus("status", [m.Speech], run_folder)
        known = [message.utterance for _, message in late.connect()]
        late.close()
    assert known == [1, 2, 3]
    assert listener.receive(100) == []  # heard already
    process.terminate()
    assert process.wait(10) == 0
    listener.close()
    speaker.close()


def test_who_starts_again_gets_what_it_said_itself(bus, run_folder):
    vad, llm = joined(run_folder, "vad"), joined(run_folder, "llm")
    vad.publish(m.Speech(state="started", utterance=1, at_sample=0, at_ns=0), session="s")
    llm.publish(m.Turn(state="committed"), session="s", turn=1)
    deadline, past = now_ns() + 5 * SECOND, []
    while len(past) < 2 and now_ns() < deadline:
        again = Port("vad", "", [m.Turn], run_folder, remembers=[m.Speech])
        past = again.open()
        again.close()
    assert [one.envelope.topic for one in past] == ["speech", "turn"]
    again = Port("vad", "", [m.Turn], run_folder, remembers=[m.Speech])
    again.open()
    vad.publish(m.Speech(state="ended", utterance=1, at_sample=0, at_ns=0), session="s")
    llm.publish(m.Turn(state="committed"), session="s", turn=2)
    assert [one.envelope.topic for one in again.receive(2000)] == ["turn"]
    for end in (again, vad, llm):
        end.close()


def test_no_bus_is_an_error_that_names_the_folder_and_the_wait(run_folder):
    alone = Bus("vad", (), run_folder)
    with pytest.raises(BusUnreachable, match=f"no bus in {run_folder} after 0.1 s"):
        alone.connect(timeout_s=0.1)
    alone.close()


def test_the_run_folder_is_private_or_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("VISAVIS_RUN", str(tmp_path / "new"))
    assert stat.S_IMODE(run.run_folder().stat().st_mode) == 0o700
    (tmp_path / "new").chmod(0o755)
    with pytest.raises(ProtocolError, match="mode 0700; it is 0755"):
        run.run_folder()


def test_a_socket_path_that_is_too_long_is_refused_with_its_length(tmp_path):
    with pytest.raises(ProtocolError, match="a socket's path at most 107: set VISAVIS_RUN shorter"):
        run.endpoint(tmp_path / ("x" * 120), "publish")


def pair(run_folder, speaker, listener, *hears):
    speaking, listening = Port(speaker, "", (), run_folder), Port(listener, "", hears, run_folder)
    speaking.open()
    listening.open()
    return speaking, listening


def test_content_travels_with_its_message_and_the_cause_with_both(bus, run_folder):
    transport, vad = pair(run_folder, "transport", "vad", m.MicAudio)
    sound = np.arange(320, dtype=np.int16)
    sent = transport.publish(Output(m.MicAudio(start_sample=0), content=sound, turn=4), "s")
    [heard] = [one for one in vad.receive(2000)]
    assert np.array_equal(heard.content, sound) and heard.envelope.id == sent.id
    speech = m.Speech(state="started", utterance=1, at_sample=0, at_ns=0)
    said = vad.publish(Output(speech, cause=heard), "s")
    assert (said.cause, said.turn) == (sent.id, 4)
    transport.close()
    vad.close()


def test_content_that_was_overwritten_is_counted_stale_and_not_handed_on(bus, run_folder):
    renderer, encoder = pair(run_folder, "renderer", "encoder", m.Frame, m.Session)
    planes = np.zeros((96, 64), np.uint8)
    for number in range(20):
        renderer.publish(Output(m.Frame(frame=number, width=64, height=64), content=planes), f"s{number}")
        renderer.publish(Output(m.Frame(frame=number, width=64, height=64), content=planes), "same")
    deadline, got = now_ns() + 5 * SECOND, []
    while not any((one.envelope.session, one.message.frame) == ("same", 19) for one in got) and now_ns() < deadline:
        got += encoder.receive(50)
    frames = [one.message.frame for one in got if one.envelope.session == "same"]
    assert frames == sorted(frames) and frames[-1] == 19
    assert len(frames) + encoder.counts["dropped frame"] + encoder.counts["stale frame"] == 20
    renderer.close()
    encoder.close()


def test_work_for_a_dead_turn_is_dropped_on_arrival_and_counted(bus, run_folder):
    llm, tts = pair(run_folder, "llm", "tts", m.Reply)
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


def test_health_tells_state_memory_and_counts(bus, run_folder):
    vad, status = pair(run_folder, "vad", "status", m.Health)
    vad.counts["late mic"] += 3
    vad.beat("ready", sessions=2)
    [(_, health)] = receive(status, m.Health)
    assert (health.actor, health.state, health.sessions, health.pid) == ("vad", "ready", 2, os.getpid())
    assert health.memory_bytes > 10_000_000 and health.counts == {"late mic": 3}
    vad.close()
    status.close()


def mapped_rings() -> int:
    return Path("/proc/self/maps").read_text().count("memfd:visavis")


def test_a_call_that_is_over_leaves_no_memory_with_its_writer_or_its_reader(bus, run_folder):
    renderer, encoder = pair(run_folder, "renderer", "encoder", m.Frame)
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
