"""What each column of the export means: column, meaning, unit, values."""

from collections.abc import Iterable
from typing import get_args

from assistant.study.instruments import Instrument
from assistant.study.items import Form, Item, Scale
from assistant.study.signs.sign import KINDS

CodebookRow = tuple[str, str, str, str]
_WHO: CodebookRow = ("participant", "pseudonymous id", "", "")
_BLOCK: CodebookRow = (
    "block",
    "number of the conversation it belongs to",
    "",
    "1 …; empty outside",
)
_CONDITION: CodebookRow = ("condition", "condition, a letter while the key is sealed", "", "")
_STEP: CodebookRow = ("step", "page of the study", "", "as in the participant's log")
_SOURCE: CodebookRow = (
    "source",
    "file and line it was read from",
    "",
    "FILE:LINE in the study's folder",
)

CODEBOOK: dict[str, list[CodebookRow]] = {
    "participants": [
        _WHO,
        ("cell", "cell of the design, g1 … while the key is sealed", "", "c1 …"),
        ("sequence", "conditions in the order in which they came", "", "joined by >"),
        (
            "status",
            "how far the participant came",
            "",
            "joined, consented, active, completed, withdrawn, dropped, screened_out",
        ),
        ("joined_utc", "when the link was opened first", "UTC", "ISO 8601"),
        ("completed_utc", "when the last page was finished", "UTC", "ISO 8601"),
        ("consent_version", "version of the text consented to", "", ""),
        ("consent_sha256", "hash of all words consented to", "", "hexadecimal"),
        ("excluded", "whether a rule of exclusion applies", "", "0, 1"),
        ("exclusion_reasons", "which", "", "joined by ;"),
        ("completion_code", "code given at the end", "", ""),
        ("signs", "what may show that a program took part: see signs", "", "joined by ;"),
        _SOURCE,
    ],
    "answers": [
        _WHO,
        _BLOCK,
        _CONDITION,
        _STEP,
        ("instrument", "what was asked; sound: the check before; probe: after a turn", "", ""),
        ("item", "its item", "", ""),
        ("turn", "turn of the conversation that a probe belongs to", "", "0 …"),
        ("position", "place of the item as shown", "", "1 …"),
        ("value", "the answer", "", "as the instrument says"),
        ("seconds", "from the page's appearance to this answer, by the page's clock", "s", ""),
        ("item_s", "from the answer before it, or the page's appearance, to this one", "s", ""),
        ("answered_utc", "when it was saved", "UTC", "ISO 8601"),
        _SOURCE,
    ],
    "scores": [
        _WHO,
        _BLOCK,
        _CONDITION,
        ("instrument", "questionnaire", "", ""),
        ("scale", "its scale", "", ""),
        ("value", "score; empty where too much is missing", "", "as the instrument says"),
        ("items", "items of the scale", "", ""),
        ("missing", "of these not answered", "", ""),
        _SOURCE,
    ],
    "turns": [
        _WHO,
        _BLOCK,
        _CONDITION,
        _STEP,
        ("attempt", "the conversation was begun so often", "", "1 …"),
        ("turn", "number of the turn in its record", "", "0 …"),
        ("start_s", "begin of what the person said", "s", "on the audio clock of the record"),
        ("end_s", "its end", "s", "likewise"),
        ("words", "what was understood", "", "empty without consent to words"),
        ("emotion", "most probable emotion", "", "neutral, happy, angry, sad, surprise"),
        ("confidence", "its probability", "", "0 to 1"),
        ("corrected_emotion", "emotion by correction; happenings say by whom", "", "as emotion"),
        ("style_emotion", "tone asked of the voice", "", "as emotion; empty while sealed"),
        ("style_intensity", "how strongly", "", "0 to 1; empty while sealed"),
        ("reply_generated", "answer as generated", "", ""),
        (
            *("reply_source", "who made the answer", ""),
            "model, written (before the talk, to a similar saying), fixed (Attune's own text), "
            "experimenter; empty while sealed",
        ),
        ("reply_heard", "part of it that was played", "", ""),
        ("interrupted", "whether the person cut it off", "", "0, 1"),
        ("first_audio_ms", "from the last sample of speech to the first of the answer", "ms", ""),
        ("endpoint_reason", "what ended the turn", "", "asked: a wizard answered"),
        ("model", "speech model", "", "empty while sealed"),
        ("voice", "voice", "", "empty while sealed"),
        ("policy", "reply policy", "", "empty while sealed"),
        ("failed", "whether an engine broke", "", "0, 1"),
        (
            "wizard",
            "whether an experimenter wrote the answer",
            "",
            "0, 1; empty where it tells",
        ),
        ("probe", "answer to the question after the turn", "", "1 to 7"),
        _SOURCE,
    ],
    "items": [
        ("instrument", "questionnaire, as in answers", "", ""),
        ("item", "its item, as in answers", "", ""),
        ("text", "its words; a pair of words has its two ends alone", "", ""),
        ("form", "how it is answered", "", ", ".join(get_args(Form))),
        ("minimum", "least answer", "", "a number; letters of a text"),
        ("maximum", "greatest answer", "", "likewise"),
        ("labels", "words at the answers, or at their ends", "", "joined by |"),
        ("required", "whether nobody goes on without an answer", "", "0, 1"),
        ("scale", "scales that it counts in", "", "joined by |"),
        ("reversed", "scales that take minimum + maximum - answer of it", "", "joined by |"),
        ("formula", "how these scales make a score of their items", "", "joined by |"),
        ("attention_passed", "right answers, where it checks attention", "", "joined by |"),
        ("citation", "where the instrument comes from", "", ""),
        ("licence", "its terms: not every wording may be passed on", "", ""),
    ],
    "signs": [
        _WHO,
        ("kind", "what may show that a program took part; no proof", "", "; ".join(KINDS)),
        _STEP,
        ("value", "; ".join(f"{kind}: {told}" for kind, told in KINDS.items()), "", ""),
        ("limit", "value at which it becomes a sign", "", ""),
        _SOURCE,
    ],
    "happenings": [
        _WHO,
        ("kind", "what happened", "", ""),
        ("utc", "when, by the computer's clock", "UTC", "ISO 8601"),
        ("monotonic_s", "when, by a clock nobody sets; comparable until a restart", "s", ""),
        ("detail", "the rest of the line", "", "JSON"),
        _SOURCE,
    ],
}


def item_rows(instruments: Iterable[Instrument]) -> list[dict[str, str | int]]:
    """Returns the words and the scoring of each item, without which answers say nothing."""
    return [
        _item_row(instrument, item)
        for instrument in instruments
        for item in instrument.asked.values()
    ]


def _item_row(instrument: Instrument, item: Item) -> dict[str, str | int]:
    scales = [scale for scale in instrument.scales if item.name in scale.items]
    checks = [check for check in instrument.attention if check.item.name == item.name]
    return {
        "instrument": instrument.name,
        "item": item.name,
        "text": item.text,
        "form": item.form,
        "minimum": f"{item.minimum:g}",
        "maximum": f"{item.maximum:g}",
        "labels": "|".join(item.labels),
        "required": int(item.required),
        "scale": "|".join(scale.name for scale in scales),
        "reversed": "|".join(scale.name for scale in scales if item.name in scale.reversed),
        "formula": "|".join(map(_formula, scales)),
        "attention_passed": "|".join(str(one) for check in checks for one in check.passed),
        "citation": instrument.citation,
        "licence": instrument.licence,
    }


def _formula(scale: Scale) -> str:
    """Returns how a scale is computed, as "(sum - 10) × 2.5"."""
    rule = f"{scale.rule} of {scale.part}" if scale.part else scale.rule
    less = f"({rule} - {scale.subtract:g})" if scale.subtract else rule
    return f"{less} × {scale.multiply:g}" if scale.multiply != 1 else less


def demographics_rows(instruments: Iterable[Instrument]) -> list[CodebookRow]:
    """Returns the columns that the demographic items add to the table of participants."""
    return [
        (f"d_{name}", item.text, "", ", ".join(item.labels))
        for instrument in instruments
        if instrument.kind == "demographics"
        for name, item in instrument.asked.items()
    ]
