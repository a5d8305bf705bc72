"""Small Coqui models with random weights, saved in the layout of the real ones."""

# Coqui is in no extra that contributors install: where it is missing these tests are skipped.
# pyright: reportMissingImports=false

from pathlib import Path

import numpy as np
import pytest
import soundfile

from models.torchaudio_guard import guard_torchaudio


def require_coqui() -> None:
    """Skips the test where the library is not installed."""
    guard_torchaudio()
    pytest.importorskip("TTS", reason="coqui-tts is not installed")


def save_vits(folder: Path) -> None:
    """Writes `config.json` and `model.pth` of a VITS of 0.4 M parameters."""
    import torch
    from TTS.tts.configs.shared_configs import CharactersConfig
    from TTS.tts.configs.vits_config import VitsConfig
    from TTS.tts.models.vits import Vits, VitsArgs

    torch.manual_seed(0)
    arguments = VitsArgs(
        init_discriminator=False,
        hidden_channels=32,
        hidden_channels_ffn_text_encoder=64,
        num_layers_text_encoder=1,
        num_layers_posterior_encoder=2,
        num_layers_flow=1,
        upsample_initial_channel_decoder=32,
        use_sdp=False,
    )
    characters = CharactersConfig(
        characters_class="TTS.tts.utils.text.characters.Graphemes",
        pad="_",
        eos="&",
        bos="*",
        blank="~",
        characters="abcdefghijklmnopqrstuvwxyz",
        punctuations="!'(),-.:;? ",
    )
    config = VitsConfig(
        use_phonemes=False,
        text_cleaner="english_cleaners",
        add_blank=True,
        model_args=arguments,
        characters=characters,
    )
    model = Vits.init_from_config(config)
    # Random weights whisper; a voice is some thousand times louder.
    model.waveform_decoder.conv_post.weight.data *= 1000.0
    folder.mkdir(parents=True, exist_ok=True)
    model.config.save_json(str(folder / "config.json"))
    state = {"model": model.state_dict(), "config": model.config.to_dict()}
    torch.save(state, folder / "model.pth")


def save_xtts(folder: Path) -> None:
    """Writes a small XTTS: two GPT layers, and the fixed vocoder of the real one (23 M in all)."""
    import torch
    from tokenizers import Tokenizer, models
    from tokenizers.pre_tokenizers import Whitespace
    from TTS.tts.configs.xtts_config import XttsConfig
    from TTS.tts.layers.xtts.tokenizer import VoiceBpeTokenizer
    from TTS.tts.models.xtts import Xtts, XttsArgs

    torch.manual_seed(0)
    folder.mkdir(parents=True, exist_ok=True)
    specials = ["[STOP]", "[UNK]", "[SPACE]", "[START]", "[en]"]
    symbols = [*specials, *"abcdefghijklmnopqrstuvwxyz0123456789.,?!'-"]
    vocabulary = {symbol: index for index, symbol in enumerate(symbols)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[], unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.add_special_tokens(specials)
    tokenizer.save(str(folder / "vocab.json"))
    arguments = XttsArgs(
        tokenizer_file=str(folder / "vocab.json"),
        gpt_layers=2,
        gpt_n_model_channels=64,
        gpt_n_heads=4,
        decoder_input_dim=64,
        gpt_max_audio_tokens=20,
        gpt_num_audio_tokens=1026,
        gpt_start_audio_token=1024,
        gpt_stop_audio_token=1025,
        gpt_use_perceiver_resampler=True,
    )
    config = XttsConfig(languages=["en"], model_args=arguments)
    model = Xtts(config)
    model.tokenizer = VoiceBpeTokenizer(vocab_file=str(folder / "vocab.json"))
    model.init_models()
    config.save_json(str(folder / "config.json"))
    state = {"model": model.state_dict(), "config": config.to_dict()}
    torch.save(state, folder / "model.pth")


def save_clip(path: Path, f0_hz: float, seconds: float = 2.0) -> Path:
    """Writes a buzzing clip; different pitches stand for different emotions."""
    t = np.arange(round(seconds * 24_000)) / 24_000
    voice = sum(np.sin(2 * np.pi * f0_hz * k * t) / k for k in range(1, 12))
    soundfile.write(path, 0.2 * np.asarray(voice), 24_000)
    return path
