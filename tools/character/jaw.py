"""The joint of the jaw, in centimetres."""

import numpy as np

JAW_PIVOT = np.array([0.0, -1.6, -0.6])
JAW_OPEN_RAD = 0.30
JAW_FORWARD, JAW_SIDE = 0.8, 0.8


def turned_by_jaw(p: np.ndarray) -> np.ndarray:
    """How far points move that turn with the fully open jaw."""
    y, z = p[:, 1] - JAW_PIVOT[1], p[:, 2] - JAW_PIVOT[2]
    c, s = np.cos(JAW_OPEN_RAD), np.sin(JAW_OPEN_RAD)
    return np.stack([0 * y, c * y - s * z - y, s * y + c * z - z], 1)


def with_jaw(p: np.ndarray, share: np.ndarray) -> dict[str, np.ndarray]:
    """What the jaw alone does to the inside of the mouth, which lips and cheeks do not carry."""
    share = share[:, None]
    return {
        "jawOpen": turned_by_jaw(p) * share,
        "jawForward": [0, 0, JAW_FORWARD] * share,
        "jawLeft": [JAW_SIDE, 0, 0] * share,
        "jawRight": [-JAW_SIDE, 0, 0] * share,
    }
