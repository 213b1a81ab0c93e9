"""The face's own voice in the user's microphone, and the user in it, too."""

import numpy as np
import pytest
from microphone import BLOCK, RATE_HZ, spoken

from actors.transport.echo import Echo

REPLY = "There was a clock that ran one second late. Everyone wanted it repaired, until nobody ever hurried again."
ADDED = 8.0  # RMS of the microphone's noise


@pytest.fixture(scope="module")
def played() -> np.ndarray:
    """float64 [samples]: a reply of some 10 s, a second of silence around it."""
    return np.pad(np.concatenate([spoken(REPLY, "slt")] * 2).astype(float), RATE_HZ)


@pytest.fixture(scope="module")
def user() -> np.ndarray:
    return spoken("i would like to know how old you are please tell me", "rms").astype(float)


def in_a_room(sound: np.ndarray, delay_s: float, gain: float) -> np.ndarray:
    """Later, softer, and with reverberation of 100 ms."""
    rng = np.random.default_rng(0)
    decay = np.exp(-np.arange(1600) / 400)
    answer = rng.normal(0, 1, 1600) * decay / np.sqrt((decay**2).sum())
    answer[0] += 2
    late = np.zeros(int(delay_s * RATE_HZ))
    return np.concatenate([late, np.convolve(sound, answer) * gain / 2])[: len(sound)]


def heard(echo: Echo, played: np.ndarray, mic: np.ndarray, first: int = 0) -> np.ndarray:
    """bool [blocks]: which went through. first: number of the first."""
    mic = mic + np.random.default_rng(1).normal(0, ADDED, len(mic))
    passed = []
    for number in range(len(mic) // BLOCK):
        part = slice(number * BLOCK, (number + 1) * BLOCK)
        echo.play(first + number, played[part].astype(np.int16))
        passed.append(echo.hear(first + number, np.clip(mic[part], -32768, 32767).astype(np.int16)).any())
    return np.array(passed)


def audible(sound: np.ndarray) -> np.ndarray:
    """bool [blocks]"""
    blocks = sound[: len(sound) // BLOCK * BLOCK].reshape(-1, BLOCK)
    return np.sqrt((blocks**2).mean(axis=1)) > 100


def laid_over(played: np.ndarray, user: np.ndarray, at_s: float) -> np.ndarray:
    sound = np.zeros(len(played))
    sound[int(at_s * RATE_HZ) :][: len(user)] = user[: len(played) - int(at_s * RATE_HZ)]
    return sound


@pytest.mark.parametrize("delay_s", [0.06, 0.25, 0.9])
@pytest.mark.parametrize("gain", [0.5, 0.1])
def test_an_echo_is_silenced_from_its_first_second_on(played, delay_s, gain):
    echo = in_a_room(played, delay_s, gain)
    passed = heard(Echo(), played, echo)
    known = np.arange(len(passed)) * BLOCK / RATE_HZ > 1 + delay_s + 1
    loud = audible(echo) & known
    assert loud.sum() > 200
    assert (passed & loud).sum() <= 0.1 * loud.sum()


@pytest.mark.parametrize("at_s", np.arange(0, 9, 0.5))
def test_a_user_is_always_heard_where_there_is_no_echo(played, user, at_s):
    mic = laid_over(played, user, at_s)
    assert heard(Echo(), played, mic)[audible(mic)].all()


def test_a_user_who_is_louder_than_the_echo_is_heard_within_200_ms(played, user):
    mic = laid_over(played, user, 6)
    passed = heard(Echo(), played, mic + in_a_room(played, 0.25, 0.1))
    said = audible(mic)
    begin = int(np.flatnonzero(said)[0])
    assert not passed[begin - 20 : begin].any()
    assert passed[begin : begin + 10].any()
    assert passed[said][10:].mean() > 0.9


def test_a_user_is_heard_again_when_the_echo_is_gone(played, user):
    echo = Echo()
    before = heard(echo, played, in_a_room(played, 0.25, 0.5))
    quiet = user / 20
    passed = heard(echo, played, laid_over(played, quiet, 3) + laid_over(played, quiet, 7), len(before))
    assert passed[int(8 * RATE_HZ / BLOCK) :].all()


def test_blocks_that_are_played_after_their_time_was_heard_count_as_well(played):
    echo, mic = Echo(), in_a_room(played, 0.25, 0.5)
    passed = []
    for number in range(len(mic) // BLOCK):
        part = slice(number * BLOCK, (number + 1) * BLOCK)
        passed.append(echo.hear(number, mic[part].astype(np.int16)).any())
        echo.play(number, played[part].astype(np.int16))
    assert np.mean(passed[150:400]) < 0.1
