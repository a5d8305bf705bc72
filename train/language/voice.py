"""The command `voice`: the vectors of heard emotion learn to tell a taught LLM what a voice says.

The second stage of BLSP-Emo (arXiv 2406.03872, section 3.2) where the LLM is given words: its two
tasks, to name the emotion of what is heard (`input_er`) and to answer in a way that fits words and
voice (`response_ce`), teach what stands for the voice, and nothing else. The LLM and its updates
stay as they are, so that what is typed is answered as before, to the letter.
"""

import logging
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pydantic import Field

from models.checkpoints.checkpoint import read_tokenizer
from models.checkpoints.hub import checkpoint_folder
from models.emotions import Emotion
from models.prompts import RECOGNISE_EMOTION, chat_prompts
from train.alignment.stages import only_training
from train.language.batches import TalkBatches
from train.language.material import Exchange, WrittenTalk, is_held_out, material_digests, read_talks
from train.language.rows import RowWriter
from train.language.settings import TaughtLlmSettings
from train.language.stage import ELSEWHERE, begin, run_task, talk_step
from train.llm_updates import updates_file, write_updates
from train.loop.run_folder import file_sha256
from train.loop.settings import LoopSettings
from train.loop.task import Task, TrainingOutcome

logger = logging.getLogger(__name__)

FEWEST_VOICES = 4
"""From so many on, words say by themselves too little for the reply: it is the voice that tells."""
QUESTIONS = (
    RECOGNISE_EMOTION,
    "Which emotion do you hear in the voice below: neutral, happy, angry, sad or surprise?\n\n"
    "Speech: ",
    "Listen to how this is said, not to what is said. Is it neutral, sad, angry, happy or "
    "surprise?\n\nSpeech: ",
    "Name the emotion of the speaker in one word.\n\nSpeech: ",
    "How does this voice sound?\n\n",
)
"""How the LLM is asked for the emotion: as papers ask it, and otherwise."""


class VoiceSettings(TaughtLlmSettings):
    """The vectors of heard emotion learn what a voice says, in a taught LLM that stays as it is."""

    run: Path = Path("runs/voice")
    """Run folder: resumed where it exists. `best` in it is for `assemble`, as `--voice`."""
    updates: Path | None = None
    """Folder `best` of the run of `language`, or a checkpoint with what one changed of its LLM."""
    updates_share: float = Field(default=1.0, gt=0, le=1)
    """How far `assemble` will move the LLM towards what a run taught it; 1 for a checkpoint."""
    material: tuple[Path, ...] = (
        Path("train/recipes/talks/plain"),
        Path("train/recipes/talks/rich"),
    )
    """Folders or files of written talks. What is said in four voices or more, with another reply to
    each, teaches what a voice changes."""
    ordinary: int = Field(default=1200, ge=0)
    """Other talks drawn from `ordinary_material`, so that ordinary replies stay what they are."""
    ordinary_material: tuple[Path, ...] = (Path("train/recipes/mini/talks"),)
    """Folders or files of written talks that the LLM was taught on."""
    naming: int = Field(default=1000, ge=0)
    """Times that the LLM is asked for the emotion of something said, whatever the words are."""
    longest_tokens: int = Field(default=512, ge=64)
    """Positions of the longest conversation."""
    row_tokens: int = Field(default=256, ge=64)
    """Positions of most rows; short talks stand side by side in one."""
    batch_tokens: int = Field(default=768, ge=64)
    """Most positions in a batch, padding included."""
    valid_share: float = Field(default=0.06, ge=0, lt=0.5)
    """Share of the sayings that validate, in all their voices."""
    loop: LoopSettings = LoopSettings(
        learning_rate=1e-3, warmup_steps=5, weight_decay=0.0, evaluate_every=25
    )
    """The training loop."""


def teach_voice(settings: VoiceSettings) -> TrainingOutcome:
    """Runs the stage; returns how it ended.

    Raises:
        ValueError: Material or settings cannot be used.
        CheckpointError: The LLM cannot be had.
    """
    if settings.updates is None:
        raise ValueError("name what taught the LLM: --updates RUN/best, or --updates models/mini")
    folder = checkpoint_folder(settings.llm)
    tokenizer = read_tokenizer(folder)
    writer = RowWriter(
        chat_prompts(tokenizer), settings.persona, settings.longest_tokens, spoken=1.0
    )
    train, valid = _batches(settings, writer)
    model = begin(settings, folder, tokenizer, settings.loop.seed, settings.updates_share)
    only_training(model, ("emotion_vectors",))
    task = Task(
        name="voice",
        model=model,
        step=talk_step,
        weights={"reply": 1.0},
        train=train,
        valid=valid,
        export=write_updates,
        identity={
            "llm": settings.llm,
            "updates": file_sha256(updates_file(settings.updates)),
            "material": material_digests((*settings.material, *settings.ordinary_material)),
            "settings": settings.model_dump(mode="json", exclude=ELSEWHERE),
        },
    )
    return run_task(task, settings, settings.loop, settings.run)


def in_several_voices(talks: Sequence[WrittenTalk]) -> list[WrittenTalk]:
    """Returns the talks whose first words are said in `FEWEST_VOICES` or more."""
    voices = defaultdict[str, set[Emotion | None]](set)
    for talk in talks:
        voices[talk.exchanges[0].said].add(talk.exchanges[0].emotion)
    return [talk for talk in talks if len(voices[talk.exchanges[0].said]) >= FEWEST_VOICES]


def naming_talks(
    sayings: Sequence[str], count: int, generator: np.random.Generator
) -> list[WrittenTalk]:
    """Returns `count` talks in which the LLM is asked for the emotion of one of `sayings`.

    Each voice comes equally often and whatever the words say: the answer is in the voice alone.
    """
    talks: list[WrittenTalk] = []
    for number in range(count if sayings else 0):
        emotion = list(Emotion)[number % len(Emotion)]
        said = sayings[int(generator.integers(len(sayings)))]
        # As papers ask it in half of the cases.
        asked = QUESTIONS[max(0, int(generator.integers(-3, len(QUESTIONS))))]
        answer = f"{emotion.label.capitalize()}."
        talks.append(
            WrittenTalk(f"naming {number}", (Exchange(said, emotion, answer, asked=asked),))
        )
    return talks


def _batches(settings: VoiceSettings, writer: RowWriter) -> tuple[TalkBatches, TalkBatches | None]:
    """Returns the talks that are learnt from, and those that validate, if any.

    Raises:
        ValueError: The material cannot be used.
    """
    generator = np.random.default_rng(settings.loop.seed)
    ordinary = read_talks(settings.ordinary_material)
    told = in_several_voices([*read_talks(settings.material), *ordinary])
    if not told:
        raise ValueError(
            f"nothing in {', '.join(map(str, settings.material))} is said in {FEWEST_VOICES} "
            "voices or more: name talks that are by --material"
        )
    known = {id(talk) for talk in told}
    rest = [talk for talk in ordinary if id(talk) not in known]
    chosen = generator.permutation(len(rest))[: settings.ordinary].tolist()
    train, valid = list[WrittenTalk](), list[WrittenTalk]()
    for talk in told:
        (valid if is_held_out(talk, settings.valid_share) else train).append(talk)
    drawn = [rest[place] for place in chosen]
    sayings = [talk.exchanges[0].said for talk in [*train, *drawn]]
    logger.info("%d replies to words in several voices, %d validate", len(train), len(valid))
    train += drawn + naming_talks(sayings, settings.naming, generator)
    valid += naming_talks([talk.exchanges[0].said for talk in valid], len(valid) // 3, generator)

    def batches(of: list[WrittenTalk], seed: int) -> TalkBatches:
        return TalkBatches(of, writer, settings.row_tokens, settings.batch_tokens, seed)

    return batches(train, settings.loop.seed), batches(valid, 0) if valid else None
