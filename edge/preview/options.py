"""The options of a page: stated once for the commands that serve one. Imports nothing heavy."""

from functools import partial
from typing import Annotated, TypeAlias

from edgetl.edge.options import Option

# Where a page is served if nothing else is asked for.
LOCAL = "127.0.0.1:8000"

_results = partial(Option, group="Results")


def _is_address(text: str) -> bool:
    from edgetl.edge.preview.address import is_address

    return is_address(text)


def _host_name(text: str) -> str:
    from edgetl.edge.preview.address import parse_host_name

    return parse_host_name(text)


def _prefix(text: str) -> str:
    from edgetl.edge.preview.address import parse_prefix

    return parse_prefix(text)


def page_option(text: str) -> Option:
    """The option of a page's address; `text` says which page."""
    return _results(
        f"{text} [without a value: {LOCAL}]",
        metavar="[HOST:PORT]",
        alone=LOCAL,
        is_value=_is_address,
    )


PreviewOption: TypeAlias = Annotated[str | None, page_option("Live web page.")]
PreviewHostOption: TypeAlias = Annotated[
    tuple[str, ...],
    _results(
        "Another name that the page may be asked for under, as behind a reverse proxy. Repeatable.",
        metavar="NAME",
        parse=_host_name,
        common=False,
    ),
]
PreviewPrefixOption: TypeAlias = Annotated[
    str | None,
    _results(
        "Path under which a reverse proxy shows the page.",
        unset="none",
        metavar="/PATH",
        parse=_prefix,
        common=False,
    ),
]
