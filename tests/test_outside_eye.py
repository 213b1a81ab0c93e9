"""A detector of real people's faces looks at the avatar: it finds the face, and reads from it what the animator said.

Every look of the character is drawn once, seen once, and then asked about; ``pytest -s`` prints what was measured.
"""

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from attrs import evolve, field, frozen
from outside_eye import (
    EYES,
    PICTURE_PX,
    detector,
    eye_aspect_ratio,
    gaze,
    head_pose,
    landmarks,
    lip_gap,
    mouth_width,
    size,
    static,
)

from actors.animator.actor import Animator
from actors.animator.mood import SHAPES
from actors.animator.rules import Rules
from actors.animator.shape import spread
from actors.arkit import ARKIT
from actors.renderer.avatar import save_avatar
from actors.renderer.splats import SplatEngine
from actors.step import Input
from actors.tts.actor import Tts
from actors.tts.flite import Flite
from protocol.clock import MS, SECOND
from protocol.envelope import Envelope
from protocol.messages import Face, Phones, Playout, Reply, Session
from tools.character.look import LOOKS
from tools.character.person import build_character

REPLY = (
    ("My mama bought a big blue balloon, and I am happy to see you.", "happy"),
    ("Please bring me the paper map from the public library.", "neutral"),
    ("Who knows where the moon goes when the morning comes?", "surprised"),
    ("I am sorry, that is a problem I cannot help with.", "concerned"),
    ("Nobody stopped Bob from jumping about, maybe because he amused them.", "amused"),
    ("Perhaps my poor puppy became ill last December.", "sad"),
)
CLOSED = ("p", "b", "m")
START_NS = 5 * SECOND  # of the reply; the face lives for two seconds before
FROM_ZERO, FROM_SIDE = np.linspace(0, 1, 21), np.linspace(-1, 1, 21)
PAIRS = sorted({name.removesuffix("Left").removesuffix("Right") for name in ARKIT})
EXPRESSIONS = [  # beside the 52 shapes: both sides of each, with the mouth shut and open, and moods at full strength
    *({name: 1} for name in PAIRS),
    *({"jawOpen": 0.4} | {name: 1} for name in PAIRS),
    *({name: min(1, 2 * weight) for name, weight in shape.items()} for shape in SHAPES.values()),
]
MOUTH = np.array([name.startswith(("mouth", "jaw", "tongue")) for name in ARKIT])
SILENT_EVERY = 4  # frames of the silent reply are looked at

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),  # the first run downloads the detector
    pytest.mark.skipif(bool(Flite().missing()), reason=f"{Flite().missing()}"),
]


def shot(more: dict | None = None, **shape: float) -> Face:
    """shape: weights, of both sides where a name has neither Left nor Right."""
    return Face(frame=0, weights=tuple(spread(shape)), **(more or {}))


def given(message, turn: int) -> Input:
    return Input(Envelope(topic="reply", actor="x", turn=turn, boot=1, seq=1, sent_ns=START_NS), message)


def spoken() -> list[Phones]:
    """The reply's phones, by the real voice."""
    voice = Flite()
    voice.load()
    tts, phones, last = Tts(voice), [], len(REPLY) - 1
    inputs = [given(Reply(sentence=i, text=text, mood=mood, last=i == last), 1) for i, (text, mood) in enumerate(REPLY)]
    while outputs := list(tts.step(inputs, 0)):
        phones += [output.message for output in outputs if isinstance(output.message, Phones)]
        inputs = []
    voice.close()
    return phones


def animated(phones: list[Phones]) -> list[Face]:
    """The frames of the reply, by the real animator."""
    animator, now_ns = Animator(Rules(), "seed"), START_NS - 2 * SECOND
    list(animator.step([Input(given(None, 0).envelope, Session(state="open"))], now_ns))
    while animator.wake_ns < START_NS:
        list(animator.step([], animator.wake_ns))
    inputs = [given(one, 1) for one in phones]
    inputs.append(given(Playout(state="started", anchor_ns=START_NS, heard_ms=0), 1))
    faces, now_ns = [], START_NS
    while not faces or faces[-1].offset_ns >= 0:
        faces += [output.message for output in animator.step(inputs, now_ns)]
        inputs, now_ns = [], animator.wake_ns
    return faces[:-1]


def film(phones: list[Phones]) -> dict[str, list[Face]]:
    """What is looked at, by the name of each clip."""
    turn = np.linspace(0, 2 * np.pi, 120)
    angles = np.radians(np.stack([30 * np.sin(turn), 15 * np.sin(2 * turn), 10 * np.sin(3 * turn)], 1))
    tiny = np.random.default_rng(0).uniform(-1e-3, 1e-3, (30, 2))
    speech = animated(phones)
    silent = animated([evolve(one, names=("pau",) * len(one.names)) for one in phones])
    return {
        "still": [shot({"head_m": (*place, 0)}) for place in tiny],  # up to 2 px to each side
        "turning": [shot({"head_rad": tuple(one)}) for one in angles],
        "shapes": [shot(**{name: 1}) for name in ARKIT],
        "expressions": [shot(**shape) for shape in EXPRESSIONS],
        "lids": [shot(eyeBlink=1), shot(eyeBlinkLeft=1), shot(eyeBlinkRight=1)],
        "jaw": [shot(jawOpen=weight) for weight in FROM_ZERO],
        "width": [shot(mouthPucker=1), shot(mouthFunnel=1), shot(mouthSmile=1), shot(mouthStretch=1)],
        "gaze yaw": [shot({"gaze_rad": (np.radians(25) * way, 0)}) for way in FROM_SIDE],
        "gaze pitch": [shot({"gaze_rad": (0, np.radians(18) * way)}) for way in FROM_SIDE],
        "speech": speech,
        "silent": silent[::SILENT_EVERY],
        "mouth alone": [Face(frame=0, weights=tuple(np.where(MOUTH, face.weights, 0))) for face in speech[:150]],
    }


def pictures(avatar: Path, faces: list[Face]) -> Iterator[np.ndarray]:
    """RGB, as a browser would show them."""
    engine = SplatEngine(avatar)
    engine.load()
    stage = engine.open(*PICTURE_PX)
    for face in faces:
        planes = stage.draw(face.weights, face.head_rad, face.head_m, face.gaze_rad)
        yield av.VideoFrame.from_ndarray(planes, format="yuv420p").to_ndarray(format="rgb24")
    engine.close()


@frozen(eq=False)
class Seen:
    """A look of the character. film and marks: of each clip by its name, Faces and landmarks [n, 478, 3]."""

    phones: list[Phones]
    film: dict[str, list[Face]]
    marks: dict[str, np.ndarray]
    rest: np.ndarray  # landmarks of the still face [478, 3]
    told: list[str] = field(factory=list)

    def tell(self, what: str, *numbers: float) -> None:
        self.told.append(f"{what:58} {'  '.join(f'{number:.3g}' for number in numbers)}")

    def of(self, clip: str, *names: str) -> np.ndarray:
        """Weights of shapes in a clip [n, names]."""
        return np.array([face.weights for face in self.film[clip]])[:, [ARKIT.index(name) for name in names]]


@pytest.fixture(scope="module", params=sorted(LOOKS))
def seen(request, tmp_path_factory):
    python, folder = detector(), tmp_path_factory.mktemp("seen")
    avatar = folder / "avatar.ply"
    save_avatar(build_character(look=LOOKS[request.param]), avatar)
    phones = spoken()
    clips = film(phones)
    faces = [face for clip in clips.values() for face in clip]
    found = landmarks(python, pictures(avatar, faces), folder)
    ends = np.cumsum([len(clip) for clip in clips.values()])
    marks = dict(zip(clips, np.split(found, ends[:-1]), strict=True))
    seen = Seen(phones, clips, marks, np.nanmean(marks["still"], axis=0))
    yield seen
    print(f"\nseen by another's eye, {request.param}, {len(found)} pictures:", *seen.told, sep="\n  ")


def correlation(wanted: np.ndarray, found: np.ndarray) -> float:
    """Of the pictures in which a face was found."""
    there = np.isfinite(found)
    return float(np.corrcoef(wanted[there], found[there])[0, 1])


def test_a_face_is_found_in_nearly_all_pictures_turned_speaking_and_with_every_expression(seen):
    clips = ("turning", "shapes", "expressions", "speech")
    found = np.concatenate([np.isfinite(seen.marks[clip][:, 0, 0]) for clip in clips])
    seen.tell(f"faces found in {len(found)} pictures, >= 0.95", found.mean())
    assert len(found) >= 300
    missed = [(clip, int(i)) for clip in clips for i in np.flatnonzero(np.isnan(seen.marks[clip][:, 0, 0]))]
    assert found.mean() >= 0.95, missed


def test_the_mouth_opens_with_the_jaw(seen):
    gap = lip_gap(seen.marks["jaw"])
    r = correlation(FROM_ZERO, gap)
    seen.tell("lip gap with jawOpen, r >= 0.9", r)
    assert r >= 0.9, gap


def test_the_mouth_opens_in_speech_as_far_as_the_jaw_does_less_what_the_lips_close(seen):
    jaw, close = seen.of("speech", "jawOpen", "mouthClose").T
    r = correlation(jaw - close, lip_gap(seen.marks["speech"]))
    seen.tell("lip gap with jawOpen - mouthClose in speech, r >= 0.9", r)
    assert r >= 0.9


def closures_ms(phones: list[Phones]) -> list[float]:
    """The middle of every /p b m/, from the reply's start."""
    return [
        (start_ms + end_ms) / 2
        for one in phones
        for name, start_ms, end_ms in zip(one.names, (one.start_ms, *one.ends_ms), one.ends_ms, strict=False)
        if name in CLOSED
    ]


def test_the_lips_are_closed_at_p_b_m_as_far_as_can_be_told_from_a_face_that_says_nothing(seen):
    """The same reply with the same moods and movements, but a silent mouth, shows what the eye takes for closed."""
    rest = lip_gap(seen.marks["silent"])
    most = np.nanmean(rest) + 3 * np.nanstd(rest)
    at_ms = np.array([face.offset_ns / MS for face in seen.film["speech"]])
    frames = [int(np.abs(at_ms - closure).argmin()) for closure in closures_ms(seen.phones)]
    gaps = lip_gap(seen.marks["speech"])[frames]
    share = (gaps <= most).mean()
    seen.tell(f"lips closed at {len(gaps)} /p b m/, >= 0.95", share)
    seen.tell(
        "  gap at rest, its noise, at /p b m/, at most there", np.nanmean(rest), np.nanstd(rest), gaps.mean(), most
    )
    assert len(gaps) >= 40
    assert share >= 0.95, [
        (f"{at_ms[i]:.0f} ms", round(gap, 4)) for i, gap in zip(frames, gaps, strict=True) if gap > most
    ]


def test_both_eyes_close_in_a_blink_and_one_in_a_wink(seen):
    half = {side: 0.5 * np.nanmean(eye_aspect_ratio(seen.marks["still"], side)) for side in EYES}
    lids = {side: eye_aspect_ratio(seen.marks["lids"], side) for side in EYES}
    for side in EYES:
        seen.tell(f"{side} eye: half open; blink, wink left, wink right", half[side], *lids[side])
    assert seen.rest[EYES["left"][0], 0] > seen.rest[EYES["right"][0], 0]  # the character's left is image right
    for side, closed in (("left", [True, True, False]), ("right", [True, False, True])):
        assert (lids[side] < half[side]).tolist() == closed, (side, lids[side], half[side])


def test_the_blinks_of_a_reply_are_seen(seen):
    shut = seen.of("speech", "eyeBlinkLeft", "eyeBlinkRight").min(1) > 0.9
    for side in EYES:
        ratio = eye_aspect_ratio(seen.marks["speech"], side) / np.nanmean(eye_aspect_ratio(seen.marks["still"], side))
        seen.tell(f"{side} eye in {shut.sum()} frames of blinks in speech, at most 0.5", ratio[shut].max())
        assert shut.sum() >= 5 and ratio[shut].max() < 0.5


def test_the_mouth_narrows_when_it_rounds_and_widens_when_it_smiles_and_stretches(seen):
    rest = np.nanmean(mouth_width(seen.marks["still"]))
    pucker, funnel, smile, stretch = mouth_width(seen.marks["width"]) / rest
    seen.tell("mouth's width: pucker, funnel, smile, stretch", pucker, funnel, smile, stretch)
    assert pucker < 0.9 and funnel < 0.9
    assert smile > 1.05 and stretch > 1.05


@pytest.mark.parametrize("axis", [0, 1], ids=["yaw", "pitch"])
def test_the_irises_go_where_the_gaze_goes(seen, axis):
    name = ("yaw", "pitch")[axis]
    r = correlation(FROM_SIDE, gaze(seen.marks[f"gaze {name}"])[:, axis])
    seen.tell(f"irises with the gaze's {name}, r >= 0.9", r)
    assert r >= 0.9


@pytest.mark.parametrize("axis", [0, 1, 2], ids=["yaw", "pitch", "roll"])
def test_the_head_is_seen_to_turn_as_it_turns(seen, axis):
    wanted = np.array([face.head_rad for face in seen.film["turning"]])[:, axis]
    found = head_pose(seen.marks["turning"], seen.rest)[:, axis]
    r = correlation(wanted, found)
    error_deg = np.degrees(np.sqrt(np.nanmean((found - wanted) ** 2)))
    seen.tell(f"head's {('yaw', 'pitch', 'roll')[axis]}, r >= 0.95; error, degrees RMS", r, error_deg)
    assert r >= 0.95


def jitter_px(places: np.ndarray) -> float:
    """How far landmarks [n, landmarks, 2] are off in a frame, RMS, by what changes from one frame to the next.

    This is the Allan deviation: a face that the detector sees a little longer while its mouth is open is no jitter.
    """
    return float(np.sqrt(np.nanmean((np.diff(places, axis=0) ** 2).sum(2)) / 2))


def test_forehead_nose_and_corners_of_the_eyes_stay_while_the_mouth_speaks(seen):
    held, still = static(seen.marks["mouth alone"]), static(seen.marks["still"])
    own = jitter_px(still - still.mean(1, keepdims=True))  # less where the whole face was moved
    away = np.sqrt(np.nanmean(((held - np.nanmean(held, 0)) ** 2).sum(2)))
    seen.tell("forehead, nose, eye corners while the mouth speaks, < 1 px", jitter_px(held))
    seen.tell("  the eye's own; away from their mean places", own, away)
    seen.tell("  between the eyes' corners, px", np.nanmean(size(seen.marks["still"])))
    assert jitter_px(held) < 1
