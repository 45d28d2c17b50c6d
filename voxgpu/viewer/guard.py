"""What every request must have before anything else looks at it: host, token, origin.

Other computers cannot connect, since the server listens on the loopback interface alone. Other
users of this computer, and pages from elsewhere in the same browser, can: these do not know the
token. A name that somebody lets lead to 127.0.0.1 (DNS rebinding) is told by the Host header.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import unquote

from starlette.responses import JSONResponse, RedirectResponse, Response

from voxgpu.viewer.problem import Problem

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

#: Bytes that a request may have.
MOST_BYTES = 8 << 20

#: The header that requests need which change something: pages from elsewhere cannot send it.
HEADER = "x-voxgpu"

#: What the page may load: only from this server, and what it has made itself.
POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' blob: data:; font-src 'self' blob: data:; connect-src 'self' blob: data:; "
    "worker-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

_HEADERS = {
    "content-security-policy": POLICY,
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-store",
}


def answer(problem: Problem) -> Response:
    """The response to a request that is not served."""
    content = {"error": problem.reason, "try": problem.advice or None}
    return JSONResponse(content, problem.status)


class Guard:
    """An application that passes on the requests that may be served, without their token.

    token   the first part of every path
    port    on which the server listens
    ticket  a path that leads to the page once, and to nothing after that
    """

    def __init__(
        self, application: Application, token: str, port: int, ticket: str | None = None
    ) -> None:
        self._application = application
        self._token = token.encode()
        self._ticket = ticket.encode() if ticket is not None else None
        self._hosts = [f"127.0.0.1:{port}", f"localhost:{port}"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, or answer with 400, 403, 404 or 413."""
        if scope["type"] == "lifespan":
            await self._application(scope, receive, send)
            return
        if scope["type"] != "http":
            return  # a web socket, which the server then closes
        guarded = _with_headers(send)
        try:
            inner = self._admitted(scope)
        except Problem as problem:
            await answer(problem)(scope, receive, guarded)
            return
        if inner is None:
            # The page's addresses are relative to the folder of the token.
            target = f"/{self._token.decode()}/"
            await RedirectResponse(target, 307)(scope, receive, guarded)
            return
        await self._application(inner, _limited(receive), guarded)

    def _admitted(self, scope: Scope) -> Scope | None:
        """The request without its token; None if it has to begin at the page. Raises Problem."""
        headers = _headers_of(scope)
        if headers.get("host", "") not in self._hosts:
            raise Problem(400, "this server has another name", "use the address that it printed")
        raw: bytes = scope.get("raw_path") or scope["path"].encode()
        raw = raw.partition(b"?")[0]
        token, slash, rest = raw.removeprefix(b"/").partition(b"/")
        if self._ticket is not None and hmac.compare_digest(token, self._ticket):
            self._ticket = None
            return None
        if not hmac.compare_digest(token, self._token):
            advice = "use the address that voxgpu view printed: it has a token"
            raise Problem(403, "the address has no token, or another one", advice)
        if not slash:
            return None
        self._check_origin(scope["method"], headers)
        if int(headers.get("content-length", "0") or 0) > MOST_BYTES:
            raise Problem(413, "the request is too large")
        path = b"/" + rest
        decoded = unquote(path.decode("ascii", "replace"))
        return {**scope, "path": decoded, "raw_path": path, "root_path": ""}

    def _check_origin(self, method: str, headers: MutableMapping[str, str]) -> None:
        origin = headers.get("origin")
        if origin is not None and origin not in [f"http://{each}" for each in self._hosts]:
            raise Problem(403, "the request comes from another page")
        site = headers.get("sec-fetch-site", "same-origin")
        # A link elsewhere may lead to the page itself, for who has its address.
        is_followed = method == "GET" and headers.get("sec-fetch-dest") == "document"
        if site not in ("same-origin", "none") and not is_followed:
            raise Problem(403, "the request comes from another page")
        if method in ("GET", "HEAD"):
            return
        if headers.get(HEADER) != "1":
            raise Problem(403, f"the header {HEADER}: 1 is missing")
        kind = headers.get("content-type", "application/json").partition(";")[0].strip()
        if kind != "application/json":
            raise Problem(415, "the request is not JSON")


def _headers_of(scope: Scope) -> MutableMapping[str, str]:
    """The headers by name; one that is sent twice is none."""
    found: dict[str, str] = {}
    for name, value in scope["headers"]:
        key = name.decode("latin-1").lower()
        found[key] = "" if key in found else value.decode("latin-1")
    return found


def _with_headers(send: Send) -> Send:
    """A function that sends messages with the headers of every response."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            own = {name.lower() for name, _ in message.get("headers", ())}
            added = [
                (name.encode(), value.encode())
                for name, value in _HEADERS.items()
                if name.encode() not in own
            ]
            message = {**message, "headers": [*message.get("headers", ()), *added]}
        await send(message)

    return sending


def _limited(receive: Receive) -> Receive:
    """A function that receives messages up to the limit, also from who does not tell a length."""
    total = 0

    async def receiving() -> Message:
        nonlocal total
        message = await receive()
        if message["type"] == "http.request":
            total += len(message.get("body", b""))
            if total > MOST_BYTES:
                raise Problem(413, "the request is too large")
        return message

    return receiving
