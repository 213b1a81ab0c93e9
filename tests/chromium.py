"""A real, headless Chromium with a WAV as its microphone, driven over its DevTools protocol."""

import asyncio
import base64
import json
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import aiohttp
import pytest

PROGRAMS = ("chromium", "chromium-browser")
FLAGS = (
    "--headless",
    "--no-sandbox",  # as root, which CI is
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    "--remote-debugging-port=0",
    "--window-size=1280,800",
)


class Chromium:
    """``async with Chromium(wav) as page``: one page. wav: spoken once, from when the page asks for the microphone."""

    def __init__(self, wav: Path | None = None, flags: tuple[str, ...] = ()):
        self._program = next(filter(None, map(shutil.which, PROGRAMS)), None) or pytest.skip(
            "no chromium: ./tools/setup --tests"
        )
        self._flags = (*FLAGS, *flags, *([f"--use-file-for-fake-audio-capture={wav}%noloop"] if wav else []))
        self._calls = 0

    async def __aenter__(self) -> "Chromium":
        self._folder = tempfile.mkdtemp(prefix="chromium-")
        self._process = subprocess.Popen(
            [self._program, *self._flags, f"--user-data-dir={self._folder}", "about:blank"],
            stderr=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        self._http = aiohttp.ClientSession()
        port_file = Path(self._folder) / "DevToolsActivePort"
        async with asyncio.timeout(30):
            while not (port_file.exists() and "\n" in port_file.read_text()):
                await asyncio.sleep(0.05)
            port = port_file.read_text().split("\n")[0]
            async with self._http.get(f"http://127.0.0.1:{port}/json/list") as response:
                pages = await response.json(content_type=None)
        url = next(page["webSocketDebuggerUrl"] for page in pages if page["type"] == "page")
        self._socket = await self._http.ws_connect(url, max_msg_size=0)
        await self.send("Page.enable")
        return self

    async def __aexit__(self, *_) -> None:
        await self._socket.close()
        await self._http.close()
        self._process.terminate()
        self._process.wait(10)
        shutil.rmtree(self._folder, ignore_errors=True)

    def vanish(self) -> None:
        """Dies without a word to the server."""
        self._process.send_signal(signal.SIGKILL)
        for line in subprocess.run(["pgrep", "-f", self._folder], capture_output=True, text=True).stdout.split():
            subprocess.run(["kill", "-9", line], check=False)

    async def send(self, method: str, **parameters) -> dict:
        self._calls += 1
        await self._socket.send_json({"id": self._calls, "method": method, "params": parameters})
        async for message in self._socket:
            answer = json.loads(message.data)
            if answer.get("id") == self._calls:
                assert "error" not in answer, answer["error"]
                return answer["result"]
        raise ConnectionError("Chromium closed the connection")

    async def open(self, url: str) -> None:
        await self.send("Page.navigate", url=url)
        await self.until("document.readyState == 'complete' && location.href != 'about:blank'")

    async def run(self, expression: str):
        """The value of a JavaScript expression, awaited; as with a user's gesture."""
        result = await self.send(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True, userGesture=True
        )
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    async def until(self, expression: str, seconds: float = 30):
        """Waits until the expression is truthy and returns it."""
        async with asyncio.timeout(seconds):
            while not (value := await self.run(expression)):
                await asyncio.sleep(0.05)
        return value

    async def screenshot(self, path: Path) -> None:
        picture = await self.send("Page.captureScreenshot", format="png")
        path.write_bytes(base64.b64decode(picture["data"]))
