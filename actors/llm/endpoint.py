"""Where a language model listens: any address that speaks OpenAI's chat-completions protocol."""

import ipaddress
import os
import re
from collections.abc import Mapping
from urllib.parse import SplitResult, urlsplit
from urllib.request import getproxies, proxy_bypass

from attrs import Attribute, field, frozen

from actors.engine import CannotStart


class BadEndpoint(CannotStart):
    """An address, model or key that cannot be right. The message never quotes them: a key may stand in any of them."""


def _address(_, attribute: Attribute, value: str) -> None:
    name = "the address of the language model (LLM_BASE_URL)"
    try:
        parts = urlsplit(value)
        port = parts.port
        (parts.hostname or "").encode("idna")  # no empty part, none of more than 63 letters
    except ValueError:
        raise BadEndpoint(f"{name} has a broken host or port") from None
    if parts.scheme not in ("http", "https"):
        raise BadEndpoint(f"{name} does not begin with http:// or https://")
    if not parts.hostname or not re.fullmatch(r"[\w.:%-]+", parts.hostname):
        raise BadEndpoint(f"{name} has no host after {parts.scheme}://, or one with odd characters")
    if port == 0:
        raise BadEndpoint(f"{name} has port 0")
    if parts.username is not None or parts.password is not None:
        raise BadEndpoint(f"{name} has a user or password in it; keys go into LLM_API_KEY")
    if parts.query or parts.fragment or not re.fullmatch(r"[!-~]*", parts.path):
        raise BadEndpoint(f"{name} has a space, ? or # in it; it ends with a path such as /v1")


def _model(_, attribute: Attribute, value: str) -> None:
    if not value.isprintable() or not value:
        raise BadEndpoint("the name of the language model (LLM_MODEL) is empty or has control characters")


def _key(_, attribute: Attribute, value: str) -> None:
    if odd := re.search(r"[^!-~]", value):
        raise BadEndpoint(f"LLM_API_KEY has a character at position {odd.start()} that no HTTP header can carry")


@frozen
class Endpoint:
    """base_url: up to and with /v1. key: "" where the server wants none; it is in no repr. Raises BadEndpoint."""

    base_url: str = field(converter=lambda url: url.strip().rstrip("/"), validator=_address)
    model: str = field(converter=str.strip, validator=_model)
    key: str = field(default="", converter=str.strip, validator=_key, repr=False)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Endpoint":
        """From LLM_BASE_URL, LLM_MODEL and, where the server wants one, LLM_API_KEY. Raises BadEndpoint."""
        if missing := [name for name in ("LLM_BASE_URL", "LLM_MODEL") if not environment.get(name, "").strip()]:
            raise BadEndpoint(f"{' and '.join(missing)} not set; a language model is optional and needs both")
        return cls(environment["LLM_BASE_URL"], environment["LLM_MODEL"], environment.get("LLM_API_KEY", ""))

    @property
    def host(self) -> str:
        """With the port where one is given: for messages."""
        return self._parts.netloc

    @property
    def proxy(self) -> str | None:
        """The proxy that the environment wants for this address, perhaps with a password; never one for this machine.

        Raises BadEndpoint.
        """
        if _loopback(self._parts.hostname) or proxy_bypass(self._parts.netloc):
            return None
        proxy = getproxies().get(self._parts.scheme)
        if proxy and not proxy.startswith("http://"):
            raise BadEndpoint(f"{self._parts.scheme}_proxy does not begin with http://; other proxies cannot be used")
        return proxy

    @property
    def _parts(self) -> SplitResult:
        return urlsplit(self.base_url)


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
