"""`edgetl classify --mqtt`, however its broker or the command itself ends."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import Cli, assert_one_clear_line, colour_picture
from tests.edge.conftest import Stream, until
from tests.edge.sinks.broker import TOPIC, Mosquitto, name, with_broker


@with_broker
@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_wait_for_a_broker(
    mosquitto, cli: Cli, model: Path, number: int, status: int
) -> None:
    broker = mosquitto()
    broker.process.send_signal(signal.SIGSTOP)
    colour_picture((10, 220, 10), 1, (30, 20)).save(cli.folder / "a.jpg")
    process = subprocess.Popen(
        [sys.executable, "-m", "edgetl", "classify", "a.jpg", "--model",
         str(model), "--mqtt", name(broker.port)],
        cwd=cli.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline()
    # By now it waits for the broker only.
    time.sleep(1)
    began = time.monotonic()
    process.send_signal(number)
    _, stderr = process.communicate(timeout=30)
    assert time.monotonic() - began < 5
    assert process.returncode == status
    assert f"{name(broker.port)}: the broker did not get 1 of the results" in stderr
    assert "Traceback" not in stderr


@with_broker
@pytest.mark.skipif(sys.platform != "linux", reason="file names of any bytes")
def test_a_file_name_that_is_no_utf_8_is_published_as_escapes(
    mosquitto, witness, cli: Cli, model: Path
) -> None:
    port = mosquitto().port
    heard = witness(port)
    names = ["x.jpg", os.fsdecode(b"\xe9.jpg"), "z.jpg"]
    for file in names:
        colour_picture((10, 220, 10), 1, (30, 20)).save(cli.folder / file)
    command = cli("classify", *names, "--model", model, "--mqtt", name(port))
    assert until(lambda: len(heard.frames()) == 3)
    records = [text for topic, text in heard.heard if topic == TOPIC]
    assert r'"source": "\udce9.jpg"' in records[1]
    assert [json.loads(record)["source"] for record in records] == names
    assert len(command.stderr.splitlines()) == 1


@with_broker
def test_the_password_is_taken_from_the_environment(
    guarded: Mosquitto, cli: Cli, model: Path, tmp_path: Path
) -> None:
    colour_picture((10, 220, 10), 1, (30, 20)).save(cli.folder / "a.jpg")
    command = [
        "classify", "a.jpg", "--model", model,
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
    mosquitto, witness, serve, cli: Cli, model: Path, name: str, status: int
) -> None:
    port = mosquitto().port
    heard = witness(port)
    url = serve(Stream(fps=30))
    process = subprocess.Popen(
        [sys.executable, "-m", "edgetl", "classify", "--camera", url, "--model",
         str(model), "--mqtt", f"mqtt://127.0.0.1:{port}/{TOPIC}"],
        cwd=cli.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert until(lambda: len(heard.frames()) > 10)
    began = time.monotonic()
    process.send_signal(getattr(signal, name))
    stdout, stderr = process.communicate(timeout=30)
    assert time.monotonic() - began < 5
    assert (process.returncode, stderr) == (status, "")
    assert until(lambda: heard.availability() == ["online", "offline"])
    if name == "SIGTERM":
        assert len(set(heard.frames())) == len(stdout.splitlines())


def test_without_paho_the_install_command_is_shown(cli: Cli, model: Path) -> None:
    blocked = cli.folder / "blocked" / "paho"
    blocked.mkdir(parents=True)
    (blocked / "__init__.py").write_text("raise ImportError('not here')")
    paths = os.pathsep.join([str(blocked.parent), os.environ.get("PYTHONPATH", "")])
    result = cli(
        "classify", "a.jpg", "--model", model,
        "--mqtt", "mqtt://127.0.0.1/a", check=2, PYTHONPATH=paths,
    )  # fmt: skip
    assert_one_clear_line(result, "--mqtt needs", "pip install 'edgetl[mqtt]'")
