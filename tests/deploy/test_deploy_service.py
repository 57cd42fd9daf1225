"""Deployments of services, to an SSH server with a file tree of its own around a made-up systemd.

What a real one makes of them: scripts/service-check.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import Cli
from tests.deploy.devices import Fleet, free_port, named, start_sshd

SYSTEMCTL = f"""#!{sys.executable}
import os, sys
from pathlib import Path

words = [word for word in sys.argv[1:] if not word.startswith("-")]
if not words:
    sys.exit(print("systemd 252"))
verb, units = words[0], Path("/etc/systemd/system")
started = Path("/run/systemd/started")
if words[1:]:
    wanted = units / "multi-user.target.wants" / words[1]
if verb == "enable":
    wanted.unlink(missing_ok=True)
    wanted.symlink_to(units / words[1])
elif verb == "disable":
    wanted.unlink(missing_ok=True)
    started.unlink(missing_ok=True)
elif verb == "restart":
    with started.open("a") as starts:
        print(os.path.basename(os.readlink("/srv/edgetl/model.tflite")), file=starts)
elif verb == "show" and Path("/run/systemd/takes-over").exists():
    print(f"red 98%, model {{os.path.basename(os.readlink('/srv/edgetl/model.tflite'))[:8]}}")
elif verb == "is-active" and not started.exists():
    sys.exit(3)
"""


@dataclass(frozen=True)
class Yard(Fleet):
    """A device "yard" that runs services."""

    root: Path

    @property
    def unit(self) -> Path:
        return self.root / "etc/systemd/system/edgetl.service"

    def starts(self) -> list[str]:
        """The model that the service was started with, each time."""
        started = self.root / "run/systemd/started"
        return started.read_text().split() if started.exists() else []

    def interrupt(self, after: str, model: Path) -> None:
        """Deploy, and press Ctrl-C as soon as a step is done."""
        arguments = ["deploy", model, "yard", "--inventory", self.folder / "hosts.yml"]
        running = subprocess.Popen(
            [sys.executable, "-m", "edgetl", *map(str, arguments)],
            cwd=self.folder, start_new_session=True, stderr=subprocess.PIPE, text=True,
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        with running:
            assert running.stderr
            seen = []
            for line in running.stderr:
                seen.append(line)
                if after in line:
                    os.killpg(running.pid, signal.SIGINT)
                    break
            else:
                raise AssertionError("".join(seen))


@pytest.fixture
def yard(fleet: Fleet, tmp_path: Path) -> Iterator[Yard]:
    unshare = ["unshare", "--mount", "--propagation", "private"]
    if not shutil.which("unshare") or subprocess.run([*unshare, "true"]).returncode:
        pytest.skip("needs root, for a file tree of the device's own")
    folder = tmp_path / "yard"
    programs = folder / "home" / "bin"
    programs.mkdir(parents=True)
    # test(1) tells `service install` what the service's user may reach, which is not root's Python.
    for name, text in (
        ("systemctl", SYSTEMCTL),
        ("journalctl", "#!/bin/sh\n"),
        ("test", "#!/bin/sh\n"),
    ):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    mounts = f"""
        mount -t tmpfs none /etc/systemd && mkdir -p /etc/systemd/system/multi-user.target.wants
        mount -t tmpfs none /run && mkdir -p /run/sshd /run/systemd/system
        mount --bind {folder}/home /srv
        exec "$@"
    """
    port = free_port()
    server = start_sshd(
        folder, port, fleet.folder / "key.pub",
        within=[*unshare, "sh", "-ec", mounts, "sh"],
        PATH=f"/srv/bin:{os.environ['PATH']}",
    )  # fmt: skip
    public = (folder / "host_key.pub").read_text().split()[:2]
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {' '.join(public)}\n")
    inventory = json.loads((fleet.folder / "hosts.yml").read_text())
    inventory["all"]["vars"]["ansible_ssh_common_args"] = (
        f"-o UserKnownHostsFile={folder}/known_hosts -o IdentitiesOnly=yes"
    )
    inventory["all"]["hosts"] = {
        "yard": {
            "ansible_port": port,
            # Not below /tmp, which a service has its own of.
            "edgetl_home": "/srv/edgetl",
            "ansible_remote_tmp": "/srv/.ansible",
            "edgetl_service": True,
            "edgetl_service_options": ["--camera", "0", "--run-as", "daemon"],
        }
    }
    (tmp_path / "hosts.yml").write_text(json.dumps(inventory))
    yield Yard(tmp_path, Cli(tmp_path), Path(f"/proc/{server.pid}/root"))
    server.terminate()
    server.wait()


@pytest.mark.slow
def test_a_service_that_takes_the_model_over_is_not_restarted(
    yard: Yard, models: tuple[Path, Path]
) -> None:
    first, second = models
    yard.deploy(first)
    (yard.root / "run/systemd/takes-over").touch()
    row = yard.deploy(second)["yard"]
    assert (row["state"], f"{row['model']}.tflite") == ("deployed", named(second))
    assert yard.starts() == [named(first)]
    assert yard.deploy(second)["yard"]["state"] == "unchanged"
    # One that knows nothing of it is restarted.
    (yard.root / "run/systemd/takes-over").unlink()
    yard.deploy(first)
    assert yard.starts() == [named(first), named(first)]


@pytest.mark.slow
def test_serve_is_installed_by_the_same_option(yard: Yard, models: tuple[Path, Path]) -> None:
    service = "serve --preview 127.0.0.1:0 --run-as daemon"
    assert yard.deploy(models[0], "--service", service)["yard"]["state"] == "deployed"
    unit = yard.unit.read_text()
    assert '"serve" "--model=/srv/edgetl/model.tflite" "--preview=127.0.0.1:0"' in unit
    assert yard.starts() == [named(models[0])]


@pytest.mark.slow
def test_after_an_interrupted_run_the_service_is_restarted(
    yard: Yard, models: tuple[Path, Path]
) -> None:
    first, second = models
    assert yard.deploy(first)["yard"]["state"] == "deployed"
    before = yard.tree("yard")
    assert yard.deploy(first)["yard"]["state"] == "unchanged"
    assert yard.tree("yard") == before
    assert yard.starts() == [named(first)]

    yard.interrupt("Switch model.tflite", second)
    assert yard.linked("yard") == named(second)
    assert yard.starts() == [named(first)]
    assert yard.deploy(second)["yard"]["state"] == "deployed"
    assert yard.starts() == [named(first), named(second)]
    assert yard.deploy(second)["yard"]["state"] == "unchanged"
    assert len(yard.starts()) == 2

    yard.let("yard", edgetl_pip_arguments=["--no-deps", "--ignore-installed", "--no-compile"])
    yard.interrupt("Write a receipt of what was installed", second)
    assert len(yard.starts()) == 2
    assert yard.deploy(second)["yard"]["state"] == "deployed"
    assert len(yard.starts()) == 3
    assert yard.deploy(second)["yard"]["state"] == "unchanged"


@pytest.mark.slow
def test_an_error_after_the_service_runs_leaves_the_service_before(
    yard: Yard, models: tuple[Path, Path]
) -> None:
    first, second = models
    yard.deploy(first)
    unit = yard.unit.read_text()
    (yard.home("yard") / "edgetl" / "previous.tflite" / "x").mkdir(parents=True)
    result = yard.deploy(second, check=1)["yard"]
    assert result["state"] == "rolled back"
    assert "previous.tflite" in result["why"]
    assert yard.linked("yard") == named(first)
    assert yard.unit.read_text() == unit
    assert yard.starts()[-1] == named(first)
    assert not list(yard.unit.parent.glob("*.before"))
    assert yard.deploy(first)["yard"]["state"] == "unchanged"


@pytest.mark.slow
def test_options_that_a_first_service_cannot_have_roll_nothing_back(
    yard: Yard, models: tuple[Path, Path]
) -> None:
    yard.let("yard", edgetl_service=False)
    yard.deploy(models[0])
    # From an inventory: the options of --service are checked before they are sent.
    options = ["--camera", "0", "--window", "--run-as", "daemon"]
    yard.let("yard", edgetl_service=True, edgetl_service_options=options)
    result = yard.deploy(models[0], check=1)["yard"]
    assert result["state"] == "failed"
    assert "a service has no screen" in result["why"]
    assert yard.linked("yard") == named(models[0])
    assert not yard.unit.exists()


@pytest.mark.slow
def test_options_that_look_like_templates_come_as_they_are(
    yard: Yard, models: tuple[Path, Path]
) -> None:
    camera = "http://127.0.0.1:9/{{1+1}}{#"
    yard.deploy(models[0], "--service", f"--camera '{camera}' --run-as daemon")
    assert camera in yard.unit.read_text()


@pytest.mark.slow
def test_what_is_shown_of_a_deployment_holds_no_password(
    yard: Yard, models: tuple[Path, Path]
) -> None:
    arguments = ["deploy", models[0], "yard", "--inventory", yard.folder / "hosts.yml"]
    camera = "http://boss:geheim8x@127.0.0.1:9/live?token=geheim9y"
    service = f"--camera '{camera}' --run-as "
    for user, status in (("root", 1), ("daemon", 0)):
        done = yard.cli(*arguments, "--service", service + user, check=status, EDGETL_DEBUG="1")
        assert "PLAY RECAP" in done.stdout + done.stderr
        assert "geheim" not in done.stdout + done.stderr
    assert camera in yard.unit.read_text()
    assert yard.unit.stat().st_mode & 0o777 == 0o600
