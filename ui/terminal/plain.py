"""A conversation as plain lines: for screen readers, pipes, files and the simplest terminals."""

from collections.abc import Iterable

from assistant import events
from assistant.conversation.earlier import Earlier
from assistant.history import Turn
from assistant.records.transcript import describe_settings
from ui.shown import (
    NO_WORDS,
    PASSED_OVER,
    emotion_words,
    local_time,
    one_line,
    style_words,
    words_shown,
)
from ui.view import CONTINUED, ECHO_NOTICES, TOO_BUSY, View, response_s

SHOWN_EARLIER = 3
"""Turns of the talk that one goes on from which are shown."""


def plain_lines(view: View, event: events.Event) -> list[str]:
    """Returns the lines that `event` adds; `view` is the view after it."""
    if isinstance(event, events.HelpOffered):  # it may count before the first turn
        return [f"Help: {one_line(event.text)}"]
    turn = _turn_of(view, event)
    if turn is not None:
        return _turn_lines(turn, event)
    match event:
        case events.ConversationStarted(model=model, voice=voice, policy=policy):
            return [f"Ready. Model {model}, voice {voice}, reply policy {policy}."]
        case events.TalkContinued():
            return [_sentence(CONTINUED)]
        case events.SettingsChanged(changes=changes) | events.SettingsAsked(changes=changes):
            return [f"From now on: {one_line(describe_settings(changes))}."]
        case events.UtteranceJoined():
            return ["You went on: both parts are taken as one turn."]
        case events.Muted(muted=muted):
            return ["Microphone off." if muted else "Microphone on."]
        case events.DeviceChanged(message=message) | events.Noticed(message=message):
            return [_sentence(message)]
        case events.EchoJudged(echo=echo):
            text = ECHO_NOTICES.get(echo)
            is_new = any(n.text == text and n.at_s == view.clock_s for n in view.notices)
            return [_sentence(text)] if text is not None and is_new else []
        case events.FramesDropped(frames=frames, total=total):
            return _lost_lines(total - frames, total)
        case events.ConversationEnded():
            return [summary(view), *_course_lines(view)]
        case _:
            return []


def summary(view: View) -> str:
    """Returns one line about a conversation that is over."""
    count = len(view.turns)
    turns = "1 turn" if count == 1 else f"{count} turns"
    times = sorted(time for turn in view.turns if (time := response_s(turn)) is not None)
    middle = f", usual answer after {times[len(times) // 2]:.2f} s" if times else ""
    minutes, seconds = divmod(round(view.clock_s), 60)
    return f"The talk is over: {turns} in {minutes}:{seconds:02d} minutes{middle}."


def talk_lines(view: View) -> list[str]:
    """Returns what both sides said: what is left on the screen when the picture is gone."""
    return turn_lines(view.turns)


def earlier_lines(earlier: Earlier) -> list[str]:
    """Returns which talk is gone on with, and what was said at its end."""
    end = [f"  {line}" for line in turn_lines(earlier.turns[-SHOWN_EARLIER:])]
    begun = local_time(earlier.started_utc)
    begun = f", begun {begun}" if begun else ""
    return [f"You go on with the talk {earlier.record}{begun}. Its end:", *end]


def turn_lines(turns: Iterable[Turn]) -> list[str]:
    """Returns what both sides said in these turns."""
    lines: list[str] = []
    for turn in turns:
        if turn.passed_over:
            lines.append(PASSED_OVER)
            continue
        words = NO_WORDS if turn.transcript is None else words_shown(turn.transcript)
        lines.append(f"You: {words}")
        heard = one_line(turn.heard)
        if turn.failure is not None and not heard:
            lines.append(f"This turn failed: {_sentence(turn.failure)}")
        elif turn.interrupted:
            lines.append(f"Attune: {heard} …" if heard else "Attune was interrupted.")
        else:
            lines.append(f"Attune: {heard or '(nothing)'}")
    return lines


def _turn_of(view: View, event: events.Event) -> Turn | None:
    index = getattr(event, "turn", None)
    return next((turn for turn in view.turns if turn.index == index), None)


def _turn_lines(turn: Turn, event: events.Event) -> list[str]:
    match event:
        case events.PassedOver():
            return [PASSED_OVER]
        case events.FactSuggested(fact=fact):
            return [f'To keep "{one_line(fact)}" for the next talk, say "remember that".']
        case events.MemoryChanged(change=change, fact=fact):
            kept = "Remembered for the next talk" if change == "keep" else "Not remembered"
            return [f"{kept}: {one_line(fact)}."]
        case events.WordsHeard(transcript=transcript):
            emotion = emotion_words(turn)
            who = f"You ({emotion})" if emotion else "You"
            return [f"{who}: {words_shown(transcript)}"]
        case events.ReplyFinished() if turn.passed_over:
            return []
        case events.ReplyFinished(heard=heard):
            return [f"Attune{_manner(turn)}: {one_line(heard) or '(nothing)'}"]
        case events.Interrupted(heard=heard):
            if not heard:
                return ["Attune was interrupted before it spoke."]
            return [f"Attune{_manner(turn)}, interrupted: {one_line(heard)} …"]
        case events.TurnFailed(message=message):
            return [f"This turn failed: {_sentence(message)}"]
        case _:
            return []


def _manner(turn: Turn) -> str:
    """Returns how and after what time it answers, in brackets; empty where nothing is to say."""
    time_s = response_s(turn)
    after = "" if time_s is None else f"after {time_s:.2f} s"
    told = "; ".join(part for part in (style_words(turn), after) if part)
    return f" ({told})" if told else ""


def _sentence(text: str) -> str:
    text = one_line(text)
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")


def _lost_lines(before: int, total: int) -> list[str]:
    """Returns a line each time that the losses have about doubled: many small ones say no more."""
    return [] if total.bit_length() == before.bit_length() else [_sentence(TOO_BUSY)]


def _course_lines(view: View) -> list[str]:
    if not view.course:
        return []
    words = (
        point.emotion.label if point.is_certain else f"perhaps {point.emotion.label}"
        for point in view.course
    )
    return [f"Your voice sounded: {', '.join(words)}."]
