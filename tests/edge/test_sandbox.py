"""The sandboxed load check of third-party models, and what its subprocess does not survive."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from edgetl.edge import Classifier
from edgetl.edge.errors import EdgetlError, ModelFileError
from edgetl.edge.model.model_file import read_model_file
from edgetl.edge.model.runtime import choose_runtime
from edgetl.edge.model.verify import sandbox
from edgetl.edge.model.verify.sandbox import load_check
from tests.conftest import Cli, assert_one_clear_line, colour_picture
from tests.third_party import LABELS

litert = pytest.importorskip("ai_edge_litert")


@pytest.fixture
def runtime_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A function that puts a LiteRT whose interpreter runs some code before the real one."""

    def install(code: str) -> Path:
        package = tmp_path / "other" / "ai_edge_litert"
        package.mkdir(parents=True)
        (package / "__init__.py").touch()
        (package / "interpreter.py").write_text(
            "import os, signal, sys, time\n"
            "class Interpreter:\n"
            "    def __init__(self, **_):\n"
            f"        {code}\n"
        )
        monkeypatch.syspath_prepend(package.parent)
        return package.parent

    return install


def refusal(model: Path) -> str:
    with pytest.raises(EdgetlError) as caught:
        load_check(read_model_file(model, labels=LABELS), choose_runtime("litert"), threads=1)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


def test_a_genuine_model_passes(third_party_models: Path) -> None:
    for name in ("uint8", "int8", "described", "int8-logits-described"):
        model = read_model_file(third_party_models / f"{name}.tflite", labels=LABELS)
        load_check(model, choose_runtime("litert"), threads=2)


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize("name", ["SIGSEGV", "SIGFPE", "SIGABRT", "SIGKILL"])
def test_a_model_that_crashes_the_interpreter_is_refused(
    third_party_models: Path, runtime_that, name: str
) -> None:
    runtime_that(f"os.kill(os.getpid(), signal.{name})")
    path = third_party_models / "uint8.tflite"
    message = refusal(path)
    assert message.startswith(f"{path}: crashes litert ")
    assert f"({name})" in message
    assert "get the file again" in message


def test_a_model_that_ends_the_process_quietly_is_refused(
    third_party_models: Path, runtime_that
) -> None:
    runtime_that("os._exit(0)")
    assert "crashes litert" in refusal(third_party_models / "uint8.tflite")


def test_a_model_that_never_ends_is_refused(
    third_party_models: Path, runtime_that, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime_that("time.sleep(60)")
    monkeypatch.setattr(sandbox, "SECONDS", 1.0)
    path = third_party_models / "uint8.tflite"
    began = time.monotonic()
    assert refusal(path).startswith(f"{path}: litert ")
    assert time.monotonic() - began < 20


@pytest.mark.parametrize(
    ("code", "words"),
    [
        pytest.param(
            "self.taken = bytearray(10**9)",
            "needs too much memory",
            marks=pytest.mark.skipif(
                not Path("/proc/self/status").exists(), reason="Linux bounds memory"
            ),
        ),
        ("raise MemoryError", "needs too much memory"),
        # What the runtime prints does not come between.
        (
            "os.write(1, b'hello'); raise ValueError('no such operator\\\\nat all')",
            "no such operator",
        ),
    ],
)
def test_a_model_that_the_runtime_fails_on_is_refused(
    third_party_models: Path, runtime_that, code: str, words: str
) -> None:
    runtime_that(code)
    model = read_model_file(third_party_models / "uint8.tflite", labels=LABELS)
    with pytest.raises(RuntimeError, match=words):
        load_check(model, choose_runtime("litert"), threads=1)


def test_an_output_other_than_the_file_says_is_refused(
    third_party_models: Path, tmp_path: Path
) -> None:
    from tensorflow.lite.tools import flatbuffer_utils as tools

    model = tools.convert_bytearray_to_object(
        bytearray((third_party_models / "uint8.tflite").read_bytes())
    )
    graph = model.subgraphs[0]
    graph.tensors[graph.outputs[0]].shape = [1, 4]
    path = tmp_path / "four.tflite"
    path.write_bytes(bytes(tools.convert_object_to_bytearray(model)))
    with pytest.raises(ModelFileError, match=r"four\.tflite: gives output \[1, 3\] of uint8"):
        Classifier(path, labels=["a", "b", "c", "d"])


def test_values_that_are_not_finite_are_refused(third_party_models: Path, tmp_path: Path) -> None:
    content = bytearray((third_party_models / "float32-logits-described.tflite").read_bytes())
    weight = np.float32(3).tobytes()
    assert weight in content
    path = tmp_path / "nan.tflite"
    path.write_bytes(content.replace(weight, np.float32(np.nan).tobytes()))
    with pytest.raises(ModelFileError, match=r"nan\.tflite: gives values that are not finite"):
        Classifier(path)


def test_the_folder_we_are_in_lends_no_modules(
    third_party_models: Path, labels_file: Path, cli: Cli
) -> None:
    for name in ("edge.py", "json.py", "numpy.py", "ai_edge_litert.py"):
        (cli.folder / name).write_text("raise SystemExit('a module of this folder was imported')")
    colour_picture((0, 0, 200), 1, (20, 20)).save(cli.folder / "a.jpg")
    # The command as it is installed; with `python -m` this folder comes first for us, too.
    code = "import sys; sys.path = [p for p in sys.path if p]; from edgetl.cli import main; main()"
    result = subprocess.run(
        [sys.executable, "-P", "-c", code, "classify", "a.jpg", "--model",
         third_party_models / "uint8.tflite", "--labels", labels_file],
        cwd=cli.folder, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert result.stdout.split()[1] == "blue"


def test_a_package_found_by_a_path_of_our_own_is_found_there_too(
    third_party_models: Path, labels_file: Path, tmp_path: Path
) -> None:
    root = Path(__file__).parents[2]
    site = next(path for path in sys.path if path.endswith("site-packages"))
    code = (
        f"import sys; sys.path += [{str(root)!r}, {site!r}]\n"
        "from edgetl.edge import Classifier\n"
        "print(Classifier(sys.argv[1], labels=sys.argv[2]).labels)"
    )
    result = subprocess.run(
        [sys.executable, "-S", "-P", "-c", code, third_party_models / "uint8.tflite", labels_file],
        cwd=tmp_path, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert result.stdout == f"{LABELS}\n", result.stderr


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_a_crash_is_one_clear_line_of_the_command(
    third_party_models: Path, labels_file: Path, cli: Cli, runtime_that
) -> None:
    other = runtime_that("os.kill(os.getpid(), signal.SIGSEGV)")
    colour_picture((0, 0, 200), 1, (20, 20)).save(cli.folder / "a.jpg")
    result = cli(
        "classify", "a.jpg", "--model", third_party_models / "uint8.tflite",
        "--labels", labels_file, "--runtime", "litert", check=2, PYTHONPATH=str(other),
        XDG_CACHE_HOME=str(cli.folder),
    )  # fmt: skip
    assert_one_clear_line(result, "uint8.tflite: crashes litert", "SIGSEGV")
    assert not list(cli.folder.glob("core*"))
