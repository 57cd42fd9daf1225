"""Results to a real mosquitto on this machine, which is killed and started again."""

import json
import os
import queue
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from edgetl.edge.errors import SettingError, SinkError
from edgetl.edge.sinks.fan_out import FanOut
from edgetl.edge.sinks.home_assistant import discovery
from edgetl.edge.sinks.mqtt import MqttSink
from edgetl.edge.sinks.mqtt_url import Broker, parse_mqtt_url
from tests.conftest import Cli, assert_one_clear_line, colour_picture
from tests.edge.conftest import Stream, made_result

MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
with_broker = pytest.mark.skipif(MOSQUITTO is None, reason="mosquitto is not installed")
TOPIC = "home/front door"


def until(condition: Callable[[], object], *, seconds: float = 20) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


class Mosquitto:
    """A broker that keeps what it has acknowledged, however it is ended."""

    def __init__(self, folder: Path, *more: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._config = folder / "mosquitto.conf"
        lines = [
            f"listener {self.port} 127.0.0.1", *(more or ["allow_anonymous true"]),
            "user root", "persistence true", f"persistence_location {folder}/",
            "autosave_interval 1", "autosave_on_changes true", "max_queued_messages 0",
        ]  # fmt: skip
        self._config.write_text("\n".join(lines) + "\n")
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(
            [str(MOSQUITTO), "-c", str(self._config)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        assert until(self._answers)

    def _answers(self) -> bool:
        with socket.socket() as connection:
            return connection.connect_ex(("127.0.0.1", self.port)) == 0

    def end(self, number: int = signal.SIGKILL) -> None:
        if self.process:
            self.process.send_signal(number)
            self.process.wait()
            self.process = None


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Callable[..., Mosquitto]]:
    started: list[Mosquitto] = []

    def start(*more: str) -> Mosquitto:
        broker = Mosquitto(tmp_path, *more)
        broker.start()
        started.append(broker)
        return broker

    yield start
    for broker in started:
        broker.end()


class DistantPort:
    """A port of this machine that leads to another one; each byte takes `seconds` on its way."""

    def __init__(self, port: int, *, seconds: float) -> None:
        self._to = port
        self._seconds = seconds
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open = [self._listener]
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self._to))
            self._open += [near, far]
            for source, target in ((near, far), (far, near)):
                under_way: queue.SimpleQueue[tuple[float, bytes]] = queue.SimpleQueue()
                for step in (self._take, self._give):
                    threading.Thread(target=step, args=(source, target, under_way)).start()

    def _take(self, source: socket.socket, _target: socket.socket, under_way: Any) -> None:
        data = b"-"
        while data:
            try:
                data = source.recv(65536)
            except OSError:
                data = b""
            under_way.put((time.monotonic() + self._seconds, data))

    def _give(self, _source: socket.socket, target: socket.socket, under_way: Any) -> None:
        while True:
            due, data = under_way.get()
            time.sleep(max(0.0, due - time.monotonic()))
            try:
                if not data:
                    target.shutdown(socket.SHUT_WR)
                    return
                target.sendall(data)
            except OSError:
                return

    def close(self) -> None:
        for one in self._open:
            one.close()


@pytest.fixture
def distant() -> Iterator[Callable[..., int]]:
    """A function that gives a port from which the way to another port takes `seconds`."""
    started: list[DistantPort] = []

    def start(port: int, *, seconds: float) -> int:
        started.append(DistantPort(port, seconds=seconds))
        return started[-1].port

    yield start
    for one in started:
        one.close()


class Witness:
    """Another client, with a session that outlives connections, and what it has heard."""

    def __init__(self, port: int) -> None:
        from paho.mqtt.client import Client
        from paho.mqtt.enums import CallbackAPIVersion

        self.heard: list[tuple[str, str]] = []
        self.subscribed = threading.Event()
        self.client = Client(CallbackAPIVersion.VERSION2, "witness", clean_session=False)
        self.client.on_connect = lambda client, *_: client.subscribe("#", 1)
        self.client.on_subscribe = lambda *_: self.subscribed.set()
        self.client.on_message = self._hear
        self.client.reconnect_delay_set(1, 1)
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        assert self.subscribed.wait(10)

    def _hear(self, _client: Any, _data: Any, message: Any) -> None:
        self.heard.append((message.topic, message.payload.decode()))

    def frames(self) -> list[int]:
        return [json.loads(text)["frame"] for topic, text in self.heard if topic == TOPIC]

    def availability(self) -> list[str]:
        return [text for topic, text in self.heard if topic == f"{TOPIC}/availability"]

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def witness() -> Iterator[Callable[[int], Witness]]:
    open_ones: list[Witness] = []

    def start(port: int) -> Witness:
        open_ones.append(Witness(port))
        return open_ones[-1]

    yield start
    for one in open_ones:
        one.close()


def retained(port: int) -> dict[str, str]:
    """What a client that comes now is told at once."""
    command = ["mosquitto_sub", "-p", str(port), "-t", "#", "-v", "-W", "1", "-F", "%t\t%p"]
    text = subprocess.run(command, capture_output=True, text=True, timeout=10).stdout
    return dict(line.split("\t", 1) for line in text.splitlines())


def sink(port: int, complaints: list[str], **options: Any) -> MqttSink:
    return MqttSink(Broker("127.0.0.1", port, TOPIC), complain=complaints.append, **options)


def result(frame: int, *, source: Path | str = "camera 0") -> Any:
    return made_result([0.1, 0.7, 0.2], frame=frame, source=str(source))


def name(port: int) -> str:
    return f"mqtt://127.0.0.1:{port}/{TOPIC}"


@with_broker
def test_results_are_published_in_order_and_retained(mosquitto, witness) -> None:
    port = mosquitto().port
    heard = witness(port)
    complaints: list[str] = []
    announced = discovery("home/door", availability="home/door/availability")
    to_broker = sink(port, complaints, announcements=[announced])
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
    assert time.monotonic() - began < 0.5
    assert retained(port)[f"{TOPIC}/availability"] == "offline"
    assert heard.availability() == ["online", "offline"]
    assert complaints == []


@with_broker
def test_closing_at_once_loses_nothing(mosquitto, witness) -> None:
    port = mosquitto().port
    heard = witness(port)
    to_broker = sink(port, [])
    for frame in range(1, 301):
        to_broker.write(result(frame))
    to_broker.close()
    assert until(lambda: len(heard.frames()) == 300, seconds=5)
    assert heard.frames() == list(range(1, 301))
    assert until(lambda: heard.availability() == ["online", "offline"], seconds=5)


@with_broker
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_broker_that_is_killed_and_started_again_misses_nothing(
    mosquitto, witness, number: int
) -> None:
    broker = mosquitto()
    heard = witness(broker.port)
    complaints: list[str] = []
    to_broker = sink(broker.port, complaints)
    for frame in range(1, 601):
        to_broker.write(result(frame))
        time.sleep(0.01)
        if frame == 350:
            assert until(lambda: len(complaints) == 2)
        if frame in (100, 350):
            if number == signal.SIGKILL:
                # What it has acknowledged must be on its disk by then: that is not our part.
                assert until(lambda upto=frame: len(set(heard.frames())) == upto)
                time.sleep(1.5)
            broker.end(number)
        if frame in (200, 450):
            broker.start()
    assert until(lambda: set(heard.frames()) == set(range(1, 601)), seconds=30)
    to_broker.close()
    # QoS 1 may repeat a result, but none comes after a newer one for the first time.
    first_times = list(dict.fromkeys(heard.frames()))
    assert first_times == sorted(first_times)
    prefix = f"{name(broker.port)}: "
    assert (
        complaints
        == [
            f"{prefix}connection lost; trying again, up to 1000 results wait",
            f"{prefix}connected",
        ]
        * 2
    )
    assert json.loads(retained(broker.port)[TOPIC])["frame"] == 600


@with_broker
def test_beyond_the_bound_the_oldest_are_dropped_and_counted(mosquitto, witness) -> None:
    broker = mosquitto()
    heard = witness(broker.port)
    broker.end()
    complaints: list[str] = []
    to_broker = sink(broker.port, complaints, queue=10)
    for frame in range(1, 26):
        to_broker.write(result(frame))
    assert until(lambda: len(complaints) == 2)
    broker.start()
    assert until(lambda: len(heard.frames()) == 10)
    assert heard.frames() == list(range(16, 26))
    prefix = f"{name(broker.port)}: "
    assert sorted(complaints) == sorted([
        f"{prefix}cannot be reached (connection refused); trying again, up to 10 results wait",
        f"{prefix}10 results wait for the broker; from now on the oldest are dropped",
        f"{prefix}connected; 15 results were dropped so far",
    ])  # fmt: skip
    with pytest.raises(SinkError, match=r": the broker did not get 15 of the results$"):
        to_broker.close()


def test_a_broker_that_is_not_there_does_not_keep_us() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        complaints: list[str] = []
        to_broker = sink(taken.getsockname()[1], complaints)
        for frame in range(1, 4):
            to_broker.write(result(frame))
        began = time.monotonic()
        with pytest.raises(SinkError, match=": the broker did not get 3 of the results"):
            to_broker.close()
        assert time.monotonic() - began < 1
        assert len(complaints) == 1
        assert until(lambda: not any("paho" in t.name for t in threading.enumerate()), seconds=5)
        assert until(lambda: not any("mqtt" in t.name for t in threading.enumerate()), seconds=5)


@pytest.fixture
def video_file(tmp_path: Path) -> Path:
    """A file that results can be of; no sink here opens it."""
    path = tmp_path / "video.mp4"
    path.touch()
    return path


@with_broker
def test_a_distant_broker_gets_every_result_of_files(
    mosquitto, witness, distant, video_file: Path
) -> None:
    port = mosquitto().port
    heard = witness(port)
    complaints: list[str] = []
    to_broker = sink(distant(port, seconds=0.05), complaints)
    for frame in range(1, 2401):
        to_broker.write(result(frame, source=video_file))
    to_broker.close()
    assert until(lambda: len(heard.frames()) >= 2400, seconds=5)
    assert heard.frames() == list(range(1, 2401))
    assert heard.availability() == ["online", "offline"]
    assert complaints == []


@with_broker
def test_closing_waits_while_the_broker_acknowledges(
    mosquitto, witness, distant, video_file: Path
) -> None:
    port = mosquitto().port
    heard = witness(port)
    complaints: list[str] = []
    # A second there and back; 900 in all take nine times as long.
    to_broker = sink(distant(port, seconds=0.5), complaints)
    for frame in range(1, 901):
        to_broker.write(result(frame, source=video_file))
    to_broker.close()
    assert until(lambda: len(heard.frames()) >= 900, seconds=5)
    assert heard.frames() == list(range(1, 901))
    assert complaints == []


@with_broker
def test_a_camera_is_not_slowed_by_a_distant_broker(mosquitto, distant) -> None:
    complaints: list[str] = []
    to_broker = sink(distant(mosquitto().port, seconds=0.5), complaints, queue=10)
    began = time.monotonic()
    for frame in range(1, 201):
        to_broker.write(result(frame))
    assert time.monotonic() - began < 0.2
    with pytest.raises(SinkError, match=": the broker did not get 190 of the results"):
        to_broker.close()
    assert len(complaints) == 1


@with_broker
@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_a_broker_that_hangs_keeps_neither_results_nor_the_end_for_long(
    mosquitto, video_file: Path
) -> None:
    broker = mosquitto()
    to_broker = sink(broker.port, [], queue=10)
    to_broker.write(result(1))
    time.sleep(0.5)
    broker.process.send_signal(signal.SIGSTOP)
    for frame in range(2, 150):
        began = time.monotonic()
        to_broker.write(result(frame, source=video_file))
        assert time.monotonic() - began < 0.4
    began = time.monotonic()
    with pytest.raises(SinkError, match=": the broker did not get 148 of the results"):
        to_broker.close()
    assert time.monotonic() - began < 6


@with_broker
@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_a_broker_that_hangs_does_not_keep_a_run_that_is_interrupted(mosquitto) -> None:
    broker = mosquitto()
    complaints: list[str] = []
    sinks = FanOut(complaints.append)
    sinks.add(sink(broker.port, []))
    sinks.write(result(1))
    time.sleep(0.5)
    broker.process.send_signal(signal.SIGSTOP)
    for frame in range(2, 50):
        sinks.write(result(frame))
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt), sinks:
        raise KeyboardInterrupt
    assert time.monotonic() - began < 1
    assert complaints == [f"{name(broker.port)}: the broker did not get 48 of the results"]


@with_broker
@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_who_does_not_want_to_wait_for_a_broker_ends_the_command(
    mosquitto, cli: Cli, foreign_models: Path, number: int, status: int
) -> None:
    broker = mosquitto()
    broker.process.send_signal(signal.SIGSTOP)
    colour_picture((10, 220, 10), 1, (30, 20)).save(cli.folder / "a.jpg")
    process = subprocess.Popen(
        [sys.executable, "-m", "edgetl", "classify", "a.jpg", "--model",
         str(foreign_models / "described.tflite"), "--mqtt", name(broker.port)],
        cwd=cli.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline()
    # By now nothing but the broker is waited for.
    time.sleep(1)
    began = time.monotonic()
    process.send_signal(number)
    _, stderr = process.communicate(timeout=30)
    assert time.monotonic() - began < 1
    assert process.returncode == status
    assert f"{name(broker.port)}: the broker did not get 1 of the results" in stderr
    assert "Traceback" not in stderr


@with_broker
@pytest.mark.skipif(sys.platform != "linux", reason="file names of any bytes")
def test_a_file_name_that_is_no_utf_8_is_published_as_escapes(
    mosquitto, witness, cli: Cli, foreign_models: Path
) -> None:
    port = mosquitto().port
    heard = witness(port)
    names = ["x.jpg", os.fsdecode(b"\xe9.jpg"), "z.jpg"]
    for file in names:
        colour_picture((10, 220, 10), 1, (30, 20)).save(cli.folder / file)
    command = cli(
        "classify", *names, "--model", foreign_models / "described.tflite", "--mqtt", name(port)
    )
    assert until(lambda: len(heard.frames()) == 3, seconds=5)
    records = [text for topic, text in heard.heard if topic == TOPIC]
    assert r'"source": "\udce9.jpg"' in records[1]
    assert [json.loads(record)["source"] for record in records] == names
    assert len(command.stderr.splitlines()) == 1


@pytest.fixture
def guarded(mosquitto, tmp_path: Path) -> Mosquitto:
    """A broker that knows the user "pi" with the password "s p:/@cret"."""
    passwords = tmp_path / "passwords"
    subprocess.run(
        ["mosquitto_passwd", "-b", "-c", passwords, "pi", "s p:/@cret"], check=True, timeout=30
    )
    started: Mosquitto = mosquitto("allow_anonymous false", f"password_file {passwords}")
    return started


def refusal(to_broker: MqttSink) -> str:
    try:
        to_broker.write(result(2))
    except SinkError as error:
        return str(error)
    return ""


@with_broker
def test_a_refusal_is_told_once(guarded: Mosquitto) -> None:
    broker = Broker("127.0.0.1", guarded.port, TOPIC, user="pi", password="guess")
    complaints: list[str] = []
    to_broker = MqttSink(broker, complain=complaints.append)
    assert until(lambda: refusal(to_broker))
    assert "refuses the connection" in refusal(to_broker)
    assert refusal(to_broker).endswith("check user and password")
    assert "guess" not in refusal(to_broker)
    to_broker.close()
    assert complaints == []
    # Where no result comes after it, closing tells.
    to_broker = MqttSink(broker, complain=complaints.append)
    time.sleep(0.5)
    with pytest.raises(SinkError, match="refuses the connection"):
        to_broker.close()


@with_broker
def test_the_password_is_taken_from_the_environment(
    guarded: Mosquitto, cli: Cli, foreign_models: Path, tmp_path: Path
) -> None:
    colour_picture((10, 220, 10), 1, (30, 20)).save(cli.folder / "a.jpg")
    command = [
        "classify", "a.jpg", "--model", foreign_models / "described.tflite",
        "--mqtt", f"mqtt://pi@127.0.0.1:{guarded.port}/a/b", "--mqtt-discovery",
    ]  # fmt: skip
    result = cli(*command, EDGETL_MQTT_PASSWORD="s p:/@cret")
    assert len(result.stderr.splitlines()) == 1
    heard = subprocess.run(
        ["mosquitto_sub", "-p", str(guarded.port), "-u", "pi", "-P", "s p:/@cret", "-t", "#",
         "-W", "1", "-F", "%t\t%p"],
        capture_output=True, text=True, timeout=10,
    )  # fmt: skip
    kept = dict(line.split("\t", 1) for line in heard.stdout.splitlines())
    assert json.loads(kept["a/b"])["label"] == "green"
    assert kept["a/b/availability"] == "offline"
    assert "homeassistant/sensor/edgetl_a_b/config" in kept
    assert "s p:/@cret" not in heard.stdout + result.stderr
    result = cli(*command, EDGETL_MQTT_PASSWORD="guess", check=1)
    assert "refuses the connection" in result.stderr
    assert len(result.stderr.splitlines()) == 2


@with_broker
@pytest.mark.parametrize(("name", "status"), [("SIGTERM", 143), ("SIGKILL", -9)])
def test_the_command_goes_offline_however_it_ends(
    mosquitto, witness, serve, cli: Cli, foreign_models: Path, name: str, status: int
) -> None:
    port = mosquitto().port
    heard = witness(port)
    url = serve(Stream(fps=30))
    process = subprocess.Popen(
        [sys.executable, "-m", "edgetl", "classify", "--camera", url, "--model",
         str(foreign_models / "described.tflite"), "--mqtt", f"mqtt://127.0.0.1:{port}/{TOPIC}"],
        cwd=cli.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert until(lambda: len(heard.frames()) > 10, seconds=60)
    began = time.monotonic()
    process.send_signal(getattr(signal, name))
    stdout, stderr = process.communicate(timeout=30)
    assert time.monotonic() - began < 1.5
    assert (process.returncode, stderr) == (status, "")
    assert until(lambda: heard.availability() == ["online", "offline"], seconds=5)
    if name == "SIGTERM":
        assert len(set(heard.frames())) == len(stdout.splitlines())


@with_broker
@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_tls_is_used_and_a_certificate_that_is_not_trusted_is_told_of(
    mosquitto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", key,
         "-out", certificate, "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"],
        check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    port = mosquitto("allow_anonymous true", f"certfile {certificate}", f"keyfile {key}").port
    broker = parse_mqtt_url(f"mqtts://localhost:{port}/a")
    complaints: list[str] = []
    to_broker = MqttSink(broker, complain=complaints.append)
    to_broker.write(result(1))
    with pytest.raises(SinkError, match=": the broker did not get 1 of the results"):
        to_broker.close()
    assert "certificate verify failed" in complaints[0]
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    complaints.clear()
    to_broker = MqttSink(broker, complain=complaints.append)
    to_broker.write(result(1))
    to_broker.close()
    assert complaints == []


# Home Assistant

ALLOWED_IN_DISCOVERY = re.compile(r"homeassistant/sensor/[A-Za-z0-9_-]+/config")
ENTITY_ID = re.compile(r"sensor\.[a-z0-9]+(_[a-z0-9]+)*")


def test_each_topic_is_a_sensor_of_its_own() -> None:
    topics = [
        "a/b", "a_b", "a b", "a//b", "A/b", "a-b", "flur/ä", "flur/ö", "flur", "flur/_", "门/前",
        "门/后", "_", "__",
    ]  # fmt: skip
    announced = [discovery(topic, availability=f"{topic}/availability") for topic in topics]
    configs = [json.loads(payload) for _, payload in announced]
    assert len({where for where, _ in announced}) == len(topics)
    assert len({config["unique_id"] for config in configs}) == len(topics)
    assert len({tuple(config["device"]["identifiers"]) for config in configs}) == len(topics)
    assert all(ALLOWED_IN_DISCOVERY.fullmatch(where) for where, _ in announced)
    assert all(ENTITY_ID.fullmatch(config["default_entity_id"]) for config in configs)
    assert "object_id" not in configs[0]
    assert configs[0]["unique_id"] == "edgetl_a_b"


# Addresses


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("mqtt://host/a", Broker("host", 1883, "a")),
        ("mqtts://host/a/b/", Broker("host", 8883, "a/b", tls=True)),
        ("mqtt://u@host:18/a%20b", Broker("host", 18, "a b", user="u", password="env")),
        ("mqtt://u%40x:p%3Aw@[::1]/a", Broker("::1", 1883, "a", user="u@x", password="p:w")),
    ],
)
def test_an_address_names_a_broker_and_a_topic(url: str, expected: Broker) -> None:
    assert parse_mqtt_url(url, password="env") == expected


@pytest.mark.parametrize(
    "url",
    ["", "host/a", "http://host/a", "mqtt://:secret@/a", "mqtt://u:secret@host", "mqtt://host/",
     "mqtt://u:secret@host/a/#", "mqtt://u:secret@host/+/a", "mqtt://u:secret@host:99999/a",
     "mqtt://u:secret@host:0/a", "mqtt://u:secret@host/a?b", f"mqtt://u:secret@{'h' * 70}.de/a",
     "mqtt://u:secret#x@host/a", "mqtt://u:secret/x@host/a", "mqtt://u:secret@host/\udce9"],
)  # fmt: skip
def test_what_is_no_address_is_refused_without_showing_a_password(url: str) -> None:
    with pytest.raises(SettingError, match=r"^--mqtt: .*give it like mqtt://user@host") as caught:
        parse_mqtt_url(url)
    assert "secret" not in str(caught.value)


def test_a_broker_is_shown_without_its_password() -> None:
    broker = parse_mqtt_url("mqtts://u:secret@[::1]/a")
    assert broker.name == "mqtts://[::1]:8883/a"
    assert "secret" not in repr(broker)


def test_without_paho_the_install_line_is_told(cli: Cli, foreign_models: Path) -> None:
    blocked = cli.folder / "blocked" / "paho"
    blocked.mkdir(parents=True)
    (blocked / "__init__.py").write_text("raise ImportError('not here')")
    paths = os.pathsep.join([str(blocked.parent), os.environ.get("PYTHONPATH", "")])
    result = cli(
        "classify", "a.jpg", "--model", foreign_models / "described.tflite",
        "--mqtt", "mqtt://127.0.0.1/a", check=2, PYTHONPATH=paths,
    )  # fmt: skip
    assert_one_clear_line(result, "--mqtt needs", "pip install 'edgetl[mqtt]'")
