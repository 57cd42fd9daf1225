"""What the extras of pyproject.toml bring, and whether it is installed.

Nothing is imported to find out: TensorFlow alone takes seconds.
"""

import importlib.util

from edgetl.edge.errors import MissingExtraError

# Of each extra the packages that edgetl itself imports, by their names on PyPI and in Python.
_PACKAGES = {
    "preview": {"starlette": "starlette", "uvicorn": "uvicorn"},
    "heic": {"pi-heif": "pi_heif"},
    "mqtt": {"paho-mqtt": "paho"},
    "train": {
        "tensorflow": "tensorflow",
        "keras": "keras",
        "matplotlib": "matplotlib",
        "jinja2": "jinja2",
    },
    "tensorboard": {"tensorboard": "tensorboard"},
    "deploy": {"ansible-core": "ansible"},
}


def extras() -> dict[str, bool]:
    """Every extra, and whether all of it is installed."""
    return {extra: all(map(_installed, packages.values())) for extra, packages in _PACKAGES.items()}


def need_extra(extra: str, *, needs: str) -> None:
    """See that an extra is installed.

    Args:
        extra: its name in pyproject.toml.
        needs: what it is needed for, as the message begins.

    Raises:
        MissingExtraError: a package of it is missing; the message says how to install it.
    """
    for package in _PACKAGES[extra]:
        need_package(package, needs=needs)


def need_package(package: str, *, needs: str) -> None:
    """See that one package of an extra is installed; see `need_extra`.

    Raises:
        MissingExtraError: it is missing; the message says how to install its extra.
    """
    ((extra, module),) = (
        (extra, packages[package]) for extra, packages in _PACKAGES.items() if package in packages
    )
    if not _installed(module):
        raise MissingExtraError(needs=needs, package=package, extra=extra)


def _installed(module: str) -> bool:
    return importlib.util.find_spec(module) is not None
