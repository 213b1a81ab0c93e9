"""How the HTTP side says no: a status and a sentence."""

from aiohttp import web


def refusal(status: int, why: str, headers: dict[str, str] | None = None) -> web.Response:
    return web.json_response({"error": why}, status=status, headers=headers)
