"""./tools/setup where something is missing, with the commands it would call replaced, and where nothing is."""

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
LOCK = ROOT / "tools/requirements.txt"
MADE_FROM = ("tools/setup", "tools/requirements.txt", "setup.cfg", "pyproject.toml")
COMMANDS = "bash cat cut dirname env flock grep mkdir readlink rm sed sh sha256sum true uname"
PYTHON = f"""
case "$2" in *libflite*) exit $FLITE;; *ensurepip*) exit $VENV;; esac
exec {os.path.realpath(sys.executable)} "$@"
"""


@pytest.fixture
def machine(tmp_path):
    """Runs setup on a machine with Python, no browser, an apt-get that fails, and what is told in the environment."""
    for name in MADE_FROM:
        (tmp_path / "clone" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / "clone" / name)
    commands = tmp_path / "bin"
    commands.mkdir()
    for name in COMMANDS.split():
        os.symlink(shutil.which(name), commands / name)

    def stub(name: str, script: str) -> None:
        (commands / name).write_text(f"#!/bin/sh\n{script}")
        (commands / name).chmod(0o755)

    stub("python3", PYTHON)
    stub("id", "echo $USER_NUMBER")
    stub("sudo", '[ "$SUDO" = works ] || exit 1; shift; exec "$@"')
    stub("apt-get", f"echo apt-get $* >>{tmp_path}/calls; [ $1 = update ]")

    def run(*arguments: str, **environment: str) -> tuple[int, str, str]:
        """Exit status, what was said on stderr, calls of apt-get."""
        environment = {"USER_NUMBER": "1000", "FLITE": "0", "VENV": "0", "PATH": str(commands), **environment}
        command = [tmp_path / "clone/tools/setup", *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        calls = tmp_path / "calls"
        return done.returncode, done.stderr, calls.read_text() if calls.exists() else ""

    return run


def test_every_version_is_exact_and_there_is_no_torch_and_no_cuda():
    lines = [line for line in LOCK.read_text().splitlines() if not line.startswith("#")]
    for line in lines:
        assert re.fullmatch(r"[\w-]+==[\w.]+( ; python_(full_)?version [!=<]=? \"3\.\d+(\.\d+)?\")?", line), line
    names = {Requirement(line).name.lower() for line in lines}
    assert not [name for name in names if re.search(r"torch|cuda|nvidia|triton|cudnn", name)]


def test_a_user_without_rights_is_told_the_one_line_to_type(machine):
    code, said, calls = machine("--tests", FLITE="1", VENV="1")
    line = f"apt-get install -y --no-install-recommends python3.{sys.version_info[1]}-venv libflite1 chromium"
    assert code == 1
    assert f"please type this, then start again:  sudo apt-get update && sudo {line}" in said
    assert calls == ""


@pytest.mark.parametrize("rights", [{"USER_NUMBER": "0"}, {"SUDO": "works"}])
def test_with_rights_it_installs_what_is_missing_and_stops_where_that_fails(machine, rights):
    code, said, calls = machine(FLITE="1", **rights)
    assert code == 1
    assert "installing Debian packages libflite1: failed" in said
    update, install = calls.splitlines()
    assert update.startswith("apt-get update")
    assert install.startswith("apt-get install -y --no-install-recommends libflite1 ")


def test_a_browser_is_asked_for_by_the_tests_alone(machine):
    assert "chromium" in machine("--tests", FLITE="1")[1]
    assert "chromium" not in machine(FLITE="1")[1]


def test_an_old_python_is_refused(machine, tmp_path):
    (tmp_path / "bin/python3").write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.9.2 || exit 1')
    assert machine()[1] == "setup: Python 3.11 or newer is needed; here is Python 3.9.2\n"


def test_where_nothing_is_missing_it_does_nothing_and_says_nothing():
    subprocess.run([ROOT / "tools/setup"], check=True, stdout=subprocess.DEVNULL)
    began = time.monotonic()
    done = subprocess.run([ROOT / "tools/setup"], check=True, capture_output=True, text=True)
    assert done.stdout + done.stderr == ""
    print(f"nothing to do: {time.monotonic() - began:.2f} s")


def test_the_command_works_from_any_folder(tmp_path):
    done = subprocess.run([ROOT / ".venv/bin/visavis", "--help"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0
    for name in ("serve", "status", "restart", "talk", "bench", "doctor", "models"):
        assert re.search(rf"^ +{name} ", done.stdout, re.MULTILINE)
