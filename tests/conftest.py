"""What several tests need."""

import shutil
import tempfile
from pathlib import Path

import pytest


@pytest.fixture
def run_folder(monkeypatch):
    """A private run folder with a short path, as sockets need one; also in the environment."""
    folder = Path(tempfile.mkdtemp(prefix="visavis-"))
    monkeypatch.setenv("VISAVIS_RUN", str(folder))
    yield folder
    shutil.rmtree(folder)
