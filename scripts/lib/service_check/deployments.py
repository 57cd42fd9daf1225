"""`edgetl deploy --service` into the container, over ssh."""

import json
import os
from pathlib import Path
from typing import Any

from lib.checks import require, wait_until
from lib.commands import free_port, run_logged
from lib.environments import copy_certificate, make_environment
from lib.service_check.camera import Camera
from lib.service_check.container import MODEL, SLOW, UNIT, USER, Container
from lib.service_check.state import ready


class Deployer:
    """`edgetl deploy` on this machine, and its access to the container."""

    def __init__(self, container: Container) -> None:
        self.log = container.log
        self.folder = container.cache / "deployer"
        self.folder.mkdir(exist_ok=True)
        (self.wheel,) = (container.cache / "dist").glob("*.whl")
        commands = make_environment(self.folder / "venv", self.log)
        if not (commands / "ansible").exists():
            run_logged(self.log, [commands / "pip", "install", f"{self.wheel}[deploy]"])
        again = ["--force-reinstall", "--no-deps", self.wheel]
        run_logged(self.log, [commands / "pip", "install", *again])
        self._edgetl = commands / "edgetl"
        self._let_in(container)

    def _let_in(self, container: Container) -> None:
        key, known = self.folder / "key", self.folder / "known_hosts"
        if not key.exists():
            run_logged(self.log, ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key])
        port = free_port()
        tree = container.tree
        (tree / "etc/ssh/sshd_config.d/check.conf").write_text(
            f"Port {port}\nListenAddress 127.0.0.1\n"
        )
        (tree / f"etc/sudoers.d/{USER}").write_text(f"{USER} ALL=(ALL) NOPASSWD: ALL\n")
        (tree / "etc/pip.conf").write_text(pip_settings(tree))
        container.run("install", "-d", "-o", USER, "-m", "700", f"/home/{USER}/.ssh")
        authorized = tree / f"home/{USER}/.ssh/authorized_keys"
        authorized.write_text(key.with_suffix(".pub").read_text())
        container.run("systemctl", "restart", "ssh.service")

        def scanned() -> str:
            return run_logged(self.log, ["ssh-keyscan", "-p", str(port), "127.0.0.1"])

        known.write_text(wait_until("sshd answers", scanned, SLOW))
        self._inventory = self.folder / "inventory.json"
        variables = {
            "ansible_host": "127.0.0.1",
            "ansible_port": port,
            "ansible_user": USER,
            "ansible_ssh_private_key_file": str(key),
            "ansible_ssh_common_args": f"-o UserKnownHostsFile={known}",
        }
        self._inventory.write_text(json.dumps({"all": {"hosts": {"door": variables}}}))

    def deploy(self, model: Path, service: str, *, status: int = 0) -> Any:
        """The result of the one device."""
        said = run_logged(
            self.log,
            [self._edgetl, "deploy", model, "--inventory", self._inventory, "--package", self.wheel,
             "--service", service, "--json"],
            status=status,
        )  # fmt: skip
        (result,) = json.loads(said[said.index("[") : said.rindex("]") + 1])
        return result


def pip_settings(tree: Path) -> str:
    """pip's configuration in the container, which it reads over ssh as well."""
    settings = {
        "index-url": os.environ.get("PIP_INDEX_URL"),
        "proxy": os.environ.get("https_proxy"),
    }
    copy_certificate(tree / "etc/ca.pem")
    if "PIP_CERT" in os.environ:
        settings["cert"] = "/etc/ca.pem"
    lines = [f"{name} = {value}" for name, value in settings.items() if value]
    return "\n".join(["[global]", *lines, ""])


def deployed(container: Container, camera: Camera, deployer: Deployer) -> str:
    camera.come()
    model, service = container.tree / MODEL.lstrip("/"), f"--camera {camera.url} --on-change"
    result = deployer.deploy(model, service)
    require(f"{result} is deployed", result["state"] == "deployed")
    facts = ready(container)
    require(f"runs as {USER}", facts["User"] == USER)
    again = deployer.deploy(model, service)
    require(f"{again} is unchanged", again["state"] == "unchanged")
    require("the same process", container.facts()["MainPID"] == facts["MainPID"])
    return f"{result['state']}, ready, {result['milliseconds']:.1f} ms; again: {again['state']}"


def other_model(container: Container) -> Path:
    """Another file with the same network in it: what follows a FlatBuffer is not looked at."""
    other = container.cache / "other.tflite"
    other.write_bytes((container.tree / MODEL.lstrip("/")).read_bytes() + bytes(16))
    return other


def rolled_back(container: Container, camera: Camera, deployer: Deployer) -> str:
    before = container.facts()
    gone = "--camera http://127.0.0.1:9/ --on-change"
    result = deployer.deploy(other_model(container), gone, status=1)
    require(f"{result} is rolled back", result["state"] == "rolled back")
    require(f"{result['why']!r} says why", "cannot be opened" in result["why"])
    facts = ready(container, but=before["MainPID"])
    require("its options are those before", camera.url in facts["ExecStart"])
    link = container.run("readlink", f"/home/{USER}/.local/share/edgetl/model.tflite")
    require("its model is that before", result["model"] in link)
    container.edgetl("service", "uninstall")
    return f"{result['state']}: {result['why']}"


def left_alone(container: Container, camera: Camera, deployer: Deployer) -> str:
    unit = container.tree / "etc/systemd/system" / UNIT
    unit.write_text("[Service]\nExecStart=/usr/bin/sleep infinity\n")
    container.run("systemctl", "daemon-reload")
    container.run("systemctl", "start", UNIT)
    before = container.facts()["MainPID"]
    result = deployer.deploy(other_model(container), f"--camera {camera.url}", status=1)
    require(f"{result['why']!r} says why", "not written by edgetl" in result["why"])
    require("the same process", container.facts()["MainPID"] == before)
    require("the same unit", "sleep infinity" in unit.read_text())
    require("nothing beside it", not [*unit.parent.glob("edgetl*.before")])
    container.run("systemctl", "stop", UNIT)
    unit.unlink()
    return f"{result['state']}: {result['why']}; process {before} runs on"
