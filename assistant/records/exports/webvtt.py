"""WebVTT: captions of both sides for the record's sound."""

from assistant.records.reading import Record
from assistant.records.turns import passages
from assistant.records.wording import clock, one_line


def export(record: Record) -> str:
    """Returns the captions; a record without words has none."""
    cues = ["WEBVTT"]
    for passage in passages(record):
        # Cue text may hold no tag and no arrow.
        text = one_line(passage.text).replace("&", "&amp;").replace("<", "&lt;")
        text = text.replace("-->", "--&gt;")
        times = f"{clock(passage.start_s)} --> {clock(passage.end_s)}"
        cues.append(f"{times}\n<v {passage.speaker}>{text}</v>")
    return "\n\n".join(cues) + "\n"
