"""Endpointing: marks from scripted probabilities, and the same marks for any chunking."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from assistant.audio.waveform import Framer
from assistant.turns.endpointing import Endpointer
from assistant.turns.endpointing_settings import EndpointingSettings
from assistant.turns.marks import Boundary, EndReason, Floor, TurnMark, Verdict

FRAME_MS = 32


def run(
    *spans: tuple[float, int], floor: Floor = Floor.FREE, endpointer: Endpointer | None = None
) -> list[TurnMark]:
    """Feeds `(probability, duration in ms)` spans and returns all marks."""
    endpointer = endpointer or Endpointer()
    marks: list[TurnMark] = []
    for probability, duration_ms in spans:
        for _ in range(duration_ms // FRAME_MS):
            marks += endpointer.feed(probability, floor=floor)
    return marks


def boundaries(marks: list[TurnMark]) -> list[Boundary]:
    return [mark.boundary for mark in marks]


WHOLE_TURN = [Boundary.STARTED, Boundary.CONFIRMED, Boundary.PAUSED, Boundary.ENDED]


def test_one_utterance_gives_one_turn() -> None:
    marks = run((0.0, 960), (0.9, 1_600), (0.0, 2_560))
    assert boundaries(marks) == WHOLE_TURN
    end = marks[-1]
    assert end.reason is EndReason.SILENCE
    assert end.start_samples == (960 - 256) * 16
    assert end.speech_end_samples == (960 + 1_600) * 16
    assert end.end_samples == end.speech_end_samples + 128 * 16


def test_silence_and_hum_below_the_threshold_give_no_mark() -> None:
    assert run((0.0, 6_400), (0.45, 6_400), (0.1, 6_400)) == []


def test_single_loud_frames_give_no_mark() -> None:
    assert run(*[(0.99, 32), (0.0, 256)] * 20) == []


def test_a_short_noise_is_announced_and_dropped() -> None:
    assert boundaries(run((0.9, 96), (0.0, 1_600))) == [Boundary.STARTED, Boundary.DROPPED]


def test_a_backchannel_under_the_assistants_voice_does_not_take_the_turn() -> None:
    marks = run((0.9, 320), (0.0, 1_600), floor=Floor.ECHO)
    assert boundaries(marks) == [Boundary.STARTED, Boundary.DROPPED]
    assert marks[0].at_samples <= 200 * 16, "ducking must be possible within 200 ms"


def test_the_same_word_takes_the_turn_when_nobody_else_speaks() -> None:
    assert boundaries(run((0.9, 320), (0.0, 1_600))) == WHOLE_TURN


def test_sustained_speech_under_the_assistants_voice_is_confirmed_within_400_ms() -> None:
    marks = run((0.9, 640), floor=Floor.ECHO)
    assert boundaries(marks) == [Boundary.STARTED, Boundary.CONFIRMED]
    assert marks[1].at_samples <= 400 * 16


def test_a_threshold_of_its_own_counts_while_the_assistant_speaks() -> None:
    wary = EndpointingSettings(contested_threshold=0.7)
    marks = run((0.6, 960), floor=Floor.ECHO, endpointer=Endpointer(wary))
    assert boundaries(marks) == [Boundary.STARTED]
    assert Boundary.CONFIRMED in boundaries(run((0.6, 960), endpointer=Endpointer(wary)))


def test_a_pause_is_withdrawn_when_speech_goes_on() -> None:
    marks = run((0.9, 640), (0.0, 320), (0.9, 640), (0.0, 1_920))
    assert boundaries(marks) == [
        *WHOLE_TURN[:2],
        Boundary.PAUSED,
        Boundary.RESUMED,
        Boundary.PAUSED,
        Boundary.ENDED,
    ]
    assert marks[-1].start_samples == 0
    assert marks[-1].speech_end_samples == (640 + 320 + 640) * 16


def test_one_loud_frame_in_a_pause_does_not_prolong_the_turn() -> None:
    quiet = run((0.9, 640), (0.0, 1_920))
    click = run((0.9, 640), (0.0, 256), (0.99, 32), (0.0, 1_632))
    assert click == quiet


@pytest.mark.parametrize(
    ("score", "delay_ms"), [(1.0, 352), (0.75, 352), (0.375, 976), (0.0, 1_600), (None, 539)]
)
def test_completeness_sets_the_silence_that_ends_the_turn(
    score: float | None, delay_ms: int
) -> None:
    endpointer = Endpointer(completeness=lambda: score)
    end = run((0.9, 640), (0.0, 3_200), endpointer=endpointer)[-1]
    assert end.boundary is Boundary.ENDED
    waited_ms = (end.at_samples - end.speech_end_samples) / 16
    assert delay_ms <= waited_ms < delay_ms + FRAME_MS


def test_a_score_that_arrives_during_the_pause_counts_at_once() -> None:
    score: list[float | None] = [None]
    endpointer = Endpointer(completeness=lambda: score[0])
    assert boundaries(run((0.9, 640), (0.0, 448), endpointer=endpointer)) == WHOLE_TURN[:3]
    score[0] = 1.0
    assert boundaries(run((0.0, 32), endpointer=endpointer)) == [Boundary.ENDED]


def test_patience_stretches_the_pauses_a_speaker_may_make() -> None:
    endpointer = Endpointer(completeness=lambda: 1.0)
    endpointer.patience = 3.0
    marks = run((0.9, 640), (0.0, 960), (0.9, 640), (0.0, 1_920), endpointer=endpointer)
    assert boundaries(marks).count(Boundary.ENDED) == 1


def test_the_longest_turn_is_ended_and_what_follows_is_the_next_one() -> None:
    endpointer = Endpointer(EndpointingSettings(longest_turn_s=2.0))
    marks = run((0.9, 3_200), (0.0, 1_920), endpointer=endpointer)
    ends = [mark for mark in marks if mark.boundary is Boundary.ENDED]
    assert [mark.reason for mark in ends] == [EndReason.LONGEST, EndReason.SILENCE]
    assert ends[0].end_samples == ends[1].start_samples == 2_016 * 16


def test_the_end_of_the_input_ends_the_turn() -> None:
    endpointer = Endpointer()
    run((0.9, 640), (0.0, 64), endpointer=endpointer)
    (mark,) = endpointer.finish()
    assert mark.boundary is Boundary.ENDED
    assert mark.reason is EndReason.INPUT_ENDED
    assert mark.end_samples == 704 * 16
    assert endpointer.finish() == []


def test_a_cancelled_turn_is_dropped_at_once() -> None:
    endpointer = Endpointer()
    run((0.9, 640), endpointer=endpointer)
    assert boundaries(endpointer.cancel()) == [Boundary.DROPPED]
    assert endpointer.cancel() == []
    assert run((0.0, 3_200), endpointer=endpointer) == []
    later = run((0.9, 640), (0.0, 1_600), endpointer=endpointer)
    assert boundaries(later) == WHOLE_TURN


def test_impossible_settings_are_refused() -> None:
    with pytest.raises(ValidationError, match="end_threshold"):
        EndpointingSettings(start_threshold=0.3, end_threshold=0.5)
    with pytest.raises(ValidationError, match="shortest_silence_ms"):
        EndpointingSettings(shortest_silence_ms=2_000, longest_silence_ms=1_000)
    with pytest.raises(ValidationError, match="eager_ms"):
        EndpointingSettings(eager_ms=500)


@st.composite
def conversations(draw: st.DrawFn) -> tuple[list[tuple[bool, int]], list[int]]:
    """Loud and quiet spans in samples, and where the stream is cut."""
    lengths = draw(st.lists(st.integers(200, 24_000), min_size=1, max_size=10))
    spans = [(index % 2 == 1, length) for index, length in enumerate(lengths)]
    cuts = draw(st.lists(st.integers(0, sum(lengths)), max_size=25))
    return spans, sorted(cuts)


def marks_of(pieces: list[np.ndarray]) -> list[TurnMark]:
    framer, endpointer = Framer(512), Endpointer()
    marks: list[TurnMark] = []
    frames = [frame for piece in pieces for frame in framer.push(piece)]
    for frame in [*frames, *framer.flush()]:
        marks += endpointer.feed(float(np.abs(frame.samples).mean() > 0.2))
    return marks + endpointer.finish()


@settings(max_examples=60, deadline=None)
@given(conversations())
def test_any_chunking_gives_the_same_marks(
    conversation: tuple[list[tuple[bool, int]], list[int]],
) -> None:
    spans, cuts = conversation
    signal = np.concatenate(
        [np.full(length, 0.5 if loud else 0.0, dtype=np.float32) for loud, length in spans]
    )
    pieces = np.split(signal, cuts)
    assert marks_of(pieces) == marks_of([signal])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0.0, 1.0), max_size=400), st.lists(st.booleans(), max_size=400))
def test_marks_follow_the_state_diagram_and_never_overlap(
    probabilities: list[float], contested: list[bool]
) -> None:
    endpointer = Endpointer(EndpointingSettings(longest_turn_s=2.0))
    marks: list[TurnMark] = []
    for probability, floor in itertools.zip_longest(probabilities, contested, fillvalue=False):
        marks += endpointer.feed(float(probability), floor=Floor.ECHO if floor else Floor.FREE)
    marks += endpointer.finish()
    follows = {
        None: {Boundary.STARTED},
        Boundary.STARTED: {Boundary.DROPPED, Boundary.CONFIRMED},
        Boundary.DROPPED: {Boundary.STARTED},
        Boundary.CONFIRMED: {Boundary.PAUSED, Boundary.ENDED},
        Boundary.PAUSED: {Boundary.RESUMED, Boundary.ENDED},
        Boundary.RESUMED: {Boundary.PAUSED, Boundary.ENDED},
        Boundary.ENDED: {Boundary.STARTED},
    }
    before: Boundary | None = None
    for mark in marks:
        assert mark.boundary in follows[before]
        assert mark.start_samples < mark.end_samples <= mark.at_samples
        before = mark.boundary
    ends = [mark for mark in marks if mark.boundary is Boundary.ENDED]
    for earlier, later in itertools.pairwise(ends):
        assert earlier.end_samples <= later.start_samples


def test_a_turn_that_sounds_complete_does_not_end_before_the_least_silence() -> None:
    endpointer = Endpointer(completeness=lambda: 1.0)
    endpointer.least_silence_ms = 1_200.0
    end = run((0.9, 640), (0.0, 3_200), endpointer=endpointer)[-1]
    assert 1_200 <= (end.at_samples - end.speech_end_samples) / 16 < 1_200 + FRAME_MS


@pytest.mark.parametrize(
    ("score", "least_ms"),
    [(None, 960), (0.0, 960), (0.95, 960), (0.96, 640), (1.0, 640)],
)
def test_what_is_beyond_doubt_shortens_the_least_silence_of_a_stranger(
    score: float | None, least_ms: float
) -> None:
    settings = EndpointingSettings(shortest_silence_ms=352, longest_silence_ms=352)
    endpointer = Endpointer(settings, completeness=lambda: score)
    endpointer.least_silence_ms, endpointer.least_beyond_doubt_ms = 960.0, 640.0
    assert endpointer.required_silence_ms() == pytest.approx(least_ms)
    endpointer.least_beyond_doubt_ms = None
    assert endpointer.required_silence_ms() == 960.0


def overlap(
    *spans: tuple[float, int], verdict: Verdict | None = None, floor: Floor = Floor.HELD
) -> list[Boundary]:
    """Feeds spans while the assistant speaks; `verdict` is what the words will have meant."""
    endpointer = Endpointer(verdict=lambda: verdict)
    marks: list[TurnMark] = []
    for probability, duration_ms in spans:
        for _ in range(duration_ms // FRAME_MS):
            marks += endpointer.feed(probability, floor=floor)
    return boundaries(marks)


BRIEF = [Boundary.STARTED, Boundary.YIELDED, Boundary.BRIEF]


def test_brief_speech_makes_the_assistant_silent_and_its_words_decide() -> None:
    brief = ((0.9, 480), (0.0, 192))
    assert overlap(*brief, verdict=Verdict.CLAIMS) == [*BRIEF, Boundary.CONFIRMED]
    for goes_on in (Verdict.ACKNOWLEDGES, Verdict.OWN_VOICE):
        assert overlap(*brief, verdict=goes_on) == [*BRIEF, Boundary.DROPPED]
    for unclear in (Verdict.UNCLEAR, None):
        assert overlap(*brief, (0.0, 320), verdict=unclear) == BRIEF
        assert overlap(*brief, (0.0, 352), verdict=unclear) == [*BRIEF, Boundary.DROPPED]


def test_who_goes_on_after_an_unclear_first_word_finds_the_assistant_still_silent() -> None:
    first, second = ((0.9, 384), (0.0, 480)), (0.9, 832)
    found = overlap(*first, second, verdict=Verdict.UNCLEAR)
    assert found == [*BRIEF, Boundary.BRIEF, Boundary.CONFIRMED]


def test_less_sure_speech_lowers_the_voice_and_no_more() -> None:
    assert overlap((0.65, 96)) == [Boundary.STARTED]
    assert overlap((0.65, 960)) == [Boundary.STARTED]
    assert overlap((0.55, 960)) == []


@pytest.mark.parametrize("verdict", [Verdict.CLAIMS, Verdict.GOES_ON, Verdict.UNCLEAR])
def test_what_is_not_brief_interrupts_unless_its_words_say_go_on(verdict: Verdict) -> None:
    asked = [Boundary.STARTED, Boundary.YIELDED, Boundary.BRIEF]
    expected = [*asked, Boundary.CONFIRMED]
    halves = ((0.9, 608), (0.0, 64), (0.9, 608))
    for spans in (((0.9, 1_216),), halves):
        assert overlap(*spans, verdict=verdict) == expected
        assert overlap(*spans, verdict=Verdict.ACKNOWLEDGES) == asked


def test_words_that_are_not_known_in_time_do_not_keep_off_who_goes_on() -> None:
    asked = [Boundary.STARTED, Boundary.YIELDED, Boundary.BRIEF]
    assert overlap((0.9, 1_664)) == asked
    assert overlap((0.9, 1_696)) == [*asked, Boundary.CONFIRMED]


def test_acknowledgements_without_a_pause_between_them_stay_some() -> None:
    found = overlap((0.9, 3_200), (0.0, 192), verdict=Verdict.ACKNOWLEDGES)
    assert Boundary.CONFIRMED not in found
    assert found[-1] is Boundary.DROPPED


def test_who_speaks_again_soon_after_what_was_not_clear_interrupts() -> None:
    brief, silence, word = (0.9, 416), (0.0, 1_024), (0.9, 352)
    dropped = [*BRIEF, Boundary.DROPPED]
    insists = overlap(brief, silence, word, (0.0, 192), verdict=Verdict.UNCLEAR)
    assert insists == [*dropped, *BRIEF, Boundary.CONFIRMED]
    later = overlap(brief, (0.0, 3_200), word, (0.0, 544), verdict=Verdict.UNCLEAR)
    assert later == [*dropped, *dropped]


def test_an_uh_huh_stays_one_however_often_it_is_said() -> None:
    often = [(0.9, 416), (0.0, 608)] * 5
    for floor in (Floor.HELD, Floor.TAKEN, Floor.ENDING):
        found = overlap(*often, verdict=Verdict.ACKNOWLEDGES, floor=floor)
        assert Boundary.CONFIRMED not in found
        assert found.count(Boundary.DROPPED) == 5


def test_a_word_too_short_to_silence_the_assistant_may_still_interrupt() -> None:
    word = ((0.9, 256), (0.0, 192))
    assert overlap(*word, verdict=Verdict.CLAIMS) == [
        Boundary.STARTED,
        Boundary.BRIEF,
        Boundary.CONFIRMED,
    ]
    assert overlap(*word, verdict=Verdict.UNCLEAR) == [
        Boundary.STARTED,
        Boundary.BRIEF,
        Boundary.DROPPED,
    ]
    assert overlap((0.9, 96), (0.0, 192), verdict=Verdict.CLAIMS) == [
        Boundary.STARTED,
        Boundary.DROPPED,
    ]


def test_who_says_more_after_a_brief_pause_is_judged_anew() -> None:
    spans = ((0.9, 384), (0.0, 256), (0.9, 128), (0.0, 576))
    assert overlap(*spans, verdict=Verdict.UNCLEAR) == [*BRIEF, Boundary.BRIEF, Boundary.DROPPED]


def test_several_in_quick_succession_do_not_add_up_to_an_interruption() -> None:
    found = overlap(*[(0.9, 416), (0.0, 128)] * 6, (0.0, 544), verdict=Verdict.ACKNOWLEDGES)
    assert Boundary.CONFIRMED not in found


@pytest.mark.parametrize("verdict", [Verdict.ACKNOWLEDGES, Verdict.UNCLEAR, None])
def test_a_word_while_a_question_ends_answers_it_whatever_it_means(verdict: Verdict | None) -> None:
    found = overlap((0.9, 160), (0.0, 640), verdict=verdict, floor=Floor.OFFERED)
    assert found == WHOLE_TURN


def test_a_word_while_a_statement_ends_is_a_turn_unless_it_acknowledges() -> None:
    word = ((0.9, 224), (0.0, 544))
    for verdict in (Verdict.CLAIMS, Verdict.UNCLEAR, None):
        assert Boundary.CONFIRMED in overlap(*word, verdict=verdict, floor=Floor.ENDING)
    dropped = [Boundary.STARTED, Boundary.BRIEF, Boundary.DROPPED]
    assert overlap(*word, verdict=Verdict.ACKNOWLEDGES, floor=Floor.ENDING) == dropped


def test_who_is_about_to_end_does_not_fall_silent_for_a_word() -> None:
    assert Boundary.YIELDED not in overlap((0.9, 480), (0.0, 544), floor=Floor.ENDING)


def test_words_that_are_not_clear_go_on_with_a_question_answered_just_now() -> None:
    long, short = ((0.9, 384), (0.0, 544)), ((0.9, 224), (0.0, 544))
    for verdict in (Verdict.UNCLEAR, None):
        assert Boundary.CONFIRMED in overlap(*long, verdict=verdict, floor=Floor.TAKEN)
        assert overlap(*short, verdict=verdict, floor=Floor.TAKEN)[-1] is Boundary.DROPPED


def test_long_words_that_are_not_clear_are_kept_amid_an_answer() -> None:
    assert Boundary.CONFIRMED in overlap((0.9, 640), (0.0, 640), verdict=Verdict.UNCLEAR)
    assert overlap((0.9, 640), (0.0, 640), verdict=Verdict.ACKNOWLEDGES)[-1] is Boundary.DROPPED


def test_what_speech_set_in_over_is_what_it_is_judged_by() -> None:
    endpointer = Endpointer(verdict=lambda: Verdict.ACKNOWLEDGES)
    marks = run((0.9, 160), floor=Floor.ENDING, endpointer=endpointer)
    marks += run((0.9, 160), (0.0, 640), floor=Floor.FREE, endpointer=endpointer)
    assert boundaries(marks)[-1] is Boundary.DROPPED


def test_a_turn_begins_so_much_earlier_as_frames_were_withheld_right_before_it() -> None:
    def start_ms(withheld_ms: int, noticed_after_ms: int) -> float:
        endpointer = Endpointer()
        run((0.0, 960), endpointer=endpointer)
        for _ in range(withheld_ms // FRAME_MS):
            endpointer.feed(0.0, is_withheld=True)
        marks = run((0.0, noticed_after_ms), (0.9, 640), endpointer=endpointer)
        return marks[0].start_samples / 16

    lead_ms = EndpointingSettings().lead_ms
    assert start_ms(128, 64) == 960 + 128 + 64 - lead_ms - 128
    assert start_ms(640, 64) == 960 + 640 + 64 - lead_ms - 256, "no more than a word"
    assert start_ms(128, 640) == 960 + 128 + 640 - lead_ms, "nobody spoke then"
