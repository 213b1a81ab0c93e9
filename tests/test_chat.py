"""The conversation's client against a real server on a real socket that misbehaves in every way seen in the wild."""

import json
import logging
import socket
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from chat_server import DONE, GARBAGE, RESET, WAIT, ChatServer, Reply, chunk, event, spoken

from actors.llm.answering import Answering, Failure
from actors.llm.chat import MAX_REPLY_CHARS, Chat
from actors.llm.clauses import MAX_PIECE, Clauses
from actors.llm.endpoint import BadEndpoint, Endpoint
from actors.llm.sse import Events
from protocol.messages import MAX_TEXT

KEY = "sk-or-v1-0123456789secret"
HI = [{"role": "user", "content": "my name is Rumpelstiltskin"}]
GUARD_S = 20.0
LONG_S = 60.0  # a limit that a test must not reach
CUT = "Hello there. And then I"


@pytest.fixture
def open_chat():
    """Opens clients of a server with patience for a test."""
    chats = []

    def opened(server: ChatServer | str, **patience_s) -> Chat:
        url = server if isinstance(server, str) else server.url
        patience_s = {"connect_s": LONG_S, "first_token_s": LONG_S, "stall_s": LONG_S, **patience_s}
        chats.append(Chat(Endpoint(url, "m", KEY), **patience_s))
        return chats[-1]

    yield opened
    for chat in chats:
        chat.close()


def hear(answering, until=lambda pieces, answering: answering.done) -> list[str]:
    pieces, guard = [], time.monotonic() + GUARD_S
    while True:
        pieces += answering.take()
        if until(pieces, answering):
            return pieces
        assert time.monotonic() < guard, f"only {pieces} after {GUARD_S} s"
        time.sleep(0.001)


def ask(open_chat, *replies, **patience_s):
    """The pieces of the answer, and the answer."""
    with ChatServer(*replies) as server:
        answering = open_chat(server, **patience_s).begin(HI)
        return hear(answering), answering


def cut(text: str, size: int = 3) -> list[str]:
    clauses = Clauses()
    pieces = [piece for at in range(0, len(text), size) for piece in clauses.feed(text[at : at + size])]
    return pieces + clauses.end()


# a reply that goes well


def test_a_reply_comes_in_pieces_with_its_mood_and_times(open_chat):
    pieces, answering = ask(open_chat, spoken("[happy] Oh, I do like that a lot, you know. It is fun! Shall we go?"))
    assert pieces == ["Oh, I do like that a lot,", "you know.", "It is fun!", "Shall we go?"]
    assert (answering.mood, answering.finish, answering.failed) == ("happy", "stop", None)
    assert answering.begun_ns < answering.first_token_ns <= answering.first_piece_ns <= answering.end_ns


def test_the_request_is_what_the_protocol_wants(open_chat):
    with ChatServer(spoken("Hi.")) as server:
        hear(open_chat(server).begin(HI))
    (request,) = server.requests
    assert (request.method, request.path) == ("POST", "/v1/chat/completions")
    assert request.body == {"model": "m", "messages": HI, "stream": True}
    assert request.headers["Authorization"] == f"Bearer {KEY}"
    assert request.headers["Accept-Encoding"] == "identity"


def test_a_server_without_a_key_gets_no_authorization():
    with ChatServer(spoken("Hi.")) as server:
        chat = Chat(Endpoint(server.url + "/", "m"))
        hear(chat.begin(HI))
        chat.close()
    assert "Authorization" not in server.requests[0].headers
    assert server.requests[0].path == "/v1/chat/completions"


def test_the_first_piece_is_there_while_the_server_still_writes(open_chat):
    with ChatServer([chunk("[sad] Oh no, that is bad, "), WAIT]) as server:
        answering = open_chat(server).begin(HI)
        assert hear(answering, lambda pieces, _: pieces) == ["Oh no, that is bad,"]
        assert answering.mood == "sad" and not answering.done and answering.end_ns is None
        answering.cancel()


def test_cancelling_closes_the_connection_and_drops_what_was_not_taken(open_chat):
    with ChatServer([chunk("Hello there. And "), WAIT]) as server:
        answering = open_chat(server).begin(HI)
        hear(answering, lambda *_: answering.first_piece_ns or answering.done)
        assert not server.left.is_set()
        answering.cancel()
        assert server.left.wait(GUARD_S)
        assert answering.done and answering.cancelled and not answering.failed
        assert answering.take() == []


def test_an_answer_cancelled_at_once_ends_and_the_next_one_works(open_chat):
    with ChatServer(spoken("Hi.")) as server:
        chat = open_chat(server)
        gone = chat.begin(HI)
        gone.cancel()
        assert gone.done and hear(chat.begin(HI)) == ["Hi."]
        assert gone.take() == []


def test_closing_the_chat_ends_the_answers_under_way():
    with ChatServer([chunk("Hello there. And "), WAIT]) as server:
        chat = Chat(Endpoint(server.url, "m"))
        answering = chat.begin(HI)
        hear(answering, lambda pieces, _: pieces)
        chat.close()
        assert server.left.wait(GUARD_S)
        assert answering.done and answering.cancelled


def test_two_answers_at_once_do_not_mix(open_chat):
    with ChatServer([chunk("One is this. And "), WAIT], spoken("Two is that.")) as server:
        chat = open_chat(server)
        one = chat.begin(HI)
        assert hear(one, lambda pieces, _: pieces) == ["One is this."]
        assert hear(chat.begin(HI)) == ["Two is that."]
        assert not one.done
        one.cancel()


def test_one_warm_connection_serves_all_answers(open_chat):
    with ChatServer(spoken("Hi there."), [*spoken("Bye now."), event(choices=[], usage={"total_tokens": 3})]) as server:
        chat = open_chat(server)
        assert chat.warm().result(GUARD_S) is None
        for _ in range(3):
            assert hear(chat.begin(HI))
            assert chat.warm().result(GUARD_S) is None
    assert [request.method for request in server.requests] == ["GET"] + ["POST", "GET"] * 3
    assert len({request.peer for request in server.requests}) <= 2  # an answer's end is known before its last byte


def test_a_connection_is_used_again_although_its_last_bytes_came_late(open_chat):
    with ChatServer([chunk("Hi.", finish="stop"), 0.03, DONE]) as server:
        chat = open_chat(server)
        for _ in range(20):
            assert hear(chat.begin(HI)) == ["Hi."]
            time.sleep(0.1)
            if len({request.peer for request in server.posts}) < len(server.posts):
                break
        else:
            pytest.fail("20 answers took 20 connections")


def test_what_arrives_after_cancelling_is_not_heard():
    answering = Answering(1)
    answering.cancel()
    answering.add(["Hi."], None)
    answering.end(Failure("stalled", "late"))
    assert (answering.take(), answering.failed, answering.cancelled, answering.done) == ([], None, True, True)


def test_an_error_in_the_thread_is_raised_where_the_answer_is_taken(open_chat, monkeypatch):
    def broken(self, text):
        raise ZeroDivisionError("a mistake")

    monkeypatch.setattr(Clauses, "feed", broken)
    with ChatServer(spoken("Hi.")) as server, pytest.raises(ZeroDivisionError, match="a mistake"):
        hear(open_chat(server).begin(HI))


@pytest.mark.parametrize("status, kind", [(200, None), (404, None), (401, "refused"), (503, "server error")])
def test_warming_says_whether_the_server_would_listen(open_chat, status, kind):
    with ChatServer([]) as server:
        server.models_status = status
        failure = open_chat(server).warm().result(GUARD_S)
    assert (failure and failure.kind) == kind


def test_a_connection_that_the_server_closed_meanwhile_is_opened_anew(open_chat):
    with ChatServer([RESET], spoken("Hi.")) as server:
        chat = open_chat(server)
        chat.warm().result(GUARD_S)
        assert hear(chat.begin(HI)) == ["Hi."]


# what servers write that is odd, but no failure

TEXT = "Grüße, 你 and 🙂 to you all, dear friends. Bye."
SAID = ["Grüße, 你 and to you all,", "dear friends.", "Bye."]
_RAW = b"".join(spoken(TEXT))
_CHUNKS = [chunk("Hi"), chunk(" there."), chunk(finish="stop"), DONE]


@pytest.mark.parametrize(
    "steps, expected",
    {
        "in single bytes, so in the middle of a character": ([_RAW[i : i + 1] for i in range(len(_RAW))], SAID),
        "not escaped": ([json.dumps(TEXT, ensure_ascii=False).join(
            ['data: {"choices":[{"delta":{"content":', "}}]}\n\ndata: [DONE]\n\n"]).encode()], SAID),
        "CRLF": ([_RAW.replace(b"\n", b"\r\n")], SAID),
        "CR": ([_RAW.replace(b"\n", b"\r")], SAID),
        "no space after data:": ([_RAW.replace(b"data: ", b"data:")], SAID),
        "byte order mark": ([b"\xef\xbb\xbf" + _RAW], SAID),
        "keep-alives": ([b": ping\n\n", *[b": OPENROUTER PROCESSING\n\n" + one for one in _CHUNKS]], ["Hi there."]),
        "event, id and retry fields": ([b"event: message\nid: 1\nretry: 5\n" + one for one in _CHUNKS], ["Hi there."]),
        "no [DONE]": (_CHUNKS[:-1], ["Hi there."]),
        "no finish_reason": ([*_CHUNKS[:2], DONE], ["Hi there."]),
        "[DONE] without its empty line": ([*_CHUNKS[:2], b"data: [DONE]"], ["Hi there."]),
        "finish with the last words": ([chunk("Hi"), chunk(" there.", finish="stop")], ["Hi there."]),
        "empty deltas": ([chunk(), chunk(""), _CHUNKS[0], chunk(content=None), *_CHUNKS[1:]], ["Hi there."]),
        "delta null": ([event(choices=[{"delta": None}]), *_CHUNKS], ["Hi there."]),
        "usage only": ([event(choices=[], usage={"total_tokens": 1}), event(usage={}), *_CHUNKS], ["Hi there."]),
        "reasoning": ([chunk(reasoning_content="He says hi."), chunk(reasoning="So. I say."), *_CHUNKS], ["Hi there."]),
        "thoughts in the text": ([*map(chunk, ("<think>", "He. s", "ays.", "</think>\n\n")), *_CHUNKS], ["Hi there."]),
        "words after the end": ([*_CHUNKS, chunk("More."), event(error="late")], ["Hi there."]),
        "half an emoji in each chunk": ([b'data: {"choices":[{"delta":{"content":"Hi \\ud83d"}}]}\n\n',
            b'data: {"choices":[{"delta":{"content":"\\ude42 there."}}]}\n\n', DONE], ["Hi there."]),
        "two lines of data": ([b'data: {"choices":\ndata: [{"delta":{"content":"Hi."}}]}\n\n', DONE], ["Hi."]),
        "nothing to say": ([chunk("😊"), DONE], []),
        "nothing at all": ([chunk(finish="stop"), DONE], []),
    }.values(),
    ids=lambda value: None,
)  # fmt: skip
def test_a_stream_that_is_only_odd_is_understood(open_chat, steps, expected):
    pieces, answering = ask(open_chat, steps)
    assert (pieces, answering.failed, answering.finish) == (expected, None, "stop")


def test_a_server_that_does_not_stream_is_heard_all_the_same(open_chat):
    body = {"choices": [{"message": {"role": "assistant", "content": "Hi there. Bye."}, "finish_reason": "stop"}]}
    pieces, answering = ask(open_chat, Reply([json.dumps(body).encode()], type="application/json"))
    assert (pieces, answering.failed) == (["Hi there.", "Bye."], None)


def test_a_reply_cut_by_its_length_ends_with_a_whole_sentence(open_chat):
    pieces, answering = ask(open_chat, [chunk("Hi there. This is a"), chunk(finish="length"), DONE])
    assert (pieces, answering.finish, answering.failed) == (["Hi there."], "length", None)


def test_a_model_that_does_not_stop_is_left(open_chat):
    sentence = "And so it goes on and on. "
    pieces, answering = ask(open_chat, [*[chunk(sentence)] * (MAX_REPLY_CHARS // len(sentence) + 2), WAIT])
    assert (answering.finish, answering.failed) == ("length", None)
    assert len(pieces) == MAX_REPLY_CHARS // len(sentence) + 1


# failures


def test_no_first_word_in_time_is_a_stall(open_chat):
    pieces, answering = ask(open_chat, [chunk(role="assistant"), WAIT], first_token_s=0.1)
    assert (pieces, answering.failed.kind, answering.first_token_ns) == ([], "stalled", None)


def test_keep_alives_and_reasoning_do_not_count_as_words(open_chat):
    drip = [b": ping\n\n", chunk(reasoning_content="hm"), chunk(""), chunk("<think>hm "), 0.02] * 200
    with ChatServer(drip) as server:
        answering = open_chat(server, first_token_s=0.2, stall_s=0.2).begin(HI)
        assert hear(answering) == []
        assert answering.failed.kind == "stalled"
        assert server.left.wait(GUARD_S)


def test_silence_in_mid_stream_is_a_stall_and_keeps_what_came(open_chat):
    with ChatServer([chunk(CUT), *[b": ping\n\n", 0.02] * 200]) as server:
        answering = open_chat(server, stall_s=0.2).begin(HI)
        assert hear(answering) == ["Hello there."]
        assert answering.failed.kind == "stalled" and "0.2 s" in answering.failed.reason
        assert server.left.wait(GUARD_S)


def test_a_slow_reply_that_goes_on_is_no_stall(open_chat):
    words = [step for _ in range(12) for step in (0.05, chunk("word "))]
    pieces, answering = ask(open_chat, [*words, DONE], first_token_s=0.4, stall_s=0.4)
    assert answering.failed is None and " ".join(pieces).count("word") == 12


def test_headers_that_never_come_are_a_stall(open_chat):
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}/v1"
        answering = open_chat(url, first_token_s=0.1).begin(HI)
        hear(answering)
    assert answering.failed.kind == "stalled"


def test_a_connection_that_does_not_come_about_is_unreachable(open_chat):
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:  # the queue is full after one or two; the system then leaves callers without an answer
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        answering = open_chat(f"http://127.0.0.1:{full.getsockname()[1]}/v1", connect_s=0.2).begin(HI)
        hear(answering)
        for one in waiting:
            one.close()
    assert answering.failed.kind == "unreachable" and "0.2 s" in answering.failed.reason


def test_a_port_where_nobody_listens_is_unreachable_at_once(open_chat):
    with socket.create_server(("127.0.0.1", 0)) as gone:
        url = f"http://127.0.0.1:{gone.getsockname()[1]}/v1"
    chat = open_chat(url)
    answering = chat.begin(HI)
    assert hear(answering) == []
    assert answering.failed.kind == "unreachable"
    assert chat.warm().result(GUARD_S).kind == "unreachable"


def test_tls_with_a_server_that_has_none_is_unreachable(open_chat):
    with ChatServer([]) as server:
        answering = open_chat(server.url.replace("http:", "https:")).begin(HI)
        hear(answering)
    assert answering.failed.kind == "unreachable" and "TLS" in answering.failed.reason


@pytest.mark.parametrize(
    "status, kind, word",
    [
        (400, "refused", "accept"),
        (401, "refused", "key"),
        (402, "refused", "credit"),
        (403, "refused", "key"),
        (404, "refused", "model"),
        (418, "refused", "418"),
        (429, "rate limited", "many"),
        (307, "refused", "LLM_BASE_URL"),
        (204, "malformed", "204"),
    ],
)
def test_a_refusal_is_told_at_once_in_words_of_our_own(open_chat, status, kind, word):
    body = b"" if status == 204 else json.dumps({"error": {"message": f"{KEY} {HI}"}}).encode()
    with ChatServer(Reply([body], status, type="application/json")) as server:
        answering = open_chat(server).begin(HI)
        assert hear(answering) == []
    failed = answering.failed
    assert (failed.kind, failed.status, len(server.posts)) == (kind, status, 1)
    assert word in failed.reason and len(failed.reason) < 120
    assert KEY not in str(failed) and "Rumpelstiltskin" not in str(failed)


def test_a_refusal_whose_explanation_does_not_come_is_told_at_once(open_chat):
    _, answering = ask(open_chat, Reply([b"{", WAIT], 401))
    assert (answering.failed.kind, answering.failed.status) == ("refused", 401)


@pytest.mark.parametrize(
    "message",
    ["This model's maximum context length is 8192 tokens", "request exceeds the available context size"],
)
def test_a_conversation_that_is_too_long_is_called_so(open_chat, message):
    body = json.dumps({"error": {"message": message, "type": "invalid_request_error"}}).encode()
    _, answering = ask(open_chat, Reply([body], 400, type="application/json"))
    assert "longer than the model's context" in answering.failed.reason


@pytest.mark.parametrize("after", ["0.05", "0", lambda: format_datetime(datetime.now(UTC), usegmt=True)])
def test_a_short_retry_after_is_waited_for_once(open_chat, after):
    limit = Reply([], 429, {"Retry-After": after() if callable(after) else after})
    assert ask(open_chat, limit, spoken("Hi."))[0] == ["Hi."]
    with ChatServer(limit) as server:
        answering = open_chat(server).begin(HI)
        hear(answering)
    assert answering.failed.kind == "rate limited" and len(server.posts) == 2


def test_a_long_retry_after_fails_at_once_with_the_time(open_chat):
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    for after, least, most in (("30", 30, 30), (date, 60, 90)):
        with ChatServer(Reply([], 429, {"Retry-After": after})) as server:
            answering = open_chat(server).begin(HI)
            hear(answering)
        assert answering.failed.kind == "rate limited" and len(server.posts) == 1
        assert least <= answering.failed.retry_after_s <= most


@pytest.mark.parametrize("after", ["soon", "-", "nan", "inf", "Mon, 99 Foo 2026"])
def test_a_retry_after_that_is_no_time_is_no_time(open_chat, after):
    _, answering = ask(open_chat, Reply([], 429, {"Retry-After": after}))
    assert (answering.failed.kind, answering.failed.retry_after_s) == ("rate limited", None)


@pytest.mark.parametrize(
    "trouble",
    [Reply([b"oops"], 500), Reply([], 503), [RESET], [chunk(""), RESET], [event(error={"code": 502, "message": "x"})]],
    ids=["500", "503", "reset", "reset in the stream", "error in the stream"],
)
def test_a_failure_of_the_server_is_tried_once_more_while_nothing_is_spoken(open_chat, trouble):
    assert ask(open_chat, trouble, spoken("Hi."))[0] == ["Hi."]
    with ChatServer(trouble) as server:
        answering = open_chat(server).begin(HI)
        assert hear(answering) == []
    assert answering.failed.kind == "server error" and len(server.posts) == 2


def test_what_was_half_said_before_the_retry_is_not_said_twice(open_chat):
    pieces, answering = ask(open_chat, [chunk("[sad] Half a "), RESET], spoken("[happy] All of it."))
    assert (pieces, answering.mood) == (["All of it."], "happy")


@pytest.mark.parametrize(
    "trouble, kind",
    [
        ([RESET], "server error"),
        ([], "malformed"),
        ([b"data: {broken\n\n"], "malformed"),
        ([b"data: " + b"[" * 100_000 + b"\n\n"], "malformed"),
        ([b"data: " + b"x" * 70_000] * 20, "malformed"),
        ([event(choices={"0": 1})], "malformed"),
        ([event(choices=[1])], "malformed"),
        ([event(choices=[{"delta": "Hi"}])], "malformed"),
        ([event(choices=[{"delta": {"content": 7}}])], "malformed"),
        ([event(choices=[{"delta": {}, "finish_reason": 7}])], "malformed"),
        ([b"data: 7\n\n"], "malformed"),
        ([b"data: null\n\n"], "malformed"),
        ([event(error={"message": KEY, "code": 502})], "server error"),
        ([event(error={"message": "slow down", "code": "rate_limit_exceeded"})], "rate limited"),
        ([event(error={"message": "maximum context length is 7"})], "refused"),
        ([event(object="error", message="boom", code=400)], "refused"),
        ([event(error="boom")], "server error"),
        ([b'error: {"code": 500, "message": "boom"}\n\n'], "malformed"),
        ([chunk(finish="content_filter"), DONE], "refused"),
    ],
)
def test_a_reply_that_breaks_keeps_what_came_and_says_why(open_chat, trouble, kind):
    with ChatServer([chunk(CUT), *trouble]) as server:
        answering = open_chat(server).begin(HI)
        assert hear(answering) == ["Hello there."]
    assert answering.failed.kind == kind and len(server.posts) == 1
    assert KEY not in str(answering.failed) and "Hello" not in str(answering.failed)


def test_what_is_no_http_and_what_is_a_web_page_are_malformed(open_chat):
    for reply in (Reply([GARBAGE]), Reply([b"<html>Sign in</html>"], type="text/html")):
        pieces, answering = ask(open_chat, reply)
        assert (pieces, answering.failed.kind) == ([], "malformed")


# the key, and where it may go


def test_a_redirect_is_not_followed(open_chat):
    for status in (301, 302, 307, 308):
        with ChatServer(spoken("Hi.")) as other:
            headers = {"Location": f"{other.url}/chat/completions?{KEY}"}
            _, answering = ask(open_chat, Reply([], status, headers))
            assert other.requests == []
        assert answering.failed.kind == "refused" and KEY not in str(answering.failed)


def test_a_proxy_of_the_environment_is_not_used_for_this_machine(open_chat, monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert ask(open_chat, spoken("Hi."))[0] == ["Hi."]
    for host in ("localhost", "a.localhost", "127.9.9.9", "[::1]"):
        assert Endpoint(f"http://{host}:8000/v1", "m").proxy is None
    assert Endpoint("https://llm.example/v1", "m").proxy == "http://127.0.0.1:9"
    monkeypatch.setenv("no_proxy", "llm.example")
    assert Endpoint("https://llm.example/v1", "m").proxy is None
    monkeypatch.setenv("https_proxy", f"socks5://me:{KEY}@proxy")
    with pytest.raises(BadEndpoint, match="https_proxy") as error:
        Endpoint("https://other.example/v1", "m").proxy  # noqa: B018
    assert KEY not in str(error.value)


def test_the_key_is_in_no_repr_log_or_error(open_chat, caplog):
    caplog.set_level(logging.DEBUG)
    endpoint = Endpoint("https://openrouter.ai/api/v1/", "some/model", KEY)
    assert KEY not in f"{endpoint} {endpoint!r}" and endpoint.base_url == "https://openrouter.ai/api/v1"
    for reply in (spoken("Hi."), [RESET], [chunk(CUT), RESET], Reply([KEY.encode()], 401), [GARBAGE]):
        _, answering = ask(open_chat, reply)
        assert KEY not in f"{answering.failed} {vars(answering)}"
    assert KEY not in caplog.text and "Rumpelstiltskin" not in caplog.text


@pytest.mark.parametrize(
    "url, word",
    [
        ("", "begin with http"),
        (KEY, "begin with http"),
        ("localhost:8000/v1", "begin with http"),
        (f"ftp://{KEY}/", "begin with http"),
        ("http://", "no host"),
        ("http://a b/v1", "odd characters"),
        ("http://host:99999/v1", "port"),
        (f"http://host:{KEY}/v1", "port"),
        ("http://host:0/v1", "port 0"),
        ("http://[::1/v1", "host"),
        (f"http://{'a' * 64}.example/v1", "host"),
        ("http://a..b/v1", "host"),
        (f"http://me:{KEY}@host/v1", "user or password"),
        (f"https://host/v1?key={KEY}", "?"),
        ("https://host/v1 beta", "space"),
    ],
)
def test_an_address_that_cannot_be_right_is_told_without_quoting_it(url, word):
    with pytest.raises(BadEndpoint) as error:
        Endpoint(url, "m")
    assert word in str(error.value) and "LLM_BASE_URL" in str(error.value) and KEY not in str(error.value)


def test_the_environment_names_the_endpoint():
    environment = {"LLM_BASE_URL": " http://host:1/v1/ ", "LLM_MODEL": "m", "LLM_API_KEY": f"{KEY}\n"}
    assert Endpoint.from_environment(environment) == Endpoint("http://host:1/v1", "m", KEY)
    with pytest.raises(BadEndpoint, match="LLM_MODEL not set"):
        Endpoint.from_environment({"LLM_BASE_URL": "http://host"})
    with pytest.raises(BadEndpoint, match="LLM_BASE_URL and LLM_MODEL"):
        Endpoint.from_environment({})
    with pytest.raises(BadEndpoint, match="position 25") as error:
        Endpoint("http://host", "m", f"{KEY}\r\nX-Evil: 1")
    assert KEY not in str(error.value)


# pieces


@pytest.mark.parametrize(
    "text, pieces",
    [
        ("Yes. I do.", ["Yes.", "I do."]),
        ("Well, yes, I think that is so, and more.", ["Well, yes, I think that is so,", "and more."]),
        ("No. I am not No. 5, not at all.", ["No.", "I am not No. 5, not at all."]),
        ("I met Dr. Smith, Mrs. Jones and J. R. Tolkien.", ["I met Dr. Smith,", "Mrs. Jones and J. R. Tolkien."]),
        ("It is 3.14 and costs $1,000.50 at most. Bye.", ["It is 3.14 and costs $1,000.50 at most.", "Bye."]),
        ("I count 1, 2, 3, 4, 5, 6, and stop.", ["I count 1, 2, 3, 4, 5, 6,", "and stop."]),
        ("We eat at 5 p.m. in the U.S. Then we rest.", ["We eat at 5 p.m. in the U.S.", "Then we rest."]),
        ("Hm... maybe so. Wait... What?", ["Hm... maybe so.", "Wait...", "What?"]),
        ("He said \"Go. Now!\" Then he left.", ["He said \"Go.", "Now!\"", "Then he left."]),
        ("The river is long and wide and deep and cold because the snow melts there.",
            ["The river is long and wide and deep and cold", "because the snow melts there."]),
        ("你好。今天天气很好！", ["你好。", "今天天气很好！"]),
        ("  A\u00a0b\u200b \t c\u0301.  ", ["A b ć."]),
        ("", []),
        (" \n ", []),
        ("...", []),
    ],
)  # fmt: skip
def test_a_clause_comes_first_and_then_whole_sentences(text, pieces):
    assert cut(text) == pieces


@pytest.mark.parametrize(
    "text, pieces",
    [
        ("**Yes**, that is `very` *much* so, I __say__. ~~No~~.", ["Yes, that is very much so,", "I say.", "No."]),
        ("*smiles warmly* Hi! *waves* I *really* mean it. (laughs) Yes. *Nods.* Fine.",
            ["Hi!", "I really mean it.", "Yes.", "Fine."]),
        ("Bye! 😊👍🏽 See you 👨‍👩‍👧 soon ❤️ :) 1️⃣", ["Bye!", "See you soon 1."]),
        ("# Plan\n\nThree things:\n- **Milk** from here\n- Bread\n\n1. Go\n2. Pay\nThat is it.",
            ["Plan.", "Three things:", "Milk from here.", "Bread.", "Go.", "Pay.", "That is it."]),
        ("A wrapped\nline here.\n---\n> Quoted.", ["A wrapped line here.", "Quoted."]),
        ("Look:\n```python\nx = 'a. b'\n```\nDone.", ["Look:", "Done."]),
        ("Look:\n```python\nx = 'a. b'\n never closed", ["Look:"]),
        ("See [the docs](https://a.example/b_c?d=e) or https://www.b.example/x/y. ![Pic. A](c.png) Fine [1].",
            ["See the docs or b.example.", "Fine."]),
        ("<b>Bold</b> and 5 * 3 < 20 [note].", ["Bold and 5 * 3 < 20 note."]),
        ("<think>Hm. So.</think>\n\nHi.", ["Hi."]),
        ("<think>Hm. So.", []),
        ("A *lonely star, a `tick and a [bracket. Yes.", ["A lonely star, a tick and a bracket.", "Yes."]),
        ("42. That is the answer.", ["42.", "That is the answer."]),
        ("-5 degrees, that is cold.", ["-5 degrees, that is cold."]),
    ],
)  # fmt: skip
def test_what_nobody_would_say_aloud_is_left_out(text, pieces):
    for size in (1, 4, 1000):
        assert cut(text, size) == pieces


@pytest.mark.parametrize(
    "text, mood, pieces",
    [
        ("[happy] Hi.", "happy", ["Hi."]),
        ("  [Amused]Hi.", "amused", ["Hi."]),
        ("**[sad]** Hi.", "sad", ["Hi."]),
        ("[mood: surprised]\nHi.", "surprised", ["Hi."]),
        ("(concerned) Hi.", "concerned", ["Hi."]),
        ("[excited] Hi.", None, ["Hi."]),
        ("Hi. [happy] Bye.", None, ["Hi.", "Bye."]),
        ("[happy] Hi. [sad] Bye.", "happy", ["Hi.", "Bye."]),
        ("I am happy.", None, ["I am happy."]),
    ],
)
def test_a_mood_at_the_beginning_is_taken_off_and_told(text, mood, pieces):
    for size in (1, 4, 1000):
        clauses = Clauses()
        said = [piece for at in range(0, len(text), size) for piece in clauses.feed(text[at : at + size])]
        assert (said + clauses.end(), clauses.mood) == (pieces, mood)


def test_no_piece_is_longer_than_the_voice_takes():
    for text in ("x" * 9000, "word " * 2000, "word, " * 2000, "*" * 3000, "[" * 3000, "你" * 3000, "`a " * 3000):
        pieces = cut(text, 50)
        assert all(0 < len(piece) <= MAX_PIECE + 1 <= MAX_TEXT for piece in pieces)
        if text[0] in "xw你":
            assert sum(piece.count(text[0]) for piece in pieces) == text.count(text[0])


def test_events_do_not_depend_on_how_the_bytes_are_cut():
    raw = "\ufeffdata: é\r\n\r\n: c\ndata:a\r\ndata: b\n\nid: 1\r\rdata: 你\r\rdata: end".encode()
    for size in range(1, len(raw)):
        events = Events()
        found = [one for at in range(0, len(raw), size) for one in events.feed(raw[at : at + size])]
        assert found + events.feed(b"", end=True) == ["é", "a\nb", "你", "end"]
