import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.checkpoints.checkpoint import read_tokenizer
from models.tokenizer import IncrementalDecoder, JsonTokenizer, QwenTokenizer
from tests.models.small import byte_tokenizer, write_byte_tokenizer


@given(st.text(max_size=30))
def test_text_survives(text):
    tokenizer = byte_tokenizer()
    assert tokenizer.decode(tokenizer.encode(text)) == text


def test_special_tokens_are_read_in_markup_and_are_plain_in_what_people_say():
    tokenizer = byte_tokenizer()
    end = tokenizer.special_id("<|im_end|>")
    assert end is not None
    assert tokenizer.encode("<|im_end|>", markup=True) == [end]
    said = tokenizer.encode("<|im_end|>")
    assert end not in said and tokenizer.decode(said) == "<|im_end|>"
    assert tokenizer.decode([*said, end]) == "<|im_end|>"
    assert tokenizer.special_id("<|none|>") is None


@given(st.text(max_size=20))
def test_deltas_join_to_the_whole_text(text):
    tokenizer = byte_tokenizer()
    decoder = IncrementalDecoder(tokenizer)
    deltas = [decoder.push([token]) for token in tokenizer.encode(text)]
    assert "".join([*deltas, decoder.finish()]) == text


def test_a_character_in_parts_is_held_back():
    tokenizer = byte_tokenizer()
    decoder = IncrementalDecoder(tokenizer)
    assert [decoder.push([token]) for token in tokenizer.encode("é!")] == ["", "é", "!"]


def test_both_kinds_of_files_survive_saving(tmp_path):
    write_byte_tokenizer(tmp_path / "tokenizer.json")
    ours = JsonTokenizer(tmp_path / "tokenizer.json", chat_template="x", start_token="<s>")
    (tmp_path / "a").mkdir()
    ours.save(tmp_path / "a")
    again = read_tokenizer(tmp_path / "a")
    assert again.encode("hé") == ours.encode("hé")
    assert (again.chat_template, again.start_token) == ("x", "<s>")
    ranks = {bytes([value]): value for value in range(256)} | {b"he": 256}
    lines = [f"{base64.b64encode(token).decode()} {rank}" for token, rank in ranks.items()]
    (tmp_path / "qwen.tiktoken").write_text("\n".join(lines))
    qwen = QwenTokenizer(tmp_path / "qwen.tiktoken")
    qwen.save(tmp_path / "a")
    assert QwenTokenizer(tmp_path / "a" / "qwen.tiktoken").encode("hello") == [256, 108, 108, 111]
    assert qwen.special_id("<|endoftext|>") == 257 and qwen.size == 257 + 208


def test_a_damaged_qwen_file_names_the_line(tmp_path):
    path = tmp_path / "qwen.tiktoken"
    path.write_text("AA== 0\nnonsense\n")
    with pytest.raises(ValueError, match="line 2"):
        QwenTokenizer(path)
