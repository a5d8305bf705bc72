import json
from dataclasses import replace

import pytest

from models.config import (
    BlspEmoConfig,
    LoraConfig,
    TurnEndConfig,
    WordConfidenceConfig,
    from_mapping,
)
from models.emotions import EMOTION_LABELS


@pytest.mark.parametrize("adapter", ["subsampler", "cformer"])
@pytest.mark.parametrize("decoder", [False, True])
def test_a_configuration_survives_json(adapter, decoder):
    config = BlspEmoConfig.tiny(adapter=adapter, decoder=decoder, start_ids=(1,), stop_ids=(2,))
    text = json.dumps(config.to_mapping())
    assert from_mapping(BlspEmoConfig, json.loads(text)) == config


def test_a_configuration_from_before_turn_ends_were_calibrated_leaves_them_as_they_are():
    mapping = BlspEmoConfig.tiny().to_mapping()
    del mapping["turn_end"]
    assert from_mapping(BlspEmoConfig, mapping).turn_end == TurnEndConfig(slope=1.0, offset=0.0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"colour": 1}, "unknown key colour"),
        ({"adapter": {"kind": "linear"}}, "adapter.kind is 'linear'"),
        ({"adapter": {"kernel_sizes": [5, "5"]}}, r"adapter.kernel_sizes\[1\]"),
        ({"speech_encoder": {"width": 1.5}}, "speech_encoder.width is 1.5"),
        ({"speech_encoder": 3}, "speech_encoder is 3"),
        ({"lora": {"rank": True}}, "lora.rank"),
        ({"lora": {"speed": 1}}, "unknown key lora.speed"),
        ({"emotion_labels": ["angry"]}, "emotion_labels"),
        ({"llm": {}}, "model_type"),
    ],
)
def test_mistakes_are_named_with_their_path(change, message):
    mapping = BlspEmoConfig.tiny().to_mapping()
    with pytest.raises(ValueError, match=message):
        from_mapping(BlspEmoConfig, {**mapping, **change})


def test_a_missing_key_is_named():
    with pytest.raises(ValueError, match="lacks llm"):
        from_mapping(BlspEmoConfig, {})


def test_whole_numbers_fit_decimal_fields_and_none_fits_optional_ones():
    assert from_mapping(LoraConfig, {"alpha": 8}).alpha == 8.0
    assert from_mapping(BlspEmoConfig, {"llm": {"model_type": "x"}, "lora": None}).lora is None


def test_the_label_order_is_that_of_the_published_checkpoint():
    assert EMOTION_LABELS == ("neutral", "happy", "angry", "sad", "surprise")


@pytest.mark.parametrize("examples", [{"count": -1}, {"least": -0.1}, {"least": 1.1}])
def test_examples_that_cannot_be_chosen_are_refused(examples: dict[str, float]) -> None:
    mapping = BlspEmoConfig.tiny().to_mapping()
    mapping["examples"] |= examples
    with pytest.raises(ValueError, match="examples has the count"):
        from_mapping(BlspEmoConfig, mapping)


@pytest.mark.parametrize("guidance", [{"weight": -1.0}, {"plausible": 0.0}, {"plausible": 1.5}])
def test_guidance_that_cannot_lead_is_refused(guidance: dict[str, float]) -> None:
    mapping = BlspEmoConfig.tiny().to_mapping()
    mapping["guidance"] |= guidance
    with pytest.raises(ValueError, match="guidance has the weight"):
        from_mapping(BlspEmoConfig, mapping)


@pytest.mark.parametrize(
    ("part", "key", "silent", "asks"),
    [
        ("speech_encoder", "frames_per_state", 2, 4),
        ("emotion_head", "statistics_layer", 0, 3),
        ("word_confidence", "spelling", 0.0, 0.97),
        ("word_confidence", "words", 0.0, 0.3),
        ("transcription", "tokenizer", "whisper", "another"),
    ],
)
def test_keys_that_are_gone_are_read_where_they_ask_for_nothing(
    part: str, key: str, silent: object, asks: object
) -> None:
    config = replace(BlspEmoConfig.tiny(decoder=True), word_confidence=WordConfidenceConfig())
    mapping = config.to_mapping()
    mapping[part][key] = silent
    assert from_mapping(BlspEmoConfig, mapping) == config
    mapping[part][key] = asks
    with pytest.raises(ValueError, match=f"unknown key {part}.{key}"):
        from_mapping(BlspEmoConfig, mapping)
