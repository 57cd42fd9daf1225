"""How a real mosquitto is reached: certificates, WebSockets, refusals, and what is no broker."""

import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgetl.edge.errors import SettingError, SinkError
from edgetl.edge.sinks.mqtt import MqttSink
from edgetl.edge.sinks.mqtt_url import Broker, parse_mqtt_url
from tests.conftest import Cli, assert_one_clear_line
from tests.edge.conftest import made_result, until
from tests.edge.sinks.broker import TOPIC, Mosquitto, WebSocketPort, with_broker

RESULT: Any = made_result([0.1, 0.7, 0.2], frame=1)

with_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl")


@with_broker
def test_a_broker_that_was_started_before_its_passwords_gets_results_again(
    guarded: Mosquitto, tmp_path: Path, logged
) -> None:
    passwords = tmp_path / "passwords"
    known = passwords.read_text()
    broker = Broker("127.0.0.1", guarded.port, TOPIC, user="pi", password="s p:/@cret")
    to_broker = MqttSink(broker, live=True)
    to_broker.write(RESULT)
    assert until(lambda: to_broker._connected)
    passwords.write_text("")
    guarded.end()
    guarded.start()
    assert until(lambda: any("refuses" in message for message in logged.messages))
    to_broker.write(RESULT)
    passwords.write_text(known)
    guarded.end()
    guarded.start()
    assert until(lambda: logged.messages[-1] == f"{broker.name}: connected", seconds=30)
    to_broker.write(RESULT)
    to_broker.close()
    waits = "trying again, up to 1000 results wait"
    assert logged.messages == [
        f"{broker.name}: connection lost; {waits}",
        f"{broker.name}: the broker refuses the connection (not authorized); "
        f"check user and password; {waits}",
        f"{broker.name}: connected",
    ]


@with_broker
def test_a_camera_waits_for_a_broker_that_refuses_from_the_first(
    guarded: Mosquitto, logged
) -> None:
    broker = Broker("127.0.0.1", guarded.port, TOPIC, user="pi", password="guess")
    to_broker = MqttSink(broker, live=True)
    assert until(lambda: logged.messages)
    for _ in range(3):
        to_broker.write(RESULT)
    with pytest.raises(SinkError, match="the broker did not get 3 of the results"):
        to_broker.close()
    assert len(logged.messages) == 1
    assert "check user and password; trying again" in logged.messages[0]


class NoBroker:
    """A port that answers whatever comes with the same bytes, or never if there are none."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = [self._listener]
        self.port = self._listener.getsockname()[1]
        import threading

        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                one, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(one)
            try:
                one.recv(1000)
                if self._answer:
                    one.sendall(self._answer)
                    one.close()
            except OSError:
                continue

    def close(self) -> None:
        for one in self._open:
            one.close()


@pytest.mark.parametrize(
    "scheme", ["mqtt", *(pytest.param(s, marks=pytest.mark.slow) for s in ("mqtts", "ws", "wss"))]
)
@pytest.mark.parametrize(
    "answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"], ids=["silent", "http"]
)
def test_what_is_no_broker_is_named_within_ten_seconds(scheme: str, answer: bytes, logged) -> None:
    other = NoBroker(answer)
    began = time.monotonic()
    to_broker = MqttSink(parse_mqtt_url(f"{scheme}://127.0.0.1:{other.port}/a"), live=False)
    to_broker.write(RESULT)
    with pytest.raises(SinkError, match="the broker did not get 1 of the results"):
        to_broker.close()
    assert time.monotonic() - began < 10
    (message,) = logged.messages
    assert message.startswith(f"{scheme}://127.0.0.1:{other.port}/a: ")
    assert "check host, port and scheme (mqtt, mqtts, ws, wss)" in message
    other.close()


@pytest.fixture
def pki(tmp_path: Path) -> Callable[[str], Path]:
    """A function that gives a folder with NAME.pem and NAME.key, signed by ca.pem there."""
    folder = tmp_path / "pki"
    folder.mkdir()

    def openssl(*arguments: object) -> None:
        subprocess.run(
            ["openssl", *map(str, arguments)], check=True, capture_output=True, timeout=60
        )

    def make(name: str) -> Path:
        request, key = folder / f"{name}.csr", folder / f"{name}.key"
        # Python 3.13 wants to know what an authority's key is for, and whose a certificate is.
        (folder / "names").write_text(
            "subjectAltName=DNS:localhost,IP:127.0.0.1\nauthorityKeyIdentifier=keyid\n"
        )
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", request,
                "-subj", f"/CN={name}")  # fmt: skip
        openssl("x509", "-req", "-in", request, "-CA", folder / "ca.pem", "-CAkey",
                folder / "ca.key", "-CAcreateserial", "-days", "2", "-out", folder / f"{name}.pem",
                "-extfile", folder / "names")  # fmt: skip
        return folder

    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout",
            folder / "ca.key", "-out", folder / "ca.pem", "-subj", "/CN=ca",
            "-addext", "basicConstraints=critical,CA:TRUE",
            "-addext", "keyUsage=critical,keyCertSign,cRLSign")  # fmt: skip
    return make


@pytest.fixture
def strict(pki, mosquitto, monkeypatch: pytest.MonkeyPatch) -> tuple[str, Path]:
    """The address of a broker that wants a certificate, and the folder that "door"'s is in."""
    pki("localhost")
    folder = pki("door")
    (folder / "ca.key").chmod(0o600)
    broker = mosquitto(
        f"cafile {folder}/ca.pem", f"certfile {folder}/localhost.pem",
        f"keyfile {folder}/localhost.key", "require_certificate true",
        "use_identity_as_username true", "allow_anonymous false",
    )  # fmt: skip
    monkeypatch.setenv("SSL_CERT_FILE", str(folder / "ca.pem"))
    return f"mqtts://localhost:{broker.port}/a", folder


@with_broker
@with_openssl
@pytest.mark.parametrize("together", [False, True])
def test_a_certificate_of_ours_is_shown(strict: tuple[str, Path], together: bool, logged) -> None:
    url, folder = strict
    certificate, key = folder / "door.pem", folder / "door.key"
    if together:
        certificate.write_text(certificate.read_text() + key.read_text())
    broker = parse_mqtt_url(url, certificate=certificate, key=None if together else key)
    to_broker = MqttSink(broker, live=False)
    to_broker.write(RESULT)
    to_broker.close()
    assert logged.messages == []


@with_broker
@with_openssl
def test_a_broker_that_wants_a_certificate_is_named(strict: tuple[str, Path], logged) -> None:
    to_broker = MqttSink(parse_mqtt_url(strict[0]), live=False)
    to_broker.write(RESULT)
    with pytest.raises(SinkError, match="the broker did not get 1 of the results"):
        to_broker.close()
    assert "whether it wants --mqtt-cert" in logged.messages[0]


@with_openssl
def test_a_certificate_that_cannot_be_used_is_one_clear_line(
    pki, tmp_path: Path, cli: Cli, model: Path
) -> None:
    folder = pki("door")
    other = pki("gate") / "gate.key"
    locked = folder / "locked.key"
    subprocess.run(
        ["openssl", "rsa", "-aes128", "-passout", "pass:secret", "-in", other, "-out", locked],
        check=True, capture_output=True,
    )  # fmt: skip
    door = folder / "door.pem"
    (tmp_path / "notes.pem").write_text("notes")
    for given, words in (
        (["--mqtt-cert", "gone.pem"], "--mqtt-cert gone.pem: no such file"),
        (["--mqtt-cert", door, "--mqtt-key", "gone.key"], "--mqtt-key gone.key: no such file"),
        (["--mqtt-cert", door], "not a certificate in PEM with its own key"),
        (["--mqtt-cert", door, "--mqtt-key", other], "with its own key"),
        (["--mqtt-cert", door, "--mqtt-key", locked], "without a password"),
        (["--mqtt-cert", tmp_path / "notes.pem"], "not a certificate in PEM"),
    ):
        result = cli.refused(
            "classify", "a.jpg", "--model", model, "--mqtt", "mqtts://127.0.0.1/a", *given
        )
        assert_one_clear_line(result, words)


@with_broker
@with_openssl
@pytest.mark.parametrize("scheme", ["ws", "wss"])
def test_websockets_are_spoken(
    pki, scheme: str, mosquitto, witness, monkeypatch: pytest.MonkeyPatch, logged
) -> None:
    folder = pki("localhost")
    monkeypatch.setenv("SSL_CERT_FILE", str(folder / "ca.pem"))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(folder / "localhost.pem", folder / "localhost.key")
    broker = mosquitto()
    heard = witness(broker.port)
    port = WebSocketPort(broker.port, tls=tls if scheme == "wss" else None)
    to_broker = MqttSink(parse_mqtt_url(f"{scheme}://localhost:{port.port}/a"), live=False)
    to_broker.write(RESULT)
    to_broker.close()
    port.close()
    assert port.protocols == ["/mqtt mqtt"]
    assert until(lambda: [topic for topic, _ in heard.heard if topic == "a"] == ["a"])
    assert logged.messages == []


def test_of_a_url_scheme_port_and_certificate() -> None:
    assert parse_mqtt_url("ws://host/a") == Broker("host", 80, "a", websockets=True)
    broker = parse_mqtt_url("wss://host:8084/a", certificate=Path("c"), key=Path("k"))
    assert broker == Broker(
        "host", 8084, "a", tls=True, websockets=True, certificate=Path("c"), key=Path("k")
    )
    assert broker.name == "wss://host:8084/a"
    for scheme in ("mqtt", "ws"):
        with pytest.raises(SettingError, match="let the address begin with mqtts:// or wss://"):
            parse_mqtt_url(f"{scheme}://host/a", certificate=Path("c"))


@pytest.mark.parametrize(
    ("url", "what"),
    [
        (f"mqtt://u:secret@host/{'t' * 65536}", "topic has 65536 bytes"),
        (f"mqtt://u:secret@host/{'%C3%A9' * 32760}", "topic has 65520 bytes"),
        (f"mqtt://{'u' * 65536}:secret@host/a", "user has 65536 bytes"),
        (f"mqtt://u:secret{'p' * 65530}@host/a", "password has 65536 bytes"),
        ("mqtt://u:secret@host/a%00b", "topic has a control character"),
        ("mqtt://u:secret@host/a%7Fb", "topic has a control character"),
        ("mqtt://u%00:secret@host/a", "user has a control character"),
    ],
    ids=range(7),
)
def test_what_mqtt_cannot_hold_is_refused(url: str, what: str) -> None:
    with pytest.raises(SettingError, match=f"^--mqtt: its {what}") as caught:
        parse_mqtt_url(url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--mqtt-cert", "a.pem"], "--mqtt-cert needs --mqtt"),
        (["--mqtt", "mqtts://h/a", "--mqtt-key", "a.pem"], "--mqtt-key needs --mqtt-cert"),
        (["--mqtt", "mqtt://h/a", "--mqtt-cert", "a.pem"], "begin with mqtts:// or wss://"),
    ],
    ids=str,
)
def test_certificates_that_are_never_shown_are_refused(
    cli: Cli, model: Path, arguments: list[str], words: str
) -> None:
    result = cli.refused("classify", "a.jpg", "--model", model, *arguments)
    assert_one_clear_line(result, words)
