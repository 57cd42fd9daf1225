"""What the extras of pyproject.toml bring, and whether it is installed.

Nothing is imported to find out: TensorFlow alone takes seconds.
"""

import importlib.util
import sys

from edgetl.edge.errors import EdgetlError, MissingExtraError

# Of each extra the packages that edgetl itself imports.
_PACKAGES = {
    "preview": ("starlette", "uvicorn"),
    "heic": ("pi-heif",),
    "mqtt": ("paho-mqtt",),
    "gpio": ("gpiozero", "lgpio"),
    "train": ("tensorflow", "keras", "matplotlib", "jinja2", "filelock", "scipy"),
    "tensorboard": ("tensorboard",),
    "deploy": ("ansible-core",),
    "shards": ("pyarrow", "fsspec"),
    "ray": ("ray",),
}
# Those that PyPI has for 64-bit systems only.
_ONLY_64_BIT = {"tensorflow", "pyarrow", "ray"}
# Those that have another name in Python.
_MODULES = {"pi-heif": "pi_heif", "paho-mqtt": "paho", "ansible-core": "ansible"}


def extras() -> dict[str, bool]:
    """Every extra, and whether all of it is installed."""
    return {extra: all(map(_installed, packages)) for extra, packages in _PACKAGES.items()}


def need_extra(extra: str, *, needs: str) -> None:
    """See that an extra is installed.

    Args:
        extra: its name in pyproject.toml.
        needs: what it is needed for, as the message begins.

    Raises:
        MissingExtraError: a package of it is missing; the message says how to install it.
        EdgetlError: one is missing, and this is a 32-bit system, for which there is none.
    """
    for package in _PACKAGES[extra]:
        need_package(package, needs=needs)


def need_package(package: str, *, needs: str) -> None:
    """See that one package of an extra is installed; see `need_extra`.

    Raises:
        MissingExtraError: it is missing; the message says how to install its extra.
        EdgetlError: it is missing, and this is a 32-bit system, for which there is none.
    """
    if not _installed(package):
        if package in _ONLY_64_BIT and sys.maxsize < 2**32:
            raise EdgetlError(
                f"{needs} needs the Python package {package}, which there is for 64-bit systems "
                f"only; do it on a 64-bit computer"
            )
        (extra,) = (extra for extra, packages in _PACKAGES.items() if package in packages)
        raise MissingExtraError(needs=needs, package=package, extra=extra)


def _installed(package: str) -> bool:
    return importlib.util.find_spec(_MODULES.get(package, package)) is not None
