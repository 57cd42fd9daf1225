"""What `edgetl serve` answers to: a picture, what the model is, and a page to try it."""

import asyncio
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from edgetl.edge.errors import InferenceError, PictureError, quoted
from edgetl.edge.preview.access import error_response, page_response
from edgetl.edge.preview.pages import page_of
from edgetl.edge.serve.answering import Answering
from edgetl.edge.serve.upload import uploaded

LARGEST_BYTES = 20_000_000
# Requests that send a picture or wait for their answer: a small device has memory for so many.
MOST_AT_ONCE = 8
# Until a picture has come whole.
_UPLOAD_SECONDS = 60.0
_PATHS = "POST /classify, GET /model and GET /"


def serve_app(answering: Answering) -> Starlette:
    """The application, for what `answering` classifies."""
    answers = _Answers(answering)
    routes = [
        Route("/", answers.page, methods=["GET"]),
        Route("/model", answers.model, methods=["GET"]),
        Route("/classify", answers.classify, methods=["POST"]),
    ]
    return Starlette(
        routes=routes,
        exception_handlers={HTTPException: _not_routed, Exception: _failed},
    )


def _not_routed(request: Request, error: Exception) -> Response:
    """What a path that is not there is answered, and one that another method is for."""
    assert isinstance(error, HTTPException)
    path = quoted(request.url.path)
    if error.status_code != 405:
        line = f"{path}: no such path; there are {_PATHS}"
        return error_response(line, error.status_code, error.headers)
    allowed = sorted((error.headers or {})["Allow"].split(", "))
    line = f"{request.method} {path}: not allowed; use {' or '.join(allowed)}"
    return error_response(line, 405, {"Allow": ", ".join(allowed)})


def _failed(_: Request, error: Exception) -> Response:
    """What is answered where nothing is known of an error; Starlette raises it all the same."""
    words = " ".join(str(error).split())
    return error_response(f"failed: {type(error).__name__}{words and f' ({quoted(words)})'}", 500)


class _RefusedError(Exception):
    """Why a request gets no record: the status, and one line."""

    def __init__(self, status: int, line: str) -> None:
        super().__init__(line)
        self.status = status


class _Answers:
    def __init__(self, answering: Answering) -> None:
        self._answering = answering
        self._at_once = 0
        folder = Path(__file__).parent
        self._page = page_of(folder / "serve.html", styles=(folder / "serve.css",))

    async def page(self, _: Request) -> Response:
        return page_response(self._page)

    async def model(self, _: Request) -> Response:
        """What answers now, for programs."""
        classifier = self._answering.in_use.classifier
        model = classifier.model
        return JSONResponse(
            {
                "model": model.path.name,
                "labels": list(model.labels),
                "height": model.input_size.height,
                "width": model.input_size.width,
                "runtime": f"{classifier.runtime.name} {classifier.runtime.version}",
                "threads": classifier.threads,
            }
        )

    async def classify(self, request: Request) -> Response:
        """The record of the picture in the body, or {"error": a line}."""
        try:
            record = await self._record(request)
        except _RefusedError as refused:
            headers = {"Retry-After": "1"} if refused.status == 503 else None
            return error_response(str(refused), refused.status, headers)
        # A file name may have bytes that are not UTF-8.
        content = record.encode(errors="backslashreplace")
        return Response(content, media_type="application/json")

    async def _record(self, request: Request) -> str:
        if self._at_once >= MOST_AT_ONCE:
            raise _RefusedError(503, f"{MOST_AT_ONCE} pictures are on their way; try again")
        self._at_once += 1
        try:
            upload = uploaded(request.headers.get("content-type", ""), await _body(request))
            if upload is None or not upload.content:
                raise _RefusedError(400, "no picture: send one as the body, or as a form's file")
            return await self._answering.record(upload.content, upload.name)
        except InferenceError as error:
            raise _RefusedError(500, quoted(str(error))) from None
        except PictureError as error:
            raise _RefusedError(415, quoted(str(error))) from None
        finally:
            self._at_once -= 1


async def _body(request: Request) -> bytes:
    too_large = _RefusedError(413, f"more than {LARGEST_BYTES // 10**6} MB; make it smaller")
    said = request.headers.get("content-length", "")
    if said.isdecimal() and int(said) > LARGEST_BYTES:
        raise too_large
    body = bytearray()
    try:
        async with asyncio.timeout(_UPLOAD_SECONDS):
            async for part in request.stream():
                body += part
                if len(body) > LARGEST_BYTES:
                    raise too_large
    except TimeoutError:
        raise _RefusedError(408, f"not all of it came within {_UPLOAD_SECONDS:g} s") from None
    except ClientDisconnect:
        raise _RefusedError(400, "cut off") from None
    return bytes(body)
