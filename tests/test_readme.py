"""What the README says is what the code does."""

import re
from importlib import import_module
from pathlib import Path

import pytest

from protocol import topics

README = (Path(__file__).parents[1] / "README.md").read_text()
ROWS = {
    cells[0]: cells
    for line in README.partition("<!-- actors")[2].partition("<!-- /actors -->")[0].splitlines()
    if (cells := [cell.strip() for cell in line.strip("|").split("|")])[0] in topics.ACTORS
}


def hears(actor: str) -> tuple[type, ...]:
    for name in ("actor", "exchange"):
        try:
            module = import_module(f"actors.{actor}.{name}")
        except ModuleNotFoundError:
            continue
        machines = [value for value in vars(module).values() if isinstance(value, type) and hasattr(value, "HEARS")]
        return machines[0].HEARS if machines else module.HEARS
    raise AssertionError(f"{actor} does not say what it hears")


def test_the_table_has_the_actors_in_dataflow_order():
    assert tuple(ROWS) == topics.ACTORS


@pytest.mark.parametrize("actor", topics.ACTORS)
def test_the_table_says_what_each_actor_hears_and_says(actor):
    assert set(ROWS[actor][1].split(", ")) == {topics.of(kind).name for kind in hears(actor)}
    assert ROWS[actor][2].split(", ") == [topic.name for topic in topics.TABLE if topic.owner == actor]


def test_every_file_it_links_to_is_there():
    links = [link for link in re.findall(r"\]\(([^)]+)\)", README) if "://" not in link]
    assert len(links) > 5
    missing = [link for link in links if not (Path(__file__).parents[1] / link).exists()]
    assert not missing
