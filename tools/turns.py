"""How long each stage of the last turns took, and what was made in vain, as the transport actor saw it."""

import ipaddress
import json
import ssl
import urllib.request
from urllib.parse import urlsplit

from tools.errors import NotRunning
from tools.table import print_table

SHOWN = 20  # turns
ANSWER_S = 3.0


def fetch(page: str) -> dict:
    """What /api/turns says. ``page``: where the server is, as transport's Health has it. Raises NotRunning, OSError."""
    if not page:
        raise NotRunning("the transport actor has not said where it listens")
    parts = urlsplit(page)
    host = "127.0.0.1" if parts.hostname == "0.0.0.0" else parts.hostname
    context = ssl.create_default_context()
    if _is_here(host):  # its certificate is made for the name that others reach it by
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    with opener.open(f"{parts.scheme}://{host}:{parts.port}/api/turns", timeout=ANSWER_S) as response:
        return json.load(response)


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def rows(report: dict) -> list[tuple[str, ...]]:
    """The table of ``fetch()``: ms since the end of speech, a column for each stage in the order of their medians."""
    p50 = report["p50"]
    names = sorted((name for name in p50 if p50[name] is not None), key=p50.get)

    def row(label: str, values: dict) -> tuple[str, ...]:
        return (label, *("" if values[name] is None else f"{values[name]:.0f}" for name in names))

    head = ("TURN", *(name.replace("_", " ").upper() for name in names))
    turns = [row(str(turn["turn"]), turn) for turn in report["turns"][-SHOWN:]]
    return [head, *turns, row("p50", p50), row("p95", report["p95"])]


def show(report: dict) -> None:
    if not report["turns"]:
        return print("no turn was heard yet")
    print_table(rows(report))
    drafts = report["drafts"]
    print(
        f"\nms since the end of speech. Begun before they were certain: {drafts['drafted']} of "
        f"{drafts['drafted'] + drafts['not_drafted']} turns; thrown away: {drafts['thrown_away']} drafts "
        f"with {drafts['wasted_sentences']} sentences and {drafts['wasted_voice_ms'] / 1000:.1f} s of voice"
    )
