"""``visavis doctor``: checks everything that a first run needs, and says what to do about each failure."""

import argparse
import ctypes
import importlib.metadata
import os
import platform
import shlex
import shutil
import socket
from collections.abc import Callable
from configparser import RawConfigParser
from pathlib import Path

import numpy as np
import psutil
from packaging.requirements import Requirement

from actors.renderer.errors import RendererError
from actors.renderer.splats import SplatEngine
from protocol.errors import ProtocolError
from protocol.run import MAX_SOCKET_PATH, data_folder, run_folder
from shm.ring import Reader, Ring
from tools.errors import NotRunning, StackError
from tools.programs import SOCKET, Programs
from tools.stack import DEPLOYMENT, check_free

LOCK = Path(__file__).with_name("requirements.txt")
LIBRARIES = ("libflite.so.1", "libflite_cmu_us_slt.so.1", "libflite_cmu_us_rms.so.1", "libflite_cmulex.so.1")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
MIN_MEMORY_BYTES = 1_500_000_000  # all actors with one call
MIN_CORES = 2
SUPERVISORS_SUFFIX = len(".4194304")  # it binds its socket under another name first: the largest process number


class Failure(Exception):
    """What is wrong, and what to do about it."""

    def __init__(self, problem: str, cure: str):
        super().__init__(problem)
        self.cure = cure


def python() -> str:
    return f"Python {platform.python_version()}, {platform.machine()}"


def packages() -> str:
    lines = [Requirement(line) for line in LOCK.read_text().splitlines() if line and not line.startswith("#")]
    wanted = [line for line in lines if line.marker is None or line.marker.evaluate()]
    wrong = []
    for requirement in wanted:
        try:
            version = importlib.metadata.version(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            version = "none"
        if version not in requirement.specifier:
            wrong.append(f"{requirement.name} is {version}, not {requirement.specifier}")
    if wrong:
        raise Failure("; ".join(wrong), "remove .venv and run ./tools/setup")
    return f"{len(wanted)} packages as locked"


def voice() -> str:
    try:
        for name in LIBRARIES:
            ctypes.CDLL(name)
    except OSError as error:
        raise Failure(str(error), "apt-get install libflite1") from error
    return "libflite with its voices"


def supervision() -> str:
    if not (path := shutil.which("setpriv")):
        raise Failure("no setpriv", "apt-get install util-linux")
    return path


def avatar() -> str:
    path = data_folder() / "avatar.ply"
    try:
        engine = SplatEngine(path)
        engine.load()
        engine.warm()
    except (OSError, RendererError) as error:
        raise Failure(str(error), f"remove {path} and run ./tools/setup") from error
    return f"{path} loads and is drawn by compiled code"


def port() -> str:
    config = RawConfigParser()
    config.read(DEPLOYMENT)
    words = shlex.split(config["program:transport"]["command"])
    host, number = words[words.index("--host") + 1], int(words[words.index("--port") + 1])
    try:
        pid = Programs(run_folder()).supervisor_pid()
        return f"a server runs (supervisor process {pid})"
    except NotRunning:
        pass
    try:
        check_free(host, number)
    except StackError as error:
        raise Failure(str(error), "stop it, or start with ./tools/serve --port NUMBER") from error
    return f"{host} port {number} is free"


def network() -> str:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as here,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as there,
    ):
        here.settimeout(1.0)
        here.bind(("127.0.0.1", 0))
        there.sendto(b"visavis", here.getsockname())
        try:
            here.recv(16)
        except TimeoutError as error:
            raise Failure("no UDP on 127.0.0.1", "let the firewall pass UDP on the loopback interface") from error
    return "UDP passes on 127.0.0.1"


def shared_memory() -> str:
    ring = Ring("doctor", slots=1, slot_bytes=64)
    content = np.arange(16, dtype=np.int16)
    got = Reader().read(ring.write(content))
    ring.close()
    if not np.array_equal(got, content):
        raise Failure(f"what is written to {ring.path} reads as {got}", "mount /proc, allow memfd_create")
    return "memory is shared through /proc"


def folders() -> str:
    try:
        folder = run_folder()
    except ProtocolError as error:
        raise Failure(str(error), "chown and chmod it so, or set VISAVIS_RUN to another folder") from error
    length = len(os.fsencode(folder / SOCKET)) + SUPERVISORS_SUFFIX
    if length > MAX_SOCKET_PATH:
        raise Failure(
            f"{folder} is too long for a socket's path by {length - MAX_SOCKET_PATH} bytes",
            "set VISAVIS_RUN to a shorter folder, or move this one",
        )
    data_folder().mkdir(mode=0o700, exist_ok=True)
    if not os.access(data_folder(), os.W_OK):
        raise Failure(f"{data_folder()} cannot be written", f"chown {os.getuid()} {data_folder()}")
    return f"{folder} is private, {data_folder()} can be written"


def memory() -> str:
    available = psutil.virtual_memory().available
    if available < MIN_MEMORY_BYTES:
        raise Failure(f"{available / 1e9:.1f} GB of memory are free", f"free {MIN_MEMORY_BYTES / 1e9:.1f} GB")
    return f"{available / 1e9:.1f} GB are free"


def cores() -> str:
    count = len(os.sched_getaffinity(0))
    if count < MIN_CORES:
        raise Failure(f"{count} processor core", f"give this machine {MIN_CORES} cores")
    return f"{count} cores"


def browser() -> str:
    """Never a failure: any machine's browser will do."""
    found = [path for name in BROWSERS if (path := shutil.which(name))]
    return found[0] if found else "none here; only the tests need one"


CHECKS = (python, packages, cores, memory, voice, supervision, folders, shared_memory, network, port, avatar, browser)


def check(one: Callable[[], str]) -> bool:
    """Prints how it went, and whether it went well."""
    name = one.__name__.replace("_", " ")
    try:
        note = one()
    except Failure as failure:
        problem, cure = failure, failure.cure
    except (OSError, ImportError, ProtocolError) as error:
        problem, cure = error, "this has to work on this machine"
    else:
        print(f"ok    {name}: {note}", flush=True)
        return True
    print(f"FAIL  {name}: {problem}\n      -> {cure}", flush=True)
    return False


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = "Exits with 1 where anything fails."


def run(args: argparse.Namespace) -> int:
    failures = [one for one in CHECKS if not check(one)]
    print(f"{len(failures)} of {len(CHECKS)} failed" if failures else "all is well: ./tools/serve")
    return 1 if failures else 0
