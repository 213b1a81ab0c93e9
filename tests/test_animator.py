"""The animator in virtual time: when its frames come, what moment of the reply they show, and that nothing jumps."""

import numpy as np
import pytest

from actors.animator.actor import Animator
from actors.animator.mouth import CLOSE_MS, FASTEST_PER_S, SETTLING_PER_S, WORD_MS
from actors.animator.pace import LEAD_NS
from actors.animator.rules import Rules
from actors.animator.speaking import SETTLE_NS
from actors.arkit import ARKIT
from actors.step import Input
from protocol import topics
from protocol.clock import MS, SECOND
from protocol.envelope import Envelope
from protocol.messages import OUTSIDE_REPLY, Dialogue, Face, Floor, Phones, Playout, Session, Speech, Turn

START_NS = 777 * SECOND
FRAME_NS = SECOND // 30
MOUTH = [i for i, name in enumerate(ARKIT) if name.startswith(("mouth", "jaw", "tongue"))]
SPEECH = [ARKIT.index(name) for name in ("jawOpen", "mouthClose", "mouthFunnel", "mouthPucker", "mouthRollLower")]


class Script:
    """Messages at times in seconds since the call began, played to a machine; gives its frames with their times."""

    def __init__(self, seed: str = "a", fps: int = 30):
        self.machine = Animator(Rules(), seed)
        self.certain: set[int] = set()  # turns that need no commitment any more
        self._inputs: list[tuple[int, Input]] = []
        self.frames: list[tuple[int, int, Face]] = []  # ns since the call began, turn, face
        self.at(0, Session(state="open", fps=fps))

    def at(self, time_s: float, message, turn: int = 0) -> "Script":
        if isinstance(message, Phones) and turn not in self.certain:  # unless a test says it itself
            self.certain.add(turn)
            self.at(time_s, Turn(state="committed"), turn)
        topic = topics.of(message)
        sent_ns = START_NS + round(time_s * SECOND)
        number = len(self._inputs) + 1
        envelope = Envelope(topic=topic.name, actor="t", session="s", turn=turn, boot=1, seq=number, sent_ns=sent_ns)
        self._inputs.append((sent_ns, Input(envelope, message)))
        return self

    def run(self, until_s: float, late_ns: int = 0) -> list[tuple[int, int, Face]]:
        """Steps the machine at each input and at its wake time, ``late_ns`` after it."""
        waiting = sorted(self._inputs, key=lambda one: one[0])
        while True:
            times = [waiting[0][0]] if waiting else []
            times += [] if self.machine.wake_ns is None else [self.machine.wake_ns + late_ns]
            if not times or min(times) > START_NS + round(until_s * SECOND):
                return self.frames
            now_ns = min(times)
            inputs = [one for sent_ns, one in waiting if sent_ns <= now_ns]
            waiting = [one for one in waiting if one[0] > now_ns]
            made = list(self.machine.step(inputs, now_ns))
            assert len(made) <= 1
            for output in made:
                turn = output.cause.envelope.turn if output.turn is None else output.turn
                self.frames.append((now_ns - START_NS, turn, output.message))

    def between(self, from_s: float, to_s: float) -> list[tuple[int, int, Face]]:
        return [frame for frame in self.frames if round(from_s * SECOND) <= frame[0] < round(to_s * SECOND)]


def sentence(start_ms: float = 0.0, last: bool = True, repeats: int = 4, **more) -> Phones:
    """ "pa-na-foo" again and again: 630 ms each, and a pause of 150 ms."""
    names = ("p", "aa", "n", "aa", "f", "uw") * repeats + ("pau",)
    lengths = [70, 150, 60, 130, 80, 140] * repeats + [150]
    ends = tuple((start_ms + np.cumsum(lengths)).tolist())
    return Phones(sentence=0, start_ms=start_ms, names=names, ends_ms=ends, last=last, **more)


def anchor(at_s: float, state="started") -> Playout:
    return Playout(state=state, anchor_ns=START_NS + round(at_s * SECOND), heard_ms=0)


def times(frames) -> list[int]:
    return [time for time, _, _ in frames]


def offsets(frames) -> list[int]:
    return [face.offset_ns for _, _, face in frames]


def weights(frames) -> np.ndarray:
    return np.array([face.weights for _, _, face in frames])


def grid(count: int, start: int = 0) -> list[int]:
    return [k * SECOND // 30 for k in range(start, start + count)]


def test_it_is_silent_until_the_call_opens_and_after_it_closes():
    script = Script()
    assert script.machine.wake_ns is None and list(script.machine.step([], START_NS)) == []
    script.at(1.0, Session(state="closed"))
    script.run(5)
    assert len(script.frames) == 30 and script.machine.wake_ns is None


def test_outside_a_reply_frames_come_thirty_a_second_on_a_grid():
    frames = Script().run(10)
    assert times(frames) == grid(301)
    assert [face.frame for _, _, face in frames] == list(range(301))
    assert set(offsets(frames)) == {OUTSIDE_REPLY}


def test_the_call_decides_how_many_frames_a_second():
    assert times(Script(fps=25).run(1)) == [k * SECOND // 25 for k in range(26)]


def test_late_wakes_do_not_shift_the_grid():
    frames = Script().run(2, late_ns=3 * MS)
    assert times(frames)[1:] == [time + 3 * MS for time in grid(60)][1:60]


def test_a_face_that_takes_over_a_call_goes_on_with_its_age():
    opened = Envelope(topic="session", actor="t", session="s", boot=1, seq=1, sent_ns=START_NS - 100 * SECOND)
    (made,) = Animator(Rules(), "a").step([Input(opened, Session(state="open"))], START_NS)
    assert made.message.frame == 3000


def test_outside_frames_carry_the_latest_turn():
    frames = Script().at(0.5, Dialogue(state="listening"), turn=4).run(1)
    assert [turn for _, turn, _ in frames] == [0] * 15 + [4] * 16


def test_the_first_frame_of_a_reply_comes_at_once_and_the_rest_thirty_a_second_from_it():
    script = Script().at(1.005, sentence(), turn=3)
    script.run(2)
    reply = script.between(1.004, 2)
    assert offsets(reply)[:20] == grid(20)
    assert times(reply)[:20] == [1005 * MS + k for k in grid(20)]
    assert {turn for _, turn, _ in reply} == {3}


def test_frames_of_a_reply_are_because_of_its_phones():
    script = Script()
    script.run(1)
    phones = Input(Envelope(topic="phones", actor="t", session="s", turn=1, boot=1, seq=9, sent_ns=0), sentence())
    certain = Envelope(topic="turn", actor="llm", session="s", turn=1, boot=1, seq=9, sent_ns=0)
    assert not list(script.machine.step([Input(certain, Turn(state="committed"))], START_NS + 1000 * MS + 1))
    (output,) = script.machine.step([phones], START_NS + 1001 * MS)
    assert output.cause is phones and output.turn == 1


def test_after_the_anchor_frames_come_the_lead_before_they_are_seen():
    script = Script().at(1, sentence(), turn=1).at(1.1, anchor(1.12), turn=1)
    script.run(3)
    reply = script.between(1.2, 2.5)
    assert len(reply) > 30
    for time, _, face in reply:
        assert time == 1120 * MS + face.offset_ns - LEAD_NS
    assert offsets(script.between(1, 2.5)) == grid(len(script.between(1, 2.5)))


def test_the_lead_is_gained_in_small_steps_without_leaving_anything_out():
    script = Script().at(1, sentence(), turn=1).at(1.035, anchor(1.0), turn=1)
    script.run(2)
    reply = script.between(1, 2)
    gaps = np.diff(times(reply))
    assert offsets(reply) == grid(len(reply))
    assert gaps.min() >= 15 * MS - 1
    assert gaps.max() <= FRAME_NS + 1
    assert times(reply)[-1] == 1000 * MS + offsets(reply)[-1] - LEAD_NS


def test_a_face_much_too_late_jumps_to_the_moment_that_is_due():
    script = Script().at(1, sentence(), turn=1).at(1.04, anchor(0.8), turn=1)
    script.run(2)
    reply = script.between(1, 2)
    due = (1040 - 800 + 50) * MS * 30 // SECOND
    assert offsets(reply)[:4] == [*grid(2), *grid(2, due)]


@pytest.mark.parametrize("first_s", [1.1, 5.0], ids=["the voice ran dry", "made long ahead"])
def test_a_later_anchor_shows_the_same_moment_longer(first_s):
    script = Script().at(1, sentence(), turn=1).at(1.05, anchor(first_s), turn=1)
    script.at(1.5, anchor(1.6, "playing"), turn=1).run(3)
    reply = script.between(1, 2.5)
    assert offsets(reply) == grid(len(reply)) and len(reply) > 20
    for time, _, face in reply:
        assert time < 1500 * MS or time == 1600 * MS + face.offset_ns - LEAD_NS


def test_what_a_moment_of_a_reply_shows_does_not_depend_on_when_it_is_made():
    prompt, late = (Script().at(1, sentence(), turn=1).at(1.04, anchor(at), turn=1).run(3) for at in (1.05, 1.6))
    late = {face.offset_ns: face for _, _, face in late if face.offset_ns != OUTSIDE_REPLY}
    assert len(late) > 30
    for _, _, face in prompt:
        assert late.get(face.offset_ns, face) == face or face.offset_ns == OUTSIDE_REPLY


@pytest.mark.parametrize("stale", [anchor(5.0), sentence(), Turn(state="cancelled")])
def test_what_belongs_to_an_earlier_turn_changes_nothing(stale):
    script = Script().at(1, sentence(), turn=2).at(1.1, stale, turn=1)
    script.run(1.5)
    assert times(script.between(1, 1.5)) == [SECOND + k for k in grid(15)]
    assert offsets(script.between(1, 1.5)) == grid(15)
    assert {turn for _, turn, _ in script.between(1, 1.5)} == {2}


def test_a_reply_ends_when_its_last_phone_has_settled_and_the_grid_goes_on():
    script = Script().at(1.005, sentence(repeats=1), turn=1)
    script.run(4)
    end_ns = 780 * MS + SETTLE_NS
    reply = [face for _, _, face in script.frames if face.offset_ns != OUTSIDE_REPLY]
    assert end_ns - FRAME_NS <= reply[-1].offset_ns <= end_ns
    after = [time for time, _, face in script.frames if time > 1005 * MS + end_ns]
    assert len(after) > 50 and set(after) <= set(grid(200))
    assert np.diff(times(script.frames)).max() <= FRAME_NS * 1.5


def test_a_reply_whose_last_sentence_is_not_here_yet_waits_with_a_closed_mouth():
    frames = Script().at(1, sentence(repeats=1, last=False), turn=1).run(4)
    assert offsets(frames)[-1] > 2.9 * SECOND
    assert weights(frames[75:])[:, SPEECH].max() < 0.01


def test_a_later_sentence_extends_the_reply():
    script = Script().at(1, sentence(repeats=1, last=False), turn=1).at(1.3, sentence(1200, repeats=1), turn=1)
    reply = [(time, turn, face) for time, turn, face in script.run(5) if face.offset_ns >= 0]
    assert offsets(reply) == grid(len(reply))
    assert abs(offsets(reply)[-1] - (1980 * MS + SETTLE_NS)) <= FRAME_NS
    gap = weights([one for one in reply if 900 * MS < one[2].offset_ns < 1050 * MS])
    second = weights([one for one in reply if 1230 * MS < one[2].offset_ns < 1800 * MS])
    assert gap[:, SPEECH].max() < 0.06, "the lips part for the next sentence's breath at most"
    assert second[:, SPEECH].max() > 0.3


@pytest.mark.parametrize("state", [Turn(state="cancelled"), anchor(0, "stopped")], ids=["cancelled", "stopped"])
@pytest.mark.parametrize("cut_s", np.linspace(1.3, 1.95, 14))
def test_a_mouth_that_is_cut_closes_smoothly_soon_after_its_word_and_does_not_flap(cut_s, state):
    words = dict(words=("pana", "foo"), word_starts_ms=(0, 410), word_ends_ms=(410, 630))
    script = Script().at(1, sentence(**words), turn=1).at(1.05, anchor(1.1), turn=1).at(cut_s, state, turn=1)
    script.run(3)
    assert all(face.offset_ns == OUTSIDE_REPLY for _, _, face in script.between(cut_s, 3))
    spoken = script.between(cut_s - 0.04, cut_s)[-1]
    after = script.between(cut_s, 3)
    closed_ns = spoken[0] + int((WORD_MS + CLOSE_MS) * MS) + FRAME_NS
    assert weights([one for one in after if one[0] >= closed_ns])[:, SPEECH].max() == 0
    path = weights([spoken, *after])
    opening = path[:, ARKIT.index("jawOpen")] - path[:, ARKIT.index("mouthClose")]
    assert np.diff(opening).max() < 0.01, "without a sound it does not open again"
    assert np.abs(np.diff(path[:, MOUTH], axis=0)).max() < SETTLING_PER_S / 30 + 0.03


def test_a_cut_word_goes_on_a_little_in_the_lips():
    script = Script().at(1, sentence(words=("panafoo",), word_starts_ms=(0,), word_ends_ms=(630,)), turn=1)
    script.at(1.05, anchor(1.1), turn=1).at(1.59, Turn(state="cancelled"), turn=1).run(3)
    pucker = weights(script.between(1.59, 2))[:, ARKIT.index("mouthPucker")]
    assert pucker.max() > 0.15 and pucker[-1] == 0


@pytest.mark.parametrize("heard", [True, False])
def test_who_is_interrupted_lifts_the_brows_but_not_over_words_that_nobody_heard(heard):
    script = Script().at(1, sentence(), turn=1).at(2, Turn(state="cancelled"), turn=1)
    if heard:
        script.at(1.05, anchor(1.1), turn=1)
    brows = weights(script.run(3))[:, ARKIT.index("browOuterUpLeft")]
    assert (brows[60:75].max() > brows[:60].max() + 0.1) == heard


def test_phones_of_a_cancelled_turn_are_not_spoken():
    frames = Script().at(1, Turn(state="cancelled"), turn=3).at(1.1, sentence(), turn=3).run(2)
    assert set(offsets(frames)) == {OUTSIDE_REPLY}


def test_a_new_turn_takes_over_at_once_and_the_mouth_does_not_jump():
    script = Script().at(1, sentence(), turn=1).at(1.41, sentence(), turn=2)
    second = [one for one in script.run(2) if one[1] == 2]
    assert times(second)[0] == 1410 * MS and offsets(second)[:5] == grid(5)
    steps = np.abs(np.diff(weights(script.between(1.3, 1.6))[:, SPEECH], axis=0))
    assert steps.max() < FASTEST_PER_S / 30 + 0.01


@pytest.mark.parametrize("state", ["stopped", "finished"])
def test_when_the_voice_is_over_so_is_the_reply(state):
    script = Script().at(1, sentence(), turn=1).at(1.05, anchor(1.1), turn=1)
    script.at(1.6, Playout(state=state, anchor_ns=0, heard_ms=500), turn=1).run(2)
    assert set(offsets(script.between(1.6, 2))) == {OUTSIDE_REPLY}


def test_no_frame_is_far_from_the_one_before():
    script = Script().at(0.5, Dialogue(state="thinking")).at(1, sentence(mood="happy"), turn=1)
    script.at(1.05, anchor(1.1), turn=1).at(1.06, Dialogue(state="speaking")).at(4.5, Dialogue(state="listening"))
    script.run(8)
    others = [i for i in range(len(ARKIT)) if i not in MOUTH and not ARKIT[i].startswith(("eyeBlink", "eyeLook"))]
    steps = np.abs(np.diff(weights(script.frames), axis=0))
    assert steps[:, others].max() < 0.12
    ends = [i for i, (_, _, face) in enumerate(script.frames) if face.offset_ns >= 0]
    around_end = steps[ends[-1] - 2 : ends[-1] + 6]
    assert around_end[:, MOUTH].max() < 0.05
    heads = np.array([face.head_rad for _, _, face in script.frames])
    assert np.abs(np.diff(heads, axis=0)).max() < np.radians(1.5)


def conversation(seed: str, late_ns: int = 0) -> list:
    script = (
        Script(seed)
        .at(0.3, Dialogue(state="listening"))
        .at(0.5, Speech(state="started", utterance=1, at_sample=0, at_ns=0))
    )
    for pause in (1.5, 3.5, 5.5):
        script.at(pause, Speech(state="paused", utterance=1, at_sample=0, at_ns=0))
    words = dict(
        words=("what", "happened", "yesterday"), word_starts_ms=(70, 600, 1300), word_ends_ms=(500, 1200, 1900)
    )
    script.at(6, Dialogue(state="thinking")).at(6.4, sentence(mood="surprised", **words), turn=1)
    script.at(6.5, anchor(6.48), turn=1).at(6.5, Dialogue(state="speaking")).at(8, Turn(state="cancelled"), turn=1)
    return script.run(10, late_ns)


def test_the_same_seed_and_script_give_the_same_frames_bit_for_bit():
    assert conversation("b") == conversation("b")


def test_another_seed_gives_another_life():
    assert weights(conversation("b")).tolist() != weights(conversation("c")).tolist()


@pytest.mark.parametrize("seed", list("defg"))
def test_weights_stay_within_0_and_1_and_angles_small(seed):
    for _, _, face in conversation(seed, late_ns=2 * MS):
        assert min(face.weights) >= 0 and max(face.weights) <= 1
        assert np.abs(face.head_rad).max() < np.radians(15)
        assert np.abs(face.head_m).max() < 0.02
        assert np.abs(face.gaze_rad).max() <= np.radians(28)


def drafted(at_s: float) -> Script:
    """A reply is made ahead at ``at_s``, of a turn that is not certain yet."""
    script = Script()
    script.certain.add(1)
    return script.at(at_s, sentence(), turn=1)


def test_a_reply_that_may_come_to_nothing_shows_nothing():
    plain = Script().run(3)
    script = drafted(1).at(1.4, Turn(state="cancelled"), turn=1)
    frames = script.run(3)
    assert times(frames) == times(plain) and set(offsets(frames)) == {OUTSIDE_REPLY}
    assert np.array_equal(weights(frames), weights(plain))


def test_a_drafted_reply_begins_when_its_turn_is_certain():
    frames = drafted(1).at(1.4, Turn(state="committed"), turn=1).at(1.45, anchor(1.44), turn=1).run(3)
    inside = [(time, face.offset_ns) for time, _, face in frames if face.offset_ns != OUTSIDE_REPLY]
    assert inside[0] == (round(1.4 * SECOND), 0)


def test_playout_proves_a_commitment_that_was_not_heard():
    frames = drafted(1).at(1.4, anchor(1.44), turn=1).run(3)
    assert [face.offset_ns for time, _, face in frames if time >= 1.4 * SECOND][0] != OUTSIDE_REPLY


def held(taken_s: float | None) -> Script:
    """A reply that is stopped 1 s after it began, and goes on 200 ms before that place."""
    script = Script().at(1, sentence(repeats=6), turn=1).at(1.05, anchor(1.05), turn=1)
    script.at(2.05, Floor(state="yielded"), turn=1).at(2.05, anchor(1.05, "held"), turn=1)
    if taken_s is not None:
        script.at(taken_s, Floor(state="taken", from_ms=800), turn=1)
        script.at(taken_s + 0.02, anchor(taken_s + 0.02 - 0.8, "playing"), turn=1)
    return script


def test_while_the_user_has_the_floor_the_lips_close_and_the_face_lives_on():
    script = held(None)
    script.run(4)
    frames = script.between(2.06, 4)
    assert set(offsets(frames)) == {OUTSIDE_REPLY} and len(frames) >= 56
    assert weights(script.between(2.5, 4))[:, SPEECH].max() < 0.05


def test_a_voice_that_goes_on_is_joined_by_the_lips_where_it_is_and_nothing_jumps():
    script = held(2.6)
    script.run(6)
    frames = script.between(2.62, 5)
    inside = [(time, face.offset_ns) for time, _, face in frames if face.offset_ns != OUTSIDE_REPLY]
    begun_ns = round((2.62 - 0.8) * SECOND)
    assert inside[0][0] < 2.70 * SECOND
    assert all(abs(time - (begun_ns + offset - LEAD_NS)) <= FRAME_NS for time, offset in inside)
    gaps = np.diff(times(script.between(1.5, 5)))
    assert gaps.max() < 1.6 * FRAME_NS
    steps = np.abs(np.diff(weights(script.between(1.5, 5))[:, MOUTH], axis=0)).max(1)
    assert (steps <= FASTEST_PER_S * gaps / SECOND + 0.02).all()
    assert weights(script.between(2.8, 3.6))[:, SPEECH].max() > 0.2


def test_a_reply_that_is_cancelled_while_it_waits_is_over():
    script = held(None).at(2.4, Turn(state="cancelled"), turn=1).at(3, sentence(), turn=2)
    frames = script.run(4)
    assert {turn for time, turn, face in frames if face.offset_ns != OUTSIDE_REPLY and time > 2.4 * SECOND} == {2}


def test_a_reply_that_yields_before_its_voice_begins_shows_nothing_until_it_begins():
    script = drafted(1).at(1.4, Turn(state="committed"), turn=1).at(1.45, Floor(state="yielded"), turn=1)
    script.at(2.0, Floor(state="taken"), turn=1).at(2.05, anchor(2.05), turn=1)
    frames = script.run(4)
    waiting = [face.offset_ns for time, _, face in frames if 1.46 * SECOND <= time < 2 * SECOND]
    assert set(waiting) == {OUTSIDE_REPLY}
    again = [(time, face.offset_ns) for time, _, face in frames if time >= 2 * SECOND]
    assert again[0] == (2 * SECOND, 0)
