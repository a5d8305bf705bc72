"""EmoDB (TU Berlin): `wav/03a01Fa.wav`: speaker, sentence, emotion (its German initial), take."""

from collections.abc import Iterator
from pathlib import PurePosixPath

from train.corpora.files import CorpusFiles
from train.corpora.named_files import FOREIGN, Named, read_named
from train.data.manifest import Drops, Utterance

LABELS: dict[str, str | None] = {
    "N": "neutral",
    "F": "happy",
    "W": "angry",
    "T": "sad",
    "A": None,
    "E": None,
    "L": None,
}
"""Neutral, Freude, Wut, Trauer; Angst, Ekel and Langeweile are none of the five."""

SENTENCES = {
    "a01": "Der Lappen liegt auf dem Eisschrank.",
    "a02": "Das will sie am Mittwoch abgeben.",
    "a04": "Heute abend könnte ich es ihm sagen.",
    "a05": "Das schwarze Stück Papier befindet sich da oben neben dem Holzstück.",
    "a07": "In sieben Stunden wird es soweit sein.",
    "b01": "Was sind denn das für Tüten, die da unter dem Tisch stehen?",
    "b02": "Sie haben es gerade hochgetragen und jetzt gehen sie wieder runter.",
    "b03": "An den Wochenenden bin ich jetzt immer nach Hause gefahren und habe Agnes besucht.",
    "b09": "Ich will das eben wegbringen und dann mit Karl was trinken gehen.",
    "b10": "Die wird auf dem Platz sein, wo wir sie immer hinlegen.",
}


def read(files: CorpusFiles, drops: Drops) -> Iterator[Utterance]:
    """Yields the clips with one of the five emotions; they are German."""
    return read_named(files, drops, corpus="emodb", labels=LABELS, parse=_parse)


def _parse(path: PurePosixPath) -> Named | str:
    name = path.stem
    if len(name) != 7 or name[2:5] not in SENTENCES:
        return FOREIGN
    return Named(name[:2], name[5], SENTENCES[name[2:5]])
