"""Work on a thread that ends with it."""

import threading

import pytest

from assistant.engines.brief_thread import on_brief_thread


def test_it_is_done_elsewhere_and_nothing_stays() -> None:
    threads: list[threading.Thread] = []

    def work() -> int:
        threads.append(threading.current_thread())
        return 3

    assert on_brief_thread(work) == 3
    assert threads[0] is not threading.current_thread() and not threads[0].is_alive()


def test_what_it_raises_is_raised_here() -> None:
    with pytest.raises(KeyError, match="lost"):
        on_brief_thread(lambda: {}["lost"])
