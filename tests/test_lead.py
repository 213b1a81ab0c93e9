"""Who of several processes of an actor is at work. The other process here is a real one, and is really killed."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from protocol.lead import Lead, last_leader

HOLDS = """
import sys, time
from pathlib import Path
from protocol.lead import Lead
lead = Lead(Path(sys.argv[1]), "stt")
print(lead.take(), flush=True)
time.sleep(60)
"""


@pytest.fixture
def other(tmp_path):
    """A process that leads."""
    pipe = dict(stdout=subprocess.PIPE, text=True)
    with subprocess.Popen([sys.executable, "-c", HOLDS, tmp_path], cwd=Path(__file__).parents[1], **pipe) as process:
        assert process.stdout.readline() == "True\n"
        yield process
        process.kill()


def test_one_process_leads_and_who_waits_for_it_leads_when_it_was_killed(other, tmp_path):
    lead = Lead(tmp_path, "stt")
    assert not lead.take() and last_leader(tmp_path, "stt") == other.pid
    waiting = threading.Thread(target=lead.take, args=[True])
    waiting.start()
    waiting.join(0.1)
    assert waiting.is_alive()
    other.kill()
    waiting.join(5)
    assert not waiting.is_alive() and last_leader(tmp_path, "stt") == os.getpid()


def test_who_gives_the_lead_away_has_it_no_more(tmp_path):
    one, two = Lead(tmp_path, "stt"), Lead(tmp_path, "stt")
    assert one.take() and not two.take()
    one.give()
    assert two.take() and not one.take()


def test_each_actor_has_a_lead_of_its_own_and_at_first_nobody_has_it(other, tmp_path):
    assert last_leader(tmp_path, "tts") == 0
    assert Lead(tmp_path, "tts").take()
