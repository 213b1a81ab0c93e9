"""The HTTP side: the page, the offer that opens a call, and how everybody is."""

import ipaddress
import json
import socket
from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import web

from actors.transport.exchange import Exchange, Full
from actors.transport.offer import BadOffer
from actors.transport.recollection import Recollection
from actors.transport.refusal import refusal
from actors.transport.user import BadKey, user_of
from protocol.errors import BusUnreachable

WEB = Path(__file__).parent / "web"
MOST_BYTES = 64 * 1024  # of a request
RETRY_S = 30
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; media-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-cache",
}


class Server:
    """``host``: the name it listens on. ``allowed_origins``: such as https://example.org, beside its own."""

    def __init__(self, exchange: Exchange, host: str, allowed_origins: list[str]):
        self._exchange = exchange
        self._recollection = Recollection()
        self._allowed = set(allowed_origins)
        machine = socket.gethostname().lower()
        allowed_names = (urlsplit(origin).hostname for origin in allowed_origins)
        self._hosts = {host, "localhost", machine, f"{machine}.local", *allowed_names}

    def app(self) -> web.Application:
        app = web.Application(client_max_size=MOST_BYTES, middlewares=[self._guard])
        app.on_response_prepare.append(self._add_headers)
        app.router.add_get("/", self._page)
        app.router.add_static("/web", WEB, show_index=False)
        app.router.add_get("/api/health", self._health)
        app.router.add_get("/api/turns", self._turns)
        app.router.add_post("/api/offer", self._offer)
        app.router.add_delete("/api/session/{id}", self._hang_up)
        app.router.add_get("/api/session/{id}/end", self._end)
        app.router.add_routes(self._recollection.routes())
        app.on_cleanup.append(self._recollection.close)
        app.router.add_route("OPTIONS", "/api/{rest:.*}", self._preflight)
        return app

    # ---- what is served

    async def _page(self, request: web.Request) -> web.StreamResponse:
        return web.FileResponse(WEB / "index.html")

    async def _health(self, request: web.Request) -> web.Response:
        return web.json_response(self._exchange.health())

    async def _turns(self, request: web.Request) -> web.Response:
        return web.json_response(self._exchange.turns.report())

    async def _offer(self, request: web.Request) -> web.Response:
        try:
            body = json.loads(await request.read())
        except (ValueError, RecursionError) as error:
            return refusal(400, f"the request is no JSON: {error}")
        if not isinstance(body, dict) or body.get("type") != "offer" or not isinstance(body.get("sdp"), str):
            return refusal(400, 'the request must be {"type": "offer", "sdp": "…"}')
        try:
            user = user_of(str(body["user"])) if body.get("user") else ""
            session, answer = await self._exchange.answer(body["sdp"], user, str(body.get("session", "")))
        except (BadKey, BadOffer) as error:
            return refusal(400, str(error))
        except (Full, BusUnreachable) as error:
            return refusal(503, str(error), {"Retry-After": str(RETRY_S)})
        return web.json_response({"type": "answer", "sdp": answer, "session_id": session})

    async def _hang_up(self, request: web.Request) -> web.Response:
        if not await self._exchange.hang_up(request.match_info["id"]):
            return refusal(404, "there is no such call")
        return web.json_response({"closed": True})

    async def _end(self, request: web.Request) -> web.StreamResponse:
        """Answers when the call is over. A connection that breaks before tells the page that this process is gone."""
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        was_there = await self._exchange.until_over(request.match_info["id"])
        await response.write(json.dumps({"ended": was_there}).encode())
        await response.write_eof()
        return response

    async def _preflight(self, request: web.Request) -> web.Response:
        headers = {
            "Access-Control-Allow-Methods": "GET, POST, PUT, DELETE",
            "Access-Control-Allow-Headers": "Authorization, Content-Type",
        }
        return web.Response(status=204, headers=headers)

    # ---- what holds for every request

    @web.middleware
    async def _guard(self, request: web.Request, handler) -> web.StreamResponse:
        if not self._is_own_host(request):
            return refusal(403, f"this server is not {request.host}; start it with --allow-origin for other names")
        if request.method != "GET" and not self._is_allowed_origin(request):
            return refusal(403, f"pages of {request.headers['Origin']} may not call; see --allow-origin")
        try:
            return await handler(request)
        except web.HTTPException as error:
            if error.status < 400:
                raise
            keep = {name: value for name, value in error.headers.items() if name == "Allow"}
            return refusal(error.status, error.reason.lower(), keep)

    def _is_own_host(self, request: web.Request) -> bool:
        """Addresses and known names only: another name that leads here is some page's trick (DNS rebinding)."""
        name = urlsplit(f"//{request.host}").hostname or ""
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return name in self._hosts
        return True

    def _is_allowed_origin(self, request: web.Request) -> bool:
        origin = request.headers.get("Origin")
        return origin is None or origin in self._allowed or urlsplit(origin).netloc == request.host

    async def _add_headers(self, request: web.Request, response: web.StreamResponse) -> None:
        response.headers.update(HEADERS)
        if request.path.startswith("/api/"):
            response.headers["Cache-Control"] = "no-store"  # what somebody told is not for a browser's disk
        if (origin := request.headers.get("Origin")) in self._allowed:
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Vary"] = "Origin"
