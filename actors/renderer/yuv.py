"""Colours: ITU-R BT.601, limited range, 8 bit; chroma is the mean of 2 x 2 pixels (I420)."""

from collections.abc import Sequence

import numpy as np

FROM_RGB = np.array([[65.481, 128.553, 24.966], [-37.797, -74.203, 112.0], [112.0, -93.786, -18.214]])
OFFSET = np.array([16.0, 128.0, 128.0])


def rgb_to_yuv(rgb: np.ndarray) -> np.ndarray:
    """Float [..., 3] from sRGB 0..1 to Y, U, V in 8-bit steps, not rounded."""
    return rgb @ FROM_RGB.T + OFFSET


def halved(plane: np.ndarray) -> np.ndarray:
    """Means of 2 x 2 pixels of a float [height, width]."""
    return plane.reshape(plane.shape[0] // 2, 2, plane.shape[1] // 2, 2).mean((1, 3))


def split_i420(planes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Views of Y [h, w], U and V [h / 2, w / 2] in contiguous uint8 [h * 3 / 2, w]."""
    width, height = planes.shape[1], planes.shape[0] * 2 // 3
    chroma = planes.reshape(-1)[width * height :].reshape(2, height // 2, width // 2)
    return planes[:height], chroma[0], chroma[1]


def i420_to_rgb(planes: np.ndarray) -> np.ndarray:
    """Uint8 [h, w, 3] sRGB of uint8 [h * 3 / 2, w]; chroma pixels are repeated."""
    y, u, v = split_i420(planes)
    yuv = np.stack([y, u.repeat(2, 0).repeat(2, 1), v.repeat(2, 0).repeat(2, 1)], axis=-1)
    rgb = (yuv - OFFSET) @ np.linalg.inv(FROM_RGB).T
    return np.rint(np.clip(rgb, 0, 1) * 255).astype(np.uint8)


def gradient(
    width_px: int, height_px: int, centre: Sequence[float], edge: Sequence[float]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Uint8 Y [h, w], U and V [h / 2, w / 2] of a radial gradient of sRGB, from the middle to the corners.

    Rounded up or down by a seeded draw: plain rounding shows as rings, the more so in the chroma.
    """
    random = np.random.default_rng(0)
    centre, edge = rgb_to_yuv(np.array(centre)), rgb_to_yuv(np.array(edge))
    planes = []
    for channel, step in enumerate((1, 2, 2)):
        y, x = np.ogrid[0 : height_px // step, 0 : width_px // step]
        across, down = (x + 0.5) * step / width_px * 2 - 1, (y + 0.5) * step / height_px * 2 - 1
        outwards = (across**2 + down**2) / 2
        plane = centre[channel] + (edge - centre)[channel] * outwards
        planes.append((plane + random.random(plane.shape)).astype(np.uint8))
    return tuple(planes)
