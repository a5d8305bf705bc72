"""Work of torch on a thread that ends with it, and so do the threads that helped.

OpenMP (libgomp) gives each thread that computes helpers of its own, which stay as long as it. Where
there are more of them than processors, though most do nothing, none looks out for the others any
more, and all sleep after every layer. On two cores a token of mini takes 130 ms so and not 95, and
128 positions 830 and not 650, if the main thread loaded what a worker's thread runs.
"""

from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import TypeVar

Result = TypeVar("Result")


def on_brief_thread(function: Callable[[], Result]) -> Result:
    """Returns what `function` returns, and raises what it raises."""
    outcome: Future[Result] = Future()

    def run() -> None:
        try:
            outcome.set_result(function())
        except BaseException as error:  # raised where it is waited for
            outcome.set_exception(error)

    # A daemon: who is interrupted while a model is loaded need not wait for it.
    thread = Thread(target=run, name="brief", daemon=True)
    thread.start()
    result = outcome.result()
    thread.join()  # its helpers end with it, and not a moment later
    return result
