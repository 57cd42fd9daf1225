"""One of the systems, emulated on this machine."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lib.commands import run_logged
from lib.environments import MIRROR, copy_certificate, network_variables
from lib.pi_check.host import Host
from lib.pi_check.systems import Processor, System
from lib.readme import pi_install

# What Raspberry Pi OS Lite has and a minimal Debian has not, of what matters here.
AS_LITE = ("ca-certificates", "python3")
WORK = "/root/pi-check"
EDGETL = "/root/edgetl/bin/edgetl"
PIP = "/root/edgetl/bin/pip"
PYTHON = "/root/edgetl/bin/python"


class Device:
    """An emulated system: a tree of files, in which commands run on a Pi's processor."""

    def __init__(self, system: System, folder: Path, host: Host, *, quick: bool) -> None:
        self.system, self.folder, self.host, self.quick = system, folder, host, quick
        self.tree = folder / "tree"
        self.log = folder / "commands.log"

    def run(self, command: Sequence[str], *, on: Processor | None = None, **options: Any) -> str:
        return run_logged(self.log, self.chrooted(command, on=on), **options)

    def chrooted(self, command: Sequence[str], *, on: Processor | None = None) -> list[str | Path]:
        processor = on or self.system.processors[0]
        settings = {
            "QEMU_CPU": processor.qemu,
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": "/root", "LANG": "C.UTF-8", "NO_COLOR": "1",
            "DEBIAN_FRONTEND": "noninteractive",
            **network_variables(certificate=f"{WORK}/ca.pem"),
        }  # fmt: skip
        # Mounts of a namespace of their own end with the command.
        script = (
            'cd "$0" && mount -t proc proc proc && mount -t tmpfs tmpfs dev/shm && '
            "mount -t tmpfs tmpfs sys && mkdir -p sys/devices/system/cpu && "
            "for file in possible present; do echo $1 > sys/devices/system/cpu/$file; done && "
            'printf %s "$2" > sys/cpuinfo && mount --bind sys/cpuinfo proc/cpuinfo && '
            'shift 2 && exec chroot "$0" "$@"'
        )
        cores = os.cpu_count() or 1
        told = [f"0-{cores - 1}", processor.cpuinfo(cores=cores)]
        pairs = [f"{name}={value}" for name, value in settings.items()]
        begin = ["unshare", "--mount", "sh", "-c", script, self.tree, *told]
        return [*begin, "/usr/bin/env", "-i", f"--chdir={WORK}", *pairs, *command]

    def edgetl(self, *arguments: str | Path, **options: Any) -> str:
        """What the installed command prints; it finds this machine's material in the tree."""
        return self.run([EDGETL, *map(self.inside, arguments)], **options)

    def inside(self, argument: str | Path) -> str:
        return str(argument).replace(str(self.host.material), f"{WORK}/material")

    def in_tree(self, argument: str | Path) -> Path:
        """Where on this machine a file lies that is `inside(argument)` on the device."""
        return self.tree / self.inside(argument).lstrip("/")

    def build(self) -> str:
        if not self.tree.is_dir():
            part = self.folder / "tree.part"
            shutil.rmtree(part, ignore_errors=True)
            system = self.system
            run_logged(
                self.folder / "debootstrap.log",
                ["debootstrap", "--variant=minbase", f"--arch={system.architecture}",
                 f"--include={','.join(AS_LITE)}", system.suite, part, MIRROR],
            )  # fmt: skip
            part.rename(self.tree)
        work = self.in_tree(WORK)
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        shutil.copytree(self.host.material, work / "material")
        shutil.copy(self.host.wheel, work)
        copy_certificate(work / "ca.pem")
        shutil.copy("/etc/resolv.conf", self.tree / "etc/resolv.conf")
        (self.tree / "dev/shm").mkdir(exist_ok=True)
        machine = self.run(["uname", "-m"]).strip()
        bits = self.run(["getconf", "LONG_BIT"]).strip()
        release = (self.tree / "etc/debian_version").read_text().strip()
        return f"Debian {release} {self.system.architecture}, uname {machine}, {bits} bit"

    def install(self) -> str:
        wheel = f"{WORK}/{self.host.wheel.name}"
        if self.quick and self.in_tree(EDGETL).exists():
            again = ["--force-reinstall", "--no-deps"]
            self.run([PIP, "install", *again, wheel])
            return "the wheel installed again"
        shutil.rmtree(self.tree / "root/edgetl", ignore_errors=True)
        self.run(["apt-get", "update"])
        typed = pi_install(is_32_bit=self.system.is_32_bit)
        for line in typed:
            command = line.replace("sudo ", "").replace("apt install", "apt-get install -y")
            command = command.replace("pip install .", f"pip install '{wheel}[preview]'")
            self.run(["sh", "-c", command])
        return f"{len(typed)} lines"
