"""What users told is kept over calls and restarts, the same in SQLite and in Redis, and gone when it is forgotten."""

import logging
import random
import sqlite3
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from attrs import define
from redis_server import RedisServer

from actors.memory import sqlite_store
from actors.memory.fact import MAX_CHARS, MAX_FACTS, MAX_KEY_CHARS, Fact, ranked
from actors.memory.memory import Memory
from actors.memory.redis_store import DAMAGED, USERS, RedisStore
from actors.memory.sqlite_store import SqliteStore
from actors.memory.store import Damaged, Store, StoreError, Unavailable, open_store

ROOT = Path(__file__).parents[1]
ANNA, BEN = "anna-0123456789abcdefgh", "ben_-0123456789abcdefghi"
START = datetime(2026, 11, 20, 16, 0, tzinfo=UTC)
SECRET = "zanzibar"
DAY = timedelta(days=1)


@define
class Place:
    """Where a store lies. lose: takes it away, until it is found again."""

    open: Callable[[], Store]
    code: str  # opens it in another process, as ``store``
    lose: Callable[[], None]
    find: Callable[[], None]


def sqlite_place(path: Path) -> Place:
    blocker = sqlite3.connect(path.parent / "memory.sqlite3", isolation_level=None)

    return Place(
        open=lambda: SqliteStore(path),
        code=f"from actors.memory.sqlite_store import *; store = SqliteStore(Path({str(path)!r}))",
        lose=lambda: blocker.execute("BEGIN EXCLUSIVE"),
        find=lambda: blocker.execute("ROLLBACK"),
    )


def redis_place(server: RedisServer) -> Place:
    return Place(
        open=lambda: RedisStore(server.url),
        code=f"from actors.memory.redis_store import *; store = RedisStore({server.url!r})",
        lose=server.stop,
        find=server.start,
    )


@pytest.fixture(scope="module")
def redis_server():
    with tempfile.TemporaryDirectory(prefix="visavis-") as folder:
        server = RedisServer(Path(folder))
        yield server
        server.close()


@pytest.fixture(params=["sqlite", "redis"])
def place(request, tmp_path):
    if request.param == "sqlite":
        return sqlite_place(tmp_path / "memory.sqlite3")
    server = request.getfixturevalue("redis_server")
    server.client.flushall()
    return redis_place(server)


@pytest.fixture
def store(place):
    store = place.open()
    yield store
    store.close()


def told(facts: list[Fact]) -> dict[str, str]:
    return {one.key: one.value for one in facts}


# ---- what is kept


def test_a_fact_comes_back_as_it_was_told(store):
    assert store.facts(ANNA) == [] and store.get(ANNA, "name") is None and store.users() == []
    here = START.astimezone(timezone(timedelta(hours=2)))
    store.keep(ANNA, " Name", "  Anna\n Kareñina \x1b[1m\U0001f600", here)
    assert store.facts(ANNA) == [store.get(ANNA, "NAME")]
    found = store.get(ANNA, "name")
    assert (found.user, found.key, found.value) == (ANNA, "name", "Anna Kareñina [1m\U0001f600")
    assert found.said_at == START and found.said_at.utcoffset() == timedelta(0)
    assert (found.told, found.changed, found.score) == (1, 0, 0.5)


def test_what_is_too_long_is_cut_and_found_again_by_all_of_it(store):
    key, value = f"favorite {'w' * 500}", "v" * 500
    store.keep(ANNA, key, value, START)
    found = store.get(ANNA, key)
    assert (len(found.key), len(found.value)) == (MAX_KEY_CHARS, MAX_CHARS)
    assert store.edit(ANNA, key, "other") and store.forget(ANNA, key)


def test_a_fact_told_again_takes_the_new_value_and_knows_that_it_changed(store):
    for days, value in enumerate(("green", "green", "blue", "blue")):
        store.keep(ANNA, "favorite color", value, START + days * DAY)
    (found,) = store.facts(ANNA)
    assert (found.value, found.said_at, found.told, found.changed) == ("blue", START + 3 * DAY, 4, 1)


def test_an_edit_corrects_the_value_and_nothing_else(store):
    store.keep(ANNA, "name", "Hannah", START)
    before = store.get(ANNA, "name")
    assert store.edit(ANNA, "Name", " Anna ") and not store.edit(ANNA, "home", "Rome")
    after = store.get(ANNA, "name")
    assert (before.value, after.value) == ("Hannah", "Anna")
    assert (after.said_at, after.told, after.changed) == (before.said_at, before.told, before.changed)
    assert told(store.facts(ANNA)) == {"name": "Anna"}


def test_users_know_nothing_of_each_other(store):
    store.keep(BEN, "name", "Ben", START)
    store.keep(ANNA, "name", "Anna", START)
    assert store.users() == [ANNA, BEN]
    assert told(store.facts(ANNA)) == {"name": "Anna"} and told(store.facts(BEN)) == {"name": "Ben"}
    assert store.forget(ANNA)
    assert store.users() == [BEN] and told(store.facts(BEN)) == {"name": "Ben"}


def test_forgetting_takes_one_fact_or_all_and_says_whether_there_was_one(store):
    for key in ("name", "home", "work"):
        store.keep(ANNA, key, "something", START)
    assert store.forget(ANNA, "Home") and not store.forget(ANNA, "home")
    assert set(told(store.facts(ANNA))) == {"name", "work"}
    assert store.forget(ANNA) and not store.forget(ANNA)
    assert store.facts(ANNA) == []


def test_above_the_limit_the_least_worth_goes_first_and_never_what_was_just_told(store):
    store.keep(ANNA, "name", "Anna", START - 700 * DAY)
    for number in range(MAX_FACTS):
        for _ in range(1 + (number > 0)):
            store.keep(ANNA, f"favorite {number}", "v" * 100, START + number * DAY)
    assert len(store.facts(ANNA)) == MAX_FACTS
    assert store.get(ANNA, "name") and not store.get(ANNA, "favorite 0")
    store.keep(ANNA, "favorite last", "told once", START)
    assert store.get(ANNA, "favorite last") and not store.get(ANNA, "favorite 1")
    assert len(store.facts(ANNA)) == MAX_FACTS
    assert {len(one.value) for one in store.facts(ANNA)} == {4, 9, MAX_CHARS}


@pytest.mark.parametrize("user", ["", "short", "a" * 65, "a" * 21 + "*", "a" * 22 + "\n", "ä" * 22])
def test_a_bad_user_id_is_refused_without_being_repeated(store, user):
    for use in (store.facts, store.forget, lambda user: store.keep(user, "k", "v", START)):
        with pytest.raises(ValueError, match=f"this one has {len(user)} characters") as refusal:
            use(user)
        assert not user or user not in str(refusal.value)


def test_bad_keys_values_and_times_are_refused(store):
    for key, value, said_at in (
        ("", "v", START),
        (" \n", "v", START),
        ("k", " \x00\ud800 ", START),
        ("k", "v", datetime(2026, 1, 1)),
    ):
        with pytest.raises(ValueError):
            store.keep(ANNA, key, value, said_at)
    with pytest.raises(ValueError):
        store.edit(ANNA, "k", "")
    assert store.users() == []


# ---- what it is worth


def test_a_score_grows_with_importance_and_repetition_falls_with_time_and_stays_within_0_and_1():
    def score(key="like", days=0.0, times=1):
        newest = Fact(ANNA, "other", "", START)
        return next(
            one.score for one in ranked([newest, Fact(ANNA, key, "", START - days * DAY, times)]) if one.key == key
        )

    assert score("name") > score("dog's name") == score("work") > score("favorite food") == score("like")
    assert score(times=1) == 0.25 < score(times=2) == 0.375 < score(times=3) < score(times=1000) <= 0.5
    assert score(days=0) > score(days=1) > score(days=30) > score(days=365) > score(days=99999) > 0.125
    assert score(days=90) == pytest.approx(0.25 * 0.75)  # half of what time takes, as 1 + 90 / 30 is 2²
    assert score("name", days=0, times=1000) == 1


def test_nothing_fades_while_the_user_is_away(store):
    store.keep(ANNA, "name", "Anna", START)
    before = store.facts(ANNA)
    store.keep(BEN, "name", "Ben", START + 999 * DAY)
    assert store.facts(ANNA) == before


def test_facts_come_best_first_and_of_equal_ones_the_later_told(store):
    for minutes, key in enumerate(("like", "favorite food", "name", "work")):
        store.keep(ANNA, key, "v", START + timedelta(minutes=minutes))
    assert list(told(store.facts(ANNA))) == ["name", "work", "favorite food", "like"]


RECALLED = """
what is my name | name, dog's name
do you know who i am | name
where should i go from home | home, origin
what movies would you recommend | favorite movie
Any good movie for me and my dog? | dog's name, favorite movie
what do people in new york like to eat | home, like
what is my job | work
i walked rex this morning | dog's name
could you please tell me the time |
purple seven hammers |
 |
"""


@pytest.mark.parametrize("line", RECALLED.strip("\n").splitlines())
def test_recall_finds_the_facts_that_share_words_with_what_was_said(store, line):
    text, _, keys = line.partition("|")
    facts = {
        "like": "pizza and jazz", "name": "Anna", "home": "New York", "origin": "Vienna", "work": "a nurse",
        "favorite movie": "the third man", "dog's name": "Rex",
    }  # fmt: skip
    for key, value in facts.items():
        store.keep(ANNA, key, value, START)
    expected = [key for key in keys.strip().split(", ") if key]
    assert list(told(store.recall(ANNA, text, 9))) == expected
    assert list(told(store.recall(ANNA, text, 1))) == expected[:1]


def test_recall_puts_more_shared_words_first_and_then_the_higher_score(store):
    for key, value in (("like", "red roses"), ("favorite color", "red"), ("name", "Red"), ("home", "Rome")):
        store.keep(ANNA, key, value, START)
    store.keep(ANNA, "like", "red roses", START)
    assert list(told(store.recall(ANNA, "a red rose, the roses are red", 9))) == ["like", "name", "favorite color"]


# ---- for long, and for several


def test_what_was_told_outlives_its_process_also_one_that_is_killed(place):
    code = f"{place.code}\nimport os, signal\nfrom datetime import *\n"
    code += f"store.keep({ANNA!r}, 'name', 'Anna', datetime.now(UTC))\nos.kill(os.getpid(), signal.SIGKILL)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == -9
    again = place.open()
    assert told(again.facts(ANNA)) == {"name": "Anna"}
    again.close()


def test_two_processes_that_write_at_once_lose_nothing(place, store):
    code = f"""{place.code}
import sys
from datetime import *
print("ready", flush=True)
sys.stdin.readline()
for number in range(150):
    store.keep({ANNA!r}, "counted", str(number), datetime.now(UTC))
    store.keep({ANNA!r}, f"{{sys.argv[1]}} {{number}}", "own", datetime.now(UTC))
    assert len(store.facts({ANNA!r})) <= {MAX_FACTS}
store.close()
"""
    command = [sys.executable, "-c", code]
    pipes = dict(cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    writers = [subprocess.Popen([*command, name], **pipes) for name in ("one", "two")]
    for writer in writers:
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        writer.stdin.write("go\n")
        writer.stdin.flush()
    while any(writer.poll() is None for writer in writers):  # a third one reads meanwhile
        assert len(store.facts(ANNA)) <= MAX_FACTS
    for writer in writers:
        writer.communicate()
        assert writer.returncode == 0
    assert store.get(ANNA, "counted").told == 300
    assert len(store.facts(ANNA)) == MAX_FACTS


def test_many_processes_may_make_the_store_at_the_same_time(place):
    code = (
        f"{place.code}\nfrom datetime import *\nimport sys\nstore.keep({ANNA!r}, sys.argv[1], 'v', datetime.now(UTC))"
    )
    makers = [subprocess.Popen([sys.executable, "-c", code, f"key {number}"], cwd=ROOT) for number in range(4)]
    assert [maker.wait() for maker in makers] == [0] * 4
    store = place.open()
    assert len(store.facts(ANNA)) == 4
    store.close()


# ---- when something breaks


def test_a_store_that_is_away_is_told_once_and_used_again_when_it_is_back(place, store):
    store.keep(ANNA, "name", "Anna", START)
    place.lose()
    for use in (lambda: store.keep(ANNA, "home", SECRET, START), lambda: store.forget(ANNA)):
        with pytest.raises(Unavailable):
            use()
    place.find()
    assert told(store.facts(ANNA)) == {"name": "Anna"}
    store.keep(ANNA, "home", "Rome", START)
    assert store.get(ANNA, "home").value == "Rome"


def test_a_file_that_is_damaged_is_moved_aside_at_the_start_with_a_line_in_the_log(tmp_path, caplog):
    path = tmp_path / "memory.sqlite3"
    path.write_bytes(b"no database at all" * 1000)
    store = SqliteStore(path)
    store.keep(ANNA, "name", "Anna", START)
    store.close()
    assert (tmp_path / "memory.sqlite3.damaged").read_bytes().startswith(b"no database")
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert "is damaged (SQLITE_NOTADB): now" in caplog.text
    store = SqliteStore(path)
    assert told(store.facts(ANNA)) == {"name": "Anna"}
    store.close()


def filled(path: Path, users: int = 40) -> SqliteStore:
    store = SqliteStore(path)
    for user in range(users):
        for key in range(20):
            store.keep(f"user-{user:020}", f"key {key}", f"{SECRET} {user} {key} " + "x" * 60, START)
    return store


def test_a_file_that_breaks_in_a_call_costs_one_error(tmp_path):
    path = tmp_path / "memory.sqlite3"
    filled(path).close()
    store, other = SqliteStore(path), SqliteStore(path)
    data = bytearray(path.read_bytes())
    data[4096:] = random.Random(1).randbytes(len(data) - 4096)
    path.write_bytes(data)
    other.keep(BEN, "name", "Ben", START)  # into the log; what the first one had read before is now out of date
    with pytest.raises(Damaged) as error:
        store.facts("user-" + "0" * 20)
    assert SECRET not in "".join(traceback.format_exception(error.value))
    store.keep(ANNA, "name", "Anna", START)
    assert told(other.facts(ANNA)) == {"name": "Anna"}  # it follows to the new file
    assert sorted(one.name for one in tmp_path.iterdir() if "damaged" not in one.name and "-" not in one.name) == [
        "memory.sqlite3"
    ]
    store.close()
    other.close()


def test_a_page_that_is_broken_is_found_at_the_start(tmp_path, caplog):
    path = tmp_path / "memory.sqlite3"
    filled(path).close()
    data = bytearray(path.read_bytes())
    data[5 * 4096 : 6 * 4096] = random.Random(1).randbytes(4096)
    path.write_bytes(data)
    SqliteStore(path).close()
    assert "is damaged" in caplog.text and SECRET not in caplog.text
    assert (tmp_path / "memory.sqlite3.damaged").read_bytes() == data


def test_a_folder_that_cannot_be_used_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(Unavailable, match="/file/memory.sqlite3: "):
        SqliteStore(tmp_path / "file" / "memory.sqlite3")


def test_files_are_private(tmp_path):
    path = tmp_path / "data" / "memory.sqlite3"
    store = SqliteStore(path)
    store.keep(ANNA, "name", "Anna", START)
    assert {one.name: one.stat().st_mode & 0o777 for one in path.parent.iterdir()} == {
        "memory.sqlite3": 0o600,
        "memory.sqlite3-wal": 0o600,
        "memory.sqlite3-shm": 0o600,
    }
    assert path.parent.stat().st_mode & 0o777 == 0o700
    store.close()


def test_an_older_file_is_brought_up_to_date_and_older_code_still_reads_it(tmp_path, monkeypatch):
    path = tmp_path / "memory.sqlite3"
    old = SqliteStore(path)
    old.keep(ANNA, "name", "Anna", START)
    later = (*sqlite_store.MIGRATIONS, "ALTER TABLE fact ADD COLUMN mood TEXT NOT NULL DEFAULT 'calm'")
    monkeypatch.setattr(sqlite_store, "MIGRATIONS", later)
    new = SqliteStore(path)
    assert told(new.facts(ANNA)) == {"name": "Anna"}
    monkeypatch.undo()
    old.keep(ANNA, "name", "Anne", START)
    reopened = SqliteStore(path)
    assert told(reopened.facts(ANNA)) == {"name": "Anne"}
    with sqlite3.connect(path) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (2,)
        assert db.execute("SELECT mood FROM fact").fetchall() == [("calm",)]
    db.close()
    for store in (old, new, reopened):
        store.close()


# ---- private


def test_no_byte_of_what_was_forgotten_is_left_in_the_files(tmp_path):
    """Random lives of many users, with values of all lengths, so that pages split, merge and are freed."""
    chance = random.Random(5)
    store = SqliteStore(tmp_path / "memory.sqlite3")
    users = [f"{name}{'0' * 20}" for name in ("anna", "ben", "cleo", "dora", "emil", "finn")]
    forgotten, kept = set(), {}
    for number in range(1500):
        user, key = chance.choice(users), f"key {chance.randrange(30)}"
        if chance.random() < 0.9:
            if (user, key) in kept:
                forgotten.add(kept[user, key])
            kept[user, key] = f"secret-{number:04}-" + "y" * chance.randrange(66)
            store.keep(user, key, kept[user, key], START)
        else:
            store.forget(user, key if chance.random() < 0.7 else None)
            left = {one.value for one in store.facts(user)}
            for mine in [mine for mine in kept if mine[0] == user and kept[mine] not in left]:
                forgotten.add(kept.pop(mine))
            data = b"".join(one.read_bytes() for one in tmp_path.iterdir())
            found = {value for value in forgotten if value[:11].encode() in data}
            assert not found, f"{len(found)} of {len(forgotten)} forgotten values are still there, after {number}"
            assert (tmp_path / "memory.sqlite3-wal").stat().st_size == 0
    assert len(forgotten) > 900 and len(kept) > 50
    assert all(value[:11].encode() in data for value in kept.values() if value in left)
    store.close()


def test_no_byte_of_what_was_corrected_is_left_in_the_files(tmp_path):
    store = SqliteStore(tmp_path / "memory.sqlite3")
    store.keep(ANNA, "home", SECRET, START)
    assert any(SECRET.encode() in one.read_bytes() for one in tmp_path.iterdir())
    assert store.edit(ANNA, "home", "Rome")
    assert not any(SECRET.encode() in one.read_bytes() for one in tmp_path.iterdir())
    store.close()


def test_forgetting_says_so_where_a_reader_keeps_the_bytes(tmp_path):
    store = SqliteStore(tmp_path / "memory.sqlite3")
    store.keep(ANNA, "home", SECRET, START)
    reader = sqlite3.connect(tmp_path / "memory.sqlite3", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM fact").fetchone()
    with pytest.raises(Unavailable, match="may still be in its log"):
        store.forget(ANNA)
    reader.close()
    assert store.facts(ANNA) == [] and not store.forget(ANNA)
    assert not any(SECRET.encode() in one.read_bytes() for one in tmp_path.iterdir())
    store.close()


def test_nothing_that_was_told_is_in_a_log_an_error_or_a_repr(place, store, caplog):
    caplog.set_level(logging.DEBUG)
    user = f"{SECRET}-0123456789abcdef"
    texts = []
    store.keep(user, f"favorite {SECRET}", SECRET, START)
    texts += [repr(store.facts(user)), repr(store)]
    place.lose()
    uses = (
        lambda: store.keep(user, SECRET, SECRET, START),
        lambda: store.edit(user, SECRET, SECRET),
        lambda: store.forget(user, SECRET),
        lambda: store.keep(f"{SECRET} {user}", SECRET, SECRET, START),
        lambda: store.keep(user, SECRET, SECRET, datetime(2026, 1, 1)),
    )
    for use in uses:
        with pytest.raises((StoreError, ValueError)) as error:
            use()
        texts += [str(error.value), repr(error.value)]
        texts += [str(one) for one in (error.value.__cause__, error.value.__context__) if one]
    place.find()
    assert SECRET not in caplog.text and not any(SECRET in text for text in texts)


@pytest.mark.parametrize("field", [b"{", b"\xff", b"[]", b"null", b'{"value": "v"}', b'{"said_at_us": 1e99}', None])
def test_what_redis_holds_unreadable_is_moved_aside_told_once_and_begun_anew(redis_server, field):
    client = redis_server.client
    client.flushall()
    store = RedisStore(redis_server.url)
    store.keep(BEN, "name", "Ben", START)
    if field is None:
        client.set(USERS + ANNA, "no hash")
    else:
        client.hset(USERS + ANNA, "name", field)
    with pytest.raises(Damaged):
        store.keep(ANNA, "home", "Rome", START)
    store.keep(ANNA, "home", "Rome", START)
    assert told(store.facts(ANNA)) == {"home": "Rome"} and told(store.facts(BEN)) == {"name": "Ben"}
    assert sorted(key.decode() for key in client.scan_iter()) == [DAMAGED + ANNA, USERS + ANNA, USERS + BEN]
    assert {client.ttl(key) for key in client.scan_iter()} == {-1}
    assert store.forget(ANNA) and store.forget(BEN)  # all of it, also what could not be read
    assert client.dbsize() == 0
    store.close()


# ---- which one, and for whom


def test_the_store_is_a_file_of_the_data_folder_unless_redis_is_asked_for(tmp_path, monkeypatch, caplog):
    caplog.set_level(logging.INFO)
    monkeypatch.setenv("VISAVIS_DATA", str(tmp_path))
    monkeypatch.delenv("REDIS_URL", raising=False)
    open_store().close()
    assert (tmp_path / "memory.sqlite3").exists() and f"memory: in {tmp_path}" in caplog.text
    pytest.importorskip("redis", reason="redis-py is not installed")
    monkeypatch.setenv("REDIS_URL", f"redis://me:{SECRET}@localhost:1/0")
    store = open_store()
    with pytest.raises(Unavailable, match="Redis does not answer: ConnectionError"):
        store.facts(ANNA)
    store.close()
    monkeypatch.setenv("REDIS_URL", f"{SECRET}://me")
    with pytest.raises(Unavailable, match="REDIS_URL is no URL") as error:
        open_store()
    assert SECRET not in caplog.text and SECRET not in "".join(traceback.format_exception(error.value))


def test_without_redis_py_the_line_to_type_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(Unavailable, match="pip install redis"):
        RedisStore("redis://localhost")


def test_a_user_s_memory_is_used_like_that_of_a_call_and_outlives_it(store):
    for memory in (Memory(store, ANNA), Memory()):
        draft = memory.draft()
        draft.keep("name", "Anna", START)
        draft.keep("like", "jazz", START)
        assert draft.get("name") == "Anna" and draft.get("home") is None
        assert draft.facts() == {"name": "Anna", "like": "jazz"}
        assert draft.recall("do you love jazz or pop", 3) == {"like": "jazz"}
        assert draft.forget("like") and not draft.forget("like")
        memory.commit(draft)
        assert memory.draft().facts() == {"name": "Anna"}
    assert Memory(store, ANNA).draft().facts() == {"name": "Anna"}
    assert Memory(store, BEN).draft().facts() == {} == Memory().draft().facts()


def test_a_draft_that_is_not_committed_changes_nothing(store):
    for memory in (Memory(store, ANNA), Memory()):
        memory.keep("name", "Anna", START)
        draft = memory.draft()
        draft.keep("name", "Hanna", START)
        draft.forget()
        draft.keep("home", "Berlin", START)
        assert draft.facts() == {"home": "Berlin"}
        assert memory.draft().facts() == {"name": "Anna"}
        memory.commit(draft)
        assert memory.draft().facts() == {"home": "Berlin"}


def test_what_was_edited_meanwhile_is_in_the_next_draft(store):
    memory = Memory(store, ANNA)
    memory.keep("name", "Anna", START)
    store.edit(ANNA, "name", "Hanna")
    assert memory.draft().get("name") == "Hanna"
