"""One HTML file that holds everything: sound, words that follow it, the course of emotion.

It opens offline in any browser and asks nobody for anything: its own content security forbids all
but its one script and style sheet, which are named by their digests.
"""

import base64
import hashlib
from html import escape
from pathlib import Path

from assistant.page_colours import page_colours
from assistant.records.exports.course import course
from assistant.records.exports.sound import data_uri
from assistant.records.reading import Record
from assistant.records.transcript import describe_settings
from assistant.records.turns import Passage, RecordedTurn, passages, recorded_turns, timed_words
from assistant.records.wording import (
    clock,
    day_and_time,
    emotion_of,
    manner_of,
    one_line,
    said_of,
    style_of,
    words_of,
)
from models.emotions import Emotion

HERE = Path(__file__).parent
_FACE = """
@font-face {
  font-family: "Attune";
  src: url("/attune/static/look/figtree.woff2") format("woff2");
  font-weight: 300 900;
  font-display: swap;
}
"""
"""The letters of the pages beside it, which only a page that is served can have."""
NO_SOUND = '<p class="note">The sound of this talk was not kept.</p>'


def export(record: Record) -> str:
    """Returns the page with the sound in it.

    Raises:
        InputError: The sound cannot be read.
    """
    return page(record, data_uri(record.audio) if record.audio is not None else None)


def page(record: Record, sound: str | None, tools: str = "", forms: str = "'none'") -> str:
    """Returns a page about a record.

    Args:
        record: Whose words and emotions are shown.
        sound: Address of its sound; None where there is none.
        tools: HTML that stands above the words.
        forms: Where forms in it may be sent, as content security says it.
    """
    title = escape(day_and_time(record.started_utc) or one_line(record.id))
    return filled(title, about(record), talk_part(record, sound, tools), forms)


def talk_part(record: Record, sound: str | None, tools: str = "") -> str:
    """Returns what is heard and read of one talk: its script finds the rest of it in here."""
    turns = recorded_turns(record)
    spoken = {(one.turn.turn.index, one.is_person): one for one in passages(record)}
    length_s = max([record.duration_s, *(one.end_s for one in spoken.values())])
    said = "\n".join(_turn(turn, spoken) for turn in turns) or "<li>Nothing was said.</li>"
    return (
        f'<div class="talk" data-length="{length_s:.3f}">\n<div class="player">{_player(sound)}'
        f'</div>\n<section class="course">{course(turns, length_s)}</section>\n{tools}\n'
        f'<ol class="turns">\n{said}\n</ol>\n</div>'
    )


def filled(title: str, about: str, talks: str, forms: str = "'none'") -> str:
    """Returns a page that holds talks; all that is given is HTML already.

    Args:
        title: What stands at its top.
        about: What stands below that.
        talks: One or several of `talk_part`.
        forms: Where forms in it may be sent, as content security says it.
    """
    is_served = forms == "'self'"
    script = _own("page.js")
    style = page_colours() + _own("page.css") + (_FACE if is_served else "")
    values = {
        "policy": f"default-src 'none'; media-src 'self' data:; img-src data:; "
        f"script-src {_digest(script)}; style-src {_digest(style)}; "
        f"font-src {forms}; "
        f"form-action {forms}; base-uri 'none'",
        # With no-referrer a browser says of a form that it comes from nowhere: it is refused then.
        "referrer": "same-origin" if is_served else "no-referrer",
        "style": style,
        "title": title,
        "about": about,
        "talks": talks,
        "script": script,
    }
    # One pass: what was said may hold what looks like a place to be filled.
    parts = (HERE / "page.html").read_text(encoding="utf-8").split("$$")
    return "".join(values[part] if index % 2 else part for index, part in enumerate(parts))


def _own(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def about(record: Record) -> str:
    """Returns when a talk was held, how long it is and with what."""
    started = record.started_utc[:16].replace("T", " ")
    facts = [f"{started} UTC", clock(record.duration_s, hours=False).partition(".")[0]]
    if record.started is not None:
        one = record.started
        facts.append(describe_settings({"model": one.model, "voice": one.voice}))
        facts.append(f"policy {one.policy}")
    return escape(one_line(" · ".join([*facts, record.id])))


def _player(sound: str | None) -> str:
    if sound is None:
        return NO_SOUND
    return f'<audio controls preload="metadata" src="{escape(sound)}"></audio>'


def _turn(turn: RecordedTurn, spoken: dict[tuple[int, bool], Passage]) -> str:
    person = spoken.get((turn.turn.index, True))
    answer = spoken.get((turn.turn.index, False))
    shown = turn.turn.corrected or (turn.estimate.emotion if turn.estimate else None)
    mark = f' class="emotion is-{shown.label}"' if shown is not None else ' class="emotion"'
    felt = _felt(turn)
    emotion = f"<span{mark}>{escape(felt)}</span>" if felt else ""
    # In words for people; with its figures where the pointer rests, and in the other exports.
    manner = manner_of(turn.turn.style)
    figures = f'<span class="detail" title="{escape(style_of(turn))}">{manner}</span>'
    style = f"spoke {figures}" if manner else ""
    failure = turn.turn.failure
    broken = f'<p class="failure">{escape(one_line(failure))}</p>' if failure is not None else ""
    return (
        f'<li><div class="side you"><p class="who">{_time(turn.start_s)} You {emotion}</p>'
        f"<p>{_words(person) or escape(words_of(turn))}</p></div>"
        f'<div class="side attune"><p class="who">{_time(turn.reply_start_s)} Attune {style}</p>'
        f"<p>{_said(turn, answer)}</p>{broken}</div></li>"
    )


def _felt(turn: RecordedTurn) -> str:
    """Returns the emotion as it stands beside a turn; empty where there is none to speak of."""
    corrected = turn.turn.corrected
    if corrected is not None:
        is_own = turn.corrected_by == "person"
        return f"{corrected.label}, you said" if is_own else emotion_of(turn)
    return "" if turn.emotion is Emotion.NEUTRAL else emotion_of(turn)


def _time(start_s: float | None) -> str:
    if start_s is None:
        return ""
    label = clock(start_s, hours=False).partition(".")[0]
    return f'<button type="button" data-from="{start_s:.3f}">{label}</button>'


def _words(passage: Passage | None) -> str:
    """Returns the words of a passage, each with its times."""
    if passage is None:
        return ""
    return " ".join(
        f'<span class="w" data-from="{start_s}" data-to="{end_s}">{escape(one_line(word))}</span>'
        for word, start_s, end_s in timed_words(passage)
    )


def _said(turn: RecordedTurn, passage: Passage | None) -> str:
    words = _words(passage)
    if not words:
        return escape(said_of(turn))
    if not turn.turn.interrupted:
        return words
    generated, heard = turn.turn.generated.strip(), turn.said
    rest = generated[len(heard) :] if generated.startswith(heard) else ""
    unheard = f' <span class="unheard">{escape(one_line(rest))}</span>' if rest.strip() else ""
    return f'{words}{unheard} <span class="detail">(interrupted)</span>'
