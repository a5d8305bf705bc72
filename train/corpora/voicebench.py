"""VoiceBench (arXiv 2410.17196; hub: hlt-lab/voicebench): one folder for each subset.

The hub holds Parquet files; `datasets` writes a subset as sound with a `metadata.jsonl` (prompt,
reference). `label` of an utterance is the name of its subset, such as `sd-qa`.
"""

from collections.abc import Iterator

from train.corpora.files import CorpusFiles
from train.corpora.spoken_questions import read_questions
from train.data.manifest import Drops, Utterance


def read(files: CorpusFiles, drops: Drops) -> Iterator[Utterance]:
    """Yields the questions of all subsets.

    Raises:
        ValueError: There is no table.
    """
    return read_questions(files, drops, "voicebench")
