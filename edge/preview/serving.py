"""Starting a web page: its address, who has access, and its server."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from edgetl.edge.preview.address import is_loopback, link, listen, parse_address
from edgetl.edge.preview.token import kept_token, token_file
from edgetl.edge.system.extras import need_extra


@dataclass(frozen=True)
class Serving:
    """A page that is being served.

    Attributes:
        url: for a browser; where other machines can connect, with the access token.
        running: whether it still is.
        responds: whether it comes to a request within a second; one that hangs does not.
        close: stops it, within a second.
    """

    url: str
    running: Callable[[], bool]
    responds: Callable[[], bool]
    close: Callable[[], None]


def serve(
    make_app: Callable[[], Any],
    address: str,
    *,
    option: str,
    stop: Callable[[], None],
    names: tuple[str, ...] = (),
    prefix: str | None = None,
    json_errors: bool = False,
) -> Serving:
    """Serve an ASGI application from a thread of its own.

    Args:
        make_app: makes it, a Starlette; called once that is known to be there.
        address: HOST:PORT. On an address that other machines can reach, a token is required.
        option: that asks for it, for messages.
        stop: lets the application's waiting requests end.
        names: further host names that it answers to.
        prefix: of all paths, as `edge.preview.address.parse_prefix` has it, besides none: a reverse
            proxy may leave it or cut it off.
        json_errors: whether all but the page is for programs, which are refused in JSON.

    Raises:
        MissingExtraError: starlette or uvicorn is not installed.
        SettingError: `address` is not one of this machine.
        SinkError: the port is taken or not allowed.
    """
    need_extra("preview", needs=option)
    from starlette.routing import Mount

    from edgetl.edge.preview.access import Rules
    from edgetl.edge.preview.server import PreviewServer

    prefix = prefix or ""
    where = parse_address(address)
    listener = listen(where)
    token = None if is_loopback(listener) else kept_token(token_file())
    url = link(where, listener, token=token, prefix=prefix)
    rules = Rules(where.host, listener.getsockname()[1], token, names, prefix, json_errors)
    app = make_app()
    if prefix:
        app.router.routes.insert(0, Mount(prefix, routes=list(app.routes)))
    server = PreviewServer(app, listener, rules, stop=stop)
    return Serving(url, server.running, server.responds, server.close)
