"""What is secret in URLs, as of cameras and brokers, and texts without it."""

import re
from collections.abc import Collection, Iterator
from urllib.parse import unquote, unquote_plus

MASK = "***"

# In a message or a GStreamer pipeline a URL ends where the word does; a text of one word is one up
# to its end, whatever a password in it may hold.
_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)(?P<rest>[^\s\"'<>]*)")
_URL_ALONE = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)(?P<rest>\S*)")

# A host without a user in front of it.
_HOST = re.compile(r"(\[[^\]/]*\]|[^:/?#@\[\]]*)(:\d*)?")

# Parameters of a query, as ?user=..&password=.., and of a path, as /user=.._password=..
_IN_QUERY = re.compile(r"(?P<start>[?&#](?P<name>[^=?&#]*)=)(?P<value>[^&#]*)")
_IN_PATH = re.compile(
    r"(?P<start>(?:^|[/_;&])(?P<name>[^=/_;&]*)=)(?P<value>.*?)(?=[_;&][^=/_;&]*=|$)"
)
# Properties of GStreamer's elements, such as rtspsrc's user-id and user-pw.
_IN_PIPELINE = re.compile(r"(?P<start>(?:^|\s)(?P<name>[\w-]+)\s*=\s*)(?P<value>\"[^\"]*\"|\S+)")

_SECRET = re.compile(
    r"pass|pas$|pwd|pw$|^pw|psw|^p$|auth|token|key$|secret|sig$|signature|cred|session|^s?id$|jwt"
)
_USER = re.compile(r"user|usr|login|^u$|account")

# A shorter secret is masked in its place only: any word may hold it.
_SHORT = 4


def masked(text: str, secrets: Collection[str] = ()) -> str:
    """`text` without what is secret: by its place in URLs, and by value anywhere.

    Of a URL the user and password in front of the host are left out, and the values of parameters
    that a name such as user, password, auth or token stands for are masked. A secret without such a
    place, as a key that is a folder of its path, is not known.

    Args:
        text: any, such as a URL, a message or a unit.
        secrets: more that is, as of `secrets_of`.
    """
    found = {*secrets, *secrets_of(text)}
    if "!" in text:
        text = _IN_PIPELINE.sub(_masked_parameter, text)
    text = _urls(text).sub(_masked_url, text)
    for secret in sorted(found, key=len, reverse=True):
        if len(secret) >= _SHORT:
            text = text.replace(secret, MASK)
    return text


def secrets_of(text: str) -> frozenset[str]:
    """The passwords and keys in the URLs of a text, as written and decoded; users are none."""
    found = set(_secret_parameters(_IN_PIPELINE, text)) if "!" in text else set()
    for url in _urls(text).finditer(text):
        login, rest = _split(url["rest"])
        if ":" in login:
            found.add(login.partition(":")[2])
        path, query = _path_and_query(rest)
        found.update(_secret_parameters(_IN_PATH, path), _secret_parameters(_IN_QUERY, query))
    decoded = {decode(value) for value in found for decode in (unquote, unquote_plus)}
    return frozenset(filter(None, found | decoded))


def may_be_misread(url: str) -> bool:
    """Whether an @ stands behind the first / ? or # of a URL: a password may reach up to it."""
    rest = url.partition("://")[2]
    return re.search("[/?#].*@", rest) is not None


def _urls(text: str) -> re.Pattern[str]:
    return _URL if re.search(r"\s", text) else _URL_ALONE


def _split(rest: str) -> tuple[str, str]:
    """User and password, and the URL behind them."""
    place, _, _ = rest.partition("/")
    login, at, _ = place.rpartition("@")
    if not at and "@" in rest and not _HOST.fullmatch(place):
        # A password with a / in it.
        login = rest.rpartition("@")[0]
    return login, rest[len(login) + 1 :] if login or at else rest


def _path_and_query(rest: str) -> tuple[str, str]:
    start = re.search("[?#]", rest)
    return (rest[: start.start()], rest[start.start() :]) if start else (rest, "")


def _secret_parameters(pattern: re.Pattern[str], text: str) -> Iterator[str]:
    for parameter in pattern.finditer(text):
        if _SECRET.search(unquote(parameter["name"]).lower()):
            yield parameter["value"].strip('"')


def _masked_url(url: re.Match[str]) -> str:
    path, query = _path_and_query(_split(url["rest"])[1])
    parameters = _IN_PATH.sub(_masked_parameter, path) + _IN_QUERY.sub(_masked_parameter, query)
    return url["scheme"] + parameters


def _masked_parameter(parameter: re.Match[str]) -> str:
    name = unquote(parameter["name"]).lower()
    secret = parameter["value"] and (_SECRET.search(name) or _USER.search(name))
    return parameter["start"] + (MASK if secret else parameter["value"])
