"""The engine for any processor: Gaussian splats drawn by numba (stage.py)."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from actors.arkit import ARKIT

if TYPE_CHECKING:
    from actors.renderer.stage import Stage


class SplatEngine:
    """Draws the avatar of a file; ``open`` gives each call its own Stage."""

    name = "numba"

    def __init__(self, avatar_path: Path):
        self._path = avatar_path

    def missing(self) -> str | None:
        return None if self._path.is_file() else f"no avatar at {self._path}"

    def load(self) -> None:
        """Raises BadAvatar."""
        from actors.renderer.avatar import load_avatar
        from actors.renderer.coarse import coarse
        from actors.renderer.model import Model

        avatar = load_avatar(self._path)
        self._model = Model.of(avatar)
        self._worker = ThreadPoolExecutor(
            1, thread_name_prefix="coarse"
        )  # takes as long as warm(), and beside it hardly any
        self._coarse = self._worker.submit(lambda: Model.of(coarse(avatar)))

    def warm(self) -> None:
        """Compiles the kernels, or takes them from numba's cache."""
        self.open(1280, 720).draw([0.0] * len(ARKIT))

    def open(self, width_px: int, height_px: int, coarse: bool = False) -> "Stage":
        """``coarse``: with fewer splats, in less time. Raises BadPicture for an impossible size."""
        from actors.renderer.stage import Stage

        return Stage(self._coarse.result() if coarse else self._model, width_px, height_px)

    def close(self) -> None:
        self._worker.shutdown()
        del self._model, self._coarse
