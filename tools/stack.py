"""A running system: all programs of supervisord.conf in a run folder of their own.

``visavis serve`` runs one; benches and tests run one beside it, each with ``with Stack() as stack``.
"""

import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from configparser import RawConfigParser
from contextlib import ExitStack, suppress
from pathlib import Path

import psutil

from protocol.bus import Bus
from protocol.errors import BusUnreachable
from protocol.messages import Health
from protocol.run import REPOSITORY
from protocol.topics import ACTORS
from tools.errors import NotRunning, StackError, ToolError
from tools.programs import Programs

DEPLOYMENT = REPOSITORY / "supervisord.conf"
FREE_PORT = 0
READY_S = 60.0  # a first start compiles; later ones take a few seconds
STOP_S = 15.0
TAIL_LINES = 15
LOOK_MS = 100  # how often the programs are looked at while they start
POKE_S = 0.02  # supervisor starts, ends and looks after its programs once a second, or when it is asked something


class Stack:
    """Starts on entering and waits until all actors are ready; on leaving, or when this process dies, nothing stays.

    folder: the run folder; None makes a private one and removes it in the end. host, port: of the page; FREE_PORT takes
    any, None the deployment's. arguments: program name to what is added to its command line. deployment: another
    supervisord.conf. tell: gets a line of progress.

    To be entered in a thread that lives as long as the stack: the kernel ends it with that thread.
    """

    def __init__(
        self,
        folder: Path | None = None,
        host: str | None = None,
        port: int | None = FREE_PORT,
        arguments: Mapping[str, str] | None = None,
        deployment: Path = DEPLOYMENT,
        tell: Callable[[str], None] = lambda line: None,
    ):
        self._is_private = folder is None
        self.folder = folder or Path(tempfile.mkdtemp(prefix="visavis-"))
        self._tell = tell
        self.programs = Programs(self.folder)
        self._process: subprocess.Popen | None = None
        self._config = RawConfigParser(interpolation=None, delimiters="=", inline_comment_prefixes=None)
        self._config.read_string(_at_home(deployment, self.folder))
        for name, more in (arguments or {}).items():
            self._add(name, more)
        if "program:transport" in self._config:
            self.host, self.port = self._address(host, port)

    def _add(self, program: str, words: str) -> None:
        section = self._config[f"program:{program}"]
        section["command"] += " " + words.replace("%", "%%")

    def wrap(self, program: str, words: str) -> None:
        """Before it is entered: ``python -m actors.NAME`` of a program becomes ``python -m WORDS actors.NAME``."""
        section = self._config[f"program:{program}"]
        section["command"] = section["command"].replace(f"-m actors.{program}", f"-m {words} actors.{program}")

    def _address(self, host: str | None, port: int | None) -> tuple[str, int]:
        words = shlex.split(self._config["program:transport"]["command"])
        option = {name: words[len(words) - 1 - words[::-1].index(name) + 1] for name in ("--host", "--port")}
        host = host or option["--host"]
        port = int(option["--port"]) if port is None else port or _free_port(host)
        self._add("transport", f"--host {shlex.quote(host)} --port {port}")
        return host, port

    @property
    def url(self) -> str:
        """Where the page is. By the name localhost where it can be: browsers hand out the microphone there."""
        scheme = "https" if " --cert " in self._config["program:transport"]["command"] else "http"
        return f"{scheme}://{'localhost' if self.host in ('127.0.0.1', '0.0.0.0') else self.host}:{self.port}/"

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def __enter__(self) -> "Stack":
        """Raises StackError with the reason, and the last lines of the log it is found in."""
        with ExitStack() as undo:
            undo.callback(self.stop)
            self._start()
            self._wait_until_ready()
            undo.pop_all()
        return self

    def __exit__(self, *_) -> None:
        self.stop()

    def _start(self) -> None:
        try:
            raise StackError(f"a server runs in {self.folder} already (process {self.programs.supervisor_pid()})")
        except NotRunning:
            pass
        if "program:transport" in self._config:
            check_free(self.host, self.port)
        path = self.folder / "supervisord.conf"
        with path.open("w") as file:
            self._config.write(file, space_around_delimiters=False)
        with (self.folder / "supervisord.err").open("wb") as errors:
            self._process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", sys.executable, "-m", "supervisor.supervisord", "-n", "-c", path],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,  # supervisord.log has the same
                stderr=errors,
                start_new_session=True,  # Ctrl-C at the terminal is for this process to hear, not for the programs
            )

    def _wait_until_ready(self) -> None:
        began = time.monotonic()
        pids: dict[str, int] = {}
        while not self._check_alive(pids):
            time.sleep(POKE_S)
        waiting = [name for name in ACTORS if f"program:{name}" in self._config]
        bus, messages = self._join(began + READY_S, pids)
        try:
            while True:
                for _, health in messages:
                    if health.state == "ready" and health.actor in waiting:
                        waiting.remove(health.actor)
                        self._tell(f"{time.monotonic() - began:4.1f} s  {health.actor} ready ({health.engine})")
                if not waiting:
                    return
                self._check_alive(pids)
                if time.monotonic() > began + READY_S:
                    raise StackError(f"{', '.join(waiting)} not ready after {READY_S:.0f} s{self._tail(waiting[0])}")
                messages = bus.receive(LOOK_MS)
        finally:
            bus.close()

    def _join(self, deadline: float, pids: dict[str, int]) -> tuple[Bus, list]:
        while True:
            bus = Bus("stack", [Health], self.folder)
            try:
                return bus, bus.connect(timeout_s=1.0)
            except BusUnreachable as error:
                bus.close()
                self._check_alive(pids)
                if time.monotonic() > deadline:
                    raise StackError(f"{error}{self._tail('bus')}") from error

    def _check_alive(self, pids: dict[str, int]) -> bool:
        """Whether supervisor answers. While starting nothing may end: tried again and again, nobody would learn why."""
        if not self.is_running:
            raise StackError(f"supervisord ended with {self._process.returncode}{self._tail('supervisord')}")
        try:
            programs = self.programs.all()
        except NotRunning:
            return False
        for name, program in programs.items():
            if program.state in ("BACKOFF", "FATAL", "EXITED") or program.pid != pids.get(name, program.pid):
                raise StackError(f"{name} ended before it was ready{self._tail(name)}")
            if program.pid:
                pids[name] = program.pid
        return True

    def _tail(self, name: str) -> str:
        logs = [*self.folder.glob(f"{name}*.log"), *self.folder.glob(f"{name}.err")]
        lines = [line for log in logs for line in log.read_text(errors="replace").splitlines()]
        return ":\n  " + "\n  ".join(lines[-TAIL_LINES:]) if lines else "; its log is empty"

    def stop(self) -> None:
        """Ends all programs; safe to call more than once."""
        if self.is_running:
            with suppress(ToolError):
                self.programs.stop()
            self._process.terminate()  # in case it did not listen yet
            deadline = time.monotonic() + STOP_S
            while self.is_running and time.monotonic() < deadline:
                with suppress(ToolError):
                    self.programs.supervisor_pid()  # wakes it
                time.sleep(POKE_S)
            self._process.kill()  # the kernel ends what is left of the programs with it
            self._process.wait()
        if self._is_private:
            shutil.rmtree(self.folder, ignore_errors=True)


def _at_home(deployment: Path, folder: Path) -> str:
    """The deployment's text with its run folder moved to ``folder``. A % doubled is one % to supervisor."""
    text = deployment.read_text()
    for old, new in (("%(here)s/.run", folder), ("%(here)s", deployment.parent.resolve())):
        text = text.replace(old, str(new).replace("%", "%%"))
    return text


def _free_port(host: str) -> int:
    with socket.socket() as sock:
        sock.bind((host, 0))
        return sock.getsockname()[1]


def check_free(host: str, port: int) -> None:
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((host, port))
        except OSError as error:
            raise StackError(f"cannot listen on {host} port {port}: {error.strerror}{_holder(port)}") from error


def _holder(port: int) -> str:
    for connection in psutil.net_connections("tcp"):
        if connection.laddr.port == port and connection.status == psutil.CONN_LISTEN and connection.pid:
            return f" by process {connection.pid} ({' '.join(psutil.Process(connection.pid).cmdline())[:80]})"
    return ""
