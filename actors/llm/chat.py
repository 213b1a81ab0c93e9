"""A streaming client for any server of OpenAI's chat-completions protocol: OpenRouter, vLLM, llama.cpp, Ollama.

It lives in a thread of its own with an asyncio loop, so that nothing here blocks the actor that asks.
"""

import asyncio
import json
import threading
from collections.abc import AsyncGenerator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import aclosing

import aiohttp
from attrs import evolve

from actors.llm.answering import Answering, Failure
from actors.llm.chunk import EXPLAINED, Chunk, Failed, from_status, read_chunk
from actors.llm.clauses import Clauses
from actors.llm.endpoint import Endpoint
from actors.llm.sse import MAX_EVENT_CHARS, Events, TooLong
from protocol.clock import now_ns

CONNECT_S = 3.0  # name, TCP and TLS; a server on another continent needs 0.5
FIRST_TOKEN_S = 7.0  # for everything before the first word, retries included; the llm actor gives up after 8
STALL_S = 4.0  # between two words; by then the voice has said what came before
RETRY_PAUSE_S = 0.2  # before the one more attempt after a failure of the server
MAX_WAIT_S = 2.0  # a Retry-After up to this is waited for
DRAIN_S = 1.0  # for what follows the last word, so that the connection can be used again
IDLE_S = 300.0  # an unused connection is kept open so long, if the server does
MAX_REPLY_CHARS = 12_000  # more than ten minutes of speech: a model that does not stop is left
MAX_REFUSAL_BYTES = 1 << 16  # of an error's body

Messages = Sequence[Mapping[str, str]]  # each with "role" and "content"


class Chat:
    """One per process, for any number of answers at the same time. Safe to use from every thread."""

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        connect_s: float = CONNECT_S,
        first_token_s: float = FIRST_TOKEN_S,
        stall_s: float = STALL_S,
        drain_s: float = DRAIN_S,
    ):
        self._endpoint = endpoint
        self._connect_s, self._first_token_s, self._stall_s, self._drain_s = connect_s, first_token_s, stall_s, drain_s
        self._proxy = endpoint.proxy
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="chat", daemon=True)
        self._thread.start()
        self._http = asyncio.run_coroutine_threadsafe(self._open(), self._loop).result()

    def begin(self, messages: Messages) -> Answering:
        """Asks; returns at once."""
        answering = Answering(now_ns())
        body = {"model": self._endpoint.model, "messages": [dict(message) for message in messages], "stream": True}
        work = self._answer(json.dumps(body).encode(), answering)
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        answering.stopped_by(future.cancel)

        def ended(future: Future) -> None:
            if future.cancelled():
                answering.cancel()
            elif error := future.exception():
                answering.crash(error)

        future.add_done_callback(ended)
        return answering

    def warm(self) -> "Future[Failure | None]":
        """Has a connection ready, which saves the next begin() the handshake; returns at once.

        The result says whether the server would listen: None, or why not.
        """
        return asyncio.run_coroutine_threadsafe(self._warm(), self._loop)

    def close(self) -> None:
        """Ends what is under way."""
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _open(self) -> aiohttp.ClientSession:
        headers = {"User-Agent": "visavis", "Accept-Encoding": "identity"}  # a compressor would hold words back
        if self._endpoint.key:
            headers["Authorization"] = f"Bearer {self._endpoint.key}"
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(keepalive_timeout=IDLE_S),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=headers,
            proxy=self._proxy,
            timeout=aiohttp.ClientTimeout(total=None, connect=self._connect_s),
        )

    async def _close(self) -> None:
        running = asyncio.all_tasks() - {asyncio.current_task()}
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running)
        await self._http.close()

    async def _warm(self) -> Failure | None:
        # GET, not HEAD: aiohttp closes after an answer without a length, which only HEAD may have
        headers = {"Accept-Encoding": "gzip"}  # some servers list hundreds of models
        url = f"{self._endpoint.base_url}/models"
        try:
            async with (
                asyncio.timeout(self._connect_s),
                self._http.get(url, headers=headers, allow_redirects=False) as response,
            ):
                async for _ in response.content.iter_any():
                    pass  # a connection is free again when everything is read
        except aiohttp.ClientError as error:
            return self._lost(error)
        except TimeoutError:
            return Failure("unreachable", f"{self._endpoint.host} did not answer within {self._connect_s:g} s")
        if response.status in (401, 402, 403, 429) or response.status >= 500:
            return from_status(response.status, response.headers)
        return None  # also 404: not every server lists its models

    async def _answer(self, body: bytes, answering: Answering) -> None:
        try:
            async with asyncio.timeout(self._first_token_s) as patience:
                try:
                    await self._attempt(body, answering, patience)
                except Failed as first:
                    if answering.first_piece_ns is not None or (pause_s := _pause_s(first.failure)) is None:
                        raise
                    await asyncio.sleep(pause_s)
                    await self._attempt(body, answering, patience)
        except Failed as failed:
            answering.end(failed.failure)
        except TimeoutError:
            if answering.first_token_ns is None:
                reason = f"no word within {self._first_token_s:g} s"
            else:
                reason = f"no further word; waited {self._stall_s:g} s, and {self._first_token_s:g} s for the first"
            answering.end(Failure("stalled", reason))

    async def _attempt(self, body: bytes, answering: Answering, patience: asyncio.Timeout) -> None:
        """Raises Failed."""
        url = f"{self._endpoint.base_url}/chat/completions"
        headers = {"Content-Type": "application/json", "Accept": "text/event-stream"}
        response = None
        try:
            response = await self._http.post(url, data=body, headers=headers, allow_redirects=False)
            if response.status != 200:
                refusal = await response.content.read(MAX_REFUSAL_BYTES) if response.status in EXPLAINED else b""
                raise Failed(from_status(response.status, response.headers, refusal.decode(errors="replace")))
            await self._listen(response, answering, patience)
        except aiohttp.ClientError as error:
            raise Failed(self._lost(error)) from None  # aiohttp's own errors carry the request's headers
        finally:
            if response is not None:
                response.close()  # a connection that was read to the end has gone back before

    async def _listen(self, response: aiohttp.ClientResponse, answering: Answering, patience: asyncio.Timeout) -> None:
        clauses, chars = Clauses(), 0
        async with aclosing(_chunks(response)) as chunks:
            async for chunk in chunks:
                if chunk.text:
                    answering.token()
                    chars += len(chunk.text)
                    answering.add(clauses.feed(chunk.text), clauses.mood)
                    if not clauses.silent:  # a model that only thinks is still to say its first word
                        patience.reschedule(self._loop.time() + self._stall_s)
                if chunk.finish == "content_filter":
                    raise Failed(Failure("refused", "the server's filter ended the reply"))
                if chunk.finish or chars > MAX_REPLY_CHARS:
                    finish = chunk.finish or "length"
                    answering.add(clauses.end(complete=finish != "length"), clauses.mood)
                    answering.end(finish=finish)
                    break
            else:
                reason = f"the stream ended after {chars} characters without saying that it was over"
                raise Failed(Failure("malformed", reason))
        if chunk.finish:
            patience.reschedule(None)
            await self._drain(response)

    async def _drain(self, response: aiohttp.ClientResponse) -> None:
        try:
            async with asyncio.timeout(self._drain_s):
                async for _ in response.content.iter_any():
                    pass
        except (TimeoutError, aiohttp.ClientError):
            pass  # the reply is complete; only the connection is lost

    def _lost(self, error: aiohttp.ClientError) -> Failure:
        host = self._endpoint.host
        match error:
            case aiohttp.ServerTimeoutError():
                return Failure("unreachable", f"no connection to {host} within {self._connect_s:g} s")
            case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientSSLError():
                return Failure(
                    "unreachable", f"no TLS with {host}: not spoken there, or its certificate is not trusted"
                )
            case aiohttp.ClientProxyConnectionError() | aiohttp.ClientHttpProxyError():
                return Failure("unreachable", f"the proxy on the way to {host} does not let us through")
            case aiohttp.ClientConnectorError():
                return Failure("unreachable", f"{host}: {error.os_error.strerror or 'no such host'}")
            case aiohttp.ClientResponseError():
                return Failure("malformed", f"{host} does not speak HTTP as it should")
        return Failure("server error", f"{host} closed the connection")


async def _chunks(response: aiohttp.ClientResponse) -> AsyncGenerator[Chunk]:
    """What the server streams; of one that does not stream, the whole reply. Raises Failed."""
    if response.content_type == "text/html":
        raise Failed(Failure("malformed", "a web page in place of the reply"))
    if response.content_type == "application/json":
        whole = bytearray()
        async for part in response.content.iter_any():
            whole += part
            if len(whole) > MAX_EVENT_CHARS:
                raise Failed(Failure("malformed", f"a reply longer than {MAX_EVENT_CHARS} bytes"))
        chunk = read_chunk(whole.decode(errors="replace"))
        yield evolve(chunk, finish=chunk.finish or "stop")
        return
    events = Events()
    try:
        async for part in response.content.iter_any():
            for data in events.feed(part):
                yield read_chunk(data)
        for data in events.feed(b"", end=True):
            yield read_chunk(data)
    except TooLong:
        raise Failed(Failure("malformed", f"an event longer than {MAX_EVENT_CHARS} characters")) from None


def _pause_s(failure: Failure) -> float | None:
    """How long to wait before one more attempt; None where there is to be none."""
    if failure.retry_after_s is not None:
        return failure.retry_after_s if failure.retry_after_s <= MAX_WAIT_S else None
    return RETRY_PAUSE_S if failure.kind == "server error" else None
