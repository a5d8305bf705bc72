"""Corpora in their original layouts, a few clips each, and a model whose answers are known.

A clip is two tones: the lower says what the model will answer when it is asked, the upper what its
emotion head hears, each as the place of an emotion; 5 stands for an answer that names none.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile

from models.features import Waveform
from train.rows.answering import ModelAnswer

NEUTRAL, HAPPY, ANGRY, SAD, SURPRISE, NONE = range(6)
SAYS = ("Neutral.", "The tone is happy", "angry", "sad", "Surprise!", "I cannot tell.")
REPLIES = ("That is great news!", "", "B. Wood.", "It was Jane Austen.", "C", "The letter is B")
LOW_HZ, HIGH_HZ, STEP_HZ = 300, 2_000, 100


class Scripted:
    """Answers by the tones of a clip, and counts how often it was asked."""

    digest = "scripted"

    def __init__(self) -> None:
        self.asked = 0
        self.histories: list[Sequence[tuple[str | Waveform, str]]] = []

    def answer(
        self, task: str, said: Waveform, history: Sequence[tuple[str | Waveform, str]]
    ) -> ModelAnswer:
        self.asked += 1
        self.histories.append(history)
        power = np.abs(np.fft.rfft(said[:16_000]))
        low, high = (
            int(power[first : first + 6 * STEP_HZ : STEP_HZ].argmax())
            for first in (LOW_HZ, HIGH_HZ)
        )
        head = tuple(0.9 if place == high else 0.025 for place in range(5))
        texts = {"emotion": SAYS, "reply": REPLIES, "explain": SAYS}[task]
        return ModelAnswer(texts[low], head, ended=low != 0)


def clip(path: Path, answer: int, head: int = NEUTRAL) -> None:
    """Writes one clip."""
    path.parent.mkdir(parents=True, exist_ok=True)
    times = np.arange(16_000) / 16_000
    tones = ((0.2, LOW_HZ + STEP_HZ * answer), (0.02, HIGH_HZ + STEP_HZ * head))
    wave = sum((a * np.sin(2 * np.pi * hz * times) for a, hz in tones), np.zeros_like(times))
    soundfile.write(path, wave, 16_000, format="WAV", subtype="PCM_16")


def text(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")


def ravdess(folder: Path) -> None:
    """Four of six right (66.7 %), without calm four of five; the head hears two of six."""
    said = {"01": NEUTRAL, "02": SAD, "03": HAPPY, "05": ANGRY, "04": NEUTRAL, "08": SURPRISE}
    for number, (code, answer) in enumerate(said.items()):
        actor = f"2{1 + number % 2}"
        clip(folder / f"Actor_{actor}/03-01-{code}-01-01-01-{actor}.wav", answer)
    clip(folder / "Actor_21/03-01-06-01-01-01-21.wav", SAD)


def savee(folder: Path) -> None:
    """Three of four right (75 %)."""
    for name, answer in (("n01", NEUTRAL), ("h01", HAPPY), ("a01", ANGRY), ("sa01", NONE)):
        clip(folder / f"AudioData/DC/{name}.wav", answer)
    clip(folder / "AudioData/DC/d01.wav", SAD)


def iemocap(folder: Path) -> None:
    """Three of five right (60 %); by class 1/2, 1, 1 and 0, which is 62.5 %."""
    said = [
        ("F000", "neu", NEUTRAL),
        ("F001", "neu", SAD),
        ("M000", "exc", HAPPY),
        ("M001", "ang", ANGRY),
        ("F002", "sad", NONE),
        ("F003", "sur", SURPRISE),
        ("F004", "fru", ANGRY),
    ]
    lines = [f"[6.2 - 8.2]\tSes05F_impro01_{n}\t{e}\t[2.5, 2.5, 2.5]" for n, e, _ in said]
    text(folder / "Session5/dialog/EmoEvaluation/Ses05F_impro01.txt", "\n".join(lines))
    for name, _, answer in said:
        place = "Session5/sentences/wav/Ses05F_impro01"
        clip(folder / f"{place}/Ses05F_impro01_{name}.wav", answer)
    line = "[6.2 - 8.2]\tSes01F_impro01_F000\tneu\t[2.5, 2.5, 2.5]\n"
    text(folder / "Session1/dialog/EmoEvaluation/Ses01F_impro01.txt", line)
    clip(folder / "Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_F000.wav", SAD)


def meld(folder: Path) -> None:
    """Only the test table is there: three of five right (60 %), of all seven 3/7 (42.9 %)."""
    said = [
        ("neutral", NEUTRAL),
        ("joy", HAPPY),
        ("anger", NEUTRAL),
        ("surprise", SURPRISE),
        ("sadness", ANGRY),
        ("disgust", ANGRY),
        ("fear", SAD),
    ]
    head = "Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID\n"
    rows = [f"{n},Oh.,Ross,{emotion},x,0,{n}" for n, (emotion, _) in enumerate(said)]
    text(folder / "test_sent_emo.csv", head + "\n".join([*rows, "9,Gone.,Ross,fear,x,1,0"]))
    for number, (_, answer) in enumerate(said):
        clip(folder / f"output_repeated_splits_test/dia0_utt{number}.wav", answer)


def msp_podcast(folder: Path) -> None:
    """Sad is credited for an annotator, neutral is right, two are wrong: F1 1, 1, 0, 0."""
    said = [("H", SAD), ("N", NEUTRAL), ("A", HAPPY), ("U", NONE)]
    head = "FileName,EmoClass,SpkrID,Split_Set\n"
    rows = [f"A_{n}.wav,{emotion},{n},Test1" for n, (emotion, _) in enumerate(said)]
    text(folder / "Labels/labels_consensus.csv", head + "\n".join([*rows, "B_1.wav,N,7,Train"]))
    votes = "FileName,EmoClass_Major\nA_0.wav,Happy\nA_0.wav,Sad\nA_1.wav,Neutral\nA_2.wav,Angry\n"
    text(folder / "Labels/labels_detailed.csv", votes + "A_3.wav,Surprise\n")
    for number, (_, answer) in enumerate(said):
        clip(folder / f"Audios/A_{number}.wav", answer)
    clip(folder / "Audios/B_1.wav", NEUTRAL)


def avamerg(folder: Path) -> None:
    """ "That is great news!" for "That is great!", and nothing for "I see."."""
    first = {"index": 0, "role": "speaker", "utterance": "I won!"}
    turns = [
        {"turn_id": "0", "dialogue_history": [first], "response": "That is great!"},
        {
            "turn_id": "1",
            "dialogue_history": [
                first,
                {"index": 1, "role": "listener", "utterance": "That is great!"},
                {"index": 2, "role": "speaker", "utterance": "And lost it."},
            ],
            "response": "I see.",
        },
    ]
    dialogue = {"conversation_id": "00010", "speaker_profile": {"ID": 28}, "turns": turns}
    text(folder / "test.json", json.dumps([dialogue]))
    clip(folder / "test/dia00010utt0_28.wav", 0)
    clip(folder / "test/dia00010utt2_28.wav", 1)


def questions(folder: Path) -> None:
    """SD-QA: one of two right; OpenBookQA: two of three."""
    for number, (answer, reference) in enumerate([(3, "Jane Austen"), (0, "Paris")]):
        clip(folder / f"sd-qa/{number}.wav", answer)
        row = {"file_name": f"{number}.wav", "prompt": "Who?", "reference": reference}
        with (folder / "sd-qa/metadata.jsonl").open("a") as file:
            file.write(json.dumps(row) + "\n")
    for number, (answer, reference) in enumerate([(2, "B"), (4, "B"), (5, "B")]):
        clip(folder / f"openbookqa/{number}.wav", answer)
        row = {"file_name": f"{number}.wav", "prompt": "Which?", "reference": reference}
        with (folder / "openbookqa/metadata.jsonl").open("a") as file:
            file.write(json.dumps(row) + "\n")


def in_other_languages(folder: Path) -> None:
    """Of each set two of three are right (66.7 %)."""
    for name, answer in (("03a01Fa", HAPPY), ("03a01Wa", ANGRY), ("03a01Ta", NEUTRAL)):
        clip(folder / f"german/wav/{name}.wav", answer)
    for name, answer in (("01-J-1-1", HAPPY), ("01-N-1", NEUTRAL), ("02-T-2-1", NONE)):
        clip(folder / f"french/{'Neutre' if 'N' in name else 'Joie'}/{name}.wav", answer)
    for name, answer in (("h01 (1)", HAPPY), ("h02 (1)", SAD), ("h03 (2)", HAPPY)):
        clip(folder / f"greek/happiness/{name}.wav", answer)
    rows = ["name,path,emotion"]
    for name, answer in (("1_anger", ANGRY), ("2_anger", ANGRY), ("3_anger", SAD)):
        clip(folder / f"russian/test/{name}.wav", answer)
        rows.append(f"{name},{name}.wav,anger")
    text(folder / "russian/test.csv", "\n".join(rows))
    lines: list[str] = []
    for name, answer in (("0001_1", SAD), ("0001_2", SAD), ("0001_3", HAPPY)):
        clip(folder / f"mandarin/0001/{name}.wav", answer)
        lines.append(f"{name}\t好\t伤心")
    text(folder / "mandarin/0001/0001.txt", "\n".join(lines))


def every_corpus(folder: Path) -> None:
    """All of them, in folders that are not called after them."""
    ravdess(folder / "acted (2)/speech")
    savee(folder / "surrey")
    iemocap(folder / "IEMOCAP_full_release")
    meld(folder / "friends")
    msp_podcast(folder / "podcasts")
    avamerg(folder / "talks")
    questions(folder / "VoiceBench-export")
    in_other_languages(folder / "abroad")
