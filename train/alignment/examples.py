"""An utterance and what is to be said to it, as token ids around speech: the two views."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from models.emotions import Emotion, emotion_from_label
from models.prompts import ChatPrompts, system_line
from train.alignment.losses import IGNORED
from train.data.manifest import Drops, Utterance


@dataclass(frozen=True, slots=True)
class ViewSettings:
    """How an utterance is put to the LLM, as text and as speech."""

    persona: str
    text_instruction: str = ""
    """Before the words; ``{emotion}`` is replaced by the label."""
    speech_instruction: str = ""
    """Before the speech."""
    emotion_in_text: bool = False
    """The system line of the text view says how the person sounds."""


@dataclass(frozen=True, slots=True)
class SpeechPlace:
    """A place for the speech embeddings of one utterance."""

    audio: str
    emotion: int
    """Index of the emotion, or `IGNORED`."""
    words: tuple[int, ...]
    """Token ids of what was said; empty where unknown."""
    heard: str = ""
    """What a decoder made of it, for an adapter that gives words; what was said if unknown."""


ViewPiece = tuple[int, ...] | SpeechPlace


@dataclass(frozen=True, slots=True)
class AlignmentExample:
    """One utterance ready for the two views."""

    name: str
    speech_view: tuple[ViewPiece, ...]
    """Pieces of the prompt with speech, up to where the reply begins."""
    text_view: tuple[ViewPiece, ...]
    """The same with words in place of speech."""
    reply: tuple[int, ...]
    """What is learnt, the same in both views."""
    duration_s: float

    @property
    def emotion(self) -> int:
        """Index of the emotion of what is answered, or `IGNORED`."""
        spoken = [piece for piece in self.speech_view if isinstance(piece, SpeechPlace)]
        return spoken[-1].emotion

    def text_tokens(self) -> int:
        """Positions of the text view."""
        words = (
            piece.words if isinstance(piece, SpeechPlace) else piece for piece in self.text_view
        )
        return sum(len(ids) for ids in words) + len(self.reply)


def build_example(
    utterance: Utterance, prompts: ChatPrompts, views: ViewSettings
) -> AlignmentExample:
    """Returns the two views of an utterance.

    A continuation that was cut off is followed by nothing, so that it never teaches the end of a
    reply (BLSP-Emo, arXiv 2406.03872, appendix; the reference's `early_stop`).

    Raises:
        ValueError: There are no words or there is no continuation.
    """
    if not utterance.text.strip():
        raise ValueError("no words: the text view needs them")
    if not utterance.continuation.strip():
        raise ValueError("no continuation: write it with `python -m train continue`")
    emotion = emotion_from_label(utterance.emotion) if utterance.emotion else None
    words = tuple(prompts.content(utterance.text))
    history = _history(utterance, prompts)
    text_opening = prompts.opening(system_line(views.persona, _told(views, emotion)))
    label = emotion.label if emotion is not None else Emotion.NEUTRAL.label
    instruction = views.text_instruction.replace("{emotion}", label)
    index = IGNORED if emotion is None else int(emotion)
    now = SpeechPlace(utterance.audio, index, words, utterance.heard or utterance.text)
    text_view: list[ViewPiece] = [tuple(text_opening), *history]
    text_view += [tuple(prompts.content(instruction)), now, tuple(prompts.reply_header())]
    speech_view: list[ViewPiece] = [tuple(prompts.opening(views.persona)), *history]
    heard = tuple(prompts.content(views.speech_instruction))
    speech_view += [heard, now, tuple(prompts.reply_header())]
    ending = prompts.reply_ending() if utterance.ended else []
    reply = (*prompts.content(utterance.continuation), *ending)
    return AlignmentExample(
        utterance.id, tuple(speech_view), tuple(text_view), reply, utterance.duration_s
    )


def build_examples(
    utterances: Sequence[Utterance],
    prompts: ChatPrompts,
    views: ViewSettings,
    *,
    max_tokens: int,
    drops: Drops,
) -> list[AlignmentExample]:
    """Returns the examples that are complete and not too long; the rest is counted in `drops`.

    Args:
        utterances: With their continuations.
        prompts: Of the LLM that is trained.
        views: How they are put to it.
        max_tokens: Longest text view with its reply.
        drops: Receives what is left out.
    """
    examples: list[AlignmentExample] = []
    for utterance in utterances:
        try:
            example = build_example(utterance, prompts, views)
        except ValueError as error:
            drops.add(str(error), utterance.id)
            continue
        if example.text_tokens() > max_tokens:
            drops.add(f"longer than {max_tokens} tokens", utterance.id)
        else:
            examples.append(example)
    return examples


def audio_of(example: AlignmentExample) -> list[str]:
    """Returns the audio references of an example in the order of its speech view."""
    return [piece.audio for piece in example.speech_view if isinstance(piece, SpeechPlace)]


def resolve(reference: str, root: Path) -> str:
    """Returns a reference that no longer depends on the manifest's folder."""
    return reference if not reference or Path(reference).is_absolute() else str(root / reference)


def _told(views: ViewSettings, emotion: Emotion | None) -> Emotion | None:
    return emotion if views.emotion_in_text else None


def _history(utterance: Utterance, prompts: ChatPrompts) -> list[ViewPiece]:
    """Earlier turns: spoken where there is audio of them, else written in both views."""
    audios = utterance.history_audio or ("",) * len(utterance.history)
    pieces: list[ViewPiece] = []
    for (said, replied), audio in zip(utterance.history, audios, strict=True):
        words = tuple(prompts.content(said))
        pieces.append(SpeechPlace(audio, IGNORED, words, said) if audio else words)
        answer = (*prompts.reply_header(), *prompts.content(replied), *prompts.next_turn())
        pieces.append(answer)
    return pieces
