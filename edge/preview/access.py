"""Access control: the checks of each request, and the headers of each response."""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from edgetl.edge.preview.address import is_our_name
from edgetl.edge.preview.pages import Page, message_page

_COOKIE_SECONDS = 30 * 24 * 3600

_HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

# What is refused: a title and what helps.
_OTHER_NAME = (
    "Not under this name",
    "This preview answers to this machine's own name and addresses, and to names given with "
    "--preview-host. Open the link that edgetl printed when it started.",
)
_NO_KEY = (
    "This preview needs its link",
    "Open the link that edgetl printed when it started: it ends in ?token= and the key. This "
    "browser then remembers the key.",
)


@dataclass(frozen=True)
class Rules:
    """Who has access.

    Attributes:
        bound: the host that the server was told to listen on.
        port: that it listens on.
        token: that a viewer must send; None where only this machine can connect.
        names: further ones that this machine goes by, as a reverse proxy's.
        prefix: of all paths, "" or with a slash in front and none behind.
        json_errors: whether all but the page is for programs, which are refused in JSON.
    """

    bound: str
    port: int
    token: str | None
    names: tuple[str, ...] = ()
    prefix: str = ""
    json_errors: bool = False

    @property
    def cookie(self) -> str:
        """Its name. Browsers share cookies between ports, so the port is a part of it."""
        return f"edgetl-preview-{self.port}"

    def may_have_key(self, head: bytes) -> bool:
        """Whether the head of a request, as it is sent, has the token, if one is required."""
        if self.token is None:
            return True
        given = re.findall(rf"(?:[?&]token|{self.cookie})=([\w-]+)".encode(), head)
        return any(secrets.compare_digest(one, self.token.encode()) for one in given)


class Guard:
    """ASGI middleware that refuses requests without access."""

    def __init__(self, app: ASGIApp, rules: Rules) -> None:
        self._app = app
        self._rules = rules

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = Request(scope)
        given = request.query_params.get("token")
        authorized = self._rules.token is not None and _same(given, self._rules.token)

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
                headers.setdefault("Content-Security-Policy", "default-src 'none'")
                if authorized:
                    headers.append("Set-Cookie", self._set_cookie())
            await send(message)

        refusal = self._refusal(request, authorized=authorized)
        if refusal is None:
            request.state.connection.admitted = True
        await (refusal or self._app)(scope, receive, guarded)

    def _refusal(self, request: Request, *, authorized: bool) -> Response | None:
        host = request.headers.get("host", "")
        reached = (request.scope.get("server") or ("", None))[0]
        is_page = request.url.path.removeprefix(self._rules.prefix) in ("", "/")
        as_json = self._rules.json_errors and not is_page
        if not is_our_name(host, names=(self._rules.bound, *self._rules.names), reached=reached):
            return _refused(421, *_OTHER_NAME, as_json=as_json)
        # Only browsers send it, and only over connections that they trust; otherwise the cookie's
        # check is what protects.
        other_site = request.headers.get("sec-fetch-site", "none") in ("cross-site", "same-site")
        if other_site and not is_page:
            words = "requested by another site"
            return error_response(words, 403) if as_json else PlainTextResponse(words, 403)
        if self._rules.token is None or authorized:
            return None
        if _same(request.cookies.get(self._rules.cookie), self._rules.token):
            return None
        return _refused(403, *_NO_KEY, as_json=as_json)

    def _set_cookie(self) -> str:
        return (
            f"{self._rules.cookie}={self._rules.token}; Path={self._rules.prefix or '/'}; "
            f"Max-Age={_COOKIE_SECONDS}; HttpOnly; SameSite=Strict"
        )


def page_response(page: Page, *, status: int = 200) -> HTMLResponse:
    """A page with its policy."""
    return HTMLResponse(page.markup, status, headers={"Content-Security-Policy": page.policy})


def error_response(
    line: str, status: int, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """What a program is told where it gets nothing: {"error": line}."""
    return JSONResponse({"error": line}, status, headers)


def _refused(status: int, title: str, text: str, *, as_json: bool) -> Response:
    if as_json:
        return error_response(f"{title[:1].lower()}{title[1:]}: {text}", status)
    return page_response(message_page(title, text), status=status)


def _same(given: str | None, token: str) -> bool:
    # As bytes: compare_digest takes no text beyond ASCII.
    return given is not None and secrets.compare_digest(
        given.encode(errors="replace"), token.encode()
    )
