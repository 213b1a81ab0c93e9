"""An avatar as the kernels want it."""

import numpy as np
from attrs import frozen

from actors.renderer import yuv
from actors.renderer.avatar import Avatar
from actors.renderer.pose import MOVING
from actors.renderer.project import GAUSSIAN


@frozen(eq=False)
class Model:
    """Shared by all stages, never written."""

    metadata: dict
    position: np.ndarray  # float32 [3, n]
    normal: np.ndarray  # float32 [3, n]
    follow: np.ndarray  # float32 [n]
    gaussians: np.ndarray  # GAUSSIAN [n]
    start: np.ndarray  # of the blendshapes: see avatar.Shapes
    index: np.ndarray
    delta: np.ndarray
    moving: dict[int, np.ndarray]  # int32 splats of each part that moves as one

    @classmethod
    def of(cls, avatar: Avatar) -> "Model":
        gaussians, covariances = np.zeros(len(avatar), GAUSSIAN), avatar.covariances()
        for name, (row, column) in zip(
            ("xx", "xy", "xz", "yy", "yz", "zz"), zip(*np.triu_indices(3), strict=True), strict=True
        ):
            gaussians[name] = covariances[:, row, column]
        opacity = avatar.opacity.astype(np.float64)
        gaussians["log2_opacity"] = np.log2(opacity)
        gaussians["reach"] = 2 * np.log(255 * opacity)  # squared distance, in sigmas, at which alpha is 1/255
        for name, channel in zip("yuv", yuv.rgb_to_yuv(avatar.colour).T, strict=True):
            gaussians[name] = channel
        gaussians["follow"] = avatar.follow
        return cls(
            avatar.metadata,
            np.ascontiguousarray(avatar.position.T),
            np.ascontiguousarray(avatar.normal.T),
            avatar.follow,
            gaussians,
            avatar.shapes.start,
            avatar.shapes.index,
            avatar.shapes.delta,
            {part: np.flatnonzero(avatar.part == part).astype(np.int32) for part in MOVING},
        )
