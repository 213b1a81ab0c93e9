"""Every actor says to a recorded call what it said before, exactly; and a change of its behaviour is told in words.

The references are written by all actors at once: visavis replay tests/replay/talk.mcap --update-refs tests/replay
"""

import os
import shutil
import subprocess
import sys
from itertools import count
from pathlib import Path

import pytest

from protocol.codec import encode
from protocol.messages import Packet
from protocol.topics import ACTORS
from protocol.trace import BadTrace, TraceReader, TraceWriter
from tools import said
from tools.cli import main
from tools.difference import KEYS
from tools.replay import ONLY, ReplayFailed, replayed

ROOT = Path(__file__).parents[1]
FOLDER = Path(__file__).parent / "replay"
TRACE = FOLDER / "talk.mcap"


def words(*more: str) -> list[str]:
    return ["replay", str(TRACE), "--against", str(FOLDER), "--actor", *more]


@pytest.mark.parametrize("actor", ACTORS)
def test_it_says_what_it_said_before(actor, capsys):
    assert main(words(actor)) == 0, capsys.readouterr().out
    assert "of them differ" in capsys.readouterr().out


@pytest.mark.parametrize("actor", ACTORS)
def test_every_kind_of_message_that_it_says_is_among_the_references(actor):
    kinds = {fact["topic"] for fact in said.read(FOLDER / f"{actor}.jsonl")}
    assert kinds == set(ONLY.get(actor, said.topics_of(actor))) & set(KEYS) and kinds


@pytest.mark.parametrize(
    ("actor", "file", "line", "other", "told"),
    [
        ("vad", "vad/activity.py", "PAUSE_FRAMES = 2", "PAUSE_FRAMES = 5", "speech turn 0 utterance 1 state paused"),
        ("llm", "llm/actor.py", "yield Output(committed, cause=draft.cause, turn=draft.turn)", "pass", "said no more"),
        ("animator", "animator/breath.py", "return ", "return 1.5 * ", "weights was"),
        ("tts", "tts/flite.py", "SENTENCE_GAP_SAMPLES = 3200", "SENTENCE_GAP_SAMPLES = 1600", "phones turn"),
    ],
)  # fmt: skip
def test_a_line_that_changes_what_it_says_is_told_by_message_field_and_values(tmp_path, actor, file, line, other, told):
    for name in ("actors", "protocol", "shm", "tools"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("*.jpg"))
    changed = tmp_path / "actors" / file
    text = changed.read_text()
    assert line in text
    changed.write_text(text.replace(line, other, 1))
    report = tmp_path / "report.md"
    command = [sys.executable, "-m", "tools.cli", *words(actor, "--report", str(report))]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=environment(tmp_path))
    assert ended.returncode == 1, ended.stderr
    assert told in ended.stdout
    assert f"# {actor} on talk.mcap" in report.read_text() and "| before | now |" in report.read_text()


def environment(folder: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(folder), "VISAVIS_DATA": str(ROOT / ".data")}


def test_a_bad_trace_is_refused_before_anything_is_loaded(tmp_path, capsys):
    path = tmp_path / "half.mcap"
    path.write_bytes(TRACE.read_bytes()[:20])
    with pytest.raises(BadTrace, match="half.mcap"), replayed(path, "vad"):
        pass
    assert main(["replay", str(path), "--actor", "vad"]) == 1
    assert "half.mcap" in capsys.readouterr().err


def test_a_trace_that_breaks_off_ends_the_replay_with_the_place(tmp_path):
    path = tmp_path / "half.mcap"
    path.write_bytes(TRACE.read_bytes()[:300_000])
    with pytest.raises(ReplayFailed, match=r"cut short.*at byte \d+"), replayed(path, "vad"):
        pass


@pytest.mark.parametrize(("lost", "said"), [(0, 0), (20, 20)])
def test_pictures_that_cannot_be_decoded_as_one_before_them_is_missing_are_left_out(tmp_path, lost, said):
    path, writer = tmp_path / "gap.mcap", TraceWriter(tmp_path / "gap.mcap")
    numbers = count()
    for one in TraceReader(TRACE):
        if not (isinstance(one.message, Packet) and next(numbers) == lost):
            writer.write(one.envelope, encode(one.envelope, one.message)[1], one.log_ns, one.content)
    writer.close()
    with replayed(path, "encoder") as out:
        assert abs(sum(isinstance(one.message, Packet) for one in TraceReader(out)) - said) <= 2


def test_an_engine_that_is_not_there_ends_the_replay_in_words():
    with pytest.raises(ReplayFailed, match="no engine 'huge'"), replayed(TRACE, "vad", "huge"):
        pass
