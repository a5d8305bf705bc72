"""On a sound server nobody is lost without echo, and Attune does not interrupt itself with it."""

import asyncio

from assistant.assembly import open_engines
from assistant.settings import TalkCommandSettings
from assistant.turns.settings import TurnJudgeSettings
from benchmarks.cases.case import Case
from benchmarks.echo_server import alone, spoken_to
from benchmarks.rooms.sound_server import NEEDS as NEEDS
from benchmarks.rooms.sound_server import sound_loop

SENTENCES, ALONE_S = 6, 45.0


def run(case: Case) -> None:
    """Speaks into answers without an echo path, and lets Attune hear itself alone and with one."""
    engines = open_engines(TalkCommandSettings(), judging=TurnJudgeSettings())
    with sound_loop() as server:
        kept = asyncio.run(spoken_to(engines, "cancel", SENTENCES, server.say))
    case.expect(kept.kept == kept.said, f"no echo: {kept.kept} of {kept.said} sentences are kept")
    for echo_db, delay_ms in ((-20.0, 30), (-10.0, 50)):
        with sound_loop() as server:
            server.lead_back(echo_db, delay_ms=delay_ms, adjust_s=0)
            answers, cut, _ = asyncio.run(alone(engines, ALONE_S))
            text = f"echo at {echo_db:g} dB: {cut} of {answers} answers are cut off by themselves"
            case.expect(answers > 2 and cut == 0, text)
            kept = asyncio.run(spoken_to(engines, "cancel", SENTENCES // 2, server.say))
            text = f"echo at {echo_db:g} dB: {kept.kept} of {kept.said} sentences are kept"
            case.expect(kept.kept >= kept.said - 1, text)
