"""Results to a real mosquitto on this machine, which is killed and started again."""

import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from edgetl.edge.errors import SinkError
from edgetl.edge.sinks import mqtt
from edgetl.edge.sinks.fan_out import FanOut
from edgetl.edge.sinks.home_assistant import discovery
from edgetl.edge.sinks.mqtt import MqttSink
from edgetl.edge.sinks.mqtt_url import Broker, parse_mqtt_url
from tests.edge.conftest import made_result, until
from tests.edge.sinks.broker import TOPIC, Mosquitto, name, retained, with_broker


def sink(port: int, **options: Any) -> MqttSink:
    return MqttSink(Broker("127.0.0.1", port, TOPIC), **{"live": True, **options})


def result(frame: int) -> Any:
    return made_result([0.1, 0.7, 0.2], frame=frame, source="camera 0")


@with_broker
def test_results_are_published_in_order_and_retained(mosquitto, witness, logged) -> None:
    port = mosquitto().port
    heard = witness(port)
    announced = discovery("home/door", availability="home/door/availability")
    to_broker = sink(port, announcements=[announced])
    for frame in range(1, 501):
        to_broker.write(result(frame))
    assert until(lambda: len(heard.frames()) == 500)
    assert heard.frames() == list(range(1, 501))
    kept = retained(port)
    assert json.loads(kept[TOPIC])["label"] == "green"
    assert json.loads(kept[TOPIC])["frame"] == 500
    assert kept[f"{TOPIC}/availability"] == "online"
    config = json.loads(kept["homeassistant/sensor/edgetl_home_door/config"])
    assert config["state_topic"] == config["json_attributes_topic"] == "home/door"
    assert config["availability_topic"] == "home/door/availability"
    assert config["default_entity_id"] == "sensor.edgetl_home_door"
    began = time.monotonic()
    to_broker.close()
    assert time.monotonic() - began < 5
    assert retained(port)[f"{TOPIC}/availability"] == "offline"
    assert heard.availability() == ["online", "offline"]
    assert logged.messages == []


@with_broker
def test_closing_at_once_loses_nothing(mosquitto, witness) -> None:
    port = mosquitto().port
    heard = witness(port)
    to_broker = sink(port)
    for frame in range(1, 301):
        to_broker.write(result(frame))
    to_broker.close()
    assert until(lambda: len(heard.frames()) == 300)
    assert heard.frames() == list(range(1, 301))
    assert until(lambda: heard.availability() == ["online", "offline"])


@with_broker
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_broker_that_is_killed_and_started_again_misses_nothing(
    mosquitto, witness, number: int, logged
) -> None:
    broker = mosquitto()
    heard = witness(broker.port)
    to_broker = sink(broker.port)
    for frame in range(1, 601):
        to_broker.write(result(frame))
        time.sleep(0.004)
        if frame == 350:
            assert until(lambda: len(logged.messages) == 2)
        if frame in (100, 350):
            if number == signal.SIGKILL:
                # What it has acknowledged must be on its disk by then.
                assert until(lambda upto=frame: len(set(heard.frames())) == upto)
                time.sleep(1.5)
            broker.end(number)
        if frame in (200, 450):
            broker.start()
    assert until(lambda: set(heard.frames()) == set(range(1, 601)))
    to_broker.close()
    # QoS 1 may repeat a result, but none comes after a newer one for the first time.
    first_times = list(dict.fromkeys(heard.frames()))
    assert first_times == sorted(first_times)
    prefix = f"{name(broker.port)}: "
    assert (
        logged.messages
        == [
            f"{prefix}connection lost; trying again, up to 1000 results wait",
            f"{prefix}connected",
        ]
        * 2
    )
    assert json.loads(retained(broker.port)[TOPIC])["frame"] == 600


@with_broker
def test_beyond_the_bound_the_oldest_are_dropped_and_counted(mosquitto, witness, logged) -> None:
    broker = mosquitto()
    heard = witness(broker.port)
    broker.end()
    to_broker = sink(broker.port, queue=10)
    for frame in range(1, 26):
        to_broker.write(result(frame))
    assert until(lambda: len(logged.messages) == 2)
    broker.start()
    assert until(lambda: len(heard.frames()) == 10)
    assert heard.frames() == list(range(16, 26))
    prefix = f"{name(broker.port)}: "
    assert sorted(logged.messages) == sorted([
        f"{prefix}cannot be reached (connection refused); trying again, up to 10 results wait",
        f"{prefix}10 results wait for the broker; from now on the oldest are dropped",
        f"{prefix}connected; 15 results were dropped so far",
    ])  # fmt: skip
    with pytest.raises(SinkError, match=r": the broker did not get 15 of the results$"):
        to_broker.close()


def test_a_missing_broker_does_not_delay_closing(logged) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        to_broker = sink(taken.getsockname()[1])
        for frame in range(1, 4):
            to_broker.write(result(frame))
        began = time.monotonic()
        with pytest.raises(SinkError, match=": the broker did not get 3 of the results"):
            to_broker.close()
        assert time.monotonic() - began < 5
        assert len(logged.messages) == 1
        assert until(lambda: not any("paho" in t.name for t in threading.enumerate()))
        assert until(lambda: not any("mqtt" in t.name for t in threading.enumerate()))


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> float:
    """Seconds without an acknowledgement that a test can sit through."""
    monkeypatch.setattr(mqtt, "_SILENCE", 1.0)
    return 1.0


@with_broker
def test_a_distant_broker_gets_every_result_of_files(mosquitto, witness, distant, logged) -> None:
    port = mosquitto().port
    heard = witness(port)
    to_broker = sink(distant(port, seconds=0.05), live=False)
    # More than may wait.
    for frame in range(1, 1301):
        to_broker.write(result(frame))
    to_broker.close()
    assert until(lambda: len(heard.frames()) >= 1300)
    assert heard.frames() == list(range(1, 1301))
    assert heard.availability() == ["online", "offline"]
    assert logged.messages == []


@with_broker
def test_closing_waits_while_the_broker_acknowledges(
    mosquitto, witness, distant, impatient: float, logged
) -> None:
    port = mosquitto().port
    heard = witness(port)
    # A fifth of that time there and back; 900 in all take nine times as long.
    to_broker = sink(distant(port, seconds=impatient / 10), live=False)
    for frame in range(1, 901):
        to_broker.write(result(frame))
    to_broker.close()
    assert until(lambda: len(heard.frames()) >= 900)
    assert heard.frames() == list(range(1, 901))
    assert logged.messages == []


@with_broker
def test_a_camera_is_not_slowed_by_a_distant_broker(mosquitto, distant, logged) -> None:
    to_broker = sink(distant(mosquitto().port, seconds=0.5), queue=10)
    began = time.monotonic()
    for frame in range(1, 201):
        to_broker.write(result(frame))
    # To wait for it would take a second each.
    assert time.monotonic() - began < 5
    with pytest.raises(SinkError, match=": the broker did not get 190 of the results"):
        to_broker.close()
    assert len(logged.messages) == 1


@with_broker
@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_a_broker_that_hangs_delays_neither_results_nor_closing_for_long(
    mosquitto, impatient: float
) -> None:
    broker = mosquitto()
    to_broker = sink(broker.port, queue=10)
    to_broker.write(result(1))
    time.sleep(0.5)
    broker.process.send_signal(signal.SIGSTOP)
    for frame in range(2, 150):
        began = time.monotonic()
        to_broker.write(result(frame))
        assert time.monotonic() - began < impatient
    began = time.monotonic()
    with pytest.raises(SinkError, match=": the broker did not get 148 of the results"):
        to_broker.close()
    assert time.monotonic() - began < impatient + 5


@with_broker
@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_a_broker_that_hangs_does_not_delay_an_interrupted_run(mosquitto, logged) -> None:
    broker = mosquitto()
    sinks = FanOut()
    sinks.add(sink(broker.port))
    sinks.write(result(1))
    time.sleep(0.5)
    broker.process.send_signal(signal.SIGSTOP)
    for frame in range(2, 50):
        sinks.write(result(frame))
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt), sinks:
        raise KeyboardInterrupt
    assert time.monotonic() - began < 5
    assert logged.messages == [f"{name(broker.port)}: the broker did not get 48 of the results"]


def refusal(to_broker: MqttSink) -> str:
    try:
        to_broker.write(result(2))
    except SinkError as error:
        return str(error)
    return ""


@with_broker
def test_a_refusal_is_raised_once(guarded: Mosquitto, logged) -> None:
    broker = Broker("127.0.0.1", guarded.port, TOPIC, user="pi", password="guess")
    to_broker = MqttSink(broker, live=False)
    assert until(lambda: refusal(to_broker))
    assert "refuses the connection" in refusal(to_broker)
    assert refusal(to_broker).endswith("check user and password")
    assert "guess" not in refusal(to_broker)
    to_broker.close()
    assert logged.messages == []
    # Where no result comes after it, closing raises it.
    to_broker = MqttSink(broker, live=False)
    time.sleep(0.5)
    with pytest.raises(SinkError, match="refuses the connection"):
        to_broker.close()


@with_broker
@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_tls_is_used_and_a_certificate_that_is_not_trusted_is_named(
    mosquitto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, logged
) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", key,
         "-out", certificate, "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"],
        check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    port = mosquitto("allow_anonymous true", f"certfile {certificate}", f"keyfile {key}").port
    broker = parse_mqtt_url(f"mqtts://localhost:{port}/a")
    to_broker = MqttSink(broker, live=False)
    to_broker.write(result(1))
    with pytest.raises(SinkError, match=": the broker did not get 1 of the results"):
        to_broker.close()
    assert "certificate verify failed" in logged.messages[0]
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    logged.clear()
    to_broker = MqttSink(broker, live=False)
    to_broker.write(result(1))
    to_broker.close()
    assert logged.messages == []
