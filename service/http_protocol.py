"""BoundedProtocol: uvicorn's reading of HTTP/1.1, with a bound on what comes before a body, and problems as answers.

Uvicorn's faster parser collects the head of a request whatever its size, so a single connection that never ends its
headers could fill the memory. And what is no HTTP at all it answers with plain text.
"""

from __future__ import annotations

from http import HTTPStatus

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from service.errors import HeadTooLargeError, InvalidHttpError
from service.prediction_ids import time_ordered_id
from service.problems import problem_response

MOST_HEAD_BYTES = 64 * 1024


class BoundedProtocol(HttpToolsProtocol):
    """Refuses a head of more than `MOST_HEAD_BYTES`: address and headers together, and as much between parts of a body.

    Counted are the bytes that came since the parser last got anything out of them.
    """

    _pending = 0
    _head_is_too_large = False

    def data_received(self, data: bytes) -> None:
        """Parse what came."""
        self._pending += len(data)
        super().data_received(data)
        if self._pending > MOST_HEAD_BYTES and not self.transport.is_closing():
            self._head_is_too_large = True
            self.send_400_response("")

    def on_headers_complete(self) -> None:
        """Begin to answer."""
        if self._pending > MOST_HEAD_BYTES:  # in which there may be a part of the body
            size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
            if size > MOST_HEAD_BYTES:
                self._head_is_too_large = True
                raise HeadTooLargeError(MOST_HEAD_BYTES)  # the parser ends here and calls send_400_response
        self._pending = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a part of the body."""
        self._pending = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End the request."""
        self._pending = 0
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no request, and close the connection; only close it where another answer is under way."""
        cycle = self.cycle
        if cycle is None or cycle.response_complete or (cycle.more_body and not cycle.response_started):
            error = HeadTooLargeError(MOST_HEAD_BYTES) if self._head_is_too_large else InvalidHttpError()
            answer = problem_response(time_ordered_id(), error)
            headers = [*answer.raw_headers, (b"connection", b"close")]
            lines = [STATUS_LINE[HTTPStatus(answer.status_code)], *(b"%b: %b\r\n" % header for header in headers)]
            self.transport.write(b"".join([*lines, b"\r\n", bytes(answer.body)]))
        self.transport.close()
