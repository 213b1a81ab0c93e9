"""What the memory holds about a user, for himself: to read, to correct and to delete over HTTP."""

import asyncio
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from aiohttp import web

from actors.memory.store import Store, StoreError, open_store
from actors.transport.refusal import refusal
from actors.transport.user import BadKey, user_of


class Recollection:
    """The store is opened at the first request and used in one thread of its own: deleting rewrites a whole file."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="memory")
        self._store: Store | None = None

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/api/memory", self._read),
            web.put("/api/memory/{key}", self._edit),
            web.delete("/api/memory/{key}", self._forget),
            web.delete("/api/memory", self._forget_all),
        ]

    async def close(self, *_) -> None:
        def close() -> None:
            if self._store:
                self._store.close()

        await asyncio.get_running_loop().run_in_executor(self._thread, close)
        self._thread.shutdown()

    async def _read(self, request: web.Request) -> web.Response:
        def read(store: Store, user: str) -> dict:
            return {"facts": [_told(one) for one in store.facts(user)]}

        return await self._with_store(request, read)

    async def _edit(self, request: web.Request) -> web.Response:
        try:
            value = json.loads(await request.read())["value"]
        except (ValueError, RecursionError, KeyError, TypeError):
            value = None
        if not isinstance(value, str):
            return refusal(400, 'the request must be {"value": "…"}')
        key = request.match_info["key"]
        return await self._with_store(request, lambda store, user: store.edit(user, key, value) and {"edited": True})

    async def _forget(self, request: web.Request) -> web.Response:
        key = request.match_info["key"]
        return await self._with_store(request, lambda store, user: store.forget(user, key) and {"forgotten": True})

    async def _forget_all(self, request: web.Request) -> web.Response:
        return await self._with_store(request, lambda store, user: {"forgotten": store.forget(user)})

    async def _with_store(self, request: web.Request, act: Callable[[Store, str], dict | bool]) -> web.Response:
        """``act`` gives what to answer; False where there is no such fact."""
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        try:
            user = user_of(key.strip() if scheme.lower() == "bearer" else "")
        except BadKey as error:
            return refusal(401, f"Authorization: Bearer KEY is needed: {error}", {"WWW-Authenticate": "Bearer"})
        try:
            told = await asyncio.get_running_loop().run_in_executor(self._thread, self._act, act, user)
        except StoreError as error:
            return refusal(503, f"the memory does not answer: {error}")
        except ValueError as error:
            return refusal(400, str(error))
        return web.json_response(told) if told else refusal(404, "nothing is known under this name")

    def _act(self, act: Callable[[Store, str], dict | bool], user: str) -> dict | bool:
        if self._store is None:
            self._store = open_store()
        return act(self._store, user)


def _told(fact) -> dict:
    return {
        "key": fact.key,
        "value": fact.value,
        "said_at": fact.said_at.isoformat(timespec="seconds"),
        "told": fact.told,
        "changed": fact.changed,
        "score": round(fact.score, 3),
    }
