"""The contact sheet: everything is on it, named, and no cell is empty."""

from typing import get_args

import numpy as np
import pytest
from PIL import Image

from actors.animator.visemes import PHONES
from actors.arkit import ARKIT
from actors.renderer.avatar import save_avatar
from actors.tts.flite import Flite
from protocol.messages import Mood, Phones
from tools.avatar import sheet
from tools.avatar.film import spoken
from tools.avatar.layout import WIDTH_PX, Section, Tile, page
from tools.character.person import build_character
from tools.cli import main

RED = (255, 0, 0)
needs_voice = pytest.mark.skipif(bool(Flite().missing()), reason=f"{Flite().missing()}")


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("avatar") / "small.ply"
    save_avatar(build_character(12_000), path)
    return path


@pytest.fixture(scope="module")
def sections(path):
    face = sheet.Portrait(path)
    return {make.__name__: make(face) for make in sheet.SECTIONS}


def red(width: int = 100, height: int = 60) -> Image.Image:
    return Image.new("RGB", (width, height), RED)


@pytest.mark.parametrize("columns", [1, 5, 8, 12, 13])
def test_every_cell_of_a_page_is_filled_to_its_edges(columns):
    section = Section("Title", "about it", columns, [Tile(red(), "label", "note")] * (3 * columns))
    width, height = section.tile_px
    drawn = np.asarray(page("Heading", "about it", [section, section]))
    assert drawn.shape[1] == WIDTH_PX
    assert (drawn == RED).all(2).sum() == 2 * 3 * columns * width * height


def test_tiles_that_leave_a_cell_empty_are_refused():
    with pytest.raises(ValueError, match="7 tiles do not fill rows of 4"):
        Section("", "", 4, [Tile(red(), "")] * 7)
    with pytest.raises(ValueError, match="0 tiles"):
        Section("", "", 4, [])


def test_a_label_is_no_wider_than_its_tile():
    section = Section("", "", 13, [Tile(red(), max(ARKIT, key=len))] * 13)
    drawn = np.asarray(page("", "", [section]))
    labels = drawn[-section.row_px // 5 - 48 :].max(2) > 100
    spaces = np.diff(np.flatnonzero(labels.any(0)))
    assert (spaces > 5).sum() >= 12


def test_each_of_the_52_shapes_has_its_tile_in_the_order_of_the_table(sections):
    assert tuple(tile.label for tile in sections["shapes"].tiles) == ARKIT
    neutral = sections["shapes"].tiles[ARKIT.index("jawForward")]
    changed = [tile.label for tile in sections["shapes"].tiles if tile.picture.tobytes() != neutral.picture.tobytes()]
    assert len(changed) == len(ARKIT) - 1


def test_all_moods_and_all_sounds_are_on_it(sections):
    assert set(get_args(Mood)) < {tile.label for tile in sections["moods"].tiles}
    sounds = " ".join(tile.label for tile in sections["visemes"].tiles).split()
    assert sorted(sounds) == sorted(phone for phone, parts in PHONES.items() if len(parts) == 1)


def test_there_is_a_face_in_every_tile(sections):
    for section in sections.values():
        for tile in section.tiles:
            assert np.asarray(tile.picture).std() > 20


@pytest.mark.parametrize("side", ["Left", "Right"])
def test_the_eyes_go_where_the_shape_says(side):
    yaw = sheet.GAZES[f"eyeLookOut{side}"][0]
    assert np.sign(yaw) == (1 if side == "Left" else -1) == -np.sign(sheet.GAZES[f"eyeLookIn{side}"][0])
    assert sheet.GAZES[f"eyeLookUp{side}"][1] > 0 > sheet.GAZES[f"eyeLookDown{side}"][1]


def test_sound_and_word_of_a_moment_are_found():
    first = Phones(sentence=0, start_ms=0, names=("pau", "m", "ay"), ends_ms=(10, 60, 100), words=("my",),
                   word_starts_ms=(10,), word_ends_ms=(100,))  # fmt: skip
    second = Phones(sentence=1, start_ms=100, names=("b", "iy"), ends_ms=(150, 300))
    told = [sheet.heard_at([first, second], t_ms) for t_ms in (0, 10, 59, 60, 100, 299, 300)]
    expected = [("pau", ""), ("m", "my"), ("m", "my"), ("ay", "my"), ("b", ""), ("iy", ""), ("pau", "")]
    assert told == expected


@needs_voice
def test_speech_goes_on_to_the_last_word_and_marks_what_closes_the_lips(path):
    tiles = sheet.speech(sheet.Portrait(path), spoken("My mum baked a pie for Bob.")).tiles
    assert [tile.note for tile in tiles if tile.note][-1] == "bob"
    assert {tile.label for tile in tiles if tile.stressed} == {"m", "b", "p"}


@needs_voice
def test_two_runs_give_the_same_bytes(path, tmp_path):
    one, two = tmp_path / "one.png", tmp_path / "two.png"
    for out in (one, two):
        assert main(["avatar", "sheet", str(path), "--out", str(out), "--say", "Hi there."]) == 0
    assert one.read_bytes() == two.read_bytes()
    with Image.open(one) as drawn:
        assert drawn.width == WIDTH_PX


def test_without_a_voice_there_is_no_speech_on_it_and_that_is_said(path, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(Flite, "missing", lambda self: "no libflite here")
    monkeypatch.setattr(sheet, "SECTIONS", (sheet.angles,))
    out = tmp_path / "sheet.png"
    assert main(["avatar", "sheet", str(path), "--out", str(out)]) == 0
    assert capsys.readouterr().out == "no speech on the sheet: no libflite here\n"
    with Image.open(out) as drawn:
        assert drawn.height < 1000


@pytest.mark.parametrize("name", ["nowhere/sheet.png", "sheet.nothing"])
def test_a_sheet_that_cannot_be_written_is_told_in_one_line(path, tmp_path, monkeypatch, capsys, name):
    monkeypatch.setattr(Flite, "missing", lambda self: "no libflite here")
    monkeypatch.setattr(sheet, "SECTIONS", (sheet.angles,))
    out = tmp_path / name
    assert main(["avatar", "sheet", str(path), "--out", str(out)]) == 1
    assert f"visavis: {out}: " in (err := capsys.readouterr().err) and err.count("\n") == 1
