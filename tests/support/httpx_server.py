"""A server without sockets, behind httpx's MockTransport or httpx2's."""

from __future__ import annotations

import trio


class Server:
    """Answers with what it was given, and keeps what it was asked."""

    def __init__(self, library, **answer):
        self.library = library
        self.answer = {"status_code": 200, **answer}
        self.requests = []
        self.closed = 0

    async def __call__(self, request):
        await trio.lowlevel.checkpoint()
        self.requests.append(request)
        parts = self.answer.get("parts")
        if parts is None:
            return self.library.Response(**self.answer)
        server = self

        class Body(self.library.AsyncByteStream):
            def __aiter__(self):
                self.parts = iter(parts)
                return self

            async def __anext__(self):
                for part in self.parts:
                    if isinstance(part, float):
                        await trio.sleep(part)
                    elif isinstance(part, Exception):
                        raise part
                    else:
                        return part
                raise StopAsyncIteration

            async def aclose(self):
                server.closed += 1

        answer = {name: value for name, value in self.answer.items() if name != "parts"}
        return self.library.Response(**answer, stream=Body())

    def client(self, **options):
        return self.library.AsyncClient(transport=self.library.MockTransport(self), **options)
