"""`visavis record` on a real bus, as a program of its own."""

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from actors.port import Port
from actors.step import Output
from protocol import messages as m
from protocol.bus import Bus
from protocol.trace import TraceReader
from tools import serve
from tools.cli import main

ROOT = Path(__file__).parents[1]


def small_files():
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a write too far then fails as on a full disk
    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))


class Recording:
    def __init__(self, *words, **options):
        command = [sys.executable, "-m", "tools.cli", "record", *map(str, words)]
        pipes = dict(stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.process = subprocess.Popen(command, cwd=ROOT, **pipes, **options)
        assert self.process.stdout.readline().startswith("recording to")

    def end(self):
        self.process.send_signal(signal.SIGINT)
        return self.process.communicate(timeout=20)


@pytest.fixture
def transport(bus, run_folder):
    port = Port("transport", "", (), run_folder)
    port.open()
    port.publish(Output(m.Session(state="open", user="x" * 43)), "call")
    yield port
    port.close()


def speak(transport, count=100):
    for number in range(count):
        sound = np.random.default_rng(number).integers(-9000, 9000, 320).astype(np.int16)
        transport.publish(Output(m.MicAudio(start_sample=320 * number), content=sound), "call")


def test_a_recording_has_the_calls_in_progress_and_all_that_follows_with_its_sound(transport, tmp_path):
    path = tmp_path / "a.mcap"
    recording = Recording(path)
    speak(transport)
    transport.publish(Output(m.Session(state="open")), "other")
    while path.stat().st_size < 50_000:
        transport.publish(Output(m.Bitrate(bits_per_s=500_000)), "call")
        transport.receive(10)  # no faster than it can be recorded
    out, err = recording.end()
    assert recording.process.returncode == 0 and "lost: nothing" in out, out + err
    records = list(TraceReader(path))
    assert records[0].message.state == "open" and records[0].envelope.session == "call"
    blocks = [one for one in records if isinstance(one.message, m.MicAudio)]
    assert [one.message.start_sample for one in blocks] == [320 * number for number in range(100)]
    assert np.array_equal(blocks[7].content, np.random.default_rng(7).integers(-9000, 9000, 320).astype(np.int16))


def test_a_redacted_recording_of_one_call_has_no_sound_no_user_and_no_other_call(transport, tmp_path):
    recording = Recording(tmp_path / "a.mcap", "--session", "call", "--redact", "--seconds", 1.5)
    transport.publish(Output(m.Session(state="open")), "other")
    speak(transport, 20)
    recording.process.communicate(timeout=20)
    records = list(TraceReader(tmp_path / "a.mcap"))
    assert {one.envelope.session for one in records} <= {"call", ""}
    assert sum(isinstance(one.message, m.MicAudio) for one in records) == 20
    assert all(one.content is None for one in records)
    assert [one.message.user for one in records if isinstance(one.message, m.Session)] == [""]


def test_a_full_disk_ends_the_recording_with_one_line_and_what_was_written_can_be_read(transport, tmp_path):
    path = tmp_path / "a.mcap"
    recording = Recording(path, preexec_fn=small_files)
    while recording.process.poll() is None:
        speak(transport, 50)
    out, err = recording.process.communicate()
    assert recording.process.returncode == 1 and len(err.splitlines()) == 1
    assert f"recording stopped: {path}: File too large after" in err
    got = 0
    with pytest.raises(Exception, match="cut short"):
        for _ in TraceReader(path):
            got += 1
    assert got > 100


def test_a_ring_of_files_stays_below_its_size_and_each_tells_its_calls(transport, tmp_path):
    recording = Recording("--ring", tmp_path / "ring", "--max-mb", 16)
    sizes = []
    while len(list((tmp_path / "ring").glob("*.mcap"))) < 3:
        speak(transport, 200)
    out, _ = recording.end()
    files = sorted((tmp_path / "ring").glob("*.mcap"))
    sizes = [path.stat().st_size for path in files]
    assert sum(sizes) <= 16_000_000 and max(sizes) <= 2_000_000
    for path in files:
        assert isinstance(next(iter(TraceReader(path))).message, m.Session)


def wait_for(condition):
    """Its value, as soon as it is true."""
    deadline = time.monotonic() + 20
    while not (value := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return value


@pytest.fixture
def beside(transport, tmp_path, monkeypatch):
    """What `visavis serve --record` has beside the server, and the folder of its traces."""
    monkeypatch.setenv("VISAVIS_DATA", str(tmp_path))
    recording = serve.Recording()
    wait_for(lambda: list((tmp_path / "traces").glob("*.mcap")))
    yield recording, tmp_path / "traces"
    recording.stop()


def test_beside_a_server_the_calls_are_recorded_until_it_stops(beside, transport):
    recording, folder = beside
    (path,) = folder.glob("*.mcap")
    speak(transport, 20)
    wait_for(lambda: transport.publish(Output(m.Bitrate(bits_per_s=500_000)), "call") and path.stat().st_size > 10_000)
    assert recording.failure() is None
    recording.stop()
    records = list(TraceReader(path))
    assert isinstance(records[0].message, m.Session) and sum(one.content is not None for one in records) == 20


def test_beside_a_server_a_recorder_that_died_is_told_once(beside):
    recording, _ = beside
    os.kill(recording._process.pid, signal.SIGKILL)
    assert wait_for(recording.failure) == "visavis: recording stopped: its process ended with -9"
    assert recording.failure() is None


def test_without_a_bus_there_is_no_file_and_one_line(run_folder, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(Bus.connect, "__defaults__", (0.1,))
    assert main(["record", str(tmp_path / "a.mcap")]) == 1
    assert "is the program 'bus' running?" in capsys.readouterr().err and not list(tmp_path.iterdir())


@pytest.fixture
def small_disk(tmp_path):
    """A real one, of a megabyte; only root may make it."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", folder], capture_output=True).returncode:
        pytest.skip("no file system can be mounted here")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_disk_that_is_really_full_ends_the_recording_with_one_line(transport, small_disk):
    recording = Recording(small_disk / "a.mcap")
    while recording.process.poll() is None:
        speak(transport, 50)
    _, err = recording.process.communicate()
    assert recording.process.returncode == 1 and len(err.splitlines()) == 1
    assert f"recording stopped: {small_disk / 'a.mcap'}: No space left on device after" in err
    records = iter(TraceReader(small_disk / "a.mcap"))
    assert sum(1 for _ in zip(range(500), records, strict=False)) == 500
