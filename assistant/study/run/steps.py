"""The pages that a participant goes through, in their order."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from assistant.study.design.study import Study

Kind = Literal["information", "consent", "sound", "talk", "questions", "debrief"]


@dataclass(frozen=True, slots=True)
class Step:
    """One page."""

    name: str
    """Its name in logs, exports and folders, such as `block2-talk`."""
    kind: Kind
    block: int | None = None
    """Which conversation it belongs to, from 1; None before the first and after the last."""
    condition: str = ""
    """Label of the condition; empty outside of blocks."""
    instrument: str = ""
    """What is asked on a page of questions."""

    @property
    def is_practice(self) -> bool:
        """Whether it is a conversation that does not count."""
        return self.kind == "talk" and self.block is None


def entrance(study: Study) -> tuple[Step, ...]:
    """Returns the steps before a participant gets a cell."""
    steps = [Step("information", "information"), Step("consent", "consent")]
    if study.sound.check or study.sound.headphones != "off" or study.sound.attention_word:
        steps.append(Step("sound", "sound"))
    return tuple(steps)


def way(study: Study, sequence: Sequence[str]) -> tuple[Step, ...]:
    """Returns all steps of a participant who gets the conditions of `sequence`, by their labels."""
    asked = study.questionnaires
    steps = [*entrance(study)]
    steps += [Step(f"before-{name}", "questions", instrument=name) for name in asked.before]
    if study.talk.practice_turns:
        steps.append(Step("practice", "talk"))
    for block, label in enumerate(sequence, 1):
        steps.append(Step(f"block{block}-talk", "talk", block, label))
        steps += [
            Step(f"block{block}-{name}", "questions", block, label, name) for name in asked.block
        ]
    steps += [Step(f"after-{name}", "questions", instrument=name) for name in asked.after]
    return (*steps, Step("debrief", "debrief"))
