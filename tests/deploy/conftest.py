"""A fleet of devices."""

import getpass
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.conftest import Cli, MadeOnce
from tests.deploy.devices import SSHD, Fleet, free_port, start_sshd
from tests.third_party import packed_export

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def wheel(made_once: MadeOnce) -> Path:
    for module in ("hatchling", "ansible"):
        if find_spec(module) is None:
            pytest.skip(f"{module} is not installed")
    if not Path(SSHD).exists():
        pytest.skip("there is no sshd; Debian's openssh-server has it")

    def build(folder: Path) -> None:
        subprocess.run(
            [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder],
            cwd=ROOT, check=True, capture_output=True,
        )  # fmt: skip

    (built,) = made_once("wheel", build).glob("*.whl")
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


@pytest.fixture(scope="module")
def models(fleet: Fleet, third_party_models: Path) -> tuple[Path, Path]:
    """Two models that work."""
    plain = (third_party_models / "uint8.tflite").read_bytes()
    first, second = fleet.folder / "first.tflite", fleet.folder / "second.tflite"
    first.write_bytes(packed_export(plain))
    second.write_bytes(packed_export(plain, edgetl="0.0.9"))
    return first, second
