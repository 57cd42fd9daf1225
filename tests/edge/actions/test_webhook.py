"""Results posted to a real server that fails, hangs, refuses and comes back."""

import socket
import ssl
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgetl.edge.actions import webhook
from edgetl.edge.actions.webhook import WebhookSink
from edgetl.edge.actions.webhook_url import parse_webhook, shown_webhook
from edgetl.edge.errors import SettingError, SinkError
from tests.edge.actions.conftest import Hook
from tests.edge.conftest import made_result, until

Start = Callable[..., Hook]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "_FIRST_WAIT", 0.02)


def result(frame: int = 1) -> Any:
    return made_result([0.1, 0.2, 0.7], frame=frame)


def sink(hook: Hook, *, live: bool = True, **more: Any) -> WebhookSink:
    return WebhookSink(parse_webhook(hook.url), live=live, **more)


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def test_each_result_is_posted_as_its_record_over_one_connection(hook: Start) -> None:
    server = hook()
    one = WebhookSink(parse_webhook(server.url.replace("://", "://me:p%40ss@")), live=False)
    for frame in range(1, 6):
        one.write(result(frame))
    one.close()
    assert server.frames == [1, 2, 3, 4, 5]
    path, headers, record = server.heard[0]
    assert path == "/hook"
    assert headers["Content-Type"] == "application/json"
    assert headers["Authorization"] == "Basic bWU6cEBzcw=="
    assert (record["label"], record["source"]) == ("red", "camera 0")
    assert server.connections == 1


@pytest.mark.parametrize("status", [500, 503, 429, 408, 0])
def test_a_result_that_is_not_taken_now_is_tried_again(
    hook: Start, logged: pytest.LogCaptureFixture, status: int
) -> None:
    server = hook(status, status, status)
    one = sink(server)
    for frame in (1, 2):
        one.write(result(frame))
    one.close()
    assert server.frames == [1, 2]
    away, back = logged.messages
    assert away.startswith(f"{server.name}: ")
    assert "trying again" in away
    assert back == f"{server.name}: takes results again"


def test_a_server_that_comes_back_gets_the_newest_and_the_loss_is_counted(
    hook: Start, logged: pytest.LogCaptureFixture
) -> None:
    port = closed_port()
    one = WebhookSink(parse_webhook(f"http://127.0.0.1:{port}/x"), live=True, queue=3)
    one.write(result(1))
    assert until(lambda: logged.messages)
    for frame in range(2, 11):
        one.write(result(frame))
    server = hook(port=port)
    assert until(lambda: len(server.heard) == 4)
    # The first was on its way.
    assert server.frames == [1, 8, 9, 10]
    with pytest.raises(SinkError, match="6 results not delivered"):
        one.close()
    assert [message.partition(": ")[2] for message in sorted(logged.messages)] == [
        "3 results wait for the server; from now on the oldest are dropped",
        "connection refused; nothing listens there; trying again, up to 3 results wait",
        "takes results again; 6 results lost so far",
    ]


def test_what_the_server_asks_for_is_waited(hook: Start) -> None:
    server = hook(429, Retry_After="1")
    one = sink(server)
    one.write(result())
    assert until(lambda: server.heard)
    one.close()
    assert server.asked[1] - server.asked[0] > 0.9


def test_what_a_server_asks_for_is_bounded() -> None:
    assert webhook._seconds_asked("86400") == webhook._LONGEST_ASKED
    assert webhook._seconds_asked("0") == webhook._FIRST_WAIT
    assert webhook._seconds_asked("Wed, 21 Oct 2015 07:28:00 GMT") == webhook._FIRST_WAIT
    assert webhook._seconds_asked("soon") is None
    assert webhook._seconds_asked("-1") is None
    assert webhook._seconds_asked(None) is None


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (404, "the server refuses results (404 Not Found); check the path in the address"),
        (401, "(401 Unauthorized); check the user and password, or the key, in the address"),
        (422, "check that it takes JSON"),
        (301, "the server redirects (301 Moved Permanently), which is not followed"),
    ],
)
def test_a_refusal_is_said_once_and_a_later_result_is_tried(
    hook: Start, logged: pytest.LogCaptureFixture, status: int, words: str
) -> None:
    server = hook(status, status, Location="http://127.0.0.1:9/x")
    one = sink(server)
    for frame in (1, 2, 3):
        one.write(result(frame))
    assert until(lambda: server.frames == [3])
    with pytest.raises(SinkError, match="2 results not delivered"):
        one.close()
    refused, back = logged.messages
    assert words in refused
    assert back.endswith("takes results again; 2 results lost so far")


def test_a_refusal_is_the_end_for_results_of_files(hook: Start) -> None:
    server = hook(403, 403)
    one = sink(server, live=False)
    one.write(result())
    assert until(lambda: one._refused)
    with pytest.raises(SinkError, match="403 Forbidden"):
        one.write(result())
    one.close()
    assert len(server.asked) == 1
    other = sink(hook(404), live=False)
    other.write(result())
    with pytest.raises(SinkError, match="404 Not Found"):
        other.close()


def test_results_of_files_come_as_fast_as_the_server_takes_them(hook: Start) -> None:
    server = hook()
    one = sink(server, live=False, queue=1)
    for frame in range(100):
        one.write(result(frame))
    one.close()
    assert server.frames == list(range(100))


def test_a_server_that_hangs_slows_no_camera_and_is_left_in_time(
    hook: Start, logged: pytest.LogCaptureFixture
) -> None:
    server = hook(-1)
    one = sink(server, timeout=1)
    began = time.monotonic()
    for frame in range(50):
        one.write(result(frame))
    assert time.monotonic() - began < 1
    # At least once each: what was answered too late is sent again.
    assert until(lambda: set(server.frames) == set(range(50)))
    one.close()
    assert "no answer within 1 s" in logged.messages[0]


def test_ctrl_c_does_not_wait_for_the_server_and_counts_what_is_lost(
    hook: Start, logged: pytest.LogCaptureFixture
) -> None:
    server = hook(-1)
    one = sink(server)
    one.write(result())
    one.write(result())
    assert until(lambda: server.asked)
    began = time.monotonic()

    def interrupted() -> None:
        try:
            raise KeyboardInterrupt
        finally:
            one.close()

    with pytest.raises((KeyboardInterrupt, SinkError), match="2 results not delivered"):
        interrupted()
    # It answers after 20 seconds, and is waited for 5 where nobody is in a hurry.
    assert time.monotonic() - began < 4


def test_an_idle_connection_that_the_server_has_closed_is_no_failure(
    hook: Start, logged: pytest.LogCaptureFixture
) -> None:
    server = hook(204, 0)
    one = sink(server)
    one.write(result(1))
    assert until(lambda: server.heard)
    one.write(result(2))
    one.close()
    assert server.frames == [1, 2]
    assert not logged.messages


def test_a_certificate_that_nobody_trusts_is_refused(
    tmp_path: Path,
    hook: Start,
    logged: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(webhook, "_PATIENCE", 0.3)
    made = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-keyout", "key.pem", "-out", "cert.pem", "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost"],
        cwd=tmp_path, capture_output=True,
    )  # fmt: skip
    if made.returncode:
        pytest.skip("needs openssl")
    server = hook()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    server._server.socket = context.wrap_socket(server._server.socket, server_side=True)
    url = f"https://localhost:{server.port}/hook"
    one = WebhookSink(parse_webhook(url), live=True)
    one.write(result())
    with pytest.raises(SinkError, match="1 result not delivered"):
        one.close()
    assert "its certificate is not trusted (self-signed certificate" in logged.messages[0]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
        trusting = WebhookSink(parse_webhook(url), live=True)
    trusting.write(result())
    trusting.close()
    assert server.frames == [1]


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("ftp://host/secret", "not an address"),
        ("host/secret", "not an address"),
        ("http:///secret", "not an address"),
        ("http://host:99999/secret", "host or port"),
        ("http://me:secret@[::1/x", "host or port"),
        ("http://host/secret x", "space"),
        ("http://host/secret\r\nX: y", "space or control"),
    ],
)
def test_what_is_no_address_is_refused_and_not_shown(url: str, words: str) -> None:
    with pytest.raises(SettingError, match=words) as error:
        parse_webhook(url)
    assert "secret" not in str(error.value)


def test_an_address_is_named_without_what_may_be_a_key() -> None:
    hook = parse_webhook("https://me:secret@HA.local/api/webhook/secret?key=secret#x")
    assert hook.name == "--webhook https://ha.local"
    assert (hook.port, hook.target) == (443, "/api/webhook/secret?key=secret")
    assert parse_webhook("http://[::1]:8123/é").target == "/%C3%A9"
    assert parse_webhook("http://[::1]:8123").name == "--webhook http://[::1]:8123"
    assert shown_webhook("https://me:secret@host/secret") == "https://host/***"
    assert shown_webhook("https://host:8443") == "https://host:8443"
