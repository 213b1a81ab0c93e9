"""The engine that asks a language model, against a server that speaks the real protocol and misbehaves."""

import logging
import time
from datetime import datetime
from functools import partial

import pytest

from actors.llm import model as model_module
from actors.llm.chat import Chat
from actors.llm.exchange import CUT, Exchange
from actors.llm.model import LOST, SORRY, LanguageModel
from actors.llm.scripted import FORGETFUL, Scripted
from actors.memory.store import Unavailable
from actors.persona import DEFAULT_PERSONA
from protocol.messages import Phones
from tests.chat_server import DONE, RESET, WAIT, ChatServer, Reply, chunk, spoken

NOW = datetime(2026, 11, 20, 16, 0)
KEY = "sk-very-secret"
DEADLINE_S = 15.0


@pytest.fixture
def serve(monkeypatch, tmp_path):
    """Starts a server with replies, and the engine that asks it; gives both and a call."""
    monkeypatch.setenv("VISAVIS_DATA", str(tmp_path))
    opened = []

    def start(*replies):
        server = ChatServer(*replies)
        server.__enter__()
        environment = {"LLM_BASE_URL": server.url, "LLM_MODEL": "m", "LLM_API_KEY": KEY}
        engine = LanguageModel(Scripted(DEFAULT_PERSONA), environment)
        assert engine.missing() is None
        engine.load()
        opened.append((server, engine))
        call = engine.open("s")
        call.engine = engine
        return server, call

    yield start
    for server, engine in opened:
        engine.close()
        server.__exit__()


def whole(pending) -> list[str]:
    sentences, deadline = [], time.monotonic() + DEADLINE_S
    while not pending.done:
        sentences += pending.take()
        assert time.monotonic() < deadline
        time.sleep(0.002)
    return sentences


def ask(call, text: str, history=()) -> list[str]:
    pending = call.begin([text], NOW, history)
    sentences = whole(pending)
    call.keep(pending)
    return sentences


def test_the_model_s_sentences_come_one_by_one_with_its_mood(serve):
    _, call = serve(spoken("[amused] I like to talk. What about you?"))
    pending = call.begin(["who are you"], NOW, ())
    assert whole(pending) == ["I like to talk.", "What about you?"]
    assert pending.mood == "amused" and pending.first_token_ns


def test_the_prompt_has_the_persona_the_time_and_only_what_was_heard(serve):
    server, call = serve(spoken("Fine."))
    exchange = Exchange(1, 1, ("tell me a story",), ["Once there was a lighthouse.", "It was old."], 620, True)
    exchange.spoken(Phones(
        sentence=0, start_ms=0, names=("ah",) * 5, ends_ms=(300, 600, 900, 1200, 1500), words=tuple("abcde"),
        word_starts_ms=(0, 300, 600, 900, 1200), word_ends_ms=(300, 600, 900, 1200, 1500),
    ))  # fmt: skip
    ask(call, "and then", [exchange])
    system, user, heard, question = server.posts[0].body["messages"]
    assert "You are Vivi" in system["content"] and "16:00" in system["content"]
    assert user == {"role": "user", "content": "tell me a story"}
    assert heard == {"role": "assistant", "content": f"Once there {CUT}"}
    assert question["content"] == "and then"


def test_what_the_user_told_is_recalled_into_the_prompt_once_the_turn_is_kept(serve):
    server, call = serve(spoken("Nice."))
    call.begin(["my favorite color is blue"], NOW, ())  # a draft that comes to nothing
    ask(call, "my name is robert")
    ask(call, "what is my name")
    system = server.posts[-1].body["messages"][0]["content"]
    assert "name: Robert" in system and "blue" not in system


def test_a_user_s_facts_outlive_the_call(serve):
    server, call = serve(spoken("Nice."))
    user = "a" * 43
    call.meet(user)
    ask(call, "my name is robert")
    other = call.engine.open("another call")
    other.meet(user)
    ask(other, "who am i")
    assert "name: Robert" in server.posts[-1].body["messages"][0]["content"]


@pytest.mark.parametrize(
    "reply",
    [Reply(status=500), Reply(status=401), Reply(status=429, headers={"Retry-After": "60"}), Reply([RESET]),
     Reply([b"data: {broken\n\n"]), Reply([b"<html>"], type="text/html"), Reply([DONE])],
    ids=["500", "401", "429", "reset", "malformed", "a page", "nothing"],
)  # fmt: skip
def test_a_model_that_fails_before_its_first_word_is_replaced_by_the_persona_which_says_so_once(serve, reply, caplog):
    caplog.set_level(logging.DEBUG)
    _, call = serve(reply)
    first = ask(call, "what is your name")
    assert any("ivi" in sentence for sentence in first)
    assert (first[0] == SORRY) == (reply.steps != [DONE])
    second = ask(call, "what is seven times eight")
    assert SORRY not in second and any("fifty six" in sentence.lower() for sentence in second)
    assert KEY not in caplog.text and "what is your name" not in caplog.text


def test_a_model_that_stalls_in_the_middle_says_honestly_that_it_lost_the_thread(serve, monkeypatch):
    monkeypatch.setattr(model_module, "Chat", partial(Chat, stall_s=0.3))
    server, call = serve([chunk("One sentence is whole. "), chunk("The other "), WAIT])
    assert ask(call, "tell me something") == ["One sentence is whole.", LOST]


def test_a_draft_that_is_thrown_away_closes_the_stream(serve):
    server, call = serve([chunk("One. "), WAIT])
    pending = call.begin(["hello"], NOW, ())
    deadline = time.monotonic() + DEADLINE_S
    while not pending.take():
        assert time.monotonic() < deadline
        time.sleep(0.002)
    pending.cancel()
    assert server.left.wait(DEADLINE_S)


def test_after_a_rest_the_model_is_asked_again(serve, monkeypatch):
    monkeypatch.setattr(model_module, "REST_NS", 0)
    server, call = serve(Reply(status=401), spoken("I am back."))
    assert ask(call, "what is your name")[0] == SORRY
    assert ask(call, "hello") == ["I am back."]


def test_without_an_address_the_engine_says_what_is_missing():
    assert "LLM_BASE_URL" in LanguageModel(Scripted(DEFAULT_PERSONA), {}).missing()
    assert "LLM_MODEL" in LanguageModel(Scripted(DEFAULT_PERSONA), {"LLM_BASE_URL": "http://127.0.0.1:9/v1"}).missing()


def test_the_persona_has_said_nothing_where_the_model_did(serve):
    _, call = serve(spoken("A wonderful thing."), Reply(status=401))
    ask(call, "tell me a joke")
    again = ask(call, "say that again")
    assert again[0] == SORRY and "joke" not in " ".join(again).lower()
    assert "not said anything" in " ".join(again) or "nothing to repeat" in " ".join(again)


def test_what_the_user_told_is_kept_once_where_the_model_fails_after_the_turn_was_certain(serve):
    _, call = serve(Reply([0.2], status=500))
    user = "b" * 43
    call.meet(user)
    pending = call.begin(["my name is robert"], NOW, ())
    call.keep(pending)
    whole(pending)
    (fact,) = call.engine._scripted._store.facts(user)
    assert (fact.key, fact.value, fact.told) == ("name", "Robert", 1)


def test_a_memory_that_fails_is_said_before_the_model_s_words(serve, monkeypatch):
    _, call = serve(spoken("Fine."))
    call.meet("c" * 43)

    def fails(user):
        raise Unavailable("gone")

    monkeypatch.setattr(call.engine._scripted._store, "facts", fails)
    assert ask(call, "how are you") == [FORGETFUL, "Fine."]
    assert ask(call, "how are you") == ["Fine."]
