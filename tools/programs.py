"""The programs under a running supervisor: its XML-RPC (supervisord.org/api.html) over the run folder's socket."""

from contextlib import suppress
from pathlib import Path
from xmlrpc.client import Fault, ServerProxy

from attrs import frozen
from supervisor.xmlrpc import SupervisorTransport

from protocol.lead import last_leader
from tools.errors import NotRunning, ToolError

SOCKET = "supervisor.sock"


@frozen
class Program:
    """One process that supervisor looks after. state: RUNNING, STARTING, BACKOFF, FATAL, EXITED, STOPPED or STOPPING.

    pid: 0 where there is no process.
    """

    name: str
    group: str
    state: str
    pid: int
    words: str  # what supervisor has to say about it

    @property
    def actor(self) -> str:
        """The name without the number of one of several: tts is replaced by tts-2, and there are transport-1 and -2."""
        name, _, number = self.name.rpartition("-")
        return name if number.isdecimal() else self.name

    @property
    def full_name(self) -> str:
        return f"{self.group}:{self.name}"


class Programs:
    """All methods raise NotRunning where no supervisor answers."""

    def __init__(self, folder: Path):
        self._folder = folder

    def _call(self, method: str, *arguments):
        # a connection for each call: SupervisorTransport cannot go on with one that has failed
        transport = SupervisorTransport(serverurl=f"unix://{self._folder / SOCKET}")
        try:
            with ServerProxy("http://supervisor", transport) as server:
                return getattr(server, method)(*arguments)
        except (OSError, EOFError) as error:
            raise NotRunning(f"no server runs in {self._folder}") from error
        except Fault as fault:
            raise ToolError(f"supervisor: {fault.faultString}") from fault

    def supervisor_pid(self) -> int:
        return self._call("supervisor.getPID")

    def all(self) -> dict[str, Program]:
        """By name."""
        infos = self._call("supervisor.getAllProcessInfo")
        return {
            info["name"]: Program(
                info["name"], info["group"], info["statename"], info["pid"], info["spawnerr"] or info["description"]
            )
            for info in infos
        }

    def of(self, actor: str) -> Program:
        """The program that does its work, of several that there are; where none runs, the deployment's.

        Raises ToolError, with the names that there are, for an actor that is none.
        """
        programs = self.all().values()
        own = [program for program in programs if program.actor == actor]
        if not own:
            names = dict.fromkeys(program.actor for program in programs)
            raise ToolError(f"no actor {actor!r}; there are {', '.join(names)}")
        leader = last_leader(self._folder, actor)
        running = sorted((program for program in own if program.pid), key=lambda program: program.pid != leader)
        return (running or own)[0]

    def restart(self, actor: str) -> None:
        """Stops and starts one program. Raises ToolError, with the names that there are, for one that is none."""
        program = self.of(actor)
        if program.pid:
            self._call("supervisor.stopProcess", program.full_name, True)
        self._call("supervisor.startProcess", program.full_name, False)

    def command(self, name: str) -> tuple[str, str]:
        """(command line, folder it runs in) of a program."""
        info = next(one for one in self._call("supervisor.getAllConfigInfo") if one["name"] == name)
        return info["command"], info["directory"]

    def add(self, name: str) -> None:
        """Starts a program that is new in the deployment's files."""
        self._call("supervisor.reloadConfig")
        self._call("supervisor.addProcessGroup", name)
        self._call("supervisor.startProcess", name, False)

    def retire(self, name: str) -> None:
        """Ends a program, and waits for it."""
        with suppress(ToolError):  # it ended by itself
            self._call("supervisor.stopProcess", name, True)

    def remove(self, name: str) -> None:
        """Ends a program that stands no longer in the deployment's files, and forgets it."""
        self.retire(name)
        self._call("supervisor.removeProcessGroup", name)
        self._call("supervisor.reloadConfig")

    def stop(self) -> None:
        """Stops all programs at the same time, then the supervisor."""
        for program in self.all().values():
            with suppress(ToolError):  # it ended by itself
                self._call("supervisor.stopProcess", program.full_name, False)
        self._call("supervisor.shutdown")
