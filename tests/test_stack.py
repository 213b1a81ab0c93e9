"""A running system: it starts, says why where it cannot, and leaves nothing behind whatever ends it.

The programs here are small, so that these promises are quick to check: the real bus, and actors that only say that
they are ready.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from configparser import RawConfigParser
from pathlib import Path

import psutil
import pytest
from aiortc.rtcdtlstransport import generate_certificate
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from actors.transport.latency import Log, Stages, Timed
from protocol.topics import ACTORS
from tools import status, turns
from tools.cli import main
from tools.errors import NotRunning, StackError
from tools.programs import Programs
from tools.stack import DEPLOYMENT, Stack

HEAD = DEPLOYMENT.read_text().partition("[program:")[0]
PROGRAM = """
[program:{name}]
command=setpriv --pdeathsig KILL {command}
directory={root}
autorestart=true
stopwaitsecs=5
redirect_stderr=true
stdout_logfile=%(here)s/.run/%(program_name)s.log
"""
READY = """
import os, sys, time
from protocol.bus import Bus
from protocol.messages import Health

bus = Bus(sys.argv[1], [])
bus.connect()
while True:
    bus.publish(Health(actor=sys.argv[1], engine="small", state="ready", pid=os.getpid()))
    time.sleep(0.2)
"""
# says once that it is ready and then nothing, but takes no signal and runs on
HANGS = READY.replace("while True:\n    bus.publish", "bus.publish").replace("    time.sleep(0.2)", "time.sleep(600)")
WATCHDOG = ".venv/bin/python -m tools.watchdog"
DEADLINE_S = 20.0
# what starts a stack in a process of its own, says the numbers of all its processes, and waits
STARTER = """
import sys, time, psutil
from pathlib import Path
from tools.stack import Stack

with Stack(Path(sys.argv[2]), deployment=Path(sys.argv[1])) as stack:
    print(*(child.pid for child in psutil.Process().children(recursive=True)), flush=True)
    time.sleep(600)
"""


@pytest.fixture
def deploy(tmp_path):
    """Writes a supervisord.conf with the bus and the given actors: name to what it runs, None: it gets ready."""
    (tmp_path / "ready.py").write_text(READY)
    os.symlink(DEPLOYMENT.parent / ".venv", tmp_path / ".venv")

    def write(**actors: str | None) -> Path:
        conf = HEAD + PROGRAM.format(name="bus", command=".venv/bin/python -m protocol.proxy", root=tmp_path)
        for name, command in actors.items():
            command = command or f".venv/bin/python ready.py {name}"
            conf += PROGRAM.format(name=name, command=command, root=tmp_path)
        (tmp_path / "supervisord.conf").write_text(conf)
        return tmp_path / "supervisord.conf"

    return write


def wait_until_gone(pids: list[int]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while left := [pid for pid in pids if psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie"]:
        assert time.monotonic() < deadline, f"still there: {[psutil.Process(pid).cmdline() for pid in left]}"
        time.sleep(0.02)


def children() -> list[int]:
    return [child.pid for child in psutil.Process().children(recursive=True)]


def test_the_deployment_lists_the_bus_and_every_actor_in_dataflow_order():
    config = RawConfigParser()
    config.read(DEPLOYMENT)
    programs = [section.partition(":")[2] for section in config.sections() if section.startswith("program:")]
    assert programs == ["bus", *ACTORS, "watchdog"]
    assert config["program:transport"]["numprocs"] == "2"


def test_every_actor_of_the_deployment_names_its_engine_and_dies_with_its_supervisor():
    config = RawConfigParser()
    config.read(DEPLOYMENT)
    for actor in ACTORS:
        assert f"-m actors.{actor} --engine " in config[f"program:{actor}"]["command"]
        assert config[f"program:{actor}"]["command"].startswith("setpriv --pdeathsig KILL ")


def test_it_is_up_when_every_actor_said_ready_and_gone_when_left(deploy):
    lines = []
    with Stack(deployment=deploy(vad=None, stt=None), tell=lines.append) as stack:
        pids = children()
        assert len(pids) == 4
        assert sorted(line.split()[2] for line in lines) == ["stt", "vad"]
        assert [(actor.program.name, actor.state) for actor in status.read(stack.folder)] == [
            ("bus", "running"),
            ("vad", "ready"),
            ("stt", "ready"),
        ]
    assert not any(map(psutil.pid_exists, pids))
    assert not stack.folder.exists()


def test_two_run_beside_each_other(deploy):
    deployment = deploy(vad=None)
    with Stack(deployment=deployment) as one, Stack(deployment=deployment) as other:
        assert one.folder != other.folder
        assert {one.programs.all()["vad"].state, other.programs.all()["vad"].state} <= {"STARTING", "RUNNING"}


def test_a_second_one_in_the_same_folder_is_refused_with_the_number_of_the_first(deploy, run_folder):
    deployment = deploy(vad=None)
    with Stack(run_folder, deployment=deployment) as stack:
        pid = stack.programs.supervisor_pid()
        with (
            pytest.raises(StackError, match=rf"runs in {run_folder} already \(process {pid}\)"),
            Stack(run_folder, deployment=deployment),
        ):
            pass
        assert stack.is_running and stack.programs.supervisor_pid() == pid


def test_a_port_that_is_taken_is_refused_with_who_holds_it(run_folder):
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        expected = rf"cannot listen on 127.0.0.1 port {port}: Address already in use by process {os.getpid()} "
        with pytest.raises(StackError, match=expected), Stack(run_folder, port=port):
            pass
    assert not children()


def test_an_actor_that_ends_while_it_starts_is_named_with_its_last_words(deploy):
    deployment = deploy(vad=None, stt="sh -c 'echo the ear is missing; exit 3'")
    with (
        pytest.raises(StackError, match=r"(?s)stt ended before it was ready.*the ear is missing"),
        Stack(deployment=deployment),
    ):
        pass
    assert not children()


def test_kill_9_of_the_starter_leaves_no_process(deploy, run_folder):
    command = [sys.executable, "-c", STARTER, deploy(vad=None, stt=None), run_folder]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=DEPLOYMENT.parent) as starter:
        pids = [int(word) for word in starter.stdout.readline().split()]
        assert len(pids) == 4 and all(map(psutil.pid_exists, pids))
        starter.kill()
    wait_until_gone(pids)


def test_kill_9_of_the_supervisor_leaves_no_process(deploy):
    with Stack(deployment=deploy(vad=None, stt=None)) as stack:
        pids = children()
        os.kill(stack.programs.supervisor_pid(), signal.SIGKILL)
        wait_until_gone(pids)
        assert not stack.is_running


def test_a_restarted_actor_is_a_new_process_that_is_ready(deploy, run_folder, capsys):
    with Stack(run_folder, deployment=deploy(vad=None)) as stack:
        before = stack.programs.all()["vad"].pid
        assert main(["restart", "vad"]) == 0
        (_, vad) = status.read(run_folder)
        assert vad.is_well and vad.program.pid not in (0, before)
        assert f"process {vad.program.pid}" in capsys.readouterr().out


def test_restarting_an_unknown_actor_is_answered_with_the_names_there_are(deploy, run_folder, capsys):
    with Stack(run_folder, deployment=deploy(vad=None)):
        assert main(["restart", "ear"]) == 1
        assert "no actor 'ear'; there are bus, vad" in capsys.readouterr().err


def successor(stack, name, pid):
    """The process that came in place of one."""
    deadline = time.monotonic() + DEADLINE_S
    while (program := stack.programs.all()[name]).pid in (0, pid):
        assert time.monotonic() < deadline, program
        time.sleep(0.02)
    return program.pid


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSTOP])
@pytest.mark.parametrize("name", ["vad", "bus"])
def test_a_program_that_is_killed_or_stopped_comes_back(deploy, run_folder, name, number):
    with Stack(run_folder, deployment=deploy(vad=None, watchdog=WATCHDOG)) as stack:
        watchdog = stack.programs.all()["watchdog"].pid
        pid = stack.programs.all()[name].pid
        os.kill(pid, number)
        assert successor(stack, name, pid)
        os.kill(watchdog, signal.SIGKILL)
        assert successor(stack, "watchdog", watchdog)


def test_a_program_whose_heartbeat_stays_away_is_replaced_and_its_neighbours_are_not(deploy, run_folder, tmp_path):
    (tmp_path / "hangs.py").write_text(HANGS)
    hangs = ".venv/bin/python hangs.py stt"
    with Stack(run_folder, deployment=deploy(vad=None, stt=hangs, watchdog=WATCHDOG)) as stack:
        before = {name: program.pid for name, program in stack.programs.all().items()}
        assert successor(stack, "stt", before["stt"])
        after = {name: program.pid for name, program in stack.programs.all().items()}
        assert {name for name in before if after[name] != before[name]} == {"stt"}
        assert "has not been heard for 3 s: killed" in (run_folder / "watchdog.log").read_text()


def test_status_tells_by_its_exit_whether_all_are_ready(deploy, run_folder, capsys):
    with Stack(run_folder, deployment=deploy(vad=None)) as stack:
        assert main(["status"]) == 0
        os.kill(stack.programs.all()["vad"].pid, signal.SIGSTOP)
        deadline = time.monotonic() + DEADLINE_S
        while main(["status"]) == 0:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        assert "vad    silent" in capsys.readouterr().out
        os.kill(stack.programs.all()["vad"].pid, signal.SIGCONT)
    assert main(["status"]) == 1
    assert "no server runs" in capsys.readouterr().err


def vouch_for_oneself(folder: Path) -> None:
    """Writes cert.pem and key.pem, for another name than the one that the server is reached by."""
    key = ec.generate_private_key(ec.SECP256R1())
    (folder / "cert.pem").write_bytes(generate_certificate(key).public_bytes(Encoding.PEM))
    (folder / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_times_of_the_turns_are_read_from_where_transport_listens(deploy, run_folder, tmp_path, capsys, scheme):
    command = ".venv/bin/python -m actors.transport --host 127.0.0.1 --port 8080"
    if scheme == "https":
        vouch_for_oneself(tmp_path)
        command += " --cert cert.pem --key key.pem"
    with Stack(run_folder, deployment=deploy(transport=command)) as stack:
        (_, transport) = status.read(run_folder)
        assert transport.health.note == f"{scheme}://127.0.0.1:{stack.port}"
        capsys.readouterr()
        assert main(["status", "--turns"]) == 0
        assert capsys.readouterr().out == "no turn was heard yet\n"


def test_the_times_of_the_turns_stand_above_what_was_made_in_vain(capsys):
    log = Log()
    log.committed(drafted=True)
    log.thrown_away(sentences=2, voice_ms=1500)
    log.add(Timed(3, 2, True, Stages(commit=240.5, heard=281.0)))
    turns.show(log.report())
    *table, empty, waste = capsys.readouterr().out.splitlines()
    assert [row.split() for row in table] == [
        ["TURN", "COMMIT", "HEARD"],
        *([name, "240", "281"] for name in ("3", "p50", "p95")),
    ]
    assert empty == "" and "1 of 1 turns; thrown away: 1 drafts with 2 sentences and 1.5 s of voice" in waste


def test_the_times_of_the_turns_without_a_transport_or_a_server_are_refused_in_words(deploy, run_folder, capsys):
    with Stack(run_folder, deployment=deploy(vad=None)):
        assert main(["status", "--turns"]) == 1
        assert "transport actor has not said where it listens" in capsys.readouterr().err
    assert main(["status", "--turns"]) == 1
    assert "no server runs" in capsys.readouterr().err


def test_without_a_server_its_programs_are_not_running(run_folder):
    with pytest.raises(NotRunning, match=f"no server runs in {run_folder}"):
        Programs(run_folder).all()


def test_a_stack_left_while_it_starts_is_gone_at_once(deploy):
    """As by Ctrl-C in the first moments."""
    stack = Stack(deployment=deploy(vad=None))
    stack._start()
    stack.stop()
    assert not children() and not stack.folder.exists()
