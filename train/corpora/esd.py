"""ESD (github.com/HLTSingapore/Emotional-Speech-Data): `0011/0011.txt` and `0011/Angry/*.wav`.

Speakers 0001-0010 speak Mandarin (`esd_zh.py`), 0011-0020 English, which are read here. The tables
come in different encodings.
"""

from collections.abc import Iterator

from train.corpora.files import CorpusFiles, label_of
from train.data.manifest import Drops, Utterance

LABELS: dict[str, str | None] = {
    "Neutral": "neutral",
    "Happy": "happy",
    "Angry": "angry",
    "Sad": "sad",
    "Surprise": "surprise",
}


ENGLISH = ("0011", "0020")


def read(files: CorpusFiles, drops: Drops) -> Iterator[Utterance]:
    """Yields the English clips.

    Raises:
        ValueError: There is no speaker's table.
    """
    return read_speakers(files, drops, corpus="esd", labels=LABELS, speakers=ENGLISH)


def read_speakers(
    files: CorpusFiles,
    drops: Drops,
    *,
    corpus: str,
    labels: dict[str, str | None],
    speakers: tuple[str, str],
) -> Iterator[Utterance]:
    """Yields the clips of the speakers from the first to the last of `speakers`.

    Raises:
        ValueError: There is no speaker's table.
    """
    tables = [n for n in files.names(".txt") if n.split("/")[-1][:4].isdigit()]
    if not tables:
        raise ValueError(f"{files.path} holds no table such as 0011/0011.txt: it is incomplete")
    audio = files.by_stem()
    other = "Mandarin" if speakers == ENGLISH else "English"
    for table in tables:
        speaker = table.split("/")[-1][:4]
        for place, line in files.lines(table):
            parts = [part.strip() for part in line.split("\t")]
            if len(parts) < 3:
                drops.add("broken line", place)
            elif not speakers[0] <= speaker <= speakers[1]:
                drops.add(other, place)
            elif parts[0] not in audio:
                drops.add("the audio file is missing", place)
            else:
                label = label_of(parts[2], labels, drops, place)
                if label is not None:
                    yield Utterance(
                        id=parts[0],
                        audio=files.reference(audio[parts[0]]),
                        text=parts[1],
                        speaker=f"{corpus}-{speaker}",
                        emotion=label,
                        label=parts[2],
                        corpus=corpus,
                    )
