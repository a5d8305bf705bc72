"""What a participant's page shows, as plain values: the browser and the terminal draw the same."""

import hashlib
import random
from collections.abc import Mapping
from typing import Any

from assistant.study.design.conditions import Condition
from assistant.study.design.study import Study
from assistant.study.design.texts import DANGER, KEPT, disclosure
from assistant.study.instruments import Instrument, Item, shown_order
from assistant.study.keeping.participant import LEFT, Participant
from assistant.study.run.steps import Step

PageContent = dict[str, Any]
HEADPHONE_TRIALS = 6
HEADPHONES_RIGHT = 5
"""Of six; by guessing two are right (Woods, Siegel, Traer and McDermott 2017)."""
SOUNDS = ("plain", "quiet", "antiphase")
"""Three tones of a trial. Over loudspeakers the one in antiphase cancels itself and seems softest;
over headphones it is the quiet one."""
STOPPED, COMPLETED, WITHDRAWN = "stopped", "completed", "withdrawn"
"""Kinds of pages behind which nothing follows."""


_ENDS = {
    LEFT: "You have stopped the study. Thank you. What you answered so far is kept; below you can "
    "have it deleted.",
    "no consent": "You have chosen not to take part. Thank you for your interest.",
}


def disclosed(study: Study) -> str:
    """Returns what is disclosed to every participant, whichever condition is theirs."""
    conditions = [Condition.model_validate(study.base), *map(study.condition, study.names())]
    told = disclosure(host for one in conditions if (host := one.llm.sends_words_to))
    return f"{told} {KEPT.format(study.retention_until)}"


def consent_sha256(study: Study) -> str:
    """Returns the hash of every word that somebody consents to."""
    texts = study.texts
    shown = (
        disclosed(study),
        DANGER,
        texts.information,
        texts.consent,
        texts.consent_audio,
        texts.consent_words,
        texts.consent_emotion,
    )
    return hashlib.sha256("\0".join(shown).encode()).hexdigest()


def seed_of(study: Study, participant: str, step: str) -> str:
    """Returns the seed of what is left to chance on one page."""
    return f"{study.seed}:{participant}:{step}"


def headphone_trials(study: Study, participant: str) -> list[list[str]]:
    """Returns the order of the three sounds in each trial."""
    chance = random.Random(seed_of(study, participant, "headphones"))
    return [chance.sample(SOUNDS, len(SOUNDS)) for _ in range(HEADPHONE_TRIALS)]


def draw(
    study: Study,
    participant: Participant,
    step: Step,
    place: tuple[int, int],
    asked: Instrument | None,
) -> PageContent:
    """Returns the page of a step.

    Args:
        study: The study.
        participant: Who sees it.
        step: Which it is.
        place: Its number, from 1, and how many there are.
        asked: The instrument of a page of questions.
    """
    number, count = place
    page: PageContent = {
        "step": step.name,
        "kind": step.kind,
        "number": number,
        "of": count,
        "title": study.title,
        "contact": study.contact,
        "danger": DANGER,
    }
    return {**page, **_content(study, participant, step, asked)}


def _content(
    study: Study, participant: Participant, step: Step, asked: Instrument | None
) -> Mapping[str, Any]:
    texts = study.texts
    match step.kind:
        case "information":
            return {"text": texts.information, "disclosure": disclosed(study)}
        case "consent":
            return {"text": texts.consent, "choices": _choices(study)}
        case "sound":
            return _sound(study, participant)
        case "talk":
            return _talk(study, participant, step)
        case "questions":
            assert asked is not None, step
            return _questions(study, participant, step, asked)
        case "debrief":
            return {"text": texts.debrief}


def _choices(study: Study) -> dict[str, str]:
    texts = study.texts
    return {
        "audio": texts.consent_audio,
        "words": texts.consent_words,
        "emotion": texts.consent_emotion,
    }


def _sound(study: Study, participant: Participant) -> PageContent:
    sound = study.sound
    has_trials = sound.headphones != "off" and "headphones" not in participant.passed
    return {
        "text": study.texts.sound,
        "least_db": sound.least_db if sound.check else None,
        "trials": headphone_trials(study, participant.name) if has_trials else [],
        "word": sound.attention_word if "attention" not in participant.passed else "",
        "passed": sorted(participant.passed),
    }


def _talk(study: Study, participant: Participant, step: Step) -> PageContent:
    texts, talk = study.texts, study.talk
    before = participant.talks.get(step.name)
    tasks = talk.tasks
    task = ""
    if step.block is not None and tasks:
        task = tasks[(step.block - 1) % len(tasks)]
    return {
        "text": texts.practice if step.is_practice else texts.talk,
        "task": task,
        "stop_words": list(talk.stop_words),
        "probe": "" if step.is_practice else talk.probe,
        "probe_ends": list(talk.probe_ends),
        "was_begun": before is not None,
        "is_practice": step.is_practice,
    }


def _questions(
    study: Study, participant: Participant, step: Step, asked: Instrument
) -> PageContent:
    given = {
        item: answer.value
        for (name, item), answer in participant.answers.items()
        if name == step.name
    }
    order = shown_order(asked, seed_of(study, participant.name, step.name))
    return {
        # The names of all others, "manipulation check" say, are for researchers: they tell what is
        # looked for.
        "heading": asked.title if asked.kind == "demographics" else "",
        "text": asked.instruction,
        "items": [_item(item) for item in order],
        "given": given,
    }


def _item(item: Item) -> dict[str, Any]:
    return {
        "name": item.name,
        "text": item.text,
        "form": item.form,
        "minimum": item.minimum,
        "maximum": item.maximum,
        "labels": list(item.labels),
        "required": item.required,
        "picture": item.picture,
    }


def last_page(study: Study, participant: Participant) -> PageContent:
    """Returns what stands behind the last step."""
    page: PageContent = {
        "step": "",
        "title": study.title,
        "contact": study.contact,
        "danger": DANGER,
        "kind": STOPPED,
        "text": _ENDS.get(participant.stopped, study.texts.screened_out),
    }
    if participant.status == "completed":
        link = study.entry.completion_link.replace("{code}", participant.code)
        return page | {"kind": COMPLETED, "text": "", "code": participant.code, "link": link}
    if participant.status == "withdrawn":
        return page | {"kind": WITHDRAWN, "text": "Your data has been deleted."}
    return page
