"""What the preview answers to: its page, the results behind it, and pictures for other programs."""

import secrets
import time
from collections.abc import AsyncIterator
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from edgetl.edge.errors import SettingError
from edgetl.edge.preview.access import page_response
from edgetl.edge.preview.answers import changed
from edgetl.edge.preview.feed import Feed
from edgetl.edge.preview.pages import live_page, message_page

# How long a request for the next result waits: shorter than the timeouts of proxies and phones.
WAIT_SECONDS = 5.0
LIMIT = 8
# Seconds after its last request until a viewer no longer counts: longer than a request takes.
LINGER_SECONDS = 10.0
_FULL = f"{LIMIT} viewers are watching already"
_BOUNDARY = "picture"


class Viewers:
    """The viewers of the last seconds, by the random names that their pages chose."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._seen: dict[str, float] = {}

    def admit(self, name: str, *, now: float) -> bool:
        """Note a request of `name` at `now`, in seconds; False if there are too many viewers."""
        if name not in self._seen and self.full(now=now):
            return False
        self._seen[name] = now
        return True

    def leave(self, name: str) -> None:
        """Forget a viewer that has gone."""
        self._seen.pop(name, None)

    def full(self, *, now: float) -> bool:
        """Whether the limit is reached at `now`, in seconds."""
        self._seen = {n: seen for n, seen in self._seen.items() if now - seen < LINGER_SECONDS}
        return len(self._seen) >= self._limit


def preview_app(feed: Feed) -> Starlette:
    """The application that serves a feed."""
    answers = _Answers(feed)
    routes = [
        Route("/", answers.page, methods=["GET"]),
        Route("/next", answers.following, methods=["GET"]),
        Route("/snapshot.jpg", answers.snapshot, methods=["GET"]),
        Route("/stream.mjpg", answers.stream, methods=["GET"]),
    ]
    if feed.corrections is not None:
        routes.append(Route("/wrong", answers.wrong, methods=["POST"]))
    return Starlette(routes=routes)


class _Answers:
    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._viewers = Viewers()
        self._page = live_page(feed.sources)
        self._full = message_page(
            _FULL,
            "This preview takes no more viewers. Close it on another device; this page then opens "
            "within seconds.",
        )

    async def page(self, _: Request) -> Response:
        if self._viewers.full(now=time.monotonic()):
            response = page_response(self._full, status=503)
            response.headers["Refresh"] = "5"
            return response
        return page_response(self._page)

    async def following(self, request: Request) -> Response:
        """The next result after the one that the viewer has, once there is one."""
        feed, viewer = self._feed, request.query_params.get("viewer", "")
        name = _source(request)
        if not feed.has(name):
            return self._no_source()
        run, _, number = request.query_params.get("after", "").partition(".")
        valid = not run or (number.isdecimal() and len(number) < 16)
        if not 8 <= len(viewer) <= 64 or not valid:
            return PlainTextResponse("viewer=NAME of 8 to 64 letters and after=RUN.NUMBER", 400)
        if not self._viewers.admit(viewer, now=time.monotonic()):
            return PlainTextResponse(_FULL, 503)
        # Numbers of an earlier process mean nothing here.
        seen = int(number) if run == feed.run else 0
        if feed.corrections is not None:
            feed.corrections.asks(viewer)
        why = request.query_params.get("why") == "1"
        shown = await feed.after(seen, seconds=WAIT_SECONDS, why=why, name=name)
        self._viewers.admit(viewer, now=time.monotonic())
        age = feed.age(name)
        headers = {} if age is None else {"X-Age": f"{age:.2f}"}
        if shown is None:
            return Response(status_code=204, headers=headers)
        if feed.corrections is not None:
            feed.corrections.sent(viewer, shown.number, shown.result)
        return Response(shown.body, media_type="application/octet-stream", headers=headers)

    async def wrong(self, request: Request) -> Response:
        """Hold, keep or release the picture that a viewer shows; see `Corrections.change`."""
        return await changed(request, self._change)

    def _change(self, asked: dict[str, Any]) -> dict[str, Any]:
        assert self._feed.corrections is not None
        if asked["run"] != self._feed.run:
            raise SettingError("edgetl was started again: this picture is gone")
        return self._feed.corrections.change(asked)

    async def snapshot(self, request: Request) -> Response:
        """The newest picture."""
        name = _source(request)
        if not self._feed.has(name):
            return self._no_source()
        shown = await self._feed.after(0, seconds=WAIT_SECONDS, name=name)
        if shown is None or not shown.picture:
            return PlainTextResponse("there is no picture yet", 503)
        return Response(shown.picture, media_type="image/jpeg")

    async def stream(self, request: Request) -> Response:
        """The pictures as motion JPEG, one after another, for as long as the viewer reads."""
        name = _source(request)
        if not self._feed.has(name):
            return self._no_source()
        viewer = secrets.token_hex(8)
        if not self._viewers.admit(viewer, now=time.monotonic()):
            return PlainTextResponse(_FULL, 503)
        kind = f"multipart/x-mixed-replace; boundary={_BOUNDARY}"
        return StreamingResponse(self._parts(viewer, name), media_type=kind)

    def _no_source(self) -> Response:
        there = ", ".join(self._feed.sources) or "one without a name"
        return PlainTextResponse(f"no such source; there is {there}", 404)

    async def _parts(self, viewer: str, name: str) -> AsyncIterator[bytes]:
        number = 0
        try:
            while not self._feed.closed:
                shown = await self._feed.after(number, seconds=WAIT_SECONDS, name=name)
                self._viewers.admit(viewer, now=time.monotonic())
                if shown is None:
                    continue
                number = shown.number
                if shown.picture:
                    yield _part(shown.picture)
        finally:
            self._viewers.leave(viewer)


def _source(request: Request) -> str:
    """The source that a viewer asks for; "" for the first."""
    return str(request.query_params.get("source", ""))


def _part(picture: bytes) -> bytes:
    head = f"--{_BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n"
    return head.encode() + picture + b"\r\n"
