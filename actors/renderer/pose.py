"""Where things are: the camera, the head's pose on its neck, jaw and eyes. Float64, a few numbers a frame.

Positive yaw turns towards image right, positive pitch looks up, positive roll tilts towards image right. The head rolls
first, then nods, then turns.
"""

import math
from collections.abc import Sequence

import numpy as np
from attrs import frozen

from actors.arkit import ARKIT
from actors.renderer.avatar import LEFT_EYE, LOWER_TEETH, RIGHT_EYE

JAW_FORWARD, JAW_LEFT, JAW_RIGHT, JAW_OPEN = map(ARKIT.index, ("jawForward", "jawLeft", "jawRight", "jawOpen"))
MOVING = (LOWER_TEETH, LEFT_EYE, RIGHT_EYE)
TALLEST = 16 / 9  # height by width, of a telephone held upright: a head that fills its height still fits
MOST_M = 1.0  # of head movement; more leaves every picture


@frozen(eq=False)
class Camera:
    """Camera space is x right, y down, z ahead: ``rotation`` [3, 3] and ``position`` [3] lead to it from head space."""

    rotation: np.ndarray
    position: np.ndarray
    focal_px: float


def camera(metadata: dict, width_px: int, height_px: int) -> Camera:
    """The avatar's camera. Its angle of view spans the height, or more where the picture is narrower than TALLEST."""
    position, look_at = np.array(metadata["camera"]["position"]), np.array(metadata["camera"]["look_at"])
    ahead = (look_at - position) / np.linalg.norm(look_at - position)
    right = np.cross(ahead, (0.0, 1.0, 0.0))
    right /= np.linalg.norm(right)
    half_angle = math.radians(metadata["camera"]["fov_y_deg"]) / 2
    focal_px = min(width_px * TALLEST, height_px) / 2 / math.tan(half_angle)
    return Camera(np.stack([right, np.cross(ahead, right), ahead]), position, focal_px)


def turning(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """Rotation [3, 3] in head space."""
    return _about_y(yaw) @ _about_x(-pitch) @ _about_z(-roll)


def head(metadata: dict, seen_from: Camera, head_rad: Sequence[float], head_m: Sequence[float]) -> np.ndarray:
    """Maps [2, 3, 4] from head space to camera space, of splats that stay and of splats that follow the head.

    A splat that follows by 0.3 takes the mean of the two, weighted 0.7 and 0.3 (linear blend skinning).
    """
    neck, moved = np.array(metadata["neck"]), np.clip(head_m, -MOST_M, MOST_M)
    turned = turning(*head_rad)
    still = _map(np.eye(3), -seen_from.position)
    return seen_from.rotation @ np.stack([still, _map(turned, neck - turned @ neck + moved - seen_from.position)])


def parts(metadata: dict, weights: Sequence[float], gaze_rad: Sequence[float]) -> dict[int, np.ndarray]:
    """Maps [3, 4] within head space of the parts that move as one: lower teeth and eyes."""
    jaw = metadata["jaw"]
    opened = _about_x(weights[JAW_OPEN] * jaw["open_rad"])
    shift = np.array(
        [(weights[JAW_LEFT] - weights[JAW_RIGHT]) * jaw["side_m"], 0, weights[JAW_FORWARD] * jaw["forward_m"]]
    )
    gaze = turning(*gaze_rad, 0)
    return {
        LOWER_TEETH: _around(opened, jaw["pivot"], shift),
        LEFT_EYE: _around(gaze, metadata["eyes"]["left"]),
        RIGHT_EYE: _around(gaze, metadata["eyes"]["right"]),
    }


def _map(rotation: np.ndarray, shift: np.ndarray) -> np.ndarray:
    return np.concatenate([rotation, shift[:, None]], axis=1)


def _around(rotation: np.ndarray, pivot: Sequence[float], shift: np.ndarray | float = 0.0) -> np.ndarray:
    return _map(rotation, np.array(pivot) - rotation @ np.array(pivot) + shift)


def _about_x(angle: float) -> np.ndarray:
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[1, 0, 0], [0, c, -s], [0, s, c]])


def _about_y(angle: float) -> np.ndarray:
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])


def _about_z(angle: float) -> np.ndarray:
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
