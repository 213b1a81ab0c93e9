"""``visavis bench render``: milliseconds of processor time a frame at 1280 x 720, and how exact it is.

Draws made-up heads of several sizes, no likeness, but with the coverage and the movement of a real one, and the avatar
that a first run makes, where it is there.
"""

import argparse
import math
import tempfile
import time
from pathlib import Path

import numpy as np

from actors.arkit import ARKIT
from actors.renderer import reference
from actors.renderer.avatar import Avatar, Shapes, load_avatar, save_avatar
from actors.renderer.splats import SplatEngine

SIZES = (20_000, 60_000, 178_000)
DEFAULT_AVATAR = Path(__file__).parents[2] / ".data/avatar.ply"
WIDTH_PX, HEIGHT_PX = 1280, 720
FIRST = 5  # frames before those that count
COMPARED = 37  # the frame that is drawn exactly, too

RADII_M = np.array([0.077, 0.100, 0.090])
DISTANCE_M = 0.80
FOCAL_PX = 2600.0  # at 720 lines: the head is about 690 of them high
FPS = 30.0
FULL = 60_000  # splats whose size is 1; others are sized for the same coverage


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--frames", type=int, default=60, help="frames to measure of each head")


def run(args: argparse.Namespace) -> dict:
    """cases: gaussians, width, height, median cpu_ms_per_frame of one thread, psnr_db of Y where the head is."""
    with tempfile.TemporaryDirectory(prefix="visavis-") as folder:
        paths = [Path(folder) / f"{n}.ply" for n in SIZES]
        for n, path in zip(SIZES, paths, strict=True):
            save_avatar(head(n), path)
        return {"cases": [_measured(path, args.frames) for path in [*paths, DEFAULT_AVATAR] if path.is_file()]}


def _measured(path: Path, frames: int) -> dict:
    avatar, engine = load_avatar(path), SplatEngine(path)
    engine.load()
    stage = engine.open(WIDTH_PX, HEIGHT_PX)
    taken_ns = []
    for frame in range(FIRST + frames):
        moved = movement(frame)
        began_ns = time.thread_time_ns()
        stage.draw(**moved)
        taken_ns.append(time.thread_time_ns() - began_ns)
    exact = reference.draw(avatar, WIDTH_PX, HEIGHT_PX, **movement(COMPARED))
    return {
        "name": avatar.metadata["name"],
        "gaussians": len(avatar),
        "width": WIDTH_PX,
        "height": HEIGHT_PX,
        "cpu_ms_per_frame": round(float(np.median(taken_ns[FIRST:])) / 1e6, 2),
        "psnr_db": round(exact.psnr_db(stage.draw(**movement(COMPARED))), 1),
    }


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
