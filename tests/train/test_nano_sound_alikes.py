"""Words that are drawn in place of others sound like them."""

import numpy as np

from train.nano_sound_alikes import SoundAlikes

LEXICON = {
    "mother": ("m", "ah", "dh", "er"),
    "brother": ("b", "r", "ah", "dh", "er"),
    "other": ("ah", "dh", "er"),
    "cat": ("k", "ae", "t"),
    "": (),
}


def drawn(alikes: SoundAlikes, word: str) -> list[str | None]:
    generator = np.random.default_rng(1)
    return [alikes.draw(word, generator) for _ in range(60)]


def test_near_words_come_most_often_and_never_the_word_itself() -> None:
    found = drawn(SoundAlikes(LEXICON), "mother")
    assert "mother" not in found and "" not in found
    assert found.count("other") > found.count("brother") > 0


def test_an_unknown_word_has_none() -> None:
    alikes = SoundAlikes(LEXICON)
    assert set(drawn(alikes, "zebra")) == {None}
    assert set(drawn(SoundAlikes({"cat": ("k",)}), "cat")) == {None}
