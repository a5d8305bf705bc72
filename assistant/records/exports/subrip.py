"""SubRip (SRT): captions for players that know no WebVTT."""

from assistant.records.reading import Record
from assistant.records.turns import passages
from assistant.records.wording import clock, one_line


def export(record: Record) -> str:
    """Returns the captions, numbered from 1."""
    cues: list[str] = []
    for number, passage in enumerate(passages(record), start=1):
        times = f"{clock(passage.start_s, mark=',')} --> {clock(passage.end_s, mark=',')}"
        # SubRip has no escapes: what players would take for a tag gets other brackets.
        text = one_line(passage.text).replace("<", "‹").replace(">", "›")
        cues.append(f"{number}\n{times}\n{passage.speaker}: {text}\n")
    return "\n".join(cues)
