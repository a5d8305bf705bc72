"""Every reader on a small copy of its corpus's layout, with what is missing or outside the five."""

import json
import os
import tarfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import soundfile

from models.emotions import EMOTION_LABELS
from train.corpora.files import CorpusFiles
from train.corpora.prepare import prepare
from train.corpora.settings import PrepareSettings
from train.corpora.table import CORPORA, reader_of
from train.data.manifest import Drops, Utterance, read_manifest


@dataclass(frozen=True)
class Layout:
    """A corpus on disk, and what its reader must make of it."""

    audio: tuple[str, ...]
    texts: Mapping[str, str | bytes] = field(default_factory=dict)
    emotions: tuple[str | None, ...] = ()
    """Of the utterances, sorted by id."""
    words: tuple[str, ...] | None = None
    drops: tuple[str, ...] = ()
    """What the reasons hold, one each."""
    splits: tuple[str, ...] | None = None
    seconds: float = 1.0


def _mosei_row(clip: str, happiness: int, anger: int, fear: int = 0) -> str:
    return f"vid,{clip},{happiness},{anger},0,0,0,{fear}\n"


LAYOUTS = {
    "librispeech": Layout(
        audio=("dev-clean/19/198/19-198-0000.flac", "train-clean-100/26/1/26-1-0000.flac"),
        texts={
            "dev-clean/19/198/19-198.trans.txt": "19-198-0000 HELLO THERE\n19-198-0001 GONE\n",
            "train-clean-100/26/1/26-1.trans.txt": "26-1-0000 GOOD DAY\n",
        },
        emotions=(None, None),
        words=("hello there", "good day"),
        drops=("the audio file is missing",),
        splits=("dev", "train"),
    ),
    "common-voice": Layout(
        audio=("clips/a.wav", "clips/b.wav"),
        texts={
            "train.tsv": "client_id\tpath\tsentence\nx\ta.mp3\tHello.\nx\tc.mp3\tGone.\n",
            "test.tsv": 'client_id\tpath\tsentence\ny\tb.mp3\tA "quote.\n',
        },
        emotions=(None, None),
        words=("Hello.", 'A "quote.'),
        drops=("the audio file is missing",),
        splits=("train", "test"),
    ),
    "gigaspeech": Layout(
        audio=("audio/podcast/P0/POD1.wav",),
        seconds=4.0,
        texts={
            "GigaSpeech.json": json.dumps(
                {
                    "audios": [
                        {
                            "aid": "POD1",
                            "path": "audio/podcast/P0/POD1.opus".replace("opus", "wav"),
                            "segments": [
                                {
                                    "sid": "POD1_S0",
                                    "begin_time": 0.5,
                                    "end_time": 1.75,
                                    "text_tts": "YES <COMMA> REALLY <QUESTIONMARK>",
                                    "subsets": ["{XL}"],
                                },
                                {
                                    "sid": "POD1_S1",
                                    "begin_time": 2,
                                    "end_time": 3,
                                    "text_tts": "<MUSIC>",
                                },
                            ],
                        },
                        {"aid": "POD2", "path": "audio/POD2.wav", "segments": []},
                    ]
                }
            )
        },
        emotions=(None,),
        words=("yes, really?",),
        drops=("no speech", "the audio file is missing"),
    ),
    "speechocean762": Layout(
        audio=("WAVE/SPEAKER0001/000010011.WAV", "WAVE/SPEAKER0003/000030012.WAV"),
        texts={
            "train/text": "000010011\tWE CALL IT BEAR\n",
            "test/text": "000030012\tMARK IS HERE\n000039999\tGONE\n",
        },
        emotions=(None, None),
        words=("we call it bear", "mark is here"),
        drops=("the audio file is missing",),
        splits=("train", "test"),
    ),
    "tedlium": Layout(
        audio=("test/sph/Talk_2010.wav",),
        seconds=5.0,
        texts={
            "test/stm/Talk_2010.stm": (
                ";; comment\nTalk_2010 1 Talk_2010 0.5 2.0 <o,f0,male> it 's <unk> fine\n"
                "Talk_2010 1 inter 2.0 3.0 <o,,unknown> ignore_time_segment_in_scoring\n"
            )
        },
        emotions=(None,),
        words=("it's fine",),
        drops=("no words",),
        splits=("test",),
    ),
    "iemocap": Layout(
        audio=tuple(
            f"Session{s}/sentences/wav/Ses0{s}F_impro01/Ses0{s}F_impro01_{n}.wav"
            for s, n in ((1, "F000"), (1, "M001"), (5, "F000"))
        ),
        texts={
            "Session1/dialog/EmoEvaluation/Ses01F_impro01.txt": (
                "% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]\n\n"
                "[6.29 - 8.23]\tSes01F_impro01_F000\texc\t[2.5, 2.5, 2.5]\nC-E1:\tHappiness;\t()\n"
                "[8.29 - 9.23]\tSes01F_impro01_M001\tfru\t[2.5, 2.5, 2.5]\n"
            ),
            "Session5/dialog/EmoEvaluation/Ses05F_impro01.txt": (
                "[6.29 - 8.23]\tSes05F_impro01_F000\tsur\t[2.5, 2.5, 2.5]\n"
                "[7.29 - 8.23]\tSes05F_impro01_F009\tsad\t[2.5, 2.5, 2.5]\n"
            ),
            "Session1/dialog/transcriptions/Ses01F_impro01.txt": (
                "Ses01F_impro01_F000 [006.29-008.23]: Excuse me. [LAUGHTER]\n"
            ),
        },
        emotions=("happy", "surprise"),
        words=("Excuse me.", ""),
        drops=("'fru'", "the audio file is missing"),
        splits=("train", "test"),
    ),
    "meld": Layout(
        audio=("train_splits/dia0_utt0.wav", "output_repeated_splits_test/dia0_utt0.wav"),
        texts={
            "train_sent_emo.csv": (
                "Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID\n"
                '1,"It\x92s me, Joey!",Joey,joy,positive,0,0\n2,Yuck,Ross,disgust,negative,0,1\n'
                "3,Gone,Ross,anger,negative,0,2\n"
            ).encode("latin-1"),
            "dev_sent_emo.csv": "Utterance,Speaker,Emotion,Dialogue_ID,Utterance_ID\n",
            "test_sent_emo.csv": (
                "Utterance,Speaker,Emotion,Dialogue_ID,Utterance_ID\nWhat?,Ross,surprise,0,0\n"
            ),
            "train_splits/dia0_utt1.mp4": "video",
        },
        emotions=("surprise", "happy"),
        words=("What?", "It’s me, Joey!"),
        drops=("extract its sound", "the audio file is missing"),
        splits=("test", "train"),
    ),
    "cmu-mosei": Layout(
        audio=("Raw/Audio/Full/WAV_16000/vid.wav",),
        seconds=9.0,
        texts={
            "Raw/Transcript/Segmented/Combined/vid.txt": "".join(
                f"vid___{n}___{n}.5___{n + 2}.0___clip {n}\n" for n in range(5)
            )
            + "vid___5\nvid___x___1___2___words\n",
            "Raw/Labels/batch.csv": (
                "Input.VIDEO_ID,Input.CLIP,Answer.happiness,Answer.anger,Answer.sadness,"
                "Answer.surprise,Answer.disgust,Answer.fear\n"
                + _mosei_row("0", 0, 2)
                + _mosei_row("0", 1, 0)
                + _mosei_row("1", 0, 0)
                + _mosei_row("2", 1, 1)
                + _mosei_row("3", 0, 0, fear=2)
                + "vid,4,x\n"
            ),
        },
        emotions=("angry", "neutral"),
        words=("clip 0", "clip 1"),
        drops=("'several'", "'fear'", "broken row", "no label", "broken line"),
    ),
    "mead": Layout(
        audio=("M003/audio/angry/level_1/001.wav", "M003/audio/fear/level_2/001.wav"),
        texts={"M003/audio/sad/level_1/002.m4a": "m4a"},
        emotions=("angry",),
        drops=("'fear'", "needs conversion"),
    ),
    "esd": Layout(
        audio=("0011/Angry/0011_000351.wav", "0011/Sad/0011_001051.wav", "0001/Sad/0001_1.wav"),
        texts={
            "0011/0011.txt": (
                "0011_000351\tThe nine the eggs.\tAngry\n0011_001051\tHe said.\tSad\n0011_9\n"
            ).encode("utf-16"),
            "0001/0001.txt": "0001_1\t打远一看\tSad\n",
        },
        emotions=("angry", "sad"),
        words=("The nine the eggs.", "He said."),
        drops=("broken line", "Mandarin"),
    ),
    "ravdess": Layout(
        audio=(
            "Actor_01/03-01-02-01-01-01-01.wav",
            "Actor_01/03-01-06-01-01-01-01.wav",
            "Actor_02/03-01-08-01-02-01-02.wav",
            "Actor_02/03-02-03-01-02-01-02.wav",
            "Actor_02/._03-01-08-01-02-01-02.wav",
        ),
        emotions=("neutral", "surprise"),
        words=("Kids are talking by the door.", "Dogs are sitting by the door."),
        drops=("'06'", "song"),
    ),
    "savee": Layout(
        audio=("AudioData/DC/sa01.wav", "AudioData/DC/d01.wav", "flat/KL_h02.wav", "DC/x.wav"),
        emotions=("happy", "sad"),
        drops=("'d'", "not of this corpus"),
    ),
    "tess": Layout(
        audio=("OAF_Pleasant_surprise/OAF_back_ps.wav", "YAF_fear/YAF_back_fear.wav"),
        emotions=("surprise",),
        words=("Say the word back.",),
        drops=("'fear'",),
    ),
    "crema-d": Layout(
        audio=("AudioWAV/1001_DFA_ANG_XX.wav", "AudioWAV/1001_IEO_FEA_HI.wav"),
        emotions=("angry",),
        words=("Don't forget a jacket.",),
        drops=("'FEA'",),
    ),
    "emodb": Layout(
        audio=("wav/03a01Fa.wav", "wav/03a01Lb.wav"),
        emotions=("happy",),
        words=("Der Lappen liegt auf dem Eisschrank.",),
        drops=("'L'",),
    ),
    "cafe": Layout(
        audio=(
            "CaFE_48k/Colère/Fort/01-C-2-1.wav",
            "CaFE_48k/Neutre/02-N-6.wav",
            "CaFE_48k/Peur/Faible/01-P-1-1.wav",
            "CaFE_48k/readme.wav",
        ),
        emotions=("angry", "neutral"),
        drops=("'P'", "not of this corpus"),
    ),
    "aesdd": Layout(
        audio=("anger/a01 (1).wav", "sadness/s20 (5).wav", "fear/f01 (2).wav", "anger/h02 (3).wav"),
        emotions=("angry", "sad"),
        drops=("'f'", "another emotion"),
    ),
    "resd": Layout(
        audio=("test/anger_32/32_anger_h_120.wav", "test/enthusiasm_3/3_enthusiasm_h_1.wav"),
        texts={
            "test.csv": (
                "name,path,emotion,text\n32_anger_h_120,anger_32/32_anger_h_120.wav,anger,Хватит.\n"
                "3_e,enthusiasm_3/3_enthusiasm_h_1.wav,enthusiasm,\n9_s,sadness_9/9_s.wav,sadness,\n"
            ),
        },
        emotions=("angry",),
        words=("Хватит.",),
        drops=("'enthusiasm'", "the audio file is missing"),
        splits=("test",),
    ),
    "esd-zh": Layout(
        audio=("0001/伤心/0001_001051.wav", "0011/Angry/0011_000351.wav"),
        texts={
            "0001/0001.txt": "0001_001051\t打远一看\t伤心\n0001_2\t好\t快乐\n",
            "0011/0011.txt": "0011_000351\tThe nine the eggs.\tAngry\n",
        },
        emotions=("sad",),
        words=("打远一看",),
        drops=("English", "the audio file is missing"),
    ),
    "speechalpaca": Layout(
        audio=("set/audio/1.wav", "set/audio/2.wav", "set/audio/3.wav"),
        texts={
            "set/metadata.jsonl": (
                '{"file_name": "audio/1.wav", "instruction": "Name a dog.", "emotion": "joy"}\n'
                '{"file_name": "audio/2.wav", "instruction": "Why?", "emotion": "disgust"}\n'
                '{"file_name": "audio/3.wav", "instruction": "Go.", "emotion": "sad"}\n'
                '{"file_name": "audio/4.wav", "instruction": "Gone."}\n[1]\n'
            )
        },
        emotions=("happy", "sad"),
        words=("Name a dog.", "Go."),
        drops=("'disgust'", "the audio file is missing", "broken line"),
        splits=("test", "test"),
    ),
    "voicebench": Layout(
        audio=("sd-qa/1.wav", "openbookqa/1.wav"),
        texts={
            "sd-qa/metadata.jsonl": (
                '{"file_name": "1.wav", "prompt": "Who wrote Emma?", "reference": "Jane Austen"}\n'
            ),
            "openbookqa/metadata.jsonl": (
                '{"file_name": "1.wav", "prompt": "Which? A. Iron. B. Wood.", "reference": "B"}\n'
            ),
        },
        emotions=(None, None),
        words=("Which? A. Iron. B. Wood.", "Who wrote Emma?"),
        splits=("test", "test"),
    ),
    "msp-podcast": Layout(
        audio=("Audios/A_1.wav", "Audios/A_2.wav", "Audios/A_3.wav"),
        texts={
            "Labels/labels_consensus.csv": (
                "FileName,EmoClass,SpkrID,Split_Set\nA_1.wav,H,7,Train\nA_2.wav,X,8,Development\n"
                "A_3.wav,U,Unknown,Test1\nA_4.wav,N,9,Test3\nA_5.wav,N,9,Train\n"
            ),
            "Transcripts/A_1.txt": "good news\n",
        },
        emotions=("happy", "surprise"),
        words=("good news", ""),
        drops=("'X'", "split Test3", "the audio file is missing"),
        splits=("train", "test"),
    ),
    "avamerg": Layout(
        audio=("test/dia00010utt0_28.wav", "test/dia00010utt2_28.wav"),
        texts={
            "test.json": json.dumps(
                [
                    {
                        "conversation_id": "00010",
                        "speaker_profile": {"age": "young", "ID": 28},
                        "turns": [
                            {
                                "turn_id": "0",
                                "dialogue_history": [{"role": "speaker", "utterance": "I won!"}],
                                "response": "Great!",
                                "chain_of_empathy": {"speaker_emotion": "Excited"},
                            },
                            {
                                "turn_id": "1",
                                "dialogue_history": [
                                    {"index": 0, "role": "speaker", "utterance": "I won!"},
                                    {"index": 1, "role": "listener", "utterance": "Great!"},
                                    {"index": 2, "role": "speaker", "utterance": "Twice."},
                                ],
                                "response": "Even better!",
                                "chain_of_empathy": {"speaker_emotion": "nostalgic"},
                            },
                            {"turn_id": "2", "dialogue_history": [], "response": "?"},
                        ],
                    }
                ]
            )
        },
        emotions=("happy", None),
        words=("I won!", "Twice."),
        drops=("does not end with the speaker",),
        splits=("test", "test"),
    ),
}


def build(layout: Layout, folder: Path) -> Path:
    for name in layout.audio:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        noise = np.random.default_rng(0).normal(size=int(16_000 * layout.seconds)) * 0.1
        kind = "FLAC" if path.suffix == ".flac" else "WAV"
        soundfile.write(path, noise, 16_000, format=kind)
    for name, text in layout.texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


@pytest.mark.parametrize("corpus", CORPORA)
def test_reader(corpus: str, tmp_path: Path) -> None:
    layout = LAYOUTS[corpus]
    folder = build(layout, tmp_path / corpus)
    out = tmp_path / "out" / f"{corpus}.jsonl"
    out.parent.mkdir()
    prepare(PrepareSettings(corpus=corpus, folder=folder, out=out))
    manifest = read_manifest(out)
    found = sorted(manifest.utterances, key=lambda utterance: utterance.id)
    assert not manifest.drops.counts
    assert tuple(u.emotion for u in found) == layout.emotions
    if layout.words is not None:
        assert tuple(u.text for u in found) == layout.words
    if layout.splits is not None:
        assert tuple(u.split for u in found) == layout.splits
    assert all(u.speaker.startswith(f"{corpus}-") and u.corpus == corpus for u in found)
    summary = json.loads(out.with_suffix(".summary.json").read_text())
    assert len(summary["dropped"]) == len(layout.drops)
    for reason in layout.drops:
        assert any(reason in told for told in summary["dropped"]), reason
    assert out.with_suffix(".png").stat().st_size > 0


@pytest.mark.parametrize("corpus", CORPORA)
def test_labels_lead_to_the_five_emotions(corpus: str) -> None:
    module = __import__(f"train.corpora.{CORPORA[corpus]}", fromlist=["LABELS"])
    labels = getattr(module, "LABELS", {})
    assert set(labels.values()) <= {*EMOTION_LABELS, None}


@pytest.mark.parametrize("corpus", ["gigaspeech", "iemocap", "esd", "msp-podcast", "meld"])
def test_an_incomplete_corpus_is_refused(corpus: str, tmp_path: Path) -> None:
    build(Layout(audio=("a/b.wav",)), tmp_path / "corpus")
    with pytest.raises(ValueError, match=r"lacks|holds no"):
        prepare(PrepareSettings(corpus=corpus, folder=tmp_path / "corpus", out=tmp_path / "m"))


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz", "inside"])
def test_shards_give_what_folders_give(kind: str, tmp_path: Path) -> None:
    folder = build(LAYOUTS["crema-d"], tmp_path / "corpus")
    files = [path for path in folder.rglob("*") if path.is_file()]
    shard = tmp_path / f"shard.{'zip' if kind == 'inside' else kind}"
    if kind in ("zip", "inside"):
        with zipfile.ZipFile(shard, "w") as archive:
            for path in files:
                archive.write(path, path.relative_to(folder))
    else:
        with tarfile.open(shard, "w:gz" if kind == "tar.gz" else "w") as archive:
            for path in files:
                archive.add(path, path.relative_to(folder))
    source = shard
    if kind == "inside":
        source = tmp_path / "parts"
        source.mkdir()
        shard.rename(source / "part1.zip")
    out = tmp_path / "m.jsonl"
    prepare(PrepareSettings(corpus="crema-d", folder=source, out=out))
    (utterance,) = read_manifest(out).utterances
    assert utterance.emotion == "angry"
    assert utterance.duration_s == 1.0


def test_a_recording_that_stands_twice_counts_once(tmp_path: Path) -> None:
    twice = Layout(audio=("AudioMP3/1001_DFA_ANG_XX.mp3", "AudioWAV/1001_DFA_ANG_XX.wav"))
    (utterance,), drops = _read("crema-d", twice, tmp_path / "crema-d")
    assert utterance.audio.endswith(".wav")
    assert drops.counts == {"the recording stands twice": 1}
    name = "Actor_01/03-01-03-01-01-01-01.wav"
    (_,), drops = _read("ravdess", Layout(audio=(name, f"all/{name}")), tmp_path / "ravdess")
    assert drops.counts == {"the recording stands twice": 1}
    names = ("DC/h01.wav", "JE/h01.wav", "JE/d01.wav", "JE/d01.mp4")
    both, drops = _read("savee", Layout(audio=names), tmp_path / "savee")
    assert [u.id for u in both] == ["h01", "JE-h01"]
    assert drops.counts == {"label 'd' is none of the five emotions": 1}


def test_renamed_audio_of_avamerg_is_that_of_the_published_names(tmp_path: Path) -> None:
    found = []
    for names in (
        ("dia00010utt0_28.wav", "dia00010utt2_28.wav"),
        ("dia10utt1.wav", "dia10utt3.wav"),
    ):
        published = LAYOUTS["avamerg"]
        layout = Layout(audio=tuple(f"test/{name}" for name in names), texts=published.texts)
        utterances, _ = _read("avamerg", layout, tmp_path / names[0])
        found.append(
            [(u.id, u.text, Path(u.audio).name == names[n]) for n, u in enumerate(utterances)]
        )
    assert len(found[0]) == 2
    assert found[0] == found[1]
    assert all(right for _, _, right in found[0])


def test_audio_without_a_transcript_is_counted(tmp_path: Path) -> None:
    layout = Layout(
        audio=("19/1/19-1-0000.wav", "26/2/26-2-0000.wav"),
        texts={"19/1/19-1.trans.txt": "19-1-0000 WORDS\n"},
    )
    (_,), drops = _read("librispeech", layout, tmp_path)
    assert drops.counts == {"the transcript is missing": 1}
    assert drops.shown["the transcript is missing"] == ["26/2/26-2-0000.wav"]


def test_a_split_is_known_by_the_name_of_the_corpus_folder_too(tmp_path: Path) -> None:
    layout = Layout(
        audio=("19/1/19-1-0000.wav",), texts={"19/1/19-1.trans.txt": "19-1-0000 WORDS\n"}
    )
    (utterance,), _ = _read("librispeech", layout, tmp_path / "test-clean")
    assert utterance.split == "test"


def test_broken_lines_of_tables_are_dropped_and_counted(tmp_path: Path) -> None:
    voices = Layout(
        audio=("clips/a.wav", "clips/b.wav"),
        texts={
            "train.tsv": "client_id\tpath\tsentence\nx\ta.mp3\tOne\u2028line.\nx\tb.mp3\n",
        },
    )
    (utterance,), drops = _read("common-voice", voices, tmp_path / "voices")
    assert utterance.text == "One\u2028line."
    assert drops.counts == {"broken line": 1}
    assert drops.shown["broken line"] == ["train.tsv:3"]
    talks = Layout(
        audio=("train/a.wav", "train/b.wav"),
        texts={
            "train/a.stm": "a 1 s 0.1 0.6 <o> words\na 1 s 0.x 0.9 <o> words\n",
            "train/b.stm": "b 1 s 0.1 0.6 <o> words\n",
        },
    )
    folder = build(talks, tmp_path / "talks")
    (folder / "train/b.wav").write_bytes(b"no audio")
    drops = Drops()
    (utterance,) = reader_of("tedlium")(CorpusFiles(folder), drops)
    assert drops.counts == {"broken line": 1, "the audio cannot be read": 1}
    podcasts = Layout(audio=("a.wav",), texts={"labels_consensus.csv": "FileName,Split_Set\na,x\n"})
    with pytest.raises(ValueError, match=r"labels_consensus\.csv lacks the columns EmoClass"):
        _read("msp-podcast", podcasts, tmp_path / "podcasts")


def test_early_releases_of_msp_podcast_are_read(tmp_path: Path) -> None:
    layout = Layout(
        audio=("Audios/m.wav",),
        texts={"Labels/labels_concensus.csv": "FileName,EmoClass,Split_Set\nm.wav,H,Validation\n"},
    )
    (utterance,), _ = _read("msp-podcast", layout, tmp_path)
    assert (utterance.emotion, utterance.split) == ("happy", "dev")


def test_a_tar_that_was_cut_short_is_refused(tmp_path: Path) -> None:
    folder = build(LAYOUTS["crema-d"], tmp_path / "corpus")
    shard = tmp_path / "shard.tar"
    with tarfile.open(shard, "w") as archive:
        for path in sorted(folder.rglob("*.wav")):
            archive.add(path, path.relative_to(folder))
        end = archive.offset
    CorpusFiles(shard)
    whole = shard.read_bytes()
    for size in (end, end - 600, 32_000 + 2 * 512 + 100):
        shard.write_bytes(whole[:size])
        with pytest.raises(ValueError, match=r"shard\.tar is damaged .*: copy it again"):
            CorpusFiles(shard)


def test_unreadable_files_are_counted_together(tmp_path: Path) -> None:
    names = [f"Actor_01/03-01-03-01-01-0{n}-01.wav" for n in (1, 2, 3)]
    folder = build(Layout(audio=tuple(names)), tmp_path / "corpus")
    for name in names[1:]:
        (folder / name).write_bytes(b"no audio")
    out = prepare(PrepareSettings(corpus="ravdess", folder=folder, out=tmp_path / "m.jsonl"))
    summary = json.loads(out.with_suffix(".summary.json").read_text())
    assert summary["dropped"] == {"the audio is not audio that can be read": 2}


def _read(corpus: str, layout: Layout, folder: Path) -> tuple[list[Utterance], Drops]:
    drops = Drops()
    return list(reader_of(corpus)(CorpusFiles(build(layout, folder)), drops)), drops


def test_an_unknown_corpus_is_refused() -> None:
    with pytest.raises(ValueError, match=r"no reader for 'x': use one of librispeech, "):
        reader_of("x")


@pytest.mark.parametrize(
    ("corpus", "place", "emotions"),
    [
        ("ravdess", "emotion/ravdess", 5),
        ("tess", "emotion/tess", 5),
        ("librispeech", "asr/librispeech", 0),
        ("speechocean762", "asr/speechocean762", 0),
    ],
)
def test_real_corpora_are_read(corpus: str, place: str, emotions: int) -> None:
    data = os.environ.get("ATTUNE_DATA")
    if not data or not (Path(data) / place).exists():
        pytest.skip("ATTUNE_DATA does not name the development data")
    drops = Drops()
    found = list(reader_of(corpus)(CorpusFiles(Path(data) / place), drops))
    assert len(found) > 200
    assert len({u.emotion for u in found} - {None}) == emotions
    assert not [reason for reason in drops.counts if "label '" in reason and "unknown" in reason]


@pytest.mark.parametrize(
    "rows",
    [
        "FileName,Worker,EmoClass_Major\nA_1.wav,W1,Happy\nA_1.wav,W2,Surprise\nA_1.wav,W3,Bored\n",
        "FileName,EmoDetail\nA_1.wav,W1; Happy; x\nA_1.wav,W2; Surprise; x\nA_1.wav,W3; Bored; x\n",
    ],
)
def test_votes_of_annotators_are_kept(rows: str, tmp_path: Path) -> None:
    plain = LAYOUTS["msp-podcast"]
    texts = {**plain.texts, "Labels/labels_detailed.csv": rows + "A_1.wav,\n"}
    (first, other), drops = _read("msp-podcast", Layout(plain.audio, texts), tmp_path)
    assert first.votes == ("H", "U", "O")
    assert other.votes == ()
    assert drops.counts["broken row of an annotator"] == 1
