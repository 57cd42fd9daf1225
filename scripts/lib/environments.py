"""Virtual environments, this checkout's wheel, and what pip needs to reach PyPI."""

import os
import shutil
import sys
from pathlib import Path

from lib.commands import ROOT, run_logged

MIRROR = "http://deb.debian.org/debian"
# Those of this machine's variables that pip needs in another system as well.
NETWORK = ("http_proxy", "https_proxy", "no_proxy", "PIP_INDEX_URL", "PIP_DEFAULT_TIMEOUT")


def network_variables(*, certificate: str) -> dict[str, str]:
    """The variables that pip needs in another system.

    Args:
        certificate: where this machine's PIP_CERT is in that system; see `copy_certificate`.
    """
    found = {name: os.environ[name] for name in NETWORK if name in os.environ}
    if "PIP_CERT" in os.environ:
        found["PIP_CERT"] = certificate
    return {"PIP_DISABLE_PIP_VERSION_CHECK": "1", **found}


def copy_certificate(to: Path) -> None:
    if "PIP_CERT" in os.environ:
        shutil.copy(os.environ["PIP_CERT"], to)


def make_environment(folder: Path, log: Path, *, python: str | Path = sys.executable) -> Path:
    """The folder of a virtual environment's commands; one that is there is kept."""
    if not (folder / "bin/pip").exists():
        run_logged(log, [python, "-m", "venv", folder])
    return folder / "bin"


def build_wheel(cache: Path, log: Path) -> Path:
    """The wheel of this checkout, in cache/dist."""
    tools, folder = make_environment(cache / "tools", log), cache / "dist"
    shutil.rmtree(folder, ignore_errors=True)
    run_logged(log, [tools / "pip", "wheel", "--no-deps", "--wheel-dir", folder, ROOT])
    (wheel,) = folder.glob("*.whl")
    return wheel


def install_tool(cache: Path, package: str, log: Path, *, command: str = "") -> Path:
    """A command from PyPI, named as its package if not otherwise, installed once."""
    tools = make_environment(cache / "tools", log)
    path = tools / (command or package)
    if not path.exists():
        run_logged(log, [tools / "pip", "install", package])
    return path


def install_with_training(
    folder: Path,
    wheel: Path,
    log: Path,
    *,
    python: str | Path = sys.executable,
    quick: bool = False,
) -> Path:
    """This machine's `edgetl` with [train], in an environment of its own.

    Args:
        folder: of the environment.
        wheel: what is installed.
        log: for the commands' output.
        python: the interpreter.
        quick: replace only edgetl, where it has been installed before.
    """
    commands = make_environment(folder, log, python=python)
    only = ["--force-reinstall", "--no-deps"] if quick and (commands / "edgetl").exists() else []
    run_logged(log, [commands / "pip", "install", *only, f"{wheel}[train]"])
    return commands / "edgetl"


def add_dev_tools(python: Path, log: Path, *, source: Path = ROOT) -> None:
    """Put benchmarks/dev into an installed edgetl: the wheel leaves it out, and tests use it.

    Args:
        python: of the environment in which edgetl is installed.
        log: for the command's output.
        source: the checkout, or an unpacked sdist.
    """
    # -P: a checkout in the working folder is not what is installed.
    where = "import edgetl.benchmarks; print(edgetl.benchmarks.__path__[0])"
    installed = Path(run_logged(log, [python, "-P", "-c", where]).strip())
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(source / "benchmarks/dev", installed / "dev", ignore=ignored)


def find_python(version: str) -> Path | None:
    """pythonX.Y on the PATH or under ~/.pyenv."""
    found = shutil.which(f"python{version}")
    # A pyenv shim is on the PATH for versions that it does not run.
    if found and ".pyenv/shims" not in found:
        return Path(found)
    candidates = sorted(Path("~/.pyenv/versions").expanduser().glob(f"{version}*/bin/python3"))
    return candidates[-1] if candidates else None


def run_demo(edgetl: Path, folder: Path, log: Path) -> Path:
    """The run that `edgetl demo` makes."""
    shutil.rmtree(folder, ignore_errors=True)
    run_logged(log, [edgetl, "demo", "--out", folder])
    return folder / "runs" / "latest"
