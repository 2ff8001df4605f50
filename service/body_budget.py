"""BodyBudget: how many bytes of large bodies are held at a time, whoever sends them."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.errors import BusyError


class BodyBudget:
    """Refuse bodies that would not fit into memory beside those that are being read or answered.

    Each body has a limit of its own, but callers that send many at once could fill the memory. A body that comes alone
    always fits. Plain ASGI; the endpoints see the refusal as an error of `receive`.

    Parameters
    ----------
    limit : of all bodies together, in bytes.
    free : so many bytes of each body count as nothing: small ones are never refused for large ones.
    """

    def __init__(self, app: ASGIApp, limit: int, free: int) -> None:
        self.app, self.limit, self.free = app, limit, free
        self._held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD"):
            await self.app(scope, receive, send)
            return
        n_bytes = held = 0

        async def counted() -> Message:
            nonlocal n_bytes, held
            message = await receive()
            n_bytes += len(message.get("body", b""))
            if (more := max(n_bytes - self.free, 0) - held) > 0:
                if self._held > held and self._held + more > self.limit:
                    raise BusyError(f"{self._held:,} bytes of other bodies are being answered")
                self._held, held = self._held + more, held + more
            return message

        try:
            await self.app(scope, counted, send)
        finally:
            self._held -= held
