"""python -m actors.transport: serves the page and holds the calls."""

import argparse
import asyncio
import errno
import ipaddress
import logging
import signal
import socket
import ssl
import sys

from aiohttp import web

from actors import log as actor_log
from actors.actor import CANNOT_START, leave, replay
from actors.actor import arguments as actor_arguments
from actors.port import Port
from actors.transport import hooks
from actors.transport.exchange import HEARS, REMEMBERS, UNREAD, Exchange
from actors.transport.server import Server
from actors.transport.timeline import Timeline
from protocol.errors import ProtocolError
from protocol.lead import Lead, last_leader
from protocol.run import run_folder

ENGINE = "aiortc"

log = logging.getLogger(__name__)


def arguments() -> argparse.Namespace:
    parser = actor_arguments("transport", "Serves the page and holds the calls.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on; 0.0.0.0 for all")
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--max-sessions", type=int, default=2, help="calls at the same time")
    parser.add_argument(
        "--allow-origin",
        action="append",
        default=[],
        metavar="URL",
        help="a site, such as https://example.org, that this server is reached as or whose pages may call; repeatable",
    )
    parser.add_argument("--cert", help="certificate chain (PEM) for HTTPS: browsers give no microphone over plain HTTP")
    parser.add_argument("--key", help="its private key (PEM)")
    options = parser.parse_args()
    if options.engine not in ("auto", ENGINE):
        parser.error(f"no engine {options.engine!r}; there are auto, {ENGINE}")
    if bool(options.cert) != bool(options.key):
        parser.error("--cert and --key go together")
    return options


def main() -> None:
    options = arguments()
    actor_log.setup("transport")
    logging.getLogger("aioice").setLevel(logging.WARNING)  # it logs every address pair of every call
    try:
        if options.replay:
            return replay("transport", options, Timeline.HEARS, Timeline)
        tls = _tls(options)
        stand_by()
        asyncio.run(serve(options, tls))
    except (ProtocolError, OSError) as error:
        log.error("%s", _in_words(error, options))
        sys.exit(CANNOT_START)
    leave()


def stand_by() -> None:
    """Returns when no other process is at work: the calls of one that ends go on here at once, for all is loaded."""
    lead = Lead(run_folder(), "transport")
    if not lead.take():
        log.info("ready to take over from process %d", last_leader(run_folder(), "transport"))
        lead.take(waits=True)


async def serve(options: argparse.Namespace, tls: ssl.SSLContext | None) -> None:
    """Until a signal comes. The calls are not over then: their pages come back to the next process."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    if _is_loopback(options.host) or hooks.has_only_loopback():
        hooks.offer_only_loopback()
    listening = socket.create_server((options.host, options.port))  # first: pages that come back need not try twice
    port = Port("transport", engine=ENGINE, hears=HEARS, unread=UNREAD, remembers=REMEMBERS)
    past = await asyncio.to_thread(port.open)
    url = f"{'https' if tls else 'http'}://{options.host}:{options.port}"
    exchange = Exchange(port, past, options.max_sessions, url)
    app = Server(exchange, options.host, options.allow_origin).app()
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)  # s; what lasts as long as a call ends here
    await runner.setup()
    await web.SockSite(runner, listening, ssl_context=tls).start()
    log.info("ready at %s", url)
    feeding = asyncio.ensure_future(exchange.run())
    stopping = asyncio.ensure_future(stop.wait())
    await asyncio.wait((feeding, stopping), return_when=asyncio.FIRST_COMPLETED)
    if feeding.done():
        feeding.result()  # raises what ended it
    await exchange.close()
    feeding.cancel()
    await runner.cleanup()
    port.close()


def _tls(options: argparse.Namespace) -> ssl.SSLContext | None:
    if not options.cert:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(options.cert, options.key)
    except OSError as error:
        raise OSError(f"cannot use --cert {options.cert} with --key {options.key}: {error}") from error
    return context


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _in_words(error: Exception, options: argparse.Namespace) -> str:
    if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
        return f"port {options.port} on {options.host} is taken: stop what uses it, or give another with --port"
    return str(error)


if __name__ == "__main__":
    main()
