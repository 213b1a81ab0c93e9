"""What a replay is told to have changed: which message, which field, from what to what; and what is no change."""

from protocol import topics
from tools.difference import ANY, KEYS, RECORDED, Tolerance, differences


def speech(state, at_ms=100.0, utterance=1, **more):
    return {"topic": "speech", "turn": 0, "at_ms": at_ms, "utterance": utterance, "state": state, **more}


def told(before, now, tolerances=None):
    return [str(one) for one in differences(before, now, tolerances or {})]


def test_the_same_is_no_difference():
    assert told([speech("started"), speech("paused")], [speech("started"), speech("paused")]) == []


def test_a_changed_field_is_told_with_its_message_and_both_values():
    before, now = [speech("paused", at_sample=512)], [speech("paused", at_sample=1024)]
    assert told(before, now) == ["speech turn 0 utterance 1 state paused: at_sample was 512 and is 1024"]


def test_what_is_said_no_more_and_what_is_new_are_told():
    assert told([speech("started"), speech("paused")], [speech("started"), speech("ended")]) == [
        "speech turn 0 utterance 1 state paused: is said no more",
        "speech turn 0 utterance 1 state ended: is new",
    ]


def test_one_message_less_does_not_make_all_that_follow_differ():
    before = [speech("started", utterance=number, at_sample=number) for number in range(5)]
    assert len(told(before, before[:2] + before[3:])) == 1


def test_repeated_messages_are_told_apart_by_their_number():
    before = [speech("paused", at_sample=1), speech("resumed"), speech("paused", at_sample=2)]
    now = [speech("paused", at_sample=1), speech("resumed"), speech("paused", at_sample=3)]
    assert told(before, now) == ["speech turn 0 utterance 1 state paused number 2: at_sample was 2 and is 3"]


def test_a_tolerance_holds_for_its_field_alone_in_lists_too():
    tolerances = {("face", "weights"): Tolerance(0.1, "because"), ("*", "at_ms"): Tolerance(5, "because")}
    face = {"topic": "face", "turn": 0, "frame": 3, "at_ms": 10, "weights": [0.5, 0.2], "gaze_rad": [0.0, 0.0]}
    assert told([face], [{**face, "at_ms": 14, "weights": [0.55, 0.25]}], tolerances) == []
    assert len(told([face], [{**face, "weights": [0.65, 0.2]}], tolerances)) == 1
    assert len(told([face], [{**face, "gaze_rad": [0.01, 0.0]}], tolerances)) == 1
    assert len(told([face], [{**face, "weights": [0.5]}], tolerances)) == 1


def test_a_share_is_of_the_larger_value_and_any_difference_may_be_allowed():
    tolerances = {
        ("voice", "loudness"): Tolerance(1, "because", share=0.1),
        ("voice", "crc"): Tolerance(ANY, "because"),
    }
    voice = {"topic": "voice", "turn": 1, "start_sample": 0, "loudness": 100.0, "crc": 1}
    assert told([voice], [{**voice, "loudness": 109.0, "crc": 2}], tolerances) == []
    assert len(told([voice], [{**voice, "loudness": 120.0}], tolerances)) == 1


def test_every_tolerance_has_a_reason_and_names_a_field_that_there_is():
    digest = {"crc", "loudness", "bytes", "samples", "luma", "at_ms"}
    for (topic, name), tolerance in RECORDED.items():
        assert len(tolerance.reason) > 10
        kinds = [topics.BY_NAME[topic].type] if topic != "*" else []
        assert name in digest or any(name in [one.name for one in kind.__attrs_attrs__] for kind in kinds), name


def test_every_topic_of_an_actor_has_a_key_of_fields_that_it_has():
    network = {"session", "mic", "keyframe", "bitrate", "health", "handover"}
    recorded = {topic.name for topic in topics.TABLE if topic.recorded}
    assert set(KEYS) == recorded - network
    for name, fields in KEYS.items():
        assert {one.name for one in topics.BY_NAME[name].type.__attrs_attrs__} >= set(fields)
