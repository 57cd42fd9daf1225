"""What the page of `edgetl review` asks for: the pictures by group, and where each goes."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from edgetl.edge.errors import SettingError, quoted
from edgetl.edge.preview.access import page_response
from edgetl.edge.preview.answers import THUMBNAIL, changed, thumbnail
from edgetl.edge.preview.message import LONGEST_SIDE
from edgetl.edge.preview.pages import page_of
from edgetl.edge.results.probability import shortest
from edgetl.edge.review.review_folder import ReviewFolder

if TYPE_CHECKING:
    from edgetl.edge.review.reviewing import Desk

# Numbers of all of many thousand pictures.
_LARGEST_CHANGE = 1_000_000  # bytes


def review_app(desk: "Desk") -> Starlette:
    """The application."""
    answers = _Answers(desk)
    routes = [
        Route("/", answers.page, methods=["GET"]),
        Route("/state", answers.state, methods=["GET"]),
        Route("/pictures", answers.pictures, methods=["GET"]),
        Route("/photo", answers.photo, methods=["GET"]),
        Route("/change", answers.change, methods=["POST"]),
    ]
    return Starlette(routes=routes)


class _Answers:
    def __init__(self, desk: "Desk") -> None:
        self._desk = desk
        folder = Path(__file__).parent
        styles = (folder.parent / "collect" / "collect.css", folder / "review.css")
        self._page = page_of(folder / "review.html", styles=styles, script=folder / "review.js")

    async def page(self, _: Request) -> Response:
        return page_response(self._page)

    async def state(self, _: Request) -> Response:
        review = self._desk.review
        if review is None:
            return JSONResponse({"read": self._desk.read, "total": self._desk.total})
        return JSONResponse(_state(review))

    async def pictures(self, _: Request) -> Response:
        """All that are left, by group: number, file, probability, and whether a person said it."""
        review = self._desk.review
        if review is None:
            return PlainTextResponse("the pictures are being read", 503)
        left = review.left
        groups = []
        for numbers in review.groups:
            shown = [
                [
                    number,
                    quoted(one.file),
                    shortest(one.suggestion.probability),
                    one.suggestion.corrected,
                ]
                for number in numbers
                if number in left
                for one in (review.pictures[number],)
            ]
            if shown:
                label = review.pictures[numbers[0]].suggestion.label
                groups.append({"class": label, "pictures": shown})
        return JSONResponse(_state(review) | {"groups": groups})

    async def photo(self, request: Request) -> Response:
        """A picture that is left; with large=1 as large as a screen."""
        number = request.query_params.get("n", "")
        longest = LONGEST_SIDE if request.query_params.get("large") == "1" else THUMBNAIL
        review = self._desk.review
        if review is None or not (number.isdecimal() and len(number) < 10):
            return PlainTextResponse("no such picture", 404)
        return thumbnail(partial(review.path_of, int(number)), longest=longest)

    async def change(self, request: Request) -> Response:
        """What the JSON says: {"do": "sort", "classes": {CLASS: [NUMBER, ...]}}, and so on."""
        return await changed(request, self._change, at_most=_LARGEST_CHANGE)

    def _change(self, asked: dict[str, Any]) -> dict[str, Any]:
        review = self._desk.review
        if review is None or asked["run"] != review.run:
            raise SettingError("edgetl was started again; load this page again")
        done = self._changes[asked["do"]](review, asked)
        return _state(review) | done

    _changes: ClassVar[dict[str, Callable[[ReviewFolder, dict[str, Any]], dict[str, Any]]]] = {
        "sort": lambda review, asked: {"gone": review.sort(asked["classes"])},
        "discard": lambda review, asked: {"gone": review.discard(asked["pictures"])},
        "undo": lambda review, _: {"undone": review.undo()},
        "add_class": lambda review, asked: {"class": review.add_class(str(asked["class"]))},
    }


def _state(review: ReviewFolder) -> dict[str, Any]:
    went = review.sorted
    return {
        "run": review.run,
        "revision": review.revision,
        "classes": [{"name": name, "count": went[name]} for name in review.classes],
        "discarded": review.discarded,
        "left": len(review.left),
        "undo": review.undoable,
    }
