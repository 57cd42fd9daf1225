"""What the page of `edgetl collect` asks for: the live picture, the photos, and changes to them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from edgetl.edge.collect.doubts import ALIKE, Earlier, looks_of
from edgetl.edge.collect.photo_folder import PhotoFolder
from edgetl.edge.collect.wanted import Wanted
from edgetl.edge.model.preprocessing import Pixels
from edgetl.edge.preview.access import page_response
from edgetl.edge.preview.answers import changed, thumbnail
from edgetl.edge.preview.message import jpeg, shown_pixels
from edgetl.edge.preview.newest import Newest
from edgetl.edge.preview.pages import page_of
from edgetl.edge.sources.folders import is_text

_WAIT_SECONDS = 5.0
# A frame that is older is not what a person sees.
_STALE_SECONDS = 2.0
_SHOWN_PHOTOS = 24


def collect_app(
    photos: PhotoFolder, frames: Newest[Pixels], wanted: Wanted | None = None
) -> Starlette:
    """The application.

    Args:
        photos: what is shown and changed.
        frames: of the camera, uint8 [height, width, 3] RGB.
        wanted: how many photos the classes should have; None where no run says.
    """
    answers = _Answers(photos, frames, wanted)
    routes = [
        Route("/", answers.page, methods=["GET"]),
        Route("/frame", answers.frame, methods=["GET"]),
        Route("/state", answers.state, methods=["GET"]),
        Route("/photo", answers.photo, methods=["GET"]),
        Route("/change", answers.change, methods=["POST"]),
    ]
    return Starlette(routes=routes)


class _Answers:
    def __init__(self, photos: PhotoFolder, frames: Newest[Pixels], wanted: Wanted | None) -> None:
        self._photos = photos
        self._wanted = wanted
        self._frames = frames
        self._earlier: dict[str, Earlier] = {}
        self._encoded: tuple[int, bytes] = (0, b"")
        folder = Path(__file__).parent
        self._page = page_of(folder / "collect.html", styles=(folder / "collect.css",))

    async def page(self, _: Request) -> Response:
        return page_response(self._page)

    async def frame(self, request: Request) -> Response:
        """The newest frame after the one that the viewer has, once there is one."""
        after = request.query_params.get("after", "0")
        seen = int(after) if after.isdecimal() and len(after) < 16 else 0
        # Numbers of an earlier process mean nothing here.
        seen = seen if seen <= self._frames.number else 0
        if not await self._frames.is_newer(seen, seconds=_WAIT_SECONDS):
            return Response(status_code=204)
        pixels, number, _ = self._frames.read()
        if self._encoded[0] != number:
            self._encoded = number, jpeg(shown_pixels(pixels))
        headers = {"X-Number": str(number)}
        return Response(self._encoded[1], media_type="image/jpeg", headers=headers)

    async def state(self, _: Request) -> Response:
        return JSONResponse(self._state())

    async def photo(self, request: Request) -> Response:
        file = request.query_params.get("file", "")
        return thumbnail(lambda: self._photos.path_of(file))

    async def change(self, request: Request) -> Response:
        """What the JSON says: {"do": "add", "class": ...}, and so on; the state after it."""
        return await changed(request, self._change)

    def _change(self, asked: dict[str, Any]) -> dict[str, Any]:
        done = self._changes[asked["do"]](self, asked)
        return self._state() | done

    def _add(self, asked: dict[str, Any]) -> dict[str, Any]:
        age = self._frames.age()
        if age is None or age > _STALE_SECONDS:
            return {"refused": "There is no live picture."}
        pixels, label = self._frames.read()[0], str(asked["class"])
        file = self._photos.add(pixels, label)
        doubts = looks_of(pixels)
        if self._earlier.setdefault(label, Earlier()).is_alike(pixels):
            doubts.append(ALIKE)
        return {"saved": file, "doubts": doubts}

    def _delete(self, asked: dict[str, Any]) -> dict[str, Any]:
        self._photos.delete(str(asked["file"]))
        return {}

    def _move(self, asked: dict[str, Any]) -> dict[str, Any]:
        self._photos.move(str(asked["file"]), str(asked["class"]))
        return {}

    def _undo(self, _: dict[str, Any]) -> dict[str, Any]:
        return {"undone": self._photos.undo()}

    def _add_class(self, asked: dict[str, Any]) -> dict[str, Any]:
        return {"class": self._photos.add_class(str(asked["class"]))}

    _changes: ClassVar[dict[str, Callable[["_Answers", dict[str, Any]], dict[str, Any]]]] = {
        "add": _add, "delete": _delete, "move": _move, "undo": _undo, "add_class": _add_class,
    }  # fmt: skip

    def _state(self) -> dict[str, Any]:
        listed = {label: self._photos.photos(label) for label in self._photos.classes}
        return {
            "classes": [
                {
                    "name": label,
                    "count": len(names),
                    "more": self._wanted.more(label, len(names)) if self._wanted else None,
                    "newest": [*filter(is_text, names)][: -_SHOWN_PHOTOS - 1 : -1],
                }
                for label, names in listed.items()
            ],
            "wanted": {"run": self._wanted.run, "percent": round(100 * self._wanted.recall)}
            if self._wanted
            else None,
            "undo": self._photos.undoable,
        }
