"""SpeechAlpaca (BLSP-Emo, arXiv 2406.03872): instructions, spoken by a voice with an emotion.

The paper's own recordings are not public: this reads a set that is made by its recipe, Alpaca
instructions and an emotional voice, as sound with a `metadata.jsonl` (instruction, emotion).
"""

from collections.abc import Iterator

from train.corpora.files import CorpusFiles
from train.corpora.spoken_questions import read_questions
from train.data.manifest import Drops, Utterance


def read(files: CorpusFiles, drops: Drops) -> Iterator[Utterance]:
    """Yields the spoken instructions.

    Raises:
        ValueError: There is no table.
    """
    return read_questions(files, drops, "speechalpaca")
