"""A face-landmark detector that nobody here wrote, in an environment of its own, and what its landmarks say of a face.

The environment is made on first use in the user's cache folder, ``$XDG_CACHE_HOME/visavis`` or ``~/.cache/visavis``:
54 MB to download and 130 MB on disk, once for all clones. It may be deleted at any time.

Landmarks are float [n, 478, 3] as landmarks.py gives them: x right, y down, depth away from the viewer, in pixels. Left
and right are the character's own; the left eye is at image right. Lengths are shares of the distance between the outer
corners of the eyes, which is that of the face itself and does not shrink where the head turns.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

# Libraries that MediaPipe only draws with, opencv and matplotlib, and jax for models of its own are left out.
PACKAGES = ("mediapipe==0.10.21", "numpy==1.26.4", "protobuf==4.25.8", "attrs==26.1.0")
NEWEST_PYTHON = (3, 12)  # that this MediaPipe, the last with models inside, is made for
PICTURE_PX = (1280, 720)

UPPER_LIP, LOWER_LIP = 13, 14  # inner edges, in the middle
MOUTH_CORNERS = (61, 291)
OUTER_CORNERS = (33, 263)  # of the right eye and the left
EYES = {"right": (33, 160, 158, 133, 153, 144), "left": (263, 387, 385, 362, 380, 373)}  # p1 to p6 of the aspect ratio
IRISES = {"right": 468, "left": 473}
STATIC = (10, 151, 9, 108, 337, 168, 6, 197, 195, 33, 133, 362, 263)  # forehead, nose bridge, corners of the eyes
RIGID = (*STATIC, 8, 5, 127, 356, 234, 454, 93, 323)  # and the sides of the face


def detector() -> Path:
    """The Python of the detector's environment, made where there is none; skips the test where it cannot be."""
    python = sys.executable if sys.version_info < (*NEWEST_PYTHON, 99) else shutil.which("python3.12")
    if not python:
        pytest.skip(f"{PACKAGES[0]} needs Python 3.12 or older, and there is no python3.12 beside {sys.version[:4]}")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "visavis"
    cache.mkdir(parents=True, exist_ok=True)
    made_of = hashlib.sha256(" ".join((*PACKAGES, os.path.realpath(python))).encode()).hexdigest()[:12]
    home = cache / f"landmarks-{made_of}"
    with open(cache / "landmarks.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # other tests may be making it
        if not home.exists():
            _make(python, home)
    return home / "bin/python"


def _make(python: str, home: Path) -> None:
    unfinished = home.with_name(home.name + ".part")
    subprocess.run([python, "-m", "venv", "--clear", "--without-pip", unfinished], check=True)
    pip = [sys.executable, "-m", "pip", "--python", unfinished / "bin/python", "--disable-pip-version-check", "-q"]
    options = ("--no-input", "--retries=1", "--no-deps", "--only-binary=:all:", "--no-compile")
    pip = subprocess.run([*pip, "install", *options, *PACKAGES], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    if pip.returncode:
        reason = pip.stderr.decode(errors="replace").strip().splitlines()[-1:]
        shutil.rmtree(unfinished)
        pytest.skip(f"{' '.join(PACKAGES)} could not be installed: {''.join(reason)}")
    unfinished.rename(home)


def landmarks(python: Path, pictures: Iterable[np.ndarray], folder: Path) -> np.ndarray:
    """Of uint8 [720, 1280, 3] RGB pictures, each on its own; NaN where no face was found."""
    program, file, chatter = (
        Path(__file__).with_name("landmarks.py"),
        folder / "landmarks.npy",
        folder / "landmarks.log",
    )
    with open(chatter, "wb") as log:
        command = [python, program, *map(str, PICTURE_PX), file]
        detecting = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=log, stdout=log)
        with suppress(BrokenPipeError), detecting.stdin as pipe:  # where it broke off, its own words say why
            for picture in pictures:
                pipe.write(np.ascontiguousarray(picture).data)
    assert detecting.wait() == 0, chatter.read_text(errors="replace")[-2000:]
    return np.load(file).astype(float)


def size(marks: np.ndarray) -> np.ndarray:
    """Between the outer corners of the eyes, px [n]."""
    return np.linalg.norm(marks[:, OUTER_CORNERS[0]] - marks[:, OUTER_CORNERS[1]], axis=1)


def lip_gap(marks: np.ndarray) -> np.ndarray:
    """From the upper lip's inner edge down to the lower one's, along the face as it is seen [n]; 0 where closed."""
    across = (marks[:, OUTER_CORNERS[1]] - marks[:, OUTER_CORNERS[0]])[:, :2]
    x, y = (across / np.linalg.norm(across, axis=1)[:, None]).T
    gap = marks[:, LOWER_LIP] - marks[:, UPPER_LIP]
    return (gap[:, 1] * x - gap[:, 0] * y) / size(marks)


def mouth_width(marks: np.ndarray) -> np.ndarray:
    """Between the corners of the mouth [n]."""
    return np.linalg.norm(marks[:, MOUTH_CORNERS[0]] - marks[:, MOUTH_CORNERS[1]], axis=1) / size(marks)


def eye_aspect_ratio(marks: np.ndarray, side: str) -> np.ndarray:
    """Height by width of an eye's opening [n] (T. Soukupova and J. Cech, "Real-time eye blink detection using facial
    landmarks", 2016)."""
    p1, p2, p3, p4, p5, p6 = (marks[:, i, :2] for i in EYES[side])
    return sum(np.linalg.norm(a - b, axis=1) for a, b in ((p2, p6), (p3, p5))) / 2 / np.linalg.norm(p1 - p4, axis=1)


def gaze(marks: np.ndarray) -> np.ndarray:
    """Where the irises are between the corners of their eyes [n, 2]: to image right and up, by the eyes' width."""
    places = []
    for side, iris in IRISES.items():
        ends = sorted((EYES[side][0], EYES[side][3]), key=lambda i: np.nanmean(marks[:, i, 0]))
        left, right = (marks[:, i, :2] for i in ends)
        across = right - left
        x, y = (across / np.linalg.norm(across, axis=1)[:, None] ** 2).T
        away = marks[:, iris, :2] - (left + right) / 2
        places.append(np.stack([away[:, 0] * x + away[:, 1] * y, away[:, 0] * y - away[:, 1] * x], 1))
    return np.mean(places, axis=0)


def head_pose(marks: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """Yaw, pitch and roll, rad [n, 3], signs as in actors/renderer/pose.py, against the same face looking ahead.

    rest: its landmarks [478, 3]. The rotation of least squares between the rigid ones (W. Kabsch, "A solution for the
    best rotation to relate two sets of vectors", 1976).
    """
    wanted = (rest[RIGID, :] - rest[RIGID, :].mean(0)) * [1, -1, -1]  # into x right, y up, z towards the viewer
    angles = np.full((len(marks), 3), np.nan)
    for one, found in zip(angles, marks[:, RIGID], strict=True):
        if np.isfinite(found).all():
            u, _, v = np.linalg.svd(wanted.T @ ((found - found.mean(0)) * [1, -1, -1]))
            turned = (u @ np.diag([1, 1, np.sign(np.linalg.det(u @ v))]) @ v).T
            one[:] = (
                np.arctan2(turned[0, 2], turned[2, 2]),
                np.arcsin(turned[1, 2]),
                np.arctan2(-turned[1, 0], turned[1, 1]),
            )
    return angles


def static(marks: np.ndarray) -> np.ndarray:
    """Places of what does not move with the mouth: px [n, 13, 2]."""
    return marks[:, STATIC, :2]
