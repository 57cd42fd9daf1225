"""Devices to deploy to: real SSH servers on this machine."""

import hashlib
import json
import shutil
import socket
import subprocess
import sysconfig
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conftest import Cli

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

    @contextmanager
    def letting(self, host: str, **variables: object) -> Iterator[None]:
        """As `let`, for a while."""
        path = self.folder / "hosts.yml"
        before = path.read_text()
        self.let(host, **variables)
        try:
            yield
        finally:
            path.write_text(before)

    def run(
        self, model: Path, *arguments: str | Path, check: int | None = 0
    ) -> "subprocess.CompletedProcess[str]":
        inventory = self.folder / "hosts.yml"
        return self.cli("deploy", model, *arguments, "--inventory", inventory, check=check)

    def deploy(
        self, model: Path, *arguments: str, check: int | None = 0
    ) -> dict[str, dict[str, Any]]:
        """The results by host."""
        done = self.run(model, *arguments, "--json", check=check)
        return {result["host"]: result for result in json.loads(done.stdout)}


def start_sshd(
    folder: Path, port: int, authorized: Path, *, within: Sequence[str] = (), **environment: str
) -> "subprocess.Popen[bytes]":
    """An SSH server with a home of its own; `within` is a command that runs it."""
    (folder / "home").mkdir(parents=True, exist_ok=True)
    lent = {"HOME": f"{folder}/home", "PYTHONPATH": sysconfig.get_path("purelib")}
    variables = {**lent, **environment}
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / "host_key"], check=True
    )
    (folder / "sshd_config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host_key\n"
        f"AuthorizedKeysFile {authorized}\nPidFile none\nUsePAM no\nStrictModes no\n"
        f"PasswordAuthentication no\nMaxStartups 100\nPermitRootLogin yes\n"
        f"SetEnv {' '.join(f'{name}={value}' for name, value in variables.items())}\n"
    )
    server = subprocess.Popen([*within, SSHD, "-D", "-e", "-f", folder / "sshd_config"],
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


def named(model: Path) -> str:
    return f"{hashlib.sha256(model.read_bytes()).hexdigest()}.tflite"
