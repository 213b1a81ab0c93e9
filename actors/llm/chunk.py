"""What servers of the chat-completions protocol say: chunks of a reply, error objects and HTTP statuses."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from attrs import frozen

from actors.llm.answering import Failure

_REASONS = {  # in words of our own: what the server writes may quote the conversation
    400: "the server does not accept the request",
    401: "the key is wrong or missing",
    402: "there is no credit left",
    403: "the key may not use this model, or the server does not want to answer this",
    404: "no such model there, or the address lacks a path such as /v1",
    413: "the conversation is too long",
    429: "too many requests",
}
EXPLAINED = (400, 413, 422)  # the body may say that the conversation is too long
_TOO_LONG = ("context_length", "context length", "context size", "context window", "exceed_context")
_TOO_LONG_REASON = "the conversation is longer than the model's context"


class Failed(Exception):
    """Ends an attempt."""

    def __init__(self, failure: Failure):
        super().__init__(failure.reason)
        self.failure = failure


@frozen
class Chunk:
    """text: to be spoken; reasoning is not. finish: "stop", "length", "content_filter" ...; "" while it goes on."""

    text: str = ""
    finish: str = ""


def read_chunk(data: str) -> Chunk:
    """From the data of one event, or a whole reply of a server that does not stream. Raises Failed."""
    if data.strip() == "[DONE]":
        return Chunk(finish="stop")
    try:
        chunk = json.loads(data)
    except (ValueError, RecursionError):
        raise Failed(Failure("malformed", f"a chunk of {len(data)} characters is not JSON")) from None
    _check(chunk, dict, "a chunk")
    if error := chunk.get("error") or chunk.get("object") == "error" and chunk:
        raise Failed(_in_stream(error))
    choices = _check(chunk.get("choices") or [], list, "choices")
    if not choices:
        return Chunk()  # the usage, or a greeting
    choice = _check(choices[0], dict, "a choice")
    delta = _check(choice.get("delta") or choice.get("message") or {}, dict, "delta")
    text = _check(delta.get("content") or "", str, "content")
    return Chunk(text, _check(choice.get("finish_reason") or "", str, "finish_reason"))


def _check(value, kind: type, name: str):
    if not isinstance(value, kind):
        raise Failed(Failure("malformed", f"{name} is a {type(value).__name__}, not a {kind.__name__}"))
    return value


def _in_stream(error) -> Failure:
    """An error that came in place of a chunk."""
    code = error.get("code") if isinstance(error, dict) else None
    words = json.dumps(error).lower()
    if any(phrase in words for phrase in _TOO_LONG):
        return Failure("refused", _TOO_LONG_REASON, 400)
    if str(code).isdigit() and 400 <= int(code) <= 599:
        return from_status(int(code), {})
    if "rate_limit" in words or "rate limit" in words:
        return from_status(429, {})
    return Failure("server error", "the server reported an error in place of the reply")


def from_status(status: int, headers: Mapping[str, str], body: str = "") -> Failure:
    """``body``: looked through for known phrases; never quoted."""
    retry_after_s = _retry_after_s(headers.get("Retry-After", ""))
    if 300 <= status <= 399:
        reason = "the server sends elsewhere, where the key is not sent; give LLM_BASE_URL the final address"
        return Failure("refused", f"{status}: {reason}", status)
    if status == 429:
        return Failure("rate limited", f"429: {_REASONS[429]}", status, retry_after_s)
    if status >= 500 or status == 408:
        return Failure("server error", f"{status}: the server failed", status, retry_after_s)
    if status < 300:
        return Failure("malformed", f"{status}: an answer without content", status)
    reason = _REASONS.get(status, "the server refuses")
    if status in EXPLAINED and any(phrase in body.lower() for phrase in _TOO_LONG):
        reason = _TOO_LONG_REASON
    return Failure("refused", f"{status}: {reason}", status)


def _retry_after_s(value: str) -> float | None:
    """Seconds, or a date (RFC 9110, section 10.2.3)."""
    try:
        return max(0.0, float(value)) if float(value) < float("inf") else None
    except ValueError:
        pass
    try:
        date = parsedate_to_datetime(value)
    except ValueError:
        return None
    date = date if date.tzinfo else date.replace(tzinfo=UTC)
    return max(0.0, (date - datetime.now(UTC)).total_seconds())
