"""This version of edgetl as a package for a device."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import edgetl
from edgetl.edge.system.messages import logger

_SECONDS = 600


def own_package(folder: Path) -> str:
    """What pip takes on a device: in a checkout a wheel of it in `folder`, else edgetl==VERSION.

    A checkout that no wheel can be made of is logged: its version may not be on PyPI, or another.
    """
    released = f"edgetl=={edgetl.__version__}"
    checkout = Path(edgetl.__file__).parents[1]
    if not (checkout / "hatch_build.py").is_file():
        return released
    # Without the network where the [dev] extra has brought what builds it.
    own_tools = find_spec("hatchling") and find_spec("hatch_fancy_pypi_readme")
    build = ["hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    pip = ["pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), "."]
    done = subprocess.run(
        [sys.executable, "-P", "-m", *(build if own_tools else pip)],
        cwd=checkout,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        timeout=_SECONDS,
        check=False,
    )
    wheels = sorted(folder.glob("*.whl"))
    if done.returncode or not wheels:
        words = (done.stdout.strip().splitlines() or ["no wheel"])[-1]
        logger.warning(
            f"no wheel can be made of the checkout {checkout} ({words}), so {released} is "
            f"installed; or name one with --package"
        )
        return released
    return str(wheels[0])
