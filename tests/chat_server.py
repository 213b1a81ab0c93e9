"""A server that speaks the chat-completions protocol over a real socket, and misbehaves as it is told."""

import asyncio
import json
import threading
from collections.abc import Sequence

from aiohttp import web
from attrs import define, field, frozen

DONE = b"data: [DONE]\n\n"
WAIT = object()  # step: nothing more, until the client goes
RESET = object()  # step: the connection is cut
GARBAGE = object()  # step, alone: something that is no HTTP


def event(**body) -> bytes:
    return f"data: {json.dumps(body)}\n\n".encode()


def chunk(text: str | None = None, finish: str | None = None, **delta) -> bytes:
    """As OpenAI, vLLM and llama.cpp write it."""
    delta = delta if text is None else {"content": text, **delta}
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return event(id="chatcmpl-1", object="chat.completion.chunk", created=1, model="m", choices=[choice])


def spoken(text: str) -> list[bytes]:
    """A well-behaved stream of ``text``, a word at a time."""
    words = [chunk(word) for word in text.replace(" ", "\0 ").split("\0")]
    return [chunk("", role="assistant"), *words, chunk(finish="stop"), DONE]


@frozen
class Reply:
    """steps: bytes to write, seconds to wait, or one of the steps above."""

    steps: Sequence = ()
    status: int = 200
    headers: dict = field(factory=dict)
    type: str = "text/event-stream"


@define
class Request:
    method: str
    path: str
    headers: dict
    body: dict
    peer: tuple  # the client's address: the same for the same connection


class ChatServer:
    """Gives its replies in order, the last one again and again. ``left``: set when a client goes in the middle."""

    def __init__(self, *replies: Reply | list[bytes]):
        self.replies = [reply if isinstance(reply, Reply) else Reply(reply) for reply in replies]
        self.requests: list[Request] = []
        self.left = threading.Event()
        self.models_status = 200
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> "ChatServer":
        self._thread.start()
        self.url = asyncio.run_coroutine_threadsafe(self._start(), self._loop).result()
        return self

    def __exit__(self, *_) -> None:
        asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def posts(self) -> list[Request]:
        return [request for request in self.requests if request.method == "POST"]

    async def _start(self) -> str:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.01, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}/v1"

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        body = json.loads(await request.read() or b"{}")
        peer = request.transport.get_extra_info("peername")
        self.requests.append(Request(request.method, request.path, dict(request.headers), body, peer))
        if request.method == "GET":
            return web.json_response({"object": "list", "data": []}, status=self.models_status)
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if reply.steps[:1] in ([RESET], [GARBAGE]):
            if reply.steps[0] is GARBAGE:
                request.transport.write(b"220 smtp ready\r\n\r\n")
            request.transport.close()
            return web.Response()
        response = web.StreamResponse(status=reply.status, headers={"Content-Type": reply.type, **reply.headers})
        try:
            await response.prepare(request)
            for step in reply.steps:
                if isinstance(step, bytes):
                    await response.write(step)
                elif step is RESET:
                    request.transport.close()
                    return response
                else:
                    await asyncio.sleep(3600 if step is WAIT else step)
            await response.write_eof()
        except (asyncio.CancelledError, ConnectionResetError):
            self.left.set()
            raise
        return response
