"""``visavis bench render``: milliseconds of processor time a frame at 1280 x 720, how exact it is, how long the same
algorithm takes in C++, and what two streams in two threads get done.

Draws made-up heads of several sizes, no likeness, but with the coverage and the movement of a real one, and the avatar
that a first run makes, where it is there.
"""

import argparse
import hashlib
import math
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

from actors.arkit import ARKIT
from actors.renderer import reference, vectors
from actors.renderer.avatar import Avatar, Shapes, load_avatar, save_avatar
from actors.renderer.model import Model
from actors.renderer.splats import SplatEngine
from tools.bench import _yardstick as yardstick
from tools.errors import ToolError

SIZES = (20_000, 60_000, 178_000)
DEFAULT_AVATAR = Path(__file__).parents[2] / ".data/avatar.ply"
WIDTH_PX, HEIGHT_PX = 1280, 720
FIRST = 5  # frames before those that count
COMPARED = 37  # the frame that is drawn exactly, too
STREAMS, ROUNDS = 2, 7  # threads, and how often one alone and all of them take turns
CPP_OFF = 2  # of 255, the most that a pixel of the C++ picture may be off
MOST_OFF_SHARE = 1e-4  # of pixels that may be: where two splats are equally far, rounding says which is nearer

RADII_M = np.array([0.077, 0.100, 0.090])
DISTANCE_M = 0.80
FOCAL_PX = 2600.0  # at 720 lines: the head is about 690 of them high
FPS = 30.0
FULL = 60_000  # splats whose size is 1; others are sized for the same coverage


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--frames", type=int, default=60, help="frames to measure of each head")


def run(args: argparse.Namespace) -> dict:
    """Results of each head in ``cases``: median cpu_ms_per_frame of one thread; psnr_db of Y where the head is;
    cpp_ms_per_frame, and ratio_to_cpp, the median over frames that both draw in turn, or None where nothing compiles
    C++; cpp_off_share, of pixels more than CPP_OFF from the C++ picture.

    ``streams``: how many frames several threads, each with a Stage of its own, draw in the time in which one alone
    draws one. scaling_by_cpu, by processor time, tells what they lose by sharing caches; scaling_by_wall all that they
    lose, but also what other programs take: machine_by_wall is what threads that share nothing get in the same minute.
    """
    absent = yardstick.missing()
    library = None if absent else yardstick.build()
    with tempfile.TemporaryDirectory(prefix="visavis-") as folder:
        paths = [Path(folder) / f"{n}.ply" for n in SIZES]
        for n, path in zip(SIZES, paths, strict=True):
            save_avatar(head(n), path)
        results = {
            "cases": [_measured(path, args.frames, library) for path in [*paths, DEFAULT_AVATAR] if path.is_file()],
            "blending": "vectors" if vectors.usable() else "plain loops",
            "streams": _streams(paths[SIZES.index(FULL)], args.frames),
        }
    return results | ({"ratio_to_cpp": absent} if absent else {})


def _measured(path: Path, frames: int, library) -> dict:
    avatar, engine = load_avatar(path), SplatEngine(path)
    engine.load()
    stage = engine.open(WIDTH_PX, HEIGHT_PX)
    drawn = [lambda frame: _drawn(stage, frame)]
    if library is not None:
        cpp = yardstick.CppStage(library, Model.of(avatar), WIDTH_PX, HEIGHT_PX)
        drawn.append(lambda frame: _drawn(cpp, frame))
    taken_ms, off = [], 0
    for frame in range(FIRST + frames):
        turn = 1 if frame % 2 else -1  # each is first in every other frame: the second finds the avatar in the cache
        taken = [draw(frame) for draw in drawn[::turn]][::turn]
        taken_ms.append([ms for ms, _ in taken])
        pictures = [picture.astype(np.int16) for _, picture in taken]
        off += np.count_nonzero(np.abs(pictures[0] - pictures[-1]) > CPP_OFF)
    off_share = float(off) / (FIRST + frames) / pictures[0].size
    if off_share > MOST_OFF_SHARE:
        raise ToolError(
            f"{off_share:.2%} of the C++ picture is more than {CPP_OFF} of 255 off: it draws something else"
        )
    taken_ms = np.array(taken_ms[FIRST:])
    exact = reference.draw(avatar, WIDTH_PX, HEIGHT_PX, **movement(COMPARED))
    return {
        "name": avatar.metadata["name"],
        "gaussians": len(avatar),
        "width": WIDTH_PX,
        "height": HEIGHT_PX,
        "cpu_ms_per_frame": round(float(np.median(taken_ms[:, 0])), 2),
        "psnr_db": round(exact.psnr_db(stage.draw(**movement(COMPARED))), 1),
        "ratio_to_cpp": round(float(np.median(taken_ms[:, 0] / taken_ms[:, 1])), 2) if library else None,
        "cpp_ms_per_frame": round(float(np.median(taken_ms[:, 1])), 2) if library else None,
        "cpp_off_share": round(off_share, 8) if library else None,
    }


def _drawn(stage, frame: int) -> tuple[float, np.ndarray]:
    """Processor time and picture."""
    moved = movement(frame)
    began_ns = time.thread_time_ns()
    picture = stage.draw(**moved)
    return (time.thread_time_ns() - began_ns) / 1e6, picture


def _streams(path: Path, frames: int) -> dict:
    engine = SplatEngine(path)
    engine.load()
    stages = [engine.open(WIDTH_PX, HEIGHT_PX) for _ in range(STREAMS)]

    def draw(stage) -> None:
        for frame in range(frames):
            stage.draw(**movement(frame))

    _in_threads(draw, stages)
    rounds = []
    for _ in range(ROUNDS):
        hashing = [_in_threads(_hash, stages[:count])[0] for count in (1, STREAMS)]
        rounds.append([*hashing, *_in_threads(draw, stages[:1]), *_in_threads(draw, stages)])
    hash_one, hash_all, wall, cpu, wall_all, cpu_all = np.array(rounds).T
    return {
        "threads": STREAMS,
        "cpu_ms_per_frame": [round(float(np.median(ms)) / frames, 2) for ms in (cpu, cpu_all)],
        "wall_ms_per_frame": [round(float(np.median(ms)) / frames, 2) for ms in (wall, wall_all)],
        "scaling_by_cpu": _scaling(cpu, cpu_all),
        "scaling_by_wall": _scaling(wall, wall_all),
        "machine_by_wall": _scaling(hash_one, hash_all),
    }


def _hash(_) -> None:
    """About 0.2 s that share nothing with other threads, not even a cache."""
    hashlib.pbkdf2_hmac("sha256", b"", b"", 400_000)


def _scaling(one_ms: np.ndarray, all_ms: np.ndarray) -> float:
    return round(float(np.median(STREAMS * one_ms / all_ms)), 2)


def _in_threads(work, stages: list) -> tuple[float, float]:
    """``work`` on each stage in a thread of its own: milliseconds until all are done, and of the mean thread's CPU."""
    barrier, cpu_ms = threading.Barrier(len(stages) + 1), []

    def run(stage) -> None:
        barrier.wait()
        began_ns = time.thread_time_ns()
        work(stage)
        cpu_ms.append((time.thread_time_ns() - began_ns) / 1e6)

    threads = [threading.Thread(target=run, args=(stage,)) for stage in stages]
    for thread in threads:
        thread.start()
    barrier.wait()
    began_ns = time.perf_counter_ns()
    for thread in threads:
        thread.join()
    return (time.perf_counter_ns() - began_ns) / 1e6, sum(cpu_ms) / len(stages)


def head(n: int) -> Avatar:
    """``n`` Gaussians on an ellipsoid in three layers, with 52 local blendshapes: about 17 splats over each pixel."""
    r = np.random.default_rng(0)
    direction = _unit(r.normal(size=(n, 3)))
    to_face = r.random(n) < 0.25
    direction[to_face, 2] = np.abs(direction[to_face, 2])
    normal = _unit(direction / RADII_M)
    layer = r.choice(3, size=n, p=[0.55, 0.25, 0.20])  # skin, skin again, hair
    lift = np.choose(layer, [np.zeros(n), np.full(n, 0.001), r.uniform(0.001, 0.004, n)])
    position = direction * RADII_M + normal * lift[:, None] + r.normal(size=(n, 3)) * 0.0003

    px_m, size = DISTANCE_M / FOCAL_PX, math.sqrt(FULL / n)
    longest = np.clip(2.6 * np.exp(r.normal(size=n) * 0.45) * size, 0.5, 12 * size) * px_m
    scale = longest[:, None] * np.stack([np.ones(n), r.uniform(0.3, 1, n), r.uniform(0.05, 0.2, n)], 1)
    axis = _unit(normal + r.normal(size=(n, 3)) * 0.15)
    along = _unit(np.cross(axis, r.normal(size=(n, 3))))
    quaternion = _quaternions(np.stack([along, np.cross(axis, along), axis], 2))

    colour = np.array([0.8, 0.6, 0.5]) + 0.15 * np.sin(position[:, [0]] * 180) * np.sin(position[:, [1]] * 150)
    colour = colour + 0.1 * np.sin(position[:, [1]] * 400 + np.arange(3))
    colour[layer == 2] = (0.25, 0.16, 0.1)
    colour = np.clip(colour + r.normal(size=(n, 3)) * 0.06, 0, 1)
    camera = {"position": [0, 0, DISTANCE_M], "look_at": [0, 0, 0]}
    camera["fov_y_deg"] = math.degrees(2 * math.atan(360 / FOCAL_PX))
    return Avatar(
        position=position,
        normal=normal,
        quaternion=quaternion,
        scale=scale,
        opacity=r.uniform(0.3, 0.99, n),
        colour=colour,
        part=np.zeros(n),
        follow=np.ones(n),
        shapes=Shapes.from_dense(_deltas(position, r)),
        metadata={"name": f"bench {n}", "neck": [0, 0, 0], "camera": camera},
    )


def movement(frame: int) -> dict:
    """What a Stage draws in this frame: 15 active blendshapes, a turning head and wandering eyes."""
    t = frame / FPS
    weights = np.zeros(len(ARKIT))
    active = np.array([0, 1, *range(3, len(ARKIT), 4)])
    k = np.arange(len(active))
    weights[active] = 0.5 + 0.5 * np.sin(2 * np.pi * (1.0 + 0.15 * k) * t + k)
    return {
        "weights": weights.tolist(),
        "head_rad": (0.25 * math.sin(1.1 * t), 0.12 * math.sin(0.7 * t + 1), 0.08 * math.sin(0.9 * t + 2)),
        "head_m": (0.004 * math.sin(0.8 * t), 0.003 * math.sin(1.3 * t), 0.0),
        "gaze_rad": (0.2 * math.sin(1.7 * t), 0.1 * math.sin(2.3 * t)),
    }


def _deltas(position: np.ndarray, r: np.random.Generator) -> np.ndarray:
    deltas = np.zeros((len(ARKIT), len(position), 3), np.float32)
    for j in range(len(ARKIT)):
        wide = j < 3
        centre = (0, -0.06, 0.07) if wide else (r.uniform(-0.05, 0.05), r.uniform(-0.07, 0.05), 0.075)
        radius = 0.075 if wide else r.uniform(0.018, 0.04)
        near = np.clip(1 - np.sum((position - centre) ** 2, 1) / radius**2, 0, None) ** 2
        deltas[j] = near[:, None] * r.normal(size=3) * 0.004
    return deltas


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def _quaternions(m: np.ndarray) -> np.ndarray:
    """wxyz [n, 4] of rotations [n, 3, 3]: each is the eigenvector of a symmetric matrix (I. Bar-Itzhack, 2000)."""
    trace = np.trace(m, axis1=1, axis2=2)
    k = np.zeros((len(m), 4, 4))
    k[:, 0, 0] = trace
    k[:, 0, 1:] = k[:, 1:, 0] = np.stack([m[:, 2, 1] - m[:, 1, 2], m[:, 0, 2] - m[:, 2, 0], m[:, 1, 0] - m[:, 0, 1]], 1)
    k[:, 1:, 1:] = m + m.transpose(0, 2, 1) - trace[:, None, None] * np.eye(3)
    return np.linalg.eigh(k)[1][:, :, 3]
