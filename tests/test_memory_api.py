"""What the memory holds about a user, over HTTP: his alone, to read, to correct and to delete."""

import logging
from datetime import UTC, datetime

import pytest

from actors.memory.store import open_store
from actors.transport.user import BadKey, user_of
from tests.test_transport import site_test

KEY = "k" * 22
OTHER = "o" * 22
SAID_AT = datetime(2026, 11, 20, 16, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def store(monkeypatch, tmp_path):
    monkeypatch.setenv("VISAVIS_DATA", str(tmp_path))
    monkeypatch.delenv("REDIS_URL", raising=False)
    store = open_store()
    store.keep(user_of(KEY), "name", "Anna", SAID_AT)
    store.keep(user_of(KEY), "favorite color", "blue", SAID_AT)
    store.keep(user_of(OTHER), "name", "Ben", SAID_AT)
    yield store
    store.close()


def bearer(key: str) -> dict:
    return {"headers": {"Authorization": f"Bearer {key}"}}


def known(store, key: str) -> dict:
    return {one.key: one.value for one in store.facts(user_of(key))}


def test_a_user_reads_what_is_known_of_him_and_of_nobody_else():
    async def check(site):
        status, body, _ = await site.ask("GET", "/api/memory", **bearer(KEY))
        assert status == 200
        assert {fact["key"]: fact["value"] for fact in body["facts"]} == {"name": "Anna", "favorite color": "blue"}
        name = body["facts"][0]
        assert name["said_at"] == "2026-11-20T16:00:00+00:00" and name["told"] == 1 and 0 < name["score"] <= 1
        status, body, headers = await site.ask("GET", "/api/memory", **bearer("n" * 22))
        assert body == {"facts": []} and headers["Cache-Control"] == "no-store"

    site_test(check)


def test_he_corrects_a_fact(store):
    async def check(site):
        status, _, _ = await site.ask("PUT", "/api/memory/favorite%20color", json={"value": "green"}, **bearer(KEY))
        assert status == 200 and known(store, KEY)["favorite color"] == "green"

    site_test(check)


def test_he_deletes_one_or_all(store):
    async def check(site):
        assert (await site.ask("DELETE", "/api/memory/name", **bearer(KEY)))[0] == 200
        assert known(store, KEY) == {"favorite color": "blue"}
        assert (await site.ask("DELETE", "/api/memory", **bearer(KEY)))[1] == {"forgotten": True}
        assert (await site.ask("DELETE", "/api/memory", **bearer(KEY)))[:2] == (200, {"forgotten": False})
        assert known(store, KEY) == {} and known(store, OTHER) == {"name": "Ben"}

    site_test(check)


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_what_is_not_known_cannot_be_changed(method):
    async def check(site):
        status, body, _ = await site.ask(method, "/api/memory/dog", json={"value": "rex"}, **bearer(KEY))
        assert status == 404 and "nothing is known" in body["error"]

    site_test(check)


@pytest.mark.parametrize("value", [{"value": 7}, {}, [], {"value": ""}, {"value": "\x00\x01"}])
def test_a_value_that_is_none_is_refused(store, value):
    async def check(site):
        assert (await site.ask("PUT", "/api/memory/name", json=value, **bearer(KEY)))[0] == 400
        assert known(store, KEY)["name"] == "Anna"

    site_test(check)


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer short"}, {"Authorization": f"Basic {KEY}"}])
def test_without_a_key_nothing_is_told(headers):
    async def check(site):
        status, body, answered = await site.ask("GET", "/api/memory", headers=headers)
        assert status == 401 and "Anna" not in str(body) and answered["WWW-Authenticate"] == "Bearer"

    site_test(check)


def test_a_store_that_does_not_answer_is_said_in_words(monkeypatch):
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:9/0")

    async def check(site):
        status, body, _ = await site.ask("GET", "/api/memory", **bearer(KEY))
        assert status == 503 and "does not answer" in body["error"]

    site_test(check)


def test_neither_key_nor_facts_are_logged(caplog):
    caplog.set_level(logging.DEBUG)

    async def check(site):
        await site.ask("GET", "/api/memory", **bearer(KEY))
        await site.ask("PUT", "/api/memory/name", json={"value": "Hanna"}, **bearer(KEY))
        await site.ask("DELETE", "/api/memory", **bearer(KEY))

    site_test(check)
    assert not any(secret in caplog.text for secret in (KEY, user_of(KEY), "Anna", "Hanna"))


def test_the_id_in_the_store_is_not_the_key_and_always_the_same():
    assert user_of(KEY) == user_of(KEY) != user_of(OTHER)
    assert KEY not in user_of(KEY) and len(user_of(KEY)) == 43
    with pytest.raises(BadKey, match="has 5 characters"):
        user_of("short")


def test_an_offer_with_a_key_that_is_none_is_refused_without_repeating_it():
    async def check(site):
        offer = {"type": "offer", "sdp": "v=0", "user": "secret key!"}
        status, body, _ = await site.ask("POST", "/api/offer", json=offer)
        assert status == 400 and "key" in body["error"] and "secret" not in body["error"]

    site_test(check)
