"""What pages that change files have in common: the changes they ask for, and small pictures."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from edgetl.edge.errors import EdgetlError, PictureError, SinkError
from edgetl.edge.model.preprocessing import model_input, size_within
from edgetl.edge.preview.message import jpeg

THUMBNAIL = 240  # pixels of the longer side
LARGEST_CHANGE = 4096  # bytes
# Forms cannot send it, and scripts of other sites only if this server allowed them to.
_OWN_HEADER = "x-edgetl"


async def changed(
    request: Request,
    change: Callable[[dict[str, Any]], dict[str, Any]],
    *,
    at_most: int = LARGEST_CHANGE,
) -> Response:
    """Carry out the change that a request's JSON asks for, and answer with what `change` gives.

    Args:
        change: is given what was asked for. Its LookupError, TypeError or ValueError is a request
            that asks for nothing there is; its SinkError, a disk that does not take it; another
            EdgetlError, what cannot be done.
        at_most: bytes of the request.
    """
    if request.headers.get(_OWN_HEADER) != "1":
        return PlainTextResponse("changes are for the page alone", 403)
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > at_most:
            return PlainTextResponse("too long", 413)
    try:
        return JSONResponse(change(json.loads(body)))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return PlainTextResponse("no such change", 400)
    except SinkError as error:
        return PlainTextResponse(str(error), 507)
    except EdgetlError as error:
        return PlainTextResponse(str(error), 409)


def thumbnail(find: Callable[[], Path], *, longest: int = THUMBNAIL) -> Response:
    """A photo as a JPEG of `longest` pixels; `find` gives its path, or raises an EdgetlError."""
    try:
        path = find()
        small = jpeg(model_input(path, size_within(path, longest)))
        return Response(small, media_type="image/jpeg")
    except (PictureError, OSError):
        return PlainTextResponse("cannot be read", 415)
    except EdgetlError as error:
        return PlainTextResponse(str(error), 404)
