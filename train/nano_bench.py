"""A nano under test, what it answers, and the figures that are kept of it."""

import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from models.blsp_emo import BlspEmo, Heard
from models.emotions import Emotion
from models.talk import TalkSession
from train.domain import Domain
from train.metrics import Figure
from train.nano_judges import ReplyJudge

logger = logging.getLogger(__name__)


@dataclass
class Figures:
    """Named figures, in the order in which they were measured."""

    values: dict[str, Figure] = field(default_factory=dict[str, Figure])
    notes: dict[str, float] = field(default_factory=dict[str, float])

    def add(self, name: str, figure: Figure) -> None:
        """Keeps a figure and says it."""
        self.values[name] = figure
        logger.info("%s: %s", name, figure)

    def write(self, path: Path) -> None:
        """Writes all figures as JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        table = {name: asdict(figure) for name, figure in self.values.items()}
        path.write_text(json.dumps({"figures": table, "notes": self.notes}, indent=1) + "\n")


@dataclass
class Bench:
    """A model under test with what it is judged by."""

    model: BlspEmo
    domain: Domain
    judge: ReplyJudge
    figures: Figures
    replies: list[tuple[str, bool]] = field(default_factory=list[tuple[str, bool]])
    """Every reply that was given, and whether it came to an end."""

    def answer(
        self, heard: Heard | str, *, emotion: Emotion | None = None, before: Sequence[str] = ()
    ) -> str:
        """Returns the reply to speech or text after the typed turns `before`."""
        talk = TalkSession(self.model)
        for text in before:
            talk.read(text)
            "".join(talk.reply())
        if isinstance(heard, str):
            talk.read(heard, emotion=emotion)
        else:
            talk.listen(heard)
        pieces = list(talk.reply())
        text = "".join(pieces).strip()
        self.replies.append((text, len(pieces) < talk.sampling.max_new_tokens - 1))
        return text
