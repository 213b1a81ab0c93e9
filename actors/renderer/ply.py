"""Binary little-endian PLY (G. Turk, 1994) with elements of fixed size: enough for Gaussians, and for no surprises.

The declared sizes are checked against the caller's limits and the file's size before anything is read, so a file cannot
make the reader take more memory than it is long.
"""

import os
import re
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np

from actors.renderer.errors import BadAvatar

MAX_HEADER_BYTES = 1 << 16
MAX_PROPERTIES = 128  # of an element: a splat with spherical harmonics of degree 4 has 89
FIRST_LINES = ["ply", "format binary_little_endian 1.0"]
TYPES = {
    "char": "i1", "uchar": "u1", "short": "<i2", "ushort": "<u2", "int": "<i4", "uint": "<u4",
    "float": "<f4", "double": "<f8", "int8": "i1", "uint8": "u1", "int16": "<i2", "uint16": "<u2",
    "int32": "<i4", "uint32": "<u4", "float32": "<f4", "float64": "<f8",
}  # fmt: skip
NAMES = {np.dtype(code): name for name, code in reversed(TYPES.items())}


def read_ply(path: Path, most: Mapping[str, int]) -> tuple[dict[str, np.ndarray], list[str]]:
    """The elements by name as structured arrays [count], and the comments.

    most: the elements to read, and of how many rows at most; others are skipped. Raises BadAvatar; OSError where there
    is no such file.
    """
    if not stat.S_ISREG(mode := path.stat().st_mode):  # to open a pipe would wait for who writes it
        raise BadAvatar(f"no regular file, its mode is {stat.filemode(mode)}")
    with path.open("rb") as file:
        lines, body_at = _header(file)
        comments, elements = _declared(lines)
        for name, (_, count) in elements.items():
            if count > most.get(name, count):
                raise BadAvatar(f"element {name} has {count} rows, the most is {most[name]}")
        needed = sum(count * dtype.itemsize for dtype, count in elements.values())
        if (held := path.stat().st_size - body_at) != needed:
            raise BadAvatar(f"the header declares {needed} bytes after it, the file has {held}")
        file.seek(body_at)
        arrays = {}
        for name, (dtype, count) in elements.items():
            if name in most:
                arrays[name] = np.fromfile(file, dtype, count)
            else:
                file.seek(count * dtype.itemsize, os.SEEK_CUR)
    for name, array in arrays.items():
        if len(array) != elements[name][1]:
            raise BadAvatar(f"element {name} ends after {len(array)} of {elements[name][1]} rows")
    return arrays, comments


def write_ply(path: Path, elements: Mapping[str, np.ndarray], comments: Sequence[str]) -> None:
    """Structured arrays as elements, in their order. Comments are single lines of ASCII."""
    lines = FIRST_LINES + [f"comment {comment}" for comment in comments]
    for name, array in elements.items():
        lines.append(f"element {name} {len(array)}")
        lines += [f"property {NAMES[array.dtype[field]]} {field}" for field in array.dtype.names]
    header = "\n".join([*lines, "end_header", ""]).encode("ascii")
    if len(header) > MAX_HEADER_BYTES:
        raise BadAvatar(f"a header of {len(header)} bytes, the most is {MAX_HEADER_BYTES}")
    with path.open("wb") as file:
        file.write(header)
        for array in elements.values():
            array.tofile(file)


def _header(file: BinaryIO) -> tuple[list[str], int]:
    start = file.read(MAX_HEADER_BYTES)
    if not start.startswith(b"ply\n"):
        raise BadAvatar(f"not a PLY file: it begins with {start[:4]!r}")
    end = start.find(b"\nend_header\n")
    if end < 0:
        raise BadAvatar(f"no end_header in the first {len(start)} bytes")
    try:
        lines = start[:end].decode("ascii").split("\n")
    except UnicodeDecodeError as error:
        raise BadAvatar(
            f"the header has a byte {start[error.start]} at {error.start}, only ASCII may be there"
        ) from None
    if lines[:2] != FIRST_LINES:
        raise BadAvatar(f"the header begins with {lines[:2]}"[:120] + f", not {FIRST_LINES}")
    return lines[2:], end + len(b"\nend_header\n")


def _declared(lines: Sequence[str]) -> tuple[list[str], dict[str, tuple[np.dtype, int]]]:
    comments: list[str] = []
    fields: dict[str, dict[str, str]] = {}
    counts: dict[str, int] = {}
    for line in lines:
        if line.startswith("comment "):
            comments.append(line.removeprefix("comment "))
        elif found := re.fullmatch(r"element (\w{1,32}) (\d{1,32})", line):
            name = found[1]
            if name in fields:
                raise BadAvatar(f"element {name} is declared twice")
            fields[name], counts[name] = {}, int(found[2])
        elif (found := re.fullmatch(r"property (\w{1,16}) (\w{1,32})", line)) and found[1] in TYPES and fields:
            if found[2] in fields[name]:
                raise BadAvatar(f"property {found[2]} of element {name} is declared twice")
            if len(fields[name]) == MAX_PROPERTIES:
                raise BadAvatar(f"element {name} has more than {MAX_PROPERTIES} properties")
            fields[name][found[2]] = TYPES[found[1]]
        elif line != "comment" and not line.startswith("obj_info "):
            raise BadAvatar(f"the header line {line[:60]!r} is not understood")
    for name, types in fields.items():
        if not types:
            raise BadAvatar(f"element {name} has no properties")
    return comments, {name: (np.dtype(list(types.items())), counts[name]) for name, types in fields.items()}
