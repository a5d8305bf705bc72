"""The command `turn-ends`: from the LLM's odds of an end to how likely a person is done.

A talking LLM knows where turns end, but its probability of an end is far too low: a sentence could
nearly always go on. A logistic map of its log-odds makes a probability of it that holds where a
person has paused, stopping in the middle of a thought being as likely as being done. The words
must be right for that; how sure they are is fitted beside it
(`train.turn_ends.word_confidence`).
"""

from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from models.blsp_emo import BlspEmo
from models.checkpoints.checkpoint import read_config
from models.config import TurnEndConfig
from models.talk import TalkSession
from models.weights import write_json
from train.language.domain import (
    DOMAIN_FOLDER,
    Domain,
    Split,
    draw_values,
    fill,
    read_domain,
    slots_of,
    spoken_form,
    templates,
)
from train.metrics import Floats, Integers, expected_calibration_error
from train.turn_ends.logistic import fitted_logistic, sigmoid
from train.turn_ends.settings import TurnEndSettings
from train.turn_ends.word_confidence import fitted_word_confidence

FEWEST = 20
"""Wordings below which a fit would be a guess."""


@dataclass(frozen=True, slots=True)
class LabelledPauses:
    """Places where a person stopped."""

    words: tuple[str, ...]
    is_end: tuple[bool, ...]
    """Whether the person was done; as often as not."""


def turn_ends(settings: TurnEndSettings) -> TurnEndConfig:
    """Fits slope and offset, prints how well they hold on held-out wordings, may write them.

    How sure heard words are is fitted, too, where the checkpoint has a decoder.

    Raises:
        ValueError: The checkpoint is not in our layout, or the domain is too small.
        OSError: espeak-ng is missing, which speaks the sentences to be heard.
        CheckpointError: The checkpoint cannot be used.
    """
    folder = Path(settings.model)
    config, published = read_config(folder)
    if published:
        raise ValueError(f"{folder} is of the published layout: save it in ours first")
    domain = read_domain(settings.domain or DOMAIN_FOLDER)
    fitted_on = pauses(domain, "train", most=settings.most)
    judged_on = pauses(domain, "wording", most=settings.most)
    model = BlspEmo.from_pretrained(folder, device=settings.device)
    talk = TalkSession(model)
    log_odds, is_end = _odds(talk, fitted_on)
    fitted = fitted_turn_ends(log_odds, is_end)
    held_odds, held_end = _odds(talk, judged_on)
    for name, turn_end in (("before", config.turn_end), ("after", fitted)):
        score = probabilities(held_odds, turn_end)
        error = expected_calibration_error(np.stack([1.0 - score, score], axis=1), held_end)
        area = area_under_roc(score, held_end)
        print(f"{name}: AUC {area:.3f}, calibration error {error:.3f} ({len(held_end)} held out)")
    print(f"{folder}: {asdict(fitted)} from {len(is_end)} pauses")
    words = fitted_word_confidence(model, domain, sentences=settings.spoken)
    if words is not None:
        print(f"{folder}: {asdict(words)}")
    if settings.write:
        changed = replace(config, turn_end=fitted, word_confidence=words or config.word_confidence)
        write_json(folder / "config.json", changed.to_mapping())
    return fitted


def pauses(domain: Domain, split: Split, *, most: int) -> LabelledPauses:
    """Returns whole wordings of `split`, and the same cut at a random word, as often.

    Each stands there as written and as a recogniser writes it. Follow-ups belong to `train`.

    Raises:
        ValueError: There are too few.
    """
    generator = np.random.default_rng(0)
    said = [
        fill(template, draw_values(intent, template, generator))
        for intent, template in templates(domain, split)
    ]
    if split == "train":
        said += [p for i in domain.intents for f in i.follow_ups for p in f.person]
    said = [text for text in said if len(text.split()) > 1 and not slots_of(text)]
    if len(said) < FEWEST:
        raise ValueError(
            f"{len(said)} wordings of the split {split!r} are too few: add to --domain"
        )
    chosen = generator.permutation(len(said))[:most]
    words: list[str] = []
    for text in (said[index] for index in chosen):
        whole = text.split()
        cut = " ".join(whole[: int(generator.integers(1, len(whole)))])
        words += [text, cut, spoken_form(text), spoken_form(cut)]
    return LabelledPauses(tuple(words), tuple(index % 2 == 0 for index in range(len(words))))


def fitted_turn_ends(log_odds: Floats, is_end: Integers) -> TurnEndConfig:
    """Returns the map of least cross-entropy.

    Args:
        log_odds: (N,) of the LLM.
        is_end: (N,) 1 where the person was done, else 0.
    """
    slope, offset = fitted_logistic(log_odds[:, None], is_end.astype(np.float64)).tolist()
    return TurnEndConfig(slope=slope, offset=offset)


def probabilities(log_odds: Floats, turn_end: TurnEndConfig) -> Floats:
    """Returns (N,) how likely the person was done."""
    return sigmoid(turn_end.slope * log_odds + turn_end.offset)


def area_under_roc(score: Floats, is_end: Integers) -> float:
    """Returns how often an end has a higher score than a cut; ties count half.

    Args:
        score: (N,)
        is_end: (N,) 1 or 0, both of them present.
    """
    ends, cuts = score[is_end == 1], np.sort(score[is_end == 0])
    below = np.searchsorted(cuts, ends, side="left")
    not_above = np.searchsorted(cuts, ends, side="right")
    return float((below + not_above).mean() / (2.0 * len(cuts)))


def _odds(talk: TalkSession, stops: LabelledPauses) -> tuple[Floats, Integers]:
    log_odds = np.array([talk.end_log_odds(words) for words in stops.words])
    return log_odds, np.array(stops.is_end, dtype=np.int64)
