"""Results on a web page, for a device without a screen."""

from collections.abc import Sequence

from edgetl.edge.errors import SinkError
from edgetl.edge.preview.address import is_loopback, link, listen, parse_address
from edgetl.edge.preview.evidence import LiveEvidence
from edgetl.edge.preview.feed import Feed
from edgetl.edge.preview.token import kept_token, token_file
from edgetl.edge.results.result import Result
from edgetl.edge.system.extras import need_extra


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
        names: tuple[str, ...] = (),
        prefix: str = "",
    ) -> None:
        """Start serving.

        Args:
            address: HOST:PORT. On an address that other machines can reach, a token is required.
            labels: of all classes, in order.
            evidence: for the labels, which viewers can ask for; None if there is none to show.
            names: further host names that it answers to.
            prefix: of all paths, as `edge.preview.address.parse_prefix` has it.

        Raises:
            MissingExtraError: starlette or uvicorn is not installed.
            SettingError: `address` is not one of this machine.
            SinkError: the port is taken or not allowed.
        """
        need_extra("preview", needs="--preview")
        from edgetl.edge.preview.access import Rules
        from edgetl.edge.preview.server import PreviewServer

        where = parse_address(address)
        listener = listen(where)
        token = None if is_loopback(listener) else kept_token(token_file())
        self.url = link(where, listener, token=token, prefix=prefix)
        self.feed = Feed(labels, evidence)
        rules = Rules(where.host, listener.getsockname()[1], token, names, prefix)
        self._server = PreviewServer(self.feed, listener, rules)

    def write(self, result: Result) -> None:
        if not self._server.running():
            raise SinkError(f"the preview at {self.url} has stopped; start edgetl again")
        self.feed.write(result)

    def close(self) -> None:
        self._server.close()
