"""Which interpreter library is taken, and what is said when one is missing or broken."""

import importlib.metadata
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from edgetl.edge.errors import EdgetlError, SettingError
from edgetl.edge.model.runtime import (
    Runtime,
    choose_runtime,
    default_threads,
    installed_runtimes,
)
from tests.conftest import Cli, assert_one_clear_line, colour_picture
from tests.third_party import LABELS

BOTH = {"litert": "ai_edge_litert", "tflite-runtime": "tflite_runtime"}


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> object:
    """A function that makes Python packages look as if they were not installed."""
    find_spec = importlib.util.find_spec

    def hide(*modules: str) -> None:
        monkeypatch.setattr(
            importlib.util,
            "find_spec",
            lambda name, *rest: None if name in modules else find_spec(name, *rest),
        )

    return hide


def test_the_installed_runtimes_are_listed_with_their_versions() -> None:
    listed = {runtime.name: runtime.version for runtime in installed_runtimes()}
    for name, module in BOTH.items():
        if importlib.util.find_spec(module):
            assert listed[name] == importlib.metadata.version(module.replace("_", "-"))
        else:
            assert name not in listed


@pytest.mark.skipif(not importlib.util.find_spec("ai_edge_litert"), reason="LiteRT not installed")
def test_auto_takes_litert_where_it_is() -> None:
    assert choose_runtime().name == "litert"


@pytest.mark.skipif(not importlib.util.find_spec("tflite_runtime"), reason="not installed")
def test_auto_takes_tflite_runtime_where_litert_is_not(without) -> None:
    without("ai_edge_litert")
    assert choose_runtime("auto").name == "tflite-runtime"


@pytest.mark.parametrize(("name", "module"), BOTH.items())
def test_a_runtime_that_is_not_installed_says_how_to_install_it(
    without, name: str, module: str
) -> None:
    without(module)
    with pytest.raises(EdgetlError, match=f"pip install {module.replace('_', '-')}"):
        choose_runtime(name)


def test_no_runtime_at_all_says_what_to_install(without) -> None:
    without(*BOTH.values())
    with pytest.raises(EdgetlError, match="pip install edgetl"):
        choose_runtime("auto")


def test_an_unknown_runtime_lists_the_known_ones() -> None:
    with pytest.raises(SettingError, match="'onnx' is not one of auto, litert, tflite-runtime"):
        choose_runtime("onnx")


@pytest.mark.parametrize("code", ["", "raise ImportError('libfoo.so.3: no such file')"])
def test_a_build_that_does_not_say_its_version_is_still_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    package = tmp_path / "unnamed_build"
    package.mkdir()
    (package / "__init__.py").write_text(code)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, package.name, raising=False)
    found = Runtime("litert", package.name, "ai-edge-litert")
    assert found.version == "(unknown version)"


def test_a_runtime_that_does_not_load_is_one_clear_line(
    third_party_models: Path, labels_file: Path, tmp_path: Path, cli: Cli
) -> None:
    package = tmp_path / "broken" / "ai_edge_litert"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "interpreter.py").write_text("raise ImportError('libfoo.so.3: no such file')")
    colour_picture((200, 0, 0), 1, (20, 20)).save(tmp_path / "a.jpg")
    result = cli(
        "classify", "a.jpg", "--model", third_party_models / "uint8.tflite",
        "--labels", labels_file, "--runtime", "litert", check=2, PYTHONPATH=str(package.parent),
    )  # fmt: skip
    assert_one_clear_line(result, "litert", "libfoo.so.3", "choose another runtime")


@pytest.mark.skipif(not importlib.util.find_spec("tflite_runtime"), reason="not installed")
def test_tflite_runtime_beside_tensorflow_is_refused_instead_of_crashing(
    third_party_models: Path,
) -> None:
    code = (
        "import sys, types; sys.modules['tensorflow'] = types.ModuleType('tensorflow')\n"
        "from edgetl.edge import Classifier, EdgetlError\n"
        "try:\n"
        f"    Classifier(sys.argv[1], labels={LABELS}, runtime='tflite-runtime')\n"
        "except EdgetlError as error:\n"
        "    print(error)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, third_party_models / "uint8.tflite"],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert "process that has loaded TensorFlow" in result.stdout


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no CPU affinity here")
def test_threads_default_to_the_cores_this_process_may_use() -> None:
    allowed = os.sched_getaffinity(0)
    assert default_threads() == min(4, len(allowed))
    os.sched_setaffinity(0, {min(allowed)})
    try:
        assert default_threads() == 1
    finally:
        os.sched_setaffinity(0, allowed)
