"""Who writes continuations: a local causal LLM, or an OpenAI-compatible server."""

import http.client
import json
import logging
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from models.blsp_emo import BlspEmo
from models.checkpoints.checkpoint import read_tokenizer
from models.checkpoints.composed import PartWeights
from models.checkpoints.hub import checkpoint_folder
from models.config import FORMAT
from models.emotions import Emotion, emotion_from_label
from models.int8 import take_stored
from models.llm import LanguageModel
from models.precision import choose_device, choose_dtype
from models.prompts import ChatPrompts, chat_prompts, system_line
from models.torchaudio_guard import guard_torchaudio
from models.weights import fill_parameters, read_json, without_weights
from train.continuations.settings import WriterSettings
from train.data.manifest import Utterance

logger = logging.getLogger(__name__)

PAUSE_S = 1.0
"""Wait before the second request; it doubles with each further one."""

PATIENT_S = 120.0
"""For an answer, before the server is asked again."""

ATTEMPTS = 4
"""Requests for one continuation before the run gives up; nothing that is written is lost."""


@dataclass(frozen=True, slots=True)
class WrittenContinuation:
    """A continuation."""

    text: str
    ended: bool
    """False when it was cut off at the longest length."""


class Writer(Protocol):
    """Writes continuations for a batch of utterances, in their order."""

    def write(self, utterances: Sequence[Utterance]) -> list[WrittenContinuation]:
        """Returns one continuation for each utterance."""
        ...


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a writer is asked for one utterance."""

    system: str
    history: tuple[tuple[str, str], ...]
    said: str


def prompt_for(utterance: Utterance, settings: WriterSettings, persona: str) -> Prompt:
    """Returns the prompt: the text view of the utterance, without speech."""
    emotion = emotion_from_label(utterance.emotion) if utterance.emotion else None
    label = (emotion or Emotion.NEUTRAL).label
    instruction = settings.instruction.replace("{emotion}", label)
    told = emotion if settings.emotion_in_text else None
    return Prompt(system_line(persona, told), utterance.history, instruction + utterance.text)


def _bare_llm(folder: Path, device: torch.device) -> Any:
    """Returns the causal LLM in `folder`, a part that is stored in 8 bits as it is on a CPU."""
    dtype = choose_dtype("auto", device, parameters=10**9)
    pretrained = PartWeights({"llm": folder})
    if not pretrained.holds_int8:
        guard_torchaudio()
        from transformers import AutoModelForCausalLM

        loader: Any = AutoModelForCausalLM
        return loader.from_pretrained(str(folder), dtype=dtype).to(device).eval()
    with without_weights():
        llm = LanguageModel(read_json(folder / "config.json"), None)

    def read(name: str, shape: tuple[int, ...]) -> Tensor:
        del shape
        found = pretrained.find(f"llm.{name}")
        assert found is not None, "a part is unpacked with all its weights"
        return found

    if device.type == "cpu":
        take_stored(llm, lambda name: pretrained.stored(f"llm.{name}"), read)
        dtype = torch.float32
    fill_parameters(llm, read, dtype=dtype, device=device)
    return llm.causal.eval()


class LocalWriter:
    """A causal LLM of `transformers`, or the LLM inside a checkpoint of ours; greedy.

    Raises:
        CheckpointError: The LLM cannot be used.
    """

    def __init__(self, settings: WriterSettings, device: str = "auto") -> None:
        self._settings = settings
        folder = checkpoint_folder(settings.llm)
        config = read_json(folder / "config.json")
        if config.get("format") == FORMAT or "qwen_config" in config:
            model = BlspEmo.from_pretrained(folder, device=device)
            self._llm: Any = model.llm.causal
            self._prompts: ChatPrompts = model.prompts
            persona = model.config.persona
        else:
            self._llm = _bare_llm(folder, choose_device(device))
            self._prompts = chat_prompts(read_tokenizer(folder))
            persona = "You are a helpful assistant."
        self._persona = settings.persona or persona

    def write(self, utterances: Sequence[Utterance]) -> list[WrittenContinuation]:
        """Returns one continuation for each utterance; prompts are padded on the left."""
        rows = [self._ids(utterance) for utterance in utterances]
        size = max(len(row) for row in rows)
        ids = torch.zeros(len(rows), size, dtype=torch.long)
        mask = torch.zeros(len(rows), size, dtype=torch.long)
        for place, row in enumerate(rows):
            ids[place, size - len(row) :] = torch.tensor(row)
            mask[place, size - len(row) :] = 1
        ends = self._prompts.tokenizer.end_ids
        with torch.inference_mode():
            output = self._llm.generate(
                input_ids=ids.to(self._llm.device),
                attention_mask=mask.to(self._llm.device),
                max_new_tokens=self._settings.longest_tokens,
                do_sample=False,
                eos_token_id=list(ends),
                pad_token_id=ends[0],
            )
        return [self._written(row) for row in output[:, size:].tolist()]

    def _ids(self, utterance: Utterance) -> list[int]:
        prompt = prompt_for(utterance, self._settings, self._persona)
        return self._prompts.conversation(prompt.system, prompt.history, prompt.said)

    def _written(self, ids: list[int]) -> WrittenContinuation:
        tokenizer = self._prompts.tokenizer
        end = next((n for n, token in enumerate(ids) if token in tokenizer.end_ids), None)
        return WrittenContinuation(tokenizer.decode(ids[:end]).strip(), end is not None)


class ServerWriter:
    """An OpenAI-compatible server, such as vLLM, llama.cpp or Ollama."""

    def __init__(self, settings: WriterSettings) -> None:
        self._settings = settings
        self._persona = settings.persona or "You are a helpful assistant."
        self._url = settings.server.rstrip("/") + "/chat/completions"

    def write(self, utterances: Sequence[Utterance]) -> list[WrittenContinuation]:
        """Returns one continuation for each utterance, asked for side by side.

        Raises:
            ValueError: The server cannot be reached or does not answer as it should.
        """
        with ThreadPoolExecutor(max_workers=max(1, len(utterances))) as pool:
            return list(pool.map(self._ask, utterances))

    def _ask(self, utterance: Utterance) -> WrittenContinuation:
        prompt = prompt_for(utterance, self._settings, self._persona)
        messages = [{"role": "system", "content": prompt.system}]
        for said, replied in prompt.history:
            messages.append({"role": "user", "content": said})
            messages.append({"role": "assistant", "content": replied})
        messages.append({"role": "user", "content": prompt.said})
        body = {
            "model": self._settings.server_model,
            "messages": messages,
            "max_tokens": self._settings.longest_tokens,
            "temperature": 0,
        }
        choice = post_json(self._url, body, key=self._settings.key)
        try:
            first = choice["choices"][0]
            text = str(first["message"]["content"] or "")
        except (KeyError, IndexError, TypeError) as error:
            raise ValueError(f"{self._url} gave an answer without a choice: {choice}") from error
        return WrittenContinuation(text.strip(), first.get("finish_reason") == "stop")


def post_json(url: str, body: dict[str, Any], *, key: str = "") -> Any:
    """Returns the JSON answer of a server; waits and asks again when it is busy.

    Raises:
        ValueError: It cannot be reached, refuses, or answers with something else.
    """
    headers = {"Content-Type": "application/json"}
    if key:
        headers["Authorization"] = f"Bearer {key}"
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    reason = ""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with urllib.request.urlopen(request, timeout=PATIENT_S) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            reason = f"status {error.code}"
            if error.code not in (408, 409, 429) and error.code < 500:
                raise ValueError(f"{url} refuses ({reason}): look at model and key") from error
        except (OSError, http.client.HTTPException) as error:  # URLError and timeouts, too
            reason = str(getattr(error, "reason", error)) or type(error).__name__
        except json.JSONDecodeError as error:
            raise ValueError(f"{url} does not answer in JSON: is it the right address?") from error
        if attempt < ATTEMPTS:
            logger.warning("%s: %s; attempt %d follows", url, reason, attempt + 1)
            time.sleep(PAUSE_S * 2 ** (attempt - 1))
    raise ValueError(f"{url} cannot be reached after {ATTEMPTS} attempts ({reason})")
