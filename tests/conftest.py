"""What several tests need."""

import shutil
import signal
import tempfile
from pathlib import Path

import pytest
from bus_process import start_bus


@pytest.fixture
def run_folder(monkeypatch):
    """A private run folder with a short path, as sockets need one; also in the environment."""
    folder = Path(tempfile.mkdtemp(prefix="visavis-"))
    monkeypatch.setenv("VISAVIS_RUN", str(folder))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def bus(run_folder):
    """The bus of that run folder."""
    process = start_bus(run_folder)
    yield process
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
