import shutil
from pathlib import Path

import numpy as np
import pytest

from train.data.manifest import read_manifest
from train.synthetic.spoken_sentences import SPOKEN, speak_sentences, talked_saying


@pytest.mark.skipif(not shutil.which("espeak-ng"), reason="needs espeak-ng")
def test_sayings_of_talks_are_spoken_once_and_their_words_are_kept(tmp_path: Path) -> None:
    talks = tmp_path / "talks.txt"
    talks.write_text("> I like the sea.\n< So do I.\n\nsad> It rains.\n< Again?\n")
    saying = talked_saying([talks])
    drawn = {saying(np.random.default_rng(n)) for n in range(20)}
    assert drawn == {"I like the sea.", "It rains."}
    folder = tmp_path / "spoken"
    speak_sentences(saying, folder, count=3, voices=("espeak",))
    told = read_manifest(folder / SPOKEN).utterances
    assert [u.text in drawn for u in told] == [True] * 3
    assert {u.speaker for u in told} == {"espeak"}
    times = {path.name: path.stat().st_mtime_ns for path in folder.glob("*.flac")}
    speak_sentences(saying, folder, count=4, voices=("espeak",))
    assert len(read_manifest(folder / SPOKEN).utterances) == 4
    kept = {name: (folder / name).stat().st_mtime_ns for name in times}
    assert kept == times, "what was spoken before is not spoken again"


def test_no_voice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="name the voices"):
        speak_sentences(lambda _: "hi", tmp_path, count=1, voices=())
