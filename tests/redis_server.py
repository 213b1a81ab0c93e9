"""A real redis-server on a socket of its own, that writes what it is told into its folder."""

import shutil
import subprocess
import time
from pathlib import Path

import pytest

DEADLINE_S = 15.0


class RedisServer:
    """``folder``: with a short path, as sockets need one. Skips the test where there is no server or no client."""

    def __init__(self, folder: Path):
        self.redis = pytest.importorskip("redis", reason="redis-py is not installed")
        # One program, that goes by its name, is server and checker: Debian has it without a daemon in redis-tools.
        self._program = shutil.which("redis-server") or shutil.which("redis-check-rdb")
        if self._program is None:
            pytest.skip("there is no redis-server")
        self._folder = folder
        self.url = f"unix://{folder}/redis.sock"
        self.client = self.redis.Redis.from_url(self.url)
        self.start()

    def start(self) -> None:
        """Returns when it answers; with what it had written before it was stopped."""
        options = {"port": 0, "unixsocket": f"{self._folder}/redis.sock", "dir": self._folder, "appendonly": "yes"}
        command = ["redis-server", *(str(word) for name, value in options.items() for word in (f"--{name}", value))]
        self._process = subprocess.Popen([*command, "--save", ""], executable=self._program, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + DEADLINE_S
        while True:
            try:
                return self.client.ping()
            except self.redis.ConnectionError:
                assert time.monotonic() < deadline, "redis-server does not answer"
                time.sleep(0.02)

    def stop(self) -> None:
        self._process.terminate()
        assert self._process.wait(DEADLINE_S) == 0

    def close(self) -> None:
        self.client.close()
        if self._process.poll() is None:
            self.stop()
