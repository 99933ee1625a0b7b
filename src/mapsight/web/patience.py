"""How long the server waits for a request, and how many connections it keeps open meanwhile.

uvicorn gives up on idle connections only after their first answer, and counts them as requests.
Here a connection that sends no whole header in time is closed, and requests are counted by the
guard. Source: RFC 9110, 15.5.9 (408 and closing idle connections).
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

HEADER_S = 10.0  # from the first byte, or from the opening of the connection, to a whole header
MOST_CONNECTIONS = 512  # beyond them, the one that has been idle longest is closed


class PatientProtocol(H11Protocol):
    """HTTP/1.1 with a limit to its patience."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._wait()
        if len(self.connections) > MOST_CONNECTIONS:
            idle = [other for other in self.connections if isinstance(other, PatientProtocol)]
            idle = [other for other in idle if other._deadline is not None and other is not self]
            if idle:
                min(idle, key=lambda other: other._when()).transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._is_answering():
            self._stop_waiting()
        elif self._deadline is None:
            self._wait()

    def _is_answering(self) -> bool:
        cycle: Any = self.cycle  # None before the first request
        return cycle is not None and not cycle.response_complete

    def _wait(self) -> None:
        self._deadline = self.loop.call_later(HEADER_S, self._give_up)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        self._deadline = None
        if not self._is_answering() and not self.transport.is_closing():
            self.transport.close()

    def _when(self) -> float:
        return self._deadline.when() if self._deadline is not None else 0.0
