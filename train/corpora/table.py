"""Name of a corpus → its reader, imported when it is chosen."""

import importlib
from collections.abc import Callable, Iterator
from typing import cast

from train.corpora.files import CorpusFiles
from train.data.manifest import Drops, Utterance

Reader = Callable[[CorpusFiles, Drops], Iterator[Utterance]]

CORPORA = {
    "librispeech": "librispeech",
    "common-voice": "common_voice",
    "gigaspeech": "gigaspeech",
    "speechocean762": "speechocean762",
    "tedlium": "tedlium",
    "iemocap": "iemocap",
    "meld": "meld",
    "cmu-mosei": "cmu_mosei",
    "mead": "mead",
    "esd": "esd",
    "ravdess": "ravdess",
    "savee": "savee",
    "tess": "tess",
    "crema-d": "crema_d",
    "emodb": "emodb",
    "cafe": "cafe",
    "resd": "resd",
    "aesdd": "aesdd",
    "esd-zh": "esd_zh",
    "msp-podcast": "msp_podcast",
    "avamerg": "avamerg",
    "speechalpaca": "speechalpaca",
    "voicebench": "voicebench",
}
"""Name on the command line → module in this package."""


def reader_of(corpus: str) -> Reader:
    """Returns the reader of a corpus.

    Raises:
        ValueError: There is no reader of that name; the message lists those that exist.
    """
    if corpus not in CORPORA:
        raise ValueError(f"there is no reader for {corpus!r}: use one of {', '.join(CORPORA)}")
    module = importlib.import_module(f"train.corpora.{CORPORA[corpus]}")
    return cast(Reader, module.read)
