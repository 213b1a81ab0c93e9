"""The two folders: of one running system (sockets, logs; private), and of what lasts (avatar, models, memories)."""

import os
from pathlib import Path

from protocol.errors import ProtocolError

REPOSITORY = Path(__file__).resolve().parents[1]
MAX_SOCKET_PATH = 107  # bytes, sun_path of unix(7) less its final zero


def run_folder() -> Path:
    """``$VISAVIS_RUN``, or ``.run`` beside the code;

    made with mode 0700. Raises ProtocolError where it is open to others.
    """
    folder = Path(os.environ.get("VISAVIS_RUN") or REPOSITORY / ".run").absolute()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = folder.stat()
    if status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise ProtocolError(
            f"{folder} must belong to user {os.getuid()} with mode 0700; it is {status.st_mode & 0o777:04o}"
        )
    return folder


def data_folder() -> Path:
    """``$VISAVIS_DATA``, or ``.data`` beside the code."""
    return Path(os.environ.get("VISAVIS_DATA") or REPOSITORY / ".data").absolute()


def endpoint(folder: Path, name: str) -> str:
    """The ZeroMQ address of a socket in the run folder. Raises ProtocolError where the path is too long for one."""
    path = folder / f"{name}.sock"
    if (length := len(os.fsencode(path))) > MAX_SOCKET_PATH:
        raise ProtocolError(
            f"{path} has {length} bytes, a socket's path at most {MAX_SOCKET_PATH}: set VISAVIS_RUN shorter"
        )
    return f"ipc://{path}"
