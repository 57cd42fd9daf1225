"""The tools that emulation needs, and Linux told of them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from lib.pi_check.systems import SYSTEMS

BINFMT = Path("/proc/sys/fs/binfmt_misc")


def need_tools() -> None:
    if os.geteuid() != 0:
        sys.exit("pi-check: debootstrap and chroot need root; run it with sudo")
    missing = [name for name in ("debootstrap", "qemu-aarch64-static") if not shutil.which(name)]
    if missing:
        sys.exit("pi-check: install them with: apt install debootstrap qemu-user-static")
    if not (BINFMT / "register").exists():
        subprocess.run(["mount", "-t", "binfmt_misc", "binfmt_misc", BINFMT], check=True)
    for machine in sorted({system.machine for system in SYSTEMS}):
        if not (BINFMT / f"qemu-{machine}").exists():
            # The F among its flags: the kernel keeps qemu open, so that it is found in a chroot.
            lines = Path(f"/usr/lib/binfmt.d/qemu-{machine}.conf").read_text().splitlines()
            (line,) = (text for text in lines if text.startswith(":"))
            (BINFMT / "register").write_text(line)
