"""The film of a face that says a text: as long as asked for, lips and sound together, the same every time."""

import av
import numpy as np
import pytest

from actors.renderer.avatar import save_avatar
from actors.tts.flite import Flite
from protocol.clock import MS, SECOND
from protocol.messages import OUTSIDE_REPLY
from tools import lips
from tools.avatar.film import AFTER_S, BEFORE_S, faces, frames_of, spoken, write_film
from tools.character.person import build_character
from tools.cli import main
from tools.lips import Film, Shown
from tools.mp4 import FPS, SOUND_HZ
from tools.recording import Sound

TEXT = "My mama bought five big blue balloons, and the bath foam with them."
FRAME_NS = SECOND // FPS

pytestmark = pytest.mark.skipif(bool(Flite().missing()), reason=f"{Flite().missing()}")


@pytest.fixture(scope="module")
def avatar(tmp_path_factory):
    path = tmp_path_factory.mktemp("avatar") / "small.ply"
    save_avatar(build_character(12_000), path)
    return path


@pytest.fixture(scope="module")
def said():
    return spoken(TEXT, "happy")


@pytest.fixture(scope="module")
def made(avatar, said, tmp_path_factory):
    """The film, decoded: its pictures and its sound."""
    path = tmp_path_factory.mktemp("film") / "talk.mp4"
    write_film(avatar, said, frames_of(said, AFTER_S), path)
    times, pictures, blocks = [], [], []
    resampler = av.AudioResampler("s16", "mono", SOUND_HZ)
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            times.append(round(frame.time * SECOND))
            pictures.append(frame.reformat(*lips.GRID, format="gray", interpolation="AREA").to_ndarray())
            assert (frame.width, frame.height) == (1280, 720)
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            blocks += [block.to_ndarray()[0] for block in resampler.resample(frame)]
    pcm = np.concatenate(blocks)
    return Film(np.array(times), np.array(pictures)), Sound(pcm, 0, np.zeros(0, np.int64))


def shown(made, said) -> Shown:
    film, heard = made
    start_ns = lips.reply_start_ns(heard, 0, len(heard.pcm) * SECOND // SOUND_HZ, said)
    return Shown(film.between(start_ns, start_ns + len(said.pcm) * SECOND // SOUND_HZ), said, start_ns)


def loudness(heard: Sound, from_s: float, to_s: float) -> float:
    return float(np.sqrt((heard.pcm[int(from_s * SOUND_HZ) : int(to_s * SOUND_HZ)].astype(float) ** 2).mean()))


def test_the_animator_gives_one_face_for_each_frame_and_speaks_on_time(said):
    made = list(faces(said, frames_of(said, AFTER_S)))
    offsets = [face.offset_ns for face in made]
    begins = round(BEFORE_S * FPS)
    speaking = [offset for offset in offsets if offset != OUTSIDE_REPLY]
    assert len(made) == frames_of(said, AFTER_S)
    assert offsets[begins : begins + len(speaking)] == speaking == [k * SECOND // FPS for k in range(len(speaking))]
    assert abs(len(speaking) / FPS - len(said.pcm) / SOUND_HZ) <= 1 / FPS


def test_it_is_as_long_as_asked_for_with_a_picture_every_33_ms(made, said):
    film, heard = made
    assert len(film.at_ns) == frames_of(said, AFTER_S)
    assert np.abs(film.at_ns - np.arange(len(film.at_ns)) * SECOND // FPS).max() < MS
    assert abs(len(heard.pcm) / SOUND_HZ - len(film.at_ns) / FPS) < 0.05


def test_it_sounds_where_words_are_and_is_silent_before_and_after(made, said):
    heard = made[1]
    after_s = frames_of(said) / FPS
    silence = max(loudness(heard, 0, BEFORE_S - 0.05), loudness(heard, after_s + 0.1, after_s + AFTER_S - 0.1))
    assert silence < 5
    for phones in said.phones:
        for start_ms, end_ms in zip(phones.word_starts_ms, phones.word_ends_ms, strict=True):
            assert loudness(heard, BEFORE_S + start_ms / 1000, BEFORE_S + end_ms / 1000) > 300


def test_the_mouth_moves_while_it_speaks_and_hardly_before(made, said):
    film, mouth = made[0], lips.find_mouth([shown(made, said)])
    moved = np.abs(np.diff(film.grey[:, mouth].astype(float), axis=0)).mean(1)
    begins, ends = round(BEFORE_S * FPS), round((BEFORE_S + len(said.pcm) / SOUND_HZ) * FPS)
    assert moved[begins:ends].mean() > 4 * moved[: begins - 1].mean()


def test_the_lips_are_no_frame_away_from_the_sound(made, said):
    reply = shown(made, said)
    assert abs(reply.start_ns - BEFORE_S * SECOND) < 2 * MS
    assert abs(reply.lag_ms(lips.find_mouth([reply]))) < FRAME_NS / MS


def test_the_same_arguments_give_the_same_bytes_and_another_mood_others(avatar, tmp_path):
    def film(name: str, mood: str) -> bytes:
        out = tmp_path / name
        words = ["avatar", "film", str(avatar), "--say", "Hi.", "--mood", mood, "--seconds", "4.5", "--out", str(out)]
        assert main(words) == 0
        return out.read_bytes()

    assert film("a.mp4", "sad") == film("b.mp4", "sad") != film("c.mp4", "surprised")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--say", ""], "there is no word in ''"),
        (["--say", "...", "--seconds", "9"], "there is no word in '...'"),
        (["--say", "a" * 4001], "the text has 4001 characters, more than 4000"),
        (["--mood", "mad"], "no mood 'mad'; there are neutral, happy"),
        (["--seconds", "2"], " to 3600 s, not 2"),
        (["--seconds", "inf"], "not inf"),
        (["--out", "/nowhere/talk.mp4"], "/nowhere/talk.mp4: No such file or directory"),
    ],
)
def test_what_cannot_be_filmed_is_refused_in_one_line(avatar, tmp_path, capsys, words, told):
    out = tmp_path / "talk.mp4"
    assert main(["avatar", "film", str(avatar), "--say", "Hi.", "--out", str(out), *words]) == 1
    assert told in (err := capsys.readouterr().err) and err.count("\n") == 1
    assert not out.exists()


def test_a_file_that_is_no_avatar_is_refused_before_anything_is_written(tmp_path, capsys):
    out = tmp_path / "talk.mp4"
    assert main(["avatar", "film", __file__, "--say", "Hi.", "--out", str(out)]) == 1
    assert f"{__file__}: not a PLY file" in (err := capsys.readouterr().err) and err.count("\n") == 1
    assert not out.exists()
