"""The domain of everyday talk: complete, well formed, and split without leaks."""

import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from models.emotions import Emotion
from train.language.domain import (
    HELD_OUT_INTENTS,
    cut_reply,
    draw_values,
    fill,
    fitting,
    read_domain,
    slots_of,
    spoken_form,
    templates,
)

DOMAIN = read_domain()

GRAVE = frozenset(
    "baby_worries bad_health_news breakup friend_betrayal lonely pet_died school_bully "
    "sibling_trouble someone_died".split()
)
"""What is no joy in whatever voice it is told."""
SERIOUS = frozenset(
    "anniversary_trouble argument_with_parent argument_with_partner boss_trouble cannot_sleep "
    "coworker_conflict doctor_visit feeling_ill friend_moved_away homesick injury new_job_trouble "
    "pet_ill promotion_missed too_much_work wedding_trouble".split()
)
"""What is not funny to whom it happens."""
REJOICING = re.compile(
    r"\b(I love|I like (that|this)|how (good|great|nice|wonderful|lovely)|wonderful|great|"
    r"fantastic|congratulations|hooray|funn(y|iest)|laugh|ha\b|happy for you|lucky)",
    re.IGNORECASE,
)
MAKES_FUN = re.compile(r"lightly you take|You can laugh about|still a smile, I like", re.IGNORECASE)


def test_domain_is_wide_enough() -> None:
    assert len(DOMAIN.intents) >= 60
    assert sum(len(intent.utterances) for intent in DOMAIN.intents) >= 3000
    assert len(DOMAIN.dialogues) >= 60
    assert sum(dialogue.cut is not None for dialogue in DOMAIN.dialogues) >= 15
    assert len(DOMAIN.questions) >= 60


def test_every_intent_answers_several_emotions() -> None:
    for intent in DOMAIN.intents:
        assert Emotion.NEUTRAL in intent.replies
        assert len(intent.replies) >= 3, intent.name
        for replies in intent.replies.values():
            assert len(set(replies)) >= 3, intent.name


def test_a_glad_voice_is_answered_about_its_own_topic() -> None:
    lacking = [intent.name for intent in DOMAIN.intents if Emotion.HAPPY not in intent.replies]
    assert lacking == []


def happy_replies(names: frozenset[str]) -> list[str]:
    """Returns what a glad voice is answered about a topic; good news in a follow-up may be one."""
    intents = [intent for intent in DOMAIN.intents if intent.name in names]
    assert len(intents) == len(names)
    return [reply for intent in intents for reply in intent.replies[Emotion.HAPPY]]


def test_nobody_rejoices_in_grief() -> None:
    assert [reply for reply in happy_replies(GRAVE) if REJOICING.search(reply)] == []


def test_nobody_makes_fun_of_pain_or_a_quarrel() -> None:
    assert [reply for reply in happy_replies(GRAVE | SERIOUS) if MAKES_FUN.search(reply)] == []


@pytest.mark.parametrize(
    "reply", ["I love this death!", "How wonderful, this breakup!", "Ha, that is funny!"]
)
def test_what_rejoices_is_noticed(reply: str) -> None:
    assert REJOICING.search(reply)


def test_no_wording_stands_in_two_intents() -> None:
    counts = Counter(
        spoken_form(text) for intent in DOMAIN.intents for text in set(intent.utterances)
    )
    assert [text for text, count in counts.items() if count > 1] == []


def test_splits_do_not_overlap_and_hold_out_whole_intents() -> None:
    parts = {
        split: {(intent.name, text) for intent, text in templates(DOMAIN, split)}
        for split in ("train", "wording", "intent")
    }
    assert not parts["train"] & parts["wording"]
    assert {name for name, _ in parts["intent"]} == set(HELD_OUT_INTENTS)
    assert not {name for name, _ in parts["train"]} & HELD_OUT_INTENTS
    total = len(parts["train"]) + len(parts["wording"])
    assert 0.05 < len(parts["wording"]) / total < 0.2


def test_exchanges_have_no_open_slots() -> None:
    generator = np.random.default_rng(1)
    for intent, template in templates(DOMAIN, "train"):
        values = draw_values(intent, template, generator)
        for replies in intent.replies.values():
            for text in (fill(template, values), *fitting(replies, values)):
                assert not slots_of(text)


def test_every_wording_has_a_neutral_reply() -> None:
    generator = np.random.default_rng(2)
    missing = [
        (intent.name, template)
        for split in ("train", "wording", "intent")
        for intent, template in templates(DOMAIN, split)
        if not fitting(intent.replies[Emotion.NEUTRAL], draw_values(intent, template, generator))
    ]
    assert missing == []


def test_a_cut_reply_is_a_beginning() -> None:
    generator = np.random.default_rng(3)
    reply = "I am sorry that your train was late, how long did you wait?"
    for _ in range(20):
        cut = cut_reply(reply, generator)
        assert cut and reply.startswith(cut) and cut != reply


def test_fill_names_the_missing_slot() -> None:
    intent = next(i for i in DOMAIN.intents if i.slots and any(map(slots_of, i.utterances)))
    template = next(t for t in intent.utterances if slots_of(t))
    values = draw_values(intent, template, np.random.default_rng(4))
    assert not slots_of(fill(template, values))
    with pytest.raises(ValueError, match="no value for"):
        fill(template, {})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("not toml [", "no valid TOML"),
        ('theme = "x"\nutterances = ["a"]\n[replies]\nsad = ["b"]\n', "no neutral reply"),
        ('theme = "x"\nutterances = ["a"]\n', "lacks replies"),
        (
            'theme = "x"\nutterances = ["a {b}"]\n[replies]\nneutral = ["c"]\n',
            "slots without values",
        ),
    ],
)
def test_a_bad_intent_file_is_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "intents").mkdir()
    (tmp_path / "intents" / "broken.toml").write_text(text)
    (tmp_path / "not_understood.toml").write_text('questions = ["what?"]')
    with pytest.raises(ValueError, match=message) as caught:
        read_domain(tmp_path)
    assert "broken.toml" in str(caught.value)
