"""Deployments to real SSH servers on this machine, each with a home of its own."""

import getpass
import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from deploy.deploying import deploy
from edge import __version__
from edge.errors import MissingExtraError
from tests.conftest import Cli, assert_one_clear_line
from tests.edge.conftest import packed_export

ROOT = Path(__file__).parents[2]
SSHD = shutil.which("sshd") or "/usr/sbin/sshd"


@dataclass(frozen=True)
class Fleet:
    """Two devices, "door" and "gate", and "cellar", where nothing answers; how to reach them."""

    folder: Path
    cli: Cli

    def home(self, host: str) -> Path:
        return self.folder / host / "home"

    def linked(self, host: str) -> str:
        """The model that is in place, by the name of its file."""
        return (self.home(host) / "edgetl" / "model.tflite").readlink().name

    def tree(self, host: str) -> dict[str, object]:
        """Every file below the home, Ansible's own and what Python compiles aside."""
        found = {}
        for path in sorted(self.home(host).rglob("*")):
            if ".ansible" not in path.parts and "__pycache__" not in path.parts:
                found[str(path)] = path.lstat().st_mtime_ns if not path.is_dir() else None
        return found

    def let(self, host: str, **variables: object) -> None:
        """Set variables of a device in the inventory."""
        path = self.folder / "hosts.yml"
        inventory = json.loads(path.read_text())
        inventory["all"]["hosts"][host].update(variables)
        path.write_text(json.dumps(inventory))

    def deploy(
        self, model: Path, *arguments: str, check: int | None = 0
    ) -> dict[str, dict[str, Any]]:
        """The results by host."""
        inventory = self.folder / "hosts.yml"
        done = self.cli(
            "deploy", model, *arguments, "--inventory", inventory, "--json", check=check
        )
        return {result["host"]: result for result in json.loads(done.stdout)}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    for module in ("hatchling", "ansible"):
        if find_spec(module) is None:
            pytest.skip(f"{module} is not installed")
    if not Path(SSHD).exists():
        pytest.skip("there is no sshd; Debian's openssh-server has it")
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder],
        cwd=ROOT, check=True, capture_output=True,
    )  # fmt: skip
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory, wheel: Path) -> Iterator[Fleet]:
    folder = tmp_path_factory.mktemp("fleet")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    key = folder / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    hosts, known, servers = {}, [], []
    for name in ("door", "gate"):
        port = free_port()
        servers.append(start_sshd(folder / name, port, key.with_suffix(".pub")))
        public = (folder / name / "host_key.pub").read_text().split()[:2]
        known.append(f"[127.0.0.1]:{port} {' '.join(public)}")
        hosts[name] = {
            "ansible_port": port,
            "edgetl_home": str(folder / name / "home" / "edgetl"),
            "ansible_remote_tmp": str(folder / name / "home" / ".ansible"),
        }
    hosts["cellar"] = {"ansible_port": free_port()}
    (folder / "known_hosts").write_text("\n".join(known) + "\n")
    options = f"-o UserKnownHostsFile={folder}/known_hosts -o IdentitiesOnly=yes"
    common = {
        "ansible_host": "127.0.0.1",
        "ansible_user": getpass.getuser(),
        "ansible_ssh_private_key_file": str(key),
        "ansible_ssh_common_args": options,
        "ansible_pipelining": True,
        "ansible_python_interpreter": sys.executable,
        "edgetl_python": sys.executable,
        "edgetl_package": str(wheel),
        # Without the network: what the wheel asks for is lent by this environment (start_sshd).
        "edgetl_pip_arguments": ["--no-deps", "--ignore-installed"],
    }
    (folder / "hosts.yml").write_text(json.dumps({"all": {"vars": common, "hosts": hosts}}))
    yield Fleet(folder, Cli(folder))
    for server in servers:
        server.terminate()
        server.wait()


def start_sshd(folder: Path, port: int, authorized: Path) -> "subprocess.Popen[bytes]":
    (folder / "home").mkdir(parents=True)
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / "host_key"], check=True
    )
    (folder / "sshd_config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host_key\n"
        f"AuthorizedKeysFile {authorized}\nPidFile none\nUsePAM no\nStrictModes no\n"
        f"PasswordAuthentication no\nMaxStartups 100\nPermitRootLogin yes\n"
        f"SetEnv HOME={folder}/home PYTHONPATH={sysconfig.get_path('purelib')}\n"
    )
    server = subprocess.Popen([SSHD, "-D", "-e", "-f", folder / "sshd_config"],
                              stderr=(folder / "log").open("wb"))  # fmt: skip
    for _ in range(100):
        with socket.socket() as asked:
            if asked.connect_ex(("127.0.0.1", port)) == 0:
                return server
        time.sleep(0.05)
    raise AssertionError((folder / "log").read_text())


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture(scope="module")
def models(fleet: Fleet, foreign_models: Path) -> tuple[Path, Path]:
    """Two models that work."""
    plain = (foreign_models / "uint8.tflite").read_bytes()
    first, second = fleet.folder / "first.tflite", fleet.folder / "second.tflite"
    first.write_bytes(packed_export(plain))
    second.write_bytes(packed_export(plain, edgetl="0.0.9"))
    return first, second


def named(model: Path) -> str:
    return f"{hashlib.sha256(model.read_bytes()).hexdigest()}.tflite"


@pytest.mark.slow
def test_a_fleet_from_the_first_model_to_a_roll_back(
    fleet: Fleet, models: tuple[Path, Path]
) -> None:
    first, second = models

    bare = fleet.tree("door")
    (would,) = fleet.deploy(first, "door", "--dry-run").values()
    assert would["state"] == "deployed"
    assert fleet.tree("door") == bare

    results = fleet.deploy(first, check=1)
    assert {host: result["state"] for host, result in results.items()} == {
        "door": "deployed",
        "gate": "deployed",
        "cellar": "unreachable",
    }
    for host in ("door", "gate"):
        assert fleet.linked(host) == named(first)
        assert results[host]["model"] + ".tflite" == named(first)
        assert results[host]["edgetl"] == __version__
        assert results[host]["runtime"].startswith("litert ")
        assert results[host]["milliseconds"] > 0
    assert results["cellar"]["why"]

    before = fleet.tree("door")
    again = fleet.deploy(first, "door", "gate")
    assert [result["state"] for result in again.values()] == ["unchanged"] * 2
    assert fleet.tree("door") == before

    fleet.let("gate", edgetl_max_ms=0.0001)
    results = fleet.deploy(second, "door", "gate", check=1)
    assert results["door"]["state"] == "deployed"
    assert fleet.linked("door") == named(second)
    assert results["gate"]["state"] == "rolled back"
    assert "ms is the most allowed" in results["gate"]["why"]
    assert fleet.linked("gate") == named(first)
    assert not (fleet.home("gate") / "edgetl" / "models" / named(second)).exists()

    fleet.let("gate", edgetl_max_ms=0)
    (broken,) = (fleet.home("gate") / "edgetl").rglob("edge/preprocessing.py")
    broken.write_text("raise ImportError('a torn card')")
    results = fleet.deploy(second, "gate", check=1)
    assert results["gate"]["state"] == "rolled back"
    assert "a torn card" in results["gate"]["why"]
    assert fleet.linked("gate") == named(first)


@pytest.mark.slow
def test_people_get_a_row_a_device(fleet: Fleet, models: tuple[Path, Path]) -> None:
    inventory = fleet.folder / "hosts.yml"
    done = fleet.cli("deploy", models[0], "cellar", "--inventory", inventory, check=1)
    assert "unreachable" in done.stdout
    assert "cellar: " in done.stdout
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_a_host_whose_key_is_not_known_is_not_trusted(
    fleet: Fleet, models: tuple[Path, Path]
) -> None:
    inventory = json.loads((fleet.folder / "hosts.yml").read_text())
    inventory["all"]["vars"]["ansible_ssh_common_args"] = "-o UserKnownHostsFile=/dev/null"
    strange = fleet.folder / "strange.yml"
    strange.write_text(json.dumps(inventory))
    # Ansible would go through a connection that is open already.
    own = {"ANSIBLE_SSH_CONTROL_PATH_DIR": str(fleet.folder / "connections")}
    options = ("--inventory", strange, "--json")
    done = fleet.cli("deploy", models[0], "door", *options, check=1, **own)
    (result,) = json.loads(done.stdout)
    assert result["state"] == "unreachable"
    assert "log in once with ssh" in result["why"]


def test_what_is_wrong_is_found_before_a_device_is_touched(cli: Cli, tiny_export: bytes) -> None:
    (cli.folder / "m.tflite").write_bytes(tiny_export)
    (cli.folder / "bad.tflite").write_bytes(b"no model")
    (cli.folder / "run").mkdir()
    for arguments, words in (
        (("bad.tflite", "door"), "bad.tflite"),
        (("run", "door"), "no exported model"),
        (("m.tflite",), "no device named"),
        (("m.tflite", "door", "--package", "edgetl.whl"), "no such file"),
        (("m.tflite", "door", "--inventory", "hosts.yml"), "no such file"),
    ):
        assert_one_clear_line(cli("deploy", *arguments, check=2), words)


def test_without_ansible_the_line_that_installs_it_is_said(
    cli: Cli, tiny_export: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    (cli.folder / "m.tflite").write_bytes(tiny_export)
    monkeypatch.setitem(sys.modules, "ansible", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'edgetl\[deploy\]'"):
        deploy(cli.folder / "m.tflite", ["door"])
