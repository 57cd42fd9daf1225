"""Results posted to a web server, which may be away for a while."""

import http.client
import socket
import ssl
import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from edgetl.edge.actions.backlog import Backlog
from edgetl.edge.actions.webhook_url import Webhook
from edgetl.edge.errors import SinkError, plural, reason
from edgetl.edge.results.result import Result
from edgetl.edge.sinks.records import json_record
from edgetl.edge.system.flapping import FlappingLog
from edgetl.edge.system.messages import logger

QUEUE = 100

# For a connection, and then for an answer.
_TIMEOUT = 10.0
# Between two attempts: the first wait, doubled each time up to the longest; and what a server may
# ask for at most (Retry-After, RFC 9110, 10.2.3).
_FIRST_WAIT = 0.5
_LONGEST_WAIT = 30.0
_LONGEST_ASKED = 300.0
# How long results of files are kept for a server that does not take them.
_PATIENCE = 10.0
# Ctrl-C must stop within a second.
_HURRY = 0.3
# Of an answer, which nobody looks at; after a longer one the connection is not used again.
_ANSWER_BYTES = 64 * 1024

_TOO_MANY = 429
# Of 4xx those that say "not now": RFC 9110, 15.5.9; RFC 8470, 5.2; RFC 6585, 4.
_NOT_NOW = (408, 425, _TOO_MANY)
_REMEDIES = {
    401: "check the user and password, or the key, in the address",
    403: "check the user and password, or the key, in the address",
    404: "check the path in the address",
    405: "check the path in the address: it takes no POST",
}


@dataclass(frozen=True)
class _Trouble:
    """Why a result was not taken; `wait` is what the server asks for, in seconds.

    `again` is whether another attempt may succeed.
    """

    why: str
    again: bool = True
    wait: float | None = None


class WebhookSink:
    """Posts each result as a JSON record, in a thread; it takes any 2xx as an answer.

    Where the server is away, too busy or broken (no connection, 5xx, 429), the newest results wait
    and are tried again. Redirects are not followed, and they and other 4xx are a refusal: the
    end for results of files; of a camera each later result is tried once. That results are not
    taken, that some are dropped, and that they are taken again, is logged once each. A camera is
    never slowed.
    """

    def __init__(
        self, hook: Webhook, *, live: bool, queue: int = QUEUE, timeout: float = _TIMEOUT
    ) -> None:
        """It does not wait for the server.

        Args:
            live: whether the results are those of a live camera, and not of files.
            queue: results that wait for the server at most.
            timeout: seconds for a connection, and for an answer.
        """
        self._hook = hook
        self._live = live
        self._queue = queue
        self._timeout = timeout
        self._tls = ssl.create_default_context() if hook.tls else None
        self._dropped = 0
        self._said_dropping = self._raised_refusal = False
        # What follows is the thread's; others only read it.
        self._connection: http.client.HTTPConnection | None = None
        self._log = FlappingLog()
        self._why = ""
        self._failing_since: float | None = None
        self._lost = 0
        self._refused = ""
        self._backlog = Backlog(
            self._deliver, name="webhook", bound=queue, live=live, hopeful=self._is_hopeful
        )

    def write(self, result: Result) -> None:
        if self._refused:
            self._raised_refusal = True
            raise SinkError(self._refused)
        # A file name may have bytes that are not UTF-8; JSON has "\\udce9" for one.
        dropped = self._backlog.add(json_record(result).encode(errors="backslashreplace"))
        self._dropped += dropped
        if dropped and not self._said_dropping:
            self._said_dropping = True
            logger.warning(
                f"{self._hook.name}: {self._queue} results wait for the server; from now on the "
                f"oldest are dropped"
            )

    def close(self) -> None:
        try:
            left = self._backlog.close(hurry=_HURRY)
        except (KeyboardInterrupt, SystemExit):
            if lost := self._lost + self._dropped + self._backlog.left:
                logger.error(self._loss(lost))
            raise
        if self._refused:
            if not self._raised_refusal:
                raise SinkError(self._refused)
        elif lost := self._lost + self._dropped + left:
            raise SinkError(self._loss(lost))

    def _loss(self, lost: int) -> str:
        return f"{self._hook.name}: {plural(lost, 'result')} not delivered"

    def _is_hopeful(self) -> bool:
        since = self._failing_since
        return not self._refused and (since is None or time.monotonic() - since < _PATIENCE)

    # Called by the thread

    def _deliver(self, body: bytes) -> None:
        wait = _FIRST_WAIT
        while not self._refused:
            trouble = self._attempt(body)
            if self._backlog.closed:
                # It was counted as lost; nobody is to hear more of it.
                return
            if trouble is None:
                self._works()
                return
            self._fails(trouble)
            if not trouble.again:
                self._lost += 1
                return
            if self._backlog.pause(wait if trouble.wait is None else trouble.wait):
                return
            wait = min(2 * wait, _LONGEST_WAIT)

    def _works(self) -> None:
        why, self._why, self._failing_since = self._why, "", None
        self._said_dropping = False
        if why and self._log.back():
            lost = self._lost + self._dropped
            words = f"; {plural(lost, 'result')} lost so far" if lost else ""
            logger.info(f"{self._hook.name}: takes results again{words}")

    def _fails(self, trouble: _Trouble) -> None:
        if self._failing_since is None:
            self._failing_since = time.monotonic()
        line = f"{self._hook.name}: {trouble.why}"
        if not trouble.again and not self._live:
            self._refused = line
        elif trouble.why == self._why:
            self._log.still_lost()
        elif trouble.again:
            self._log.lost(f"{line}; trying again, up to {self._queue} results wait")
        else:
            self._log.lost(f"{line}; results are lost until it takes them")
        self._why = trouble.why

    def _attempt(self, body: bytes) -> _Trouble | None:
        try:
            status, asked = self._post(body)
        except (OSError, http.client.HTTPException) as error:
            self._disconnect()
            return _Trouble(_why(error, self._timeout))
        if 200 <= status < 300:
            return None
        words = f"{status} {http.client.responses.get(status, '')}".rstrip()
        if status in _NOT_NOW or status >= 500:
            return _Trouble(f"the server answers {words}", wait=_seconds_asked(asked))
        if 300 <= status < 400:
            why = f"the server redirects ({words}), which is not followed; give the address itself"
            return _Trouble(why, again=False)
        remedy = _REMEDIES.get(status, "check that it takes JSON")
        return _Trouble(f"the server refuses results ({words}); {remedy}", again=False)

    def _post(self, body: bytes) -> tuple[int, str | None]:
        """The status of the answer, and its Retry-After."""
        used_before = self._connection is not None
        try:
            return self._exchange(body)
        except (ConnectionError, http.client.HTTPException):
            self._disconnect()
            if not used_before:
                raise
        # The server has closed a connection that was idle.
        return self._exchange(body)

    def _exchange(self, body: bytes) -> tuple[int, str | None]:
        connection = self._connection or self._connect()
        self._connection = connection
        headers = {"Content-Type": "application/json", "User-Agent": "edgetl"}
        if self._hook.authorization:
            headers["Authorization"] = self._hook.authorization
        connection.request("POST", self._hook.target, body=body, headers=headers)
        answer = connection.getresponse()
        answer.read(_ANSWER_BYTES)
        if not answer.isclosed():
            self._disconnect()
        return answer.status, answer.headers.get("Retry-After")

    def _connect(self) -> http.client.HTTPConnection:
        host, port = self._hook.host, self._hook.port
        if self._tls is not None:
            return http.client.HTTPSConnection(host, port, timeout=self._timeout, context=self._tls)
        return http.client.HTTPConnection(host, port, timeout=self._timeout)

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None


def _why(error: Exception, timeout: float) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"its certificate is not trusted ({error.verify_message}); SSL_CERT_FILE names another "
            f"authority"
        )
    if isinstance(error, ssl.SSLError):
        return "it does not speak TLS there; check port and scheme (http, https)"
    if isinstance(error, TimeoutError):
        return f"no answer within {timeout:g} s"
    if isinstance(error, socket.gaierror):
        return "no such host; check its name, or give its address"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused; nothing listens there"
    if isinstance(error, http.client.RemoteDisconnected):
        return "it closes the connection without an answer"
    if isinstance(error, http.client.HTTPException):
        return "it does not answer as HTTP does; check host, port and scheme (http, https)"
    assert isinstance(error, OSError)
    return reason(error)


def _seconds_asked(text: str | None) -> float | None:
    """What a Retry-After asks for: seconds, or a time."""
    if text is None:
        return None
    if text.strip().isdecimal() and len(text) < 10:
        seconds = float(text)
    else:
        try:
            seconds = parsedate_to_datetime(text).timestamp() - time.time()
        except (ValueError, OverflowError):
            return None
    return min(max(seconds, _FIRST_WAIT), _LONGEST_ASKED)
