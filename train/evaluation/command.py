"""The command `evaluate`: test manifests → figures with sample counts and 95 % intervals.

The protocol is frozen here: greedy decoding, answers that cannot be parsed count as wrong, words
are compared in lower case without punctuation, intervals are percentiles of 1,000 resamples.
"""

import logging
import math
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from models.blsp_emo import BlspEmo
from models.checkpoints.hub import checkpoint_folder
from models.emotions import EMOTION_LABELS, Emotion
from models.listening.listener import Listener
from models.prompts import RECOGNISE_EMOTION
from models.weights import CheckpointError, write_json
from train.data.manifest import Utterance, read_manifest
from train.evaluation.answers import Prediction, answer_all, parse_emotion
from train.evaluation.settings import EvaluateSettings
from train.loop.run_folder import code_version, file_sha256
from train.metrics import (
    Figure,
    bootstrap,
    confusion,
    expected_calibration_error,
    macro_f1,
    negative_log_likelihood,
    of_answers,
    perfect_calibration_error,
    repeated_ngram,
    risk_coverage,
    share,
    spoken_words,
    unweighted_accuracy,
    word_error_rate,
)

logger = logging.getLogger(__name__)

CLASSES = len(EMOTION_LABELS)


def evaluate(settings: EvaluateSettings) -> dict[str, dict[str, Figure]]:
    """Writes and returns the figures of each manifest.

    Raises:
        ValueError: There is no manifest, or none of its utterances can be used.
        CheckpointError: The model cannot be used.
    """
    _check(settings)
    settings.out.mkdir(parents=True, exist_ok=True)
    model = opened(settings)
    rows: dict[str, dict[str, Figure]] = {}
    details: dict[str, Any] = {}
    for path in settings.manifests:
        manifest = read_manifest(path)
        chosen = _chosen(manifest.utterances, settings)
        record = settings.out / f"{path.stem}.{_protocol(settings, path)}.answers.jsonl"
        answers, drops = answer_all(model, chosen, manifest.root, settings, record)
        if not answers:
            raise ValueError(f"{path}: no utterance could be used: {'; '.join(drops.lines())}")
        rows[path.stem] = figures_of(answers, settings)
        if settings.by_speaker:
            for speaker, own in _by_speaker(answers, chosen).items():
                rows[f"{path.stem}, {speaker}"] = figures_of(own, settings)
        details[path.stem] = _details(answers, settings)
        details[path.stem]["dropped"] = dict(manifest.drops.counts + drops.counts)
        if "emotion" in settings.figures:
            draw_calibration(answers, settings.out / f"{path.stem}.calibration.png")
    _write(settings, rows, details)
    return rows


def opened(settings: EvaluateSettings) -> BlspEmo | Listener:
    """Returns the model; where its emotion alone is wanted, its ears.

    Raises:
        CheckpointError: It cannot be used.
    """
    if set(settings.figures) == {"emotion"}:
        # Without the LLM it needs a tenth of the memory and of the time.
        with suppress(CheckpointError):
            return Listener.from_pretrained(settings.model, device=settings.device)
    return BlspEmo.from_pretrained(settings.model, device=settings.device)


def _check(settings: EvaluateSettings) -> None:
    """Refuses what would fail or be overwritten after hours of answers."""
    if not settings.manifests:
        raise ValueError("name the test manifests: --manifests FILE.jsonl …")
    twice = [name for name, n in Counter(p.stem for p in settings.manifests).items() if n > 1]
    if twice:
        raise ValueError(f"two manifests are called {twice[0]}: give one of them another name")
    lacking = [str(path) for path in settings.trained_on if not path.is_file()]
    if lacking:
        raise ValueError(f"there is no manifest {', '.join(lacking)} (--trained-on)")
    if "judged" in settings.figures and not settings.judge:
        raise ValueError("name the judge: --judge http://…/v1 (any OpenAI-compatible server)")


def _by_speaker(
    answers: Sequence[Prediction], utterances: Sequence[Utterance]
) -> dict[str, list[Prediction]]:
    speakers = {utterance.id: utterance.speaker or "no name" for utterance in utterances}
    found: dict[str, list[Prediction]] = {}
    for answer in answers:
        found.setdefault(speakers[answer.id], []).append(answer)
    return dict(sorted(found.items()))


def figures_of(answers: Sequence[Prediction], settings: EvaluateSettings) -> dict[str, Figure]:
    """Returns the figures that the settings ask for, as far as the test set allows."""
    figures: dict[str, Figure] = {}
    known = [answer for answer in answers if answer.emotion >= 0]
    truth = [answer.emotion for answer in known]
    if "emotion" in settings.figures:
        figures |= emotion_figures(known) if known else called_figures(answers)
    if "asked" in settings.figures and known:
        named = [parse_emotion(answer.asked) for answer in known]
        figures["asked: accuracy"] = share(_equal(truth, named))
        figures["asked: unweighted accuracy"] = of_answers(
            unweighted_accuracy, truth, named, CLASSES
        )
    if "words" in settings.figures:
        pairs = [(a.words, a.heard) for a in answers if spoken_words(a.words)]
        if pairs:
            figures["word error rate"] = word_error_rate(pairs)
    if "replies" in settings.figures:
        figures |= _reply_figures(answers, settings)
    if "delay" in settings.figures:
        figures |= _delay_figures(answers)
    if "judged" in settings.figures:
        from train.evaluation.judging import judge

        figures |= judge(answers, settings)
    return figures


def unigrams(pairs: Sequence[tuple[str, str]]) -> Any:
    """Returns (N, 3): matched words, words of the reply, words of the reference."""
    rows: list[tuple[int, int, int]] = []
    for reference, reply in pairs:
        truth, guess = spoken_words(reference).split(), spoken_words(reply).split()
        matched = sum((Counter(truth) & Counter(guess)).values())
        rows.append((matched, len(guess), len(truth)))
    return np.array(rows).reshape(-1, 3)


def bleu_1(sums: Any) -> float:
    """Returns corpus BLEU-1 of the sums (3,) of `unigrams`: their share, and a brevity penalty.

    Papineni et al. 2002, with one reference and n = 1, on words without punctuation.
    """
    matched, said, expected = (int(value) for value in sums)
    if not said:
        return 0.0
    brevity = 1.0 if said > expected else math.exp(1 - expected / said)
    return brevity * matched / said


def draw_calibration(answers: Sequence[Prediction], picture: Path) -> None:
    """Draws reliability and risk against coverage of the emotion head."""
    known = [answer for answer in answers if answer.emotion >= 0]
    if not known:
        return
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Picture

    probabilities, truth = _arrays(known)
    figure = Picture(figsize=(8, 3.5), layout="constrained")
    FigureCanvasAgg(figure)
    reliability, risk = figure.subplots(1, 2)
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == truth
    parts = np.array_split(np.argsort(confidence), min(10, len(confidence)))
    means = [(confidence[part].mean(), right[part].mean()) for part in parts]
    reliability.plot([0, 1], [0, 1], color="grey", linewidth=1)
    reliability.plot(*zip(*means, strict=True), marker="o")
    reliability.set_xlabel("confidence")
    reliability.set_ylabel("share right")
    coverage, wrong, _ = risk_coverage(probabilities, truth)
    risk.plot(coverage, wrong)
    risk.set_xlabel("share answered")
    risk.set_ylabel("share wrong among them")
    figure.savefig(picture, dpi=100)


def called_figures(answers: Sequence[Prediction]) -> dict[str, Figure]:
    """Returns what voices are taken for whose emotion nobody noted, such as those of readers."""
    guess = [int(np.argmax(answer.probabilities)) for answer in answers]
    shares = {
        f"emotion: called {label}": share([one == index for one in guess])
        for index, label in enumerate(EMOTION_LABELS)
    }
    moved = [
        one != Emotion.NEUTRAL and not answer.abstained
        for one, answer in zip(guess, answers, strict=True)
    ]
    return {**shares, "emotion: acted on, and not neutral": share(moved)}


def emotion_figures(known: Sequence[Prediction]) -> dict[str, Figure]:
    """Returns accuracy and calibration of predictions whose true emotion is known."""
    probabilities, truth = _arrays(known)
    guess = probabilities.argmax(axis=1)
    logits = np.array([answer.logits for answer in known])
    plain = np.exp(logits - logits.max(axis=1, keepdims=True))
    plain /= plain.sum(axis=1, keepdims=True)

    def over(name: str, values: Any) -> dict[str, Figure]:
        return {
            f"emotion: negative log-likelihood{name}": bootstrap(
                lambda chosen: negative_log_likelihood(values[chosen], truth[chosen]), len(truth)
            ),
            f"emotion: calibration error{name}": bootstrap(
                lambda chosen: expected_calibration_error(values[chosen], truth[chosen]),
                len(truth),
            ),
        }

    answers = truth.tolist(), guess.tolist(), CLASSES
    return {
        "emotion: accuracy": share(_equal(*answers[:2])),
        "emotion: unweighted accuracy": of_answers(unweighted_accuracy, *answers),
        "emotion: macro F1": of_answers(macro_f1, *answers),
        **over(", before temperature", plain),
        **over("", probabilities),
        "emotion: acted on": share([not answer.abstained for answer in known]),
        "emotion: calibration error of a perfect model": perfect_calibration_error(probabilities),
    }


def _equal(truth: Sequence[int], guess: Sequence[int]) -> list[bool]:
    return [a == b for a, b in zip(truth, guess, strict=True)]


def _delay_figures(answers: Sequence[Prediction]) -> dict[str, Figure]:
    delays = np.array([answer.delay_ms for answer in answers])
    return {
        f"first text, p{part} in ms": bootstrap(
            lambda chosen, part=part: float(np.percentile(delays[chosen], part)), len(delays)
        )
        for part in (50, 95)
    }


def _reply_figures(answers: Sequence[Prediction], settings: EvaluateSettings) -> dict[str, Figure]:
    figures = {
        "replies cut at the longest length": share([not answer.ended for answer in answers]),
        "replies with a repeated 4-gram": share([repeated_ngram(a.reply) for a in answers]),
    }
    known = {
        spoken_words(utterance.continuation)
        for path in settings.trained_on
        for utterance in read_manifest(path, check_audio=False).utterances
    }
    if known:
        copied = [spoken_words(answer.reply) in known for answer in answers]
        figures["replies that stand in the training text"] = share(copied)
    pairs = [(a.reference, a.reply) for a in answers if a.reference]
    if pairs:
        counts = unigrams(pairs)
        figures["BLEU-1"] = bootstrap(lambda chosen: bleu_1(counts[chosen].sum(axis=0)), len(pairs))
    return figures


def _details(answers: Sequence[Prediction], settings: EvaluateSettings) -> dict[str, Any]:
    """Confusion tables and the risk at some coverages: what a single figure does not say."""
    known = [answer for answer in answers if answer.emotion >= 0]
    if not known or "emotion" not in settings.figures:
        return {}
    probabilities, truth = _arrays(known)
    guess = probabilities.argmax(axis=1)
    coverage, risk, threshold = risk_coverage(probabilities, truth)
    places = [max(0, round(share * len(known)) - 1) for share in (0.5, 0.7, 0.8, 0.9, 1.0)]
    table = confusion(truth.tolist(), guess.tolist(), CLASSES)
    return {
        "labels": list(EMOTION_LABELS),
        "confusion": table[:, :-1].tolist(),
        "risk_coverage": [
            {
                "coverage": round(float(coverage[place]), 4),
                "risk": round(float(risk[place]), 4),
                "threshold": round(float(threshold[place]), 4),
            }
            for place in places
        ],
    }


def _arrays(known: Sequence[Prediction]) -> tuple[Any, Any]:
    probabilities = np.array([answer.probabilities for answer in known])
    return probabilities, np.array([answer.emotion for answer in known])


def _chosen(utterances: Sequence[Utterance], settings: EvaluateSettings) -> list[Utterance]:
    wanted = [u for u in utterances if settings.split in ("all", u.split)]
    if not wanted:
        raise ValueError(f"the manifest has no utterance of the split {settings.split!r}")
    if settings.limit and settings.limit < len(wanted):
        places = np.random.default_rng(0).permutation(len(wanted))[: settings.limit]
        wanted = [wanted[place] for place in sorted(places.tolist())]
    return wanted


def _protocol(settings: EvaluateSettings, manifest: Path) -> str:
    """A short name of what answers depend on, so that others are never taken for them."""
    import hashlib

    config = checkpoint_folder(settings.model) / "config.json"
    weights = sorted(config.parent.glob("*.safetensors")) or [config]
    parts = [
        file_sha256(config),
        *(file_sha256(path) for path in weights),
        file_sha256(manifest),
        str(sorted(settings.figures)),
        str(settings.longest_tokens),
        str(settings.noise_db),
        str((settings.telephone, settings.gain_db, settings.offset)),
        RECOGNISE_EMOTION,
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


def _write(
    settings: EvaluateSettings, rows: dict[str, dict[str, Figure]], details: dict[str, Any]
) -> None:
    write_json(
        settings.out / "figures.json",
        {
            "settings": settings.model_dump(mode="json"),
            "code": code_version(),
            "manifests": {str(path): file_sha256(path) for path in settings.manifests},
            "question": RECOGNISE_EMOTION,
            "figures": {row: {n: asdict(f) for n, f in own.items()} for row, own in rows.items()},
            "details": details,
        },
    )
    lines = ["| test set | figure | value | 95 % interval | n |", "|---|---|---|---|---|"]
    for row, own in rows.items():
        lines += [
            f"| {row} | {name} | {f.value:.4f} | {f.low:.4f} to {f.high:.4f} | {f.count} |"
            for name, f in own.items()
        ]
    text = "\n".join(lines) + "\n"
    (settings.out / "figures.md").write_text(text, encoding="utf-8")
    print(text, end="")
