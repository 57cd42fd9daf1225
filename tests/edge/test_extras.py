import importlib.metadata
import re
import sys
import tomllib
from pathlib import Path

import pytest

from edgetl.edge.errors import EdgetlError, MissingExtraError
from edgetl.edge.system.extras import _MODULES, _PACKAGES, extras, need_extra, need_package

PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"


def test_the_packages_are_those_of_pyproject() -> None:
    declared = tomllib.loads(PYPROJECT.read_text())["project"]["optional-dependencies"]
    del declared["dev"]
    names = {
        extra: {re.match(r"[\w-]+", requirement)[0] for requirement in requirements} - {"edgetl"}
        for extra, requirements in declared.items()
    }
    assert {extra: set(packages) for extra, packages in _PACKAGES.items()} == names


@pytest.mark.parametrize("extra", _PACKAGES)
def test_a_missing_package_is_said_with_the_line_that_installs_it(
    extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for package in _PACKAGES[extra]:
        with monkeypatch.context() as without:
            without.setitem(sys.modules, _MODULES.get(package, package), None)
            assert extras()[extra] is False
            words = rf"^this needs .* {package}, .*: pip install 'edgetl\[{extra}\]'$"
            with pytest.raises(MissingExtraError, match=words):
                need_extra(extra, needs="this")
            with pytest.raises(MissingExtraError, match=words):
                need_package(package, needs="this")


def test_a_32_bit_system_is_told_to_use_another_computer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "maxsize", 2**31 - 1)
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    with pytest.raises(EdgetlError, match=r"edgetl train .* tensorflow, .*64-bit computer"):
        need_extra("train", needs="edgetl train")
    monkeypatch.setitem(sys.modules, "paho", None)
    with pytest.raises(MissingExtraError, match="pip install"):
        need_extra("mqtt", needs="--mqtt")


def test_what_is_installed_is_not_missing() -> None:
    for extra, packages in _PACKAGES.items():
        there = True
        for package in packages:
            try:
                importlib.metadata.version(package)
            except importlib.metadata.PackageNotFoundError:
                there = False
        assert extras()[extra] is there
        if there:
            need_extra(extra, needs="this")
