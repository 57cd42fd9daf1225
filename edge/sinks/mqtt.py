"""Results to an MQTT broker, which may be away for a while."""

import math
import secrets
import ssl
import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import Any

from edgetl.edge.errors import MissingExtraError, SettingError, SinkError, quoted, reason
from edgetl.edge.results.result import Result
from edgetl.edge.sinks.mqtt_url import AVAILABILITY, Broker
from edgetl.edge.sinks.records import json_record
from edgetl.edge.system.flapping import FlappingLog
from edgetl.edge.system.messages import logger

QUEUE = 1000

# Published and not yet acknowledged: a camera's results of more than a second, to hide the latency
# of a distant broker. AWS IoT takes no more at a time.
_IN_FLIGHT = 100
# The client holds no message back by itself: the most that MQTT can number.
_CLIENT_IN_FLIGHT = 65535
_KEEPALIVE = 30
_LONGEST_BACKOFF = 10
# Seconds for a connection, after which it is logged that there is none. Less than _SILENCE, so that
# a short run of files has the reason beside what is lost.
_PATIENCE = 4.0
# Seconds without an acknowledgement after which the broker is no longer waited for.
_SILENCE = 5.0
# Where the queue is full, a result of a file waits so many seconds for room, and is then added
# anyway, because signals are handled only between two results. Only a broker that takes fewer than
# five a second makes the queue grow, and to this many times its bound at most.
_PAUSE = 0.2
_OVERFULL = 10
# Ctrl-C must stop within a second: seconds for what is left, and for each of the two last messages.
_HURRY = 0.4
_GOODBYE = 0.2

_CHECK = "check host, port and scheme (mqtt, mqtts, ws, wss), and whether it wants --mqtt-cert"

Message = tuple[str, str | bytes]  # topic and payload; all are retained, with QoS 1


class MqttSink:
    """Publishes each result, as a JSON record, with QoS 1 and retained.

    Those of sources with a name are published below the topic, each under its own: `topic_of`.
    TOPIC/availability is "online" while it runs; the broker itself makes it "offline" when it dies.
    While the broker is away the newest results wait for it. That it goes away, that results are
    dropped, and that it is back, is logged. Where it is only slow, results of files come slower; a
    camera is never slowed.

    A refusal, as of a wrong password, is the end for results of files. A camera's wait: the broker
    may have been started before its passwords were there.

    A separate thread passes results to the client, which keeps their order: what a lost connection
    left unacknowledged goes first, and no newer result overtakes it.
    """

    def __init__(
        self,
        broker: Broker,
        *,
        live: bool,
        sources: Sequence[str] = (),
        announcements: Sequence[Message] = (),
        queue: int = QUEUE,
    ) -> None:
        """Start to connect; it does not wait for the broker.

        Args:
            broker: where, and on which topic.
            live: whether the results are those of a live camera, and not of files.
            sources: the names of those that have one.
            announcements: topics and payloads to publish at each connection.
            queue: results that wait for the broker at most.

        Raises:
            MissingExtraError: paho-mqtt is not installed.
            SettingError: the broker's certificate or key cannot be used.
        """
        self._broker = broker
        self._topics = {source: topic_of(source, broker) for source in sources}
        self._log = FlappingLog()
        self._live = live
        self._online = ((availability_topic(broker), "online"), *announcements)
        self._changed = threading.Condition()
        # What follows is guarded by _changed. It is never held while the client is called, which
        # calls back with locks of its own held.
        self._waiting: deque[Message] = deque()
        self._queue = queue
        self._sending: Message | None = None
        self._in_flight: dict[int, Message] = {}
        self._early: set[int] = set()
        self._connections = 0
        self._connected = self._failed = self._closing = self._leaving = False
        self._logged_away = self._logged_dropping = self._logged_refusal = False
        self._raised_refusal = False
        self._refused = ""
        self._dropped = 0
        self._progress = self._since = time.monotonic()

        self._client = _client(broker)
        self._client.on_connect = self._on_connect
        self._client.on_connect_fail = self._on_connect_fail
        self._client.on_disconnect = self._on_disconnect
        self._client.on_publish = self._on_publish
        self._client.connect_async(broker.host, broker.port, keepalive=_KEEPALIVE)
        self._client.loop_start()
        self._sender = threading.Thread(target=self._send, daemon=True, name="mqtt sender")
        self._sender.start()

    def write(self, result: Result) -> None:
        # A file name may have bytes that are not UTF-8; JSON has "\\udce9" for one.
        topic = self._topics.get(result.source, self._broker.topic)
        message = (topic, json_record(result).encode(errors="backslashreplace"))
        with self._changed:
            if not self._live:
                self._changed.wait_for(self._has_room_or_is_away, timeout=_PAUSE)
            if self._refused:
                self._raised_refusal = True
                raise SinkError(self._refused)
            if not self._unacknowledged():
                self._progress = time.monotonic()
            bound = self._queue * (_OVERFULL if not self._live and self._answers() else 1)
            excess = max(0, len(self._waiting) + 1 - bound)
            for _ in range(excess):
                self._waiting.popleft()
            self._dropped += excess
            first = bool(excess) and not self._logged_dropping
            self._logged_dropping |= first
            self._waiting.append(message)
            self._changed.notify_all()
        if first:
            logger.warning(
                f"{self._broker.name}: {self._queue} results wait for the broker; "
                f"from now on the oldest are dropped"
            )

    def close(self) -> None:
        # Sinks are closed while what a signal raised passes through the program.
        interrupted = isinstance(sys.exception(), KeyboardInterrupt | SystemExit)
        try:
            with self._changed:
                self._closing = True
                self._wait_for_acknowledgements(seconds=_HURRY if interrupted else math.inf)
        except (KeyboardInterrupt, SystemExit):
            if lost := self._leave():
                logger.error(self._loss(lost))
            raise
        lost = self._leave()
        if self._refused and not self._raised_refusal:
            raise SinkError(self._refused)
        if lost and not self._refused:
            raise SinkError(self._loss(lost))

    def _loss(self, lost: int) -> str:
        return f"{self._broker.name}: the broker did not get {lost} of the results"

    def _unacknowledged(self) -> int:
        return len(self._waiting) + bool(self._sending) + len(self._in_flight)

    def _answers(self) -> bool:
        """Whether the broker, as far as is known, acknowledges what it gets."""
        return not self._failed and time.monotonic() - self._progress < _SILENCE

    def _has_room_or_is_away(self) -> bool:
        return bool(self._refused) or len(self._waiting) < self._queue or not self._answers()

    def _wait_for_acknowledgements(self, *, seconds: float) -> None:
        """Wait for what is published while the broker answers; _changed is held."""
        ends = time.monotonic() + seconds
        while self._unacknowledged() and not self._refused and self._answers():
            left = min(self._progress + _SILENCE, ends) - time.monotonic()
            if left <= 0:
                return
            self._changed.wait(timeout=left)

    def _leave(self) -> int:
        """Give up what is left, go offline, and return how many results the broker did not get."""
        with self._changed:
            left = [*self._waiting, *filter(None, [self._sending]), *self._in_flight.values()]
            lost = sum(message not in self._online for message in left)
            connected = self._connected
            self._leaving = True
            self._waiting.clear()
            self._changed.notify_all()
        if connected:
            self._say_goodbye(wait=not lost)
        # With this the client's thread ends by itself. Joining it could take long: it may be in a
        # connection attempt.
        self._client.disconnect()
        with self._changed:
            if connected:
                self._changed.wait_for(lambda: not self._connected, timeout=_GOODBYE)
            return lost + self._dropped

    def _say_goodbye(self, *, wait: bool) -> None:
        info = self._client.publish(availability_topic(self._broker), "offline", 1, retain=True)
        if wait:
            with self._changed:
                self._changed.wait_for(lambda: info.mid in self._early, timeout=_GOODBYE)

    def _send(self) -> None:
        """The sender's thread."""
        announced = 0
        while True:
            self._wait_for_work(announced)
            with self._changed:
                if self._is_over():
                    return
                if not self._has_work(announced):
                    continue
                if announced != self._connections:
                    announced = self._connections
                    self._waiting.extendleft(reversed(self._online))
                self._sending = self._waiting.popleft()
            topic, payload = self._sending
            mid = self._client.publish(topic, payload, qos=1, retain=True).mid
            with self._changed:
                # The acknowledgement may be here before publish() has returned.
                if mid in self._early:
                    self._early.remove(mid)
                else:
                    self._in_flight[mid] = self._sending
                self._sending = None
                self._changed.notify_all()

    def _wait_for_work(self, announced: int) -> None:
        with self._changed:
            while not self._has_work(announced):
                unanswered = not (self._connected or self._logged_away or self._leaving)
                left = self._since + _PATIENCE - time.monotonic() if unanswered else None
                if left is not None and left <= 0:
                    break
                self._changed.wait(timeout=left)
            else:
                return
        self._away(f"no answer within {_PATIENCE:g} seconds; {_CHECK}")

    def _is_over(self) -> bool:
        return bool(self._refused) or (self._closing and not self._waiting)

    def _has_work(self, announced: int) -> bool:
        if self._is_over():
            return True
        if not self._connected:
            return False
        if announced != self._connections:
            # The client itself sends what an earlier connection left; that goes first.
            return not self._in_flight
        return bool(self._waiting) and len(self._in_flight) < _IN_FLIGHT

    # Called by the client's thread

    def _on_connect(self, _client: Any, _data: Any, _flags: Any, code: Any, _more: Any) -> None:
        if code.is_failure:
            self._on_refused(code)
            return
        with self._changed:
            was_away, dropped = self._logged_away, self._dropped
            self._connected = True
            self._failed = False
            self._logged_away = self._logged_dropping = self._logged_refusal = False
            self._connections += 1
            self._progress = time.monotonic()
            self._changed.notify_all()
        if was_away and self._log.back():
            lost = f"; {dropped} results were dropped so far" if dropped else ""
            logger.info(f"{self._broker.name}: connected{lost}")

    def _on_refused(self, code: Any) -> None:
        if code.getName() == "Server unavailable":
            self._away("the broker is not ready")
            return
        refused = (
            f"the broker refuses the connection ({str(code).lower()}); check user and password"
        )
        if self._live:
            self._away(refused, is_refusal=True)
            return
        with self._changed:
            self._refused = f"{self._broker.name}: {refused}"
            self._changed.notify_all()

    def _on_connect_fail(self, _client: Any, _data: Any) -> None:
        # The client calls this while it handles the error, and does not pass it on.
        error = sys.exc_info()[1]
        why = reason(error) if isinstance(error, OSError) else error
        clear = isinstance(error, ConnectionRefusedError | ssl.SSLCertVerificationError)
        foreign = isinstance(error, ConnectionError | ssl.SSLError) and not clear
        self._away(f"cannot be reached ({why}){f'; {_CHECK}' if foreign else ''}")

    def _on_disconnect(self, _client: Any, _data: Any, _flags: Any, _code: Any, _more: Any) -> None:
        with self._changed:
            was_connected, self._connected = self._connected, False
            self._since = time.monotonic()
            if self._leaving or self._refused:
                self._changed.notify_all()
                return
        self._away("connection lost" if was_connected else f"closes the connection; {_CHECK}")

    def _on_publish(self, _client: Any, _data: Any, mid: int, _code: Any, _more: Any) -> None:
        with self._changed:
            if self._in_flight.pop(mid, None) is None:
                self._early.add(mid)
            self._progress = time.monotonic()
            self._changed.notify_all()

    def _away(self, what: str, *, is_refusal: bool = False) -> None:
        with self._changed:
            # What a person can fix is logged even where the broker was away before.
            first = not self._logged_away or (is_refusal and not self._logged_refusal)
            self._logged_away = True
            self._logged_refusal |= is_refusal
        if first:
            self._log.lost(
                f"{self._broker.name}: {what}; trying again, up to {self._queue} results wait"
            )
        else:
            self._log.still_lost()
        # Only now: else a sink that is closed could raise what is lost before it is logged why.
        with self._changed:
            self._failed = True
            self._changed.notify_all()


def availability_topic(broker: Broker) -> str:
    """Where "online" or "offline" is retained."""
    return f"{broker.topic}/{AVAILABILITY}"


def topic_of(source: str, broker: Broker) -> str:
    """Where the records of a source with a name are."""
    return f"{broker.topic}/{source}"


def _client(broker: Broker) -> Any:
    try:
        from paho.mqtt.client import Client, MQTTv311
        from paho.mqtt.enums import CallbackAPIVersion
    except ImportError as error:
        raise MissingExtraError(needs="--mqtt", package="paho-mqtt", extra="mqtt") from error
    client = Client(
        CallbackAPIVersion.VERSION2,
        f"edgetl-{secrets.token_hex(4)}",
        protocol=MQTTv311,
        transport="websockets" if broker.websockets else "tcp",
    )
    if broker.user is not None:
        client.username_pw_set(broker.user, broker.password)
    if broker.tls:
        client.tls_set_context(_tls(broker))
    client.will_set(availability_topic(broker), "offline", qos=1, retain=True)
    client.reconnect_delay_set(1, _LONGEST_BACKOFF)
    client.max_inflight_messages_set(_CLIENT_IN_FLIGHT)
    return client


def _tls(broker: Broker) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if broker.certificate is None:
        return context
    for option, file in (("--mqtt-cert", broker.certificate), ("--mqtt-key", broker.key)):
        if file is None:
            continue
        try:
            file.read_bytes()
        except OSError as error:
            raise SettingError(f"{option} {quoted(file)}: {reason(error)}") from error
    try:
        # OpenSSL would ask for the password of a key on the terminal; none has no characters.
        context.load_cert_chain(broker.certificate, broker.key, password="")
    except (ssl.SSLError, ValueError) as error:
        raise SettingError(
            f"--mqtt-cert {quoted(broker.certificate)}: not a certificate in PEM with its own key, "
            f"without a password; give the key with --mqtt-key"
        ) from error
    return context
