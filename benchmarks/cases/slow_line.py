"""A line to a server that takes its time, as a phone's does, or that is cut."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator


class SlowLine:
    """Passes bytes on so many seconds later; `cut` ends what is connected and lets nobody in."""

    def __init__(self, port: int, delay_s: float) -> None:
        self.delay_s = delay_s
        self.is_cut = False
        self._port = port
        self._writers: set[asyncio.StreamWriter] = set()
        self._taking: set[asyncio.Future[None]] = set()

    async def open(self) -> asyncio.Server:
        """Begins to listen."""
        return await asyncio.start_server(self._take, "127.0.0.1", 0)

    def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        taking = asyncio.ensure_future(self._serve(reader, writer))
        self._taking.add(taking)
        taking.add_done_callback(self._taking.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.is_cut:
            writer.close()
            return
        there, out = await asyncio.open_connection("127.0.0.1", self._port)
        self._writers |= {writer, out}
        await asyncio.gather(self._pipe(reader, out), self._pipe(there, writer))

    async def _pipe(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        with contextlib.suppress(OSError):
            while data := await reader.read(65_536):
                # One after the other, as the calls are made.
                loop.call_later(self.delay_s, self._write, writer, data)
        loop.call_later(self.delay_s, writer.close)

    def _write(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        if not writer.is_closing():
            writer.write(data)

    def cut(self) -> None:
        """The line is dead."""
        self.is_cut = True
        for writer in self._writers:
            writer.close()

    async def close(self) -> None:
        """Ends what is connected, and waits for it."""
        self.cut()
        for taking in self._taking:
            taking.cancel()
        await asyncio.gather(*self._taking, return_exceptions=True)


@contextlib.asynccontextmanager
async def slow_line(port: int, delay_s: float) -> AsyncGenerator[tuple[int, SlowLine]]:
    """Yields a port that leads to the server at `port`, each way `delay_s` later; and the line."""
    line = SlowLine(port, delay_s)
    server = await line.open()
    try:
        yield int(server.sockets[0].getsockname()[1]), line
    finally:
        await line.close()
        server.close()
