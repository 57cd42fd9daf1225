"""Results on a web page, for a device without a screen."""

from collections.abc import Callable, Sequence
from typing import Any

from edgetl.edge.errors import SinkError
from edgetl.edge.preview.corrections import Corrections
from edgetl.edge.preview.evidence import LiveEvidence
from edgetl.edge.preview.feed import Feed
from edgetl.edge.preview.serving import serve
from edgetl.edge.results.result import Result


class PreviewSink:
    """Serves a page with the live picture and its label, to eight viewers at most.

    Pictures are encoded only while there are viewers, in the server's thread, once for all of them.

    Attributes:
        url: for a browser; where other machines can connect, with the access token.
        feed: what is served.
    """

    def __init__(
        self,
        address: str,
        *,
        labels: Sequence[str],
        evidence: LiveEvidence | None = None,
        correct: Callable[[Result, str], None] | None = None,
        names: tuple[str, ...] = (),
        prefix: str = "",
        pause: str = "",
        sources: Sequence[str] = (),
    ) -> None:
        """Start serving.

        Args:
            address: HOST:PORT. On an address that other machines can reach, a token is required.
            labels: of all classes, in order.
            evidence: for the labels, which viewers can ask for; None if there is none to show.
            correct: keeps a picture with the class that a viewer says it is; None if none are kept.
            names: further host names that it answers to.
            prefix: of all paths, as `edge.preview.address.parse_prefix` has it.
            pause: a sentence that says why no picture may come for a while.
            sources: the names of those that have one.

        Raises:
            MissingExtraError: starlette or uvicorn is not installed.
            SettingError: `address` is not one of this machine.
            SinkError: the port is taken or not allowed.
        """
        corrections = None if correct is None else Corrections(correct, labels)
        self.feed = feed = Feed(labels, evidence, corrections, sources=sources, pause=pause)

        def app() -> Any:
            from edgetl.edge.preview.routes import preview_app

            return preview_app(feed)

        self._serving = serve(
            app, address, option="--preview", stop=feed.close, names=names, prefix=prefix
        )
        self.url = self._serving.url

    def write(self, result: Result) -> None:
        if not self._serving.running():
            raise SinkError(f"the preview at {self.url} has stopped; start edgetl again")
        self.feed.write(result)

    def close(self) -> None:
        self._serving.close()
