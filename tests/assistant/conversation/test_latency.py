from assistant.conversation.latency import Mark, TurnLatency


def test_marks_count_from_the_start_and_only_the_first_time() -> None:
    times = iter([10.0, 10.25, 10.5, 11.0])
    latency = TurnLatency(clock=lambda: next(times))
    latency.mark(Mark.HEARD)
    latency.mark(Mark.FIRST_TOKEN)
    latency.mark(Mark.HEARD)
    assert dict(latency.marks_ms) == {Mark.HEARD: 250.0, Mark.FIRST_TOKEN: 500.0}
