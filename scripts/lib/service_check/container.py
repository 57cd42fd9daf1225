"""Debian in a folder, and systemd in it while it is booted."""

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lib.checks import require, wait_until
from lib.commands import CheckError, run_logged
from lib.environments import MIRROR, copy_certificate, network_variables

# What Raspberry Pi OS Lite has and a minimal Debian has not, and README's step 3 installs.
PACKAGES = (
    "ca-certificates", "dbus", "procps", "systemd", "systemd-sysv",
    "python3", "python3-venv", "libgl1", "libglib2.0-0", "openssh-server", "sudo",
)  # fmt: skip

# Where a service's user may read: not in root's home.
EDGETL = "/opt/edgetl/bin/edgetl"

USER = "pi"

MODEL = f"/home/{USER}/model.tflite"

UNIT = "edgetl.service"

OUTPUT_UNIT = "edgetl-output.service"

# What `service install serve` names it.
SERVE_UNIT = "edgetl-serve.service"

# The unit's own, and what a busy machine may add.
WATCHDOG, RESTART, STOP = 30.0, 10.0, 20.0

SLOW = 30.0


def need_tools() -> None:
    if sys.platform != "linux" or os.geteuid() != 0:
        sys.exit("service-check: systemd-nspawn and debootstrap need Linux and root; use sudo")
    tools = {
        "debootstrap": "debootstrap",
        "systemd-nspawn": "systemd-container",
        "nsenter": "util-linux",
        "ssh-keyscan": "openssh-client",
    }
    missing = [package for tool, package in tools.items() if not shutil.which(tool)]
    if missing:
        sys.exit(f"service-check: install what is missing with: apt install {' '.join(missing)}")


class Container:
    """Debian in a folder, and systemd in it while it is booted."""

    def __init__(self, cache: Path) -> None:
        self.cache = cache
        self.tree = cache / "tree"
        self.log = cache / "commands.log"
        self._nspawn: subprocess.Popen[bytes]

    def build(self) -> None:
        # A tree of an earlier version may lack packages.
        if not (self.tree / "usr/sbin/sshd").exists():
            shutil.rmtree(self.tree, ignore_errors=True)
            part = self.cache / "tree.part"
            shutil.rmtree(part, ignore_errors=True)
            run_logged(
                self.log,
                ["debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}",
                 "bookworm", part, MIRROR],
            )  # fmt: skip
            part.rename(self.tree)
        # What an earlier check may have left when it was ended.
        for path in self.tree.glob("etc/systemd/system/**/edgetl*"):
            path.unlink()
        for folder in ("var/log/journal", "etc/edgetl", f"home/{USER}", "opt/edgetl", "srv"):
            shutil.rmtree(self.tree / folder, ignore_errors=True)
        if f"\n{USER}:" not in (self.tree / "etc/passwd").read_text():
            self.in_tree("useradd", "--shell", "/bin/sh", USER)
        self.in_tree("install", "-d", "-o", USER, "-g", USER, f"/home/{USER}")

    def in_tree(self, *command: str | Path) -> str:
        """What a command prints that runs in the tree while nothing is booted there."""
        copy_certificate(self.tree / "root/ca.pem")
        settings = network_variables(certificate="/root/ca.pem")
        pairs = [f"--setenv={name}={value}" for name, value in settings.items()]
        return run_logged(self.log, [*self._start(), "--pipe", *pairs, *command])

    @contextmanager
    def booted(self) -> Iterator[None]:
        (self.cache / "boot.log").unlink(missing_ok=True)
        try:
            self._boot()
            yield
        finally:
            with contextlib.suppress(CheckError):
                units = [f"--unit={unit}" for unit in (UNIT, OUTPUT_UNIT, SERVE_UNIT)]
                journal = ["journalctl", "--no-pager", *units]
                (self.cache / "journal.log").write_text(self.run(*journal))
            # It has its init switch off in good order.
            self._nspawn.terminate()
            self._wait_for_its_end()

    def boot_again(self) -> None:
        """As `reboot` does, typed in the container."""
        self.run("systemctl", "reboot")
        # What --keep-unit leaves to the unit, with RestartForceExitStatus=133.
        status = self._wait_for_its_end()
        require(f"status {status} of systemd-nspawn asks for a boot", status == 133)
        self._boot()

    def _boot(self) -> None:
        with (self.cache / "boot.log").open("ab") as output:
            self._nspawn = subprocess.Popen(
                [*self._start(), "--boot", "--console=read-only"],
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
            )  # fmt: skip
        wait_until("systemd answers in the container", self._answers, SLOW)

    def _answers(self) -> bool:
        try:
            self.run("systemctl", "show", "--property=Version")
        except CheckError:
            return False
        return True

    def _wait_for_its_end(self) -> int:
        try:
            return self._nspawn.wait(60)
        except subprocess.TimeoutExpired:
            self._nspawn.kill()
            return self._nspawn.wait()

    def leader(self) -> str:
        """The number of its first process on this machine.

        Raises:
            CheckError: there is none just now.
        """
        number = self._nspawn.pid
        try:
            children = Path(f"/proc/{number}/task/{number}/children").read_text().split()
        except OSError:
            children = []
        if not children:
            raise CheckError("the container does not run")
        return children[0]

    def run(self, *command: str | Path, status: int = 0) -> str:
        """What a command prints in the booted system."""
        settings = ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8"]
        inside = ["nsenter", "-t", self.leader(), "-m", "-u", "-i", "-p", "--wd=/", "--"]
        clean = ["/usr/bin/env", "-i", *settings]
        return run_logged(self.log, [*inside, *clean, *command], status=status, timeout=120)

    def edgetl(self, *arguments: str | Path, status: int = 0) -> str:
        return self.run(EDGETL, *arguments, status=status)

    def facts(self, unit: str = UNIT) -> dict[str, str]:
        """What `systemctl show` knows of a service."""
        lines = self.run("systemctl", "show", unit).splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line)

    def journal(self, unit: str = UNIT) -> str:
        """This boot's lines of a service and of systemd about it."""
        return self.run("journalctl", "--boot", "--no-pager", "--output=cat", f"--unit={unit}")

    def _start(self) -> list[str | Path]:
        # Neither a unit nor a machine's name is asked for: there may be no systemd out here.
        return ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "-D", self.tree]
