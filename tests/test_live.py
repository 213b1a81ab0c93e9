"""A trace said again on a real bus, in the place of some actors."""

import threading
from pathlib import Path

import numpy as np
import pytest

from actors.port import Port
from actors.step import Output
from protocol import messages as m
from protocol.clock import SECOND, now_ns
from protocol.trace import TraceReader
from tools.live import NotLive, say_again

TRACE = Path(__file__).parent / "replay/talk.mcap"


def port(run_folder, actor, *hears):
    one = Port(actor, "", hears, run_folder)
    one.open()
    return one


def recorded(kind):
    return [one for one in TraceReader(TRACE) if isinstance(one.message, kind)]


def test_who_listens_hears_the_recorded_call_with_its_sound_at_its_pace_and_at_the_present_time(bus, run_folder):
    stt = port(run_folder, "stt", m.MicAudio, m.Speech, m.Session)
    began_ns = now_ns()
    saying = threading.Thread(target=say_again, args=(run_folder, TRACE, ["transport", "vad"], 8.0))
    saying.start()
    heard = []
    while saying.is_alive():
        heard += stt.receive(50)
    heard += stt.receive(200)
    took_ns = now_ns() - began_ns
    blocks = [one for one in heard if isinstance(one.message, m.MicAudio)]
    wanted = recorded(m.MicAudio)
    assert len(blocks) == len(wanted) and np.array_equal(blocks[99].content, wanted[99].content)
    assert [one.message.state for one in heard if isinstance(one.message, m.Session)] == ["open", "closed"]
    speech = [one.message for one in heard if isinstance(one.message, m.Speech)]
    assert [one.state for one in speech] == [one.message.state for one in recorded(m.Speech)]
    assert all(began_ns < one.at_ns < now_ns() for one in speech)
    assert took_ns > (wanted[-1].envelope.sent_ns - wanted[0].envelope.sent_ns) / 8
    stt.close()


def test_it_goes_into_the_call_that_is_open_where_transport_itself_runs(bus, run_folder):
    transport = port(run_folder, "transport", m.Speech)
    transport.publish(Output(m.Session(state="open")), "mine")
    heard = []
    saying = threading.Thread(target=say_again, args=(run_folder, TRACE, ["vad"], 50.0))
    deadline_ns = now_ns() + SECOND
    while now_ns() < deadline_ns:  # the journal is a step behind the traffic
        transport.receive(20)
    saying.start()
    while saying.is_alive():
        heard += transport.receive(50)
    assert {one.envelope.session for one in heard} == {"mine"} and len(heard) == len(recorded(m.Speech))
    transport.close()


def test_nobody_is_spoken_for_who_speaks_himself(bus, run_folder):
    vad = port(run_folder, "vad")
    deadline_ns = now_ns() + 5 * SECOND
    while now_ns() < deadline_ns:
        vad.beat("ready")
        try:
            say_again(run_folder, TRACE, ["transport", "vad"], 100.0)
        except NotLive as error:
            assert "vad would speak, too: end it first" in str(error)
            break
    else:
        raise AssertionError("it spoke for vad")
    vad.close()


def test_without_a_call_there_is_nothing_to_speak_into(bus, run_folder):
    with pytest.raises(NotLive, match="0 calls are open"):
        say_again(run_folder, TRACE, ["vad"])
