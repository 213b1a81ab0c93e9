"""What `visavis doctor` says on a machine that is well, and on ones that are not."""

import os
import socket

import pytest

from protocol.run import REPOSITORY
from tools import doctor
from tools.cli import main
from tools.stack import DEPLOYMENT


@pytest.fixture
def deployed_on(tmp_path, monkeypatch, run_folder):
    """Makes a port the deployment's."""

    def write(port: int) -> None:
        conf = DEPLOYMENT.read_text().replace("--port 8080", f"--port {port}")
        assert f"--port {port}" in conf
        (tmp_path / "supervisord.conf").write_text(conf)
        monkeypatch.setattr(doctor, "DEPLOYMENT", tmp_path / "supervisord.conf")

    return write


@pytest.fixture
def holder():
    with socket.create_server(("127.0.0.1", 0)) as sock:
        yield sock


def failure(check) -> doctor.Failure:
    with pytest.raises(doctor.Failure) as caught:
        check()
    return caught.value


@pytest.mark.skipif(not (REPOSITORY / ".data/avatar.ply").exists(), reason="no avatar: run ./tools/setup")
def test_here_all_is_well(deployed_on, holder, capsys):
    port = holder.getsockname()[1]
    holder.close()
    deployed_on(port)
    assert main(["doctor"]) == 0
    said = capsys.readouterr().out
    assert said.count("ok    ") == len(doctor.CHECKS)
    assert "all is well" in said


def test_a_failure_is_printed_with_its_cure_and_fails_the_command(deployed_on, holder, monkeypatch, capsys):
    deployed_on(holder.getsockname()[1])
    monkeypatch.setattr(doctor, "CHECKS", (doctor.cores, doctor.port))
    assert main(["doctor"]) == 1
    said = capsys.readouterr().out
    assert f"FAIL  port: cannot listen on 127.0.0.1 port {holder.getsockname()[1]}: " in said
    assert f"by process {os.getpid()} " in said
    assert "-> stop it, or start with ./tools/serve --port NUMBER" in said
    assert "1 of 2 failed" in said


def test_a_package_of_another_version_is_named_with_both(tmp_path, monkeypatch):
    (tmp_path / "lock.txt").write_text('# words\nnumpy==0.1\nno-such-thing==1\nabsent==1 ; python_version == "2.7"\n')
    monkeypatch.setattr(doctor, "LOCK", tmp_path / "lock.txt")
    problem = str(failure(doctor.packages))
    assert "numpy is " in problem and ", not ==0.1; no-such-thing is none, not ==1" in problem
    assert "absent" not in problem


def test_a_missing_or_truncated_avatar_is_made_again_by_setup(tmp_path, monkeypatch):
    monkeypatch.setenv("VISAVIS_DATA", str(tmp_path))
    assert "run ./tools/setup" in failure(doctor.avatar).cure
    (tmp_path / "avatar.ply").write_bytes(b"ply\nformat binary_little_endian 1.0\n")
    assert "run ./tools/setup" in failure(doctor.avatar).cure


def test_a_run_folder_too_long_for_sockets_is_told_by_how_much(tmp_path, monkeypatch):
    folder = tmp_path / ("long" * 30)
    folder = folder.parent / folder.name[: 90 - len(str(tmp_path))]
    monkeypatch.setenv("VISAVIS_RUN", str(folder))
    assert f"{folder} is too long for a socket's path by 8 bytes" in str(failure(doctor.folders))


def test_a_missing_voice_library_names_its_package(monkeypatch):
    monkeypatch.setattr(doctor, "LIBRARIES", ("libnosuchvoice.so.1",))
    assert failure(doctor.voice).cure == "apt-get install libflite1"


def test_a_run_folder_open_to_others_is_a_failure(run_folder):
    run_folder.chmod(0o755)
    assert "with mode 0700; it is 0755" in str(failure(doctor.folders))
