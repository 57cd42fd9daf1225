"""The sdist and the wheel: built twice, their contents, and their requirements on each platform."""

import email
import re
import subprocess
import sys
import tarfile
import zipfile
from fnmatch import fnmatch
from importlib.util import find_spec
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import edgetl

ROOT = Path(__file__).parents[2]
if not (ROOT / "edge").is_dir():
    pytest.skip("there is no source here", allow_module_level=True)

IN_THE_WHEEL = (
    "edgetl/*.py", "edgetl/edge/*.py", "edgetl/edge/*.html", "edgetl/edge/*.css",
    "edgetl/edge/*.js",
    "edgetl/py.typed", "edgetl/edge/py.typed", "edgetl/trainer/*.css", "edgetl/trainer/*.html.j2",
    "edgetl/benchmarks/*.html.j2",
    "edgetl/trainer/*.py", "edgetl/benchmarks/*.py", "edgetl/deploy/*.py",
    "edgetl/deploy/playbook.yml", "edgetl/deploy/callback_plugins/*.py",
    "edgetl/deploy/roles/edgetl/*", "edgetl/trainer/weights/NOTICE",
    "edgetl/trainer/weights/*.weights.h5",
    "edgetl-*.dist-info/METADATA", "edgetl-*.dist-info/RECORD", "edgetl-*.dist-info/WHEEL",
    "edgetl-*.dist-info/entry_points.txt", "edgetl-*.dist-info/licenses/LICENSE",
    "edgetl-*.dist-info/licenses/trainer/weights/NOTICE",
)  # fmt: skip
# Pages are made from these.
TEMPLATES = ("edgetl/*.html", "edgetl/*.css", "edgetl/*.js", "edgetl/*.jinja")
NEEDED_IN_THE_SDIST = (
    "pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "PKG-INFO", ".ci/run",
    "hatch_build.py", "edgetl/__init__.py", "edge/model/classifier.py", "trainer/weights/NOTICE",
    "docs/sinks.md", "docs/images/samples.png",
    "scripts/pi-check", "scripts/lib/checks.py", "CONTRIBUTING.md",
    "tests/conftest.py", "tests/end_to_end/test_package.py",
)  # fmt: skip


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Path]]:
    """Two builds: {"sdist": PATH, "wheel": PATH} each."""
    for module in ("hatchling", "hatch_fancy_pypi_readme"):
        if find_spec(module) is None:
            pytest.skip(f"{module} is not installed")
    builds = []
    for _ in range(2):
        folder = tmp_path_factory.mktemp("dist")
        subprocess.run(
            [sys.executable, "-m", "hatchling", "build", "-d", folder],
            cwd=ROOT,
            check=True,
            capture_output=True,
        )
        (wheel,), (sdist,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
        builds.append({"wheel": wheel, "sdist": sdist})
    return builds


def wheel_names(built: list[dict[str, Path]]) -> list[str]:
    with zipfile.ZipFile(built[0]["wheel"]) as archive:
        return archive.namelist()


def metadata(built: list[dict[str, Path]]) -> email.message.Message:
    with zipfile.ZipFile(built[0]["wheel"]) as archive:
        (name,) = (n for n in archive.namelist() if n.endswith("dist-info/METADATA"))
        return email.message_from_bytes(archive.read(name))


@pytest.mark.parametrize("kind", ["wheel", "sdist"])
def test_two_builds_are_the_same_bytes(built: list[dict[str, Path]], kind: str) -> None:
    assert built[0][kind].read_bytes() == built[1][kind].read_bytes()
    assert built[0][kind].name == built[1][kind].name


def test_the_wheel_has_what_it_should_and_no_more(built: list[dict[str, Path]]) -> None:
    names = wheel_names(built)
    assert [n for n in names if not any(fnmatch(n, p) for p in (*IN_THE_WHEEL, *TEMPLATES))] == []
    assert [p for p in IN_THE_WHEEL if not any(fnmatch(n, p) for n in names)] == []
    tracked = subprocess.run(
        ["git", "ls-files", "edge", "trainer", "benchmarks", "deploy"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    ours = {f"edgetl/{name}" for name in tracked.stdout.splitlines() if "/dev/" not in name}
    assert ours <= set(names)
    assert not [name for name in names if "benchmarks/dev" in name]


def test_the_wheel_puts_one_name_into_site_packages(
    built: list[dict[str, Path]],
) -> None:
    # PyPI has distributions that bring a package `trainer`, `edge` or `deploy` of their own.
    assert {name.partition("/")[0].partition("-")[0] for name in wheel_names(built)} == {"edgetl"}


def test_the_sdist_has_all_that_builds_and_tests_need(built: list[dict[str, Path]]) -> None:
    with tarfile.open(built[0]["sdist"]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert set(NEEDED_IN_THE_SDIST) - names == set()
    assert not [n for n in names if "__pycache__" in n or n.startswith((".venv", "edgetl-demo"))]


def test_metadata_is_complete_and_its_links_work_on_a_package_index(
    built: list[dict[str, Path]],
) -> None:
    found = metadata(built)
    assert found["Version"] == edgetl.__version__
    assert found["License-Expression"] == "Apache-2.0"
    assert set(found.get_all("License-File", [])) == {"LICENSE", "trainer/weights/NOTICE"}
    assert found["Requires-Python"] == ">=3.11"
    assert found["Description-Content-Type"] == "text/markdown"
    text = str(found.get_payload())
    assert "## From photos to Pi" in text
    assert not re.search(r"\]\((?!https?://)", text)
    assert "docs/measurements.md" in text


def test_twine_finds_nothing_wrong(built: list[dict[str, Path]]) -> None:
    if find_spec("twine") is None:
        pytest.skip("twine is not installed")
    done = subprocess.run(
        [sys.executable, "-m", "twine", "check", "--strict", *built[0].values()],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("machine", "python", "runtimes", "opencv"),
    [
        ("x86_64", "3.11", {"ai-edge-litert", "tflite-runtime"}, True),
        ("aarch64", "3.11", {"ai-edge-litert", "tflite-runtime"}, True),
        ("aarch64", "3.13", {"ai-edge-litert"}, True),
        ("x86_64", "3.12", {"ai-edge-litert"}, True),
        ("armv7l", "3.11", {"tflite-runtime"}, False),
        ("armv8l", "3.11", {"tflite-runtime"}, False),  # linux32 under a 64-bit kernel
    ],
)
def test_each_platform_requires_what_there_is_for_it(
    built: list[dict[str, Path]], machine: str, python: str, runtimes: set[str], opencv: bool
) -> None:
    where = {"platform_machine": machine, "python_version": python, "sys_platform": "linux"}
    requirements = [Requirement(text) for text in metadata(built).get_all("Requires-Dist", [])]
    asked = [r for r in requirements if not r.marker or r.marker.evaluate({**where, "extra": ""})]
    names = [r.name for r in asked]
    assert set(names) & {"ai-edge-litert", "tflite-runtime"} == runtimes
    assert ("opencv-python" in names) == opencv
    (numpy,) = (r for r in asked if r.name == "numpy")
    (pillow,) = (r for r in asked if r.name == "pillow")
    # Debian 12's.
    assert numpy.specifier.contains("1.24.2") == pillow.specifier.contains("9.4.0") == (not opencv)
