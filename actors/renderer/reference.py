"""The same pictures, slowly and exactly: float64, exact exponential, exact sort by depth, one pixel after the other.

What a picture is, by definition: tests and benchmarks compare faster engines with it.
"""

import math

import numpy as np
from attrs import frozen
from numba import njit

from actors.renderer import pose, yuv
from actors.renderer.avatar import Avatar

FACING, NEAR_M, FAR_M = 0.1, 0.05, 100.0  # as in project.py
BLUR = 0.3
ALPHA_MIN = 1 / 255
OPAQUE = 1e-4


@frozen(eq=False)
class Exact:
    """Float64 planes, not rounded: ``y`` [h, w], ``u`` and ``v`` [h / 2, w / 2]. ``covered`` bool [h, w]."""

    y: np.ndarray
    u: np.ndarray
    v: np.ndarray
    covered: np.ndarray

    def psnr_db(self, planes: np.ndarray) -> float:
        """Of uint8 I420 [h * 3 / 2, w] against these, in Y where splats are."""
        error = (yuv.split_i420(planes)[0] - self.y)[self.covered]
        return 10 * math.log10(255**2 / np.mean(error**2))


def draw(
    avatar: Avatar,
    width_px: int,
    height_px: int,
    weights,
    head_rad=(0.0, 0.0, 0.0),
    head_m=(0.0, 0.0, 0.0),
    gaze_rad=(0.0, 0.0),
) -> Exact:
    """The picture that a Stage draws of the same numbers."""
    camera = pose.camera(avatar.metadata, width_px, height_px)
    position, normal, covariance = _moved(avatar, np.clip(np.asarray(weights, float), 0, 1), gaze_rad)
    still, turned = pose.head(avatar.metadata, camera, head_rad, head_m)
    follow = avatar.follow.astype(float)[:, None, None]
    place = (1 - follow) * still + follow * turned
    x, y, z = in_camera = np.einsum("nij,nj->in", place[:, :, :3], position) + place[:, :, 3].T
    facing = np.einsum("in,nij,nj->n", in_camera, place[:, :, :3], normal)
    seen = (facing < FACING * np.linalg.norm(in_camera, axis=0)) & (z >= NEAR_M) & (z <= FAR_M)
    order = np.flatnonzero(seen)[np.argsort(z[seen], kind="stable")]

    slope = np.zeros((len(z), 2, 3))  # of the projection, at the splat's centre
    slope[:, 0, 0] = slope[:, 1, 1] = camera.focal_px / z
    slope[:, 0, 2], slope[:, 1, 2] = -camera.focal_px * x / z**2, -camera.focal_px * y / z**2
    slope = slope @ place[:, :, :3]
    spread = slope @ covariance @ slope.transpose(0, 2, 1) + BLUR * np.eye(2)
    centre = np.stack([x, y], 1) * (camera.focal_px / z)[:, None] + (width_px / 2, height_px / 2)
    colours = avatar.metadata["background"]
    back = yuv.gradient(-(-width_px // 8) * 8, height_px, colours["centre"], colours["edge"])
    sums, through = np.zeros((3, height_px, width_px)), np.ones((height_px, width_px))
    _blend(
        order, centre, spread, avatar.opacity.astype(float), yuv.rgb_to_yuv(avatar.colour.astype(float)), sums, through
    )
    through_quad = yuv.halved(through)
    return Exact(
        sums[0] + through * back[0][:, :width_px],
        yuv.halved(sums[1]) + through_quad * back[1][:, : width_px // 2],
        yuv.halved(sums[2]) + through_quad * back[2][:, : width_px // 2],
        through < 1,
    )


def _moved(avatar: Avatar, weights: np.ndarray, gaze_rad) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Position, normal and covariance of all splats in head space, with blendshapes, jaw and gaze."""
    position, normal = avatar.position.astype(float), avatar.normal.astype(float)
    covariance, shapes = avatar.covariances(), avatar.shapes
    for j, weight in enumerate(weights):
        rows = slice(shapes.start[j], shapes.start[j + 1])
        np.add.at(position, shapes.index[rows], weight * shapes.delta[rows].astype(float))
    for part, move in pose.parts(avatar.metadata, weights, gaze_rad).items():
        chosen, turn = avatar.part == part, move[:, :3]
        position[chosen] = position[chosen] @ turn.T + move[:, 3]
        normal[chosen] = normal[chosen] @ turn.T
        covariance[chosen] = turn @ covariance[chosen] @ turn.T
    return position, normal, covariance


@njit(cache=True)
def _blend(order, centre, spread, opacity, colour, sums, through):
    height, width = through.shape
    for i in order:
        if opacity[i] < ALPHA_MIN:
            continue
        reach = 2 * math.log(opacity[i] / ALPHA_MIN)
        across, down = math.sqrt(reach * spread[i, 0, 0]) + 1, math.sqrt(reach * spread[i, 1, 1]) + 1
        if max(across, down) - 1 >= max(width, height):
            continue
        det = spread[i, 0, 0] * spread[i, 1, 1] - spread[i, 0, 1] ** 2
        a, b, c = spread[i, 1, 1] / det, -spread[i, 0, 1] / det, spread[i, 0, 0] / det
        mx, my = centre[i]
        for row in range(max(0, int(my - down)), min(height, int(my + down) + 1)):
            for column in range(max(0, int(mx - across)), min(width, int(mx + across) + 1)):
                dx, dy = column + 0.5 - mx, row + 0.5 - my
                alpha = opacity[i] * math.exp(-0.5 * (a * dx * dx + c * dy * dy) - b * dx * dy)
                if alpha < ALPHA_MIN or through[row, column] < OPAQUE:
                    continue
                for channel in range(3):
                    sums[channel, row, column] += alpha * through[row, column] * colour[i, channel]
                through[row, column] *= 1 - alpha
