"""Counts for operators, in the text format of Prometheus; nothing of what people said."""

from collections.abc import Mapping

from assistant import events

BUCKETS_MS = (50, 100, 150, 200, 300, 400, 600, 800, 1_200, 2_000, 4_000)


class Metrics:
    """Counters of a process."""

    def __init__(self) -> None:
        self.connections = 0
        self.refused = 0
        self.stalled = 0
        self.failed_conversations = 0
        self._conversations = 0
        self._turns = 0
        self._interruptions = 0
        self._failed_turns = 0
        self._underruns = 0
        self._buckets = [0] * len(BUCKETS_MS)
        self._answers = 0
        self._answer_ms = 0.0

    def observe(self, event: events.Event) -> None:
        """Counts one event."""
        match event:
            case events.ConversationStarted():
                self._conversations += 1
            case events.UtteranceEnded():
                self._turns += 1
            case events.Interrupted(underruns=underruns):
                self._interruptions += 1
                self._underruns += underruns
            case events.ReplyFinished(underruns=underruns):
                self._underruns += underruns
            case events.TurnFailed():
                self._failed_turns += 1
            case events.TurnTimed(marks_ms=marks_ms) if "played" in marks_ms:
                self._answered(marks_ms["played"] - marks_ms.get("endpoint", 0.0))
            case _:
                pass

    def text(self, *, active: int, waiting: int, p95_ms: float | None) -> str:
        """Returns all counts as Prometheus reads them."""
        lines = [
            *_metric("conversations_active", "gauge", active),
            *_metric("conversations_waiting", "gauge", waiting),
            *_metric("conversations_total", "counter", self._conversations),
            *_metric("conversations_failed_total", "counter", self.failed_conversations),
            *_metric("connections_total", "counter", self.connections),
            *_metric("connections_refused_total", "counter", self.refused),
            *_metric("connections_stalled_total", "counter", self.stalled),
            *_metric("turns_total", "counter", self._turns),
            *_metric("turns_failed_total", "counter", self._failed_turns),
            *_metric("interruptions_total", "counter", self._interruptions),
            *_metric("underruns_total", "counter", self._underruns),
            "# TYPE attune_answer_ms histogram",
        ]
        for limit, count in zip(BUCKETS_MS, self._buckets, strict=True):
            lines.append(f'attune_answer_ms_bucket{{le="{limit}"}} {count}')
        lines.append(f'attune_answer_ms_bucket{{le="+Inf"}} {self._answers}')
        lines.append(f"attune_answer_ms_sum {self._answer_ms:.1f}")
        lines.append(f"attune_answer_ms_count {self._answers}")
        if p95_ms is not None:
            lines += _metric("answer_p95_ms", "gauge", round(p95_ms, 1))
        return "\n".join(lines) + "\n"

    def _answered(self, latency_ms: float) -> None:
        self._answers += 1
        self._answer_ms += latency_ms
        for index, limit in enumerate(BUCKETS_MS):
            self._buckets[index] += latency_ms <= limit


Labels = tuple[tuple[str, str], ...]
"""Pairs of name and value that tell counts of one name apart."""


def labelled(name: str, kind: str, counts: Mapping[Labels, float]) -> list[str]:
    """Returns the lines of one count of several things, told apart by labels."""
    lines = [f"# TYPE attune_{name} {kind}"]
    for labels, value in counts.items():
        told = ",".join(f'{key}="{_quoted(text)}"' for key, text in labels)
        lines.append(f"attune_{name}{f'{{{told}}}' if told else ''} {value}")
    return lines


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def metric_text(name: str, kind: str, value: float) -> str:
    """Returns one figure as Prometheus reads it."""
    return "\n".join(_metric(name, kind, value)) + "\n"


def _metric(name: str, kind: str, value: float) -> list[str]:
    return [f"# TYPE attune_{name} {kind}", f"attune_{name} {value}"]
