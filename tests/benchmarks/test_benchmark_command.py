"""`edgetl benchmark` as it is typed."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from importlib.metadata import requires
from pathlib import Path

import numpy as np
import pytest

from edgetl.benchmarks.cases import plan
from edgetl.benchmarks.options import BenchmarkOptions
from edgetl.benchmarks.pack import write_pack
from edgetl.benchmarks.pictures import folder_pictures
from edgetl.edge.errors import EdgetlError
from edgetl.trainer.data.scanning import scan
from tests.benchmarks.test_pack import ROW
from tests.conftest import Cli, assert_one_clear_line, write_colour_pictures
from tests.third_party import LABELS

QUICK = ("--rounds", "2", "--runtime", "litert")


@pytest.fixture
def model(tmp_path: Path, tiny_export: bytes) -> Path:
    path = tmp_path / "model.tiny.tflite"
    path.write_bytes(tiny_export)
    return path


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_colour_pictures(tmp_path / "photos", list(LABELS), 3)


def children(pid: int) -> list[int]:
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(status.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if parent == pid:
            found.append(int(status.parent.name))
    return found


@pytest.mark.slow
def test_a_run_is_measured_and_its_pack_gives_the_same_elsewhere(
    cli: Cli, two_class_run: Path
) -> None:
    result = cli("benchmark", two_class_run, *QUICK, "--json", "--pack")
    measured = json.loads(result.stdout)
    keras, float32, int8 = measured["rows"]
    assert (measured["split"], measured["rounds"], len(measured["truth"])) == ("test", 2, 4)
    assert [case["name"] for case in measured["rows"]] == ["Keras", "float32", "int8"]
    assert keras["way"] in ("model(x)", "predict", "tf.function")
    assert keras["ratio"] is None
    assert float32["quality"]["agreement"] == 1.0
    assert float32["quality"]["largest_difference"] < 1e-3
    assert float32["ratio"]["median"] > 0
    assert keras["peak_bytes"] > float32["peak_bytes"] > 10**6
    assert int8["bytes"] == (two_class_run / "exports" / "model.int8.tflite").stat().st_size
    assert measured["failures"] == []
    assert "pack.zip: 4 of 4 pictures, 2 models" in result.stderr
    there = json.loads(cli("benchmark", "pack.zip", *QUICK, "--json").stdout)
    assert there["fingerprint"] == measured["fingerprint"]
    brought, float32_there, int8_there = there["rows"]
    assert brought["elsewhere"] == measured["machine"]["name"]
    assert brought["invoke"]["p50"] == keras["invoke"]["p50"]
    assert brought["quality"] == keras["quality"]
    for here, case in ((float32, float32_there), (int8, int8_there)):
        assert case["quality"] == here["quality"]
        assert case["ratio"] is None


def test_a_device_needs_neither_tensorflow_nor_trainers_heavy_part(
    cli: Cli, model: Path, data: Path
) -> None:
    pictures = folder_pictures(scan(data))
    answers = np.eye(3, dtype=np.float32)[list(pictures.targets)]
    write_pack(cli.folder / "pack.zip", pictures, [model], [ROW], answers, machine="desk")
    result = cli("benchmark", "pack.zip", *QUICK, PYTHONPROFILEIMPORTTIME="1", EDGETL_DEBUG="1")
    assert "| ai_edge_litert." in result.stderr  # the case's process is in it
    of_train = [line for line in requires("edgetl") or () if "extra == 'train'" in line]
    heavy = {re.split(r"[^\w-]", line)[0] for line in of_train} - {"edgetl"}
    assert {"tensorflow", "filelock"} <= heavy
    assert not re.search(rf"\| +({'|'.join(heavy)})\b", result.stderr)
    assert "measured on desk" in " ".join(result.stdout.split())
    assert re.search(r"^ ?tiny litert +100\.0 .* 100\.0 +1\.00", result.stdout, re.MULTILINE)
    code = (
        "import edgetl.benchmarks.process.worker, edgetl.benchmarks.process.tflite_engine, sys\n"
        "print(*sys.modules)"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout
    assert not {"trainer", "tensorflow", "keras"} & set(loaded.split())


def test_the_table_fits_a_terminal_and_says_how_it_was_made(
    cli: Cli, model: Path, data: Path
) -> None:
    result = cli(
        "benchmark", model, "--data", "photos", "--rounds", "2", "--threads", "1", "--threads", "2",
        COLUMNS="80",
    )  # fmt: skip
    assert max(map(len, result.stdout.splitlines())) <= 80
    names = re.findall(r"^ ?(tiny \S+ x\d)", result.stdout, re.MULTILINE)
    assert len(names) == 2 * len(set(names))  # in both tables
    assert "tiny litert x1" in names
    text = " ".join(result.stdout.split())
    for words in ("9 pictures (folder)", "2 rounds of 20 calls", "threads: 1, 2", "--report DIR"):
        assert words in text


def test_markdown_has_both_tables_and_the_method(cli: Cli, model: Path, data: Path) -> None:
    lines = cli("benchmark", model, "--data", data, *QUICK, "--markdown").stdout.splitlines()
    tables = [line for line in lines if line.startswith("|---")]
    assert len(tables) == 2
    assert sum(line.startswith("| tiny litert |") for line in lines) == 2
    assert len({line.count("|") for line in lines[:3]}) == 1
    assert any(line.startswith("- ") and "fresh process" in line for line in lines)


def test_a_file_alone_is_only_timed(cli: Cli, model: Path) -> None:
    result = json.loads(cli("benchmark", model, *QUICK, "--json").stdout)
    assert (result["split"], result["truth"]) == ("drawn", [])
    (case,) = result["rows"]
    assert case["quality"] is None
    assert case["ratio"] is None
    assert case["invoke"]["p50"] > 0


def test_foreign_files_damaged_files_and_other_labels(
    cli: Cli,
    model: Path,
    data: Path,
    third_party_models: Path,
) -> None:
    for name in ("described", "imagenet", "one-class"):
        shutil.copy(third_party_models / f"{name}.tflite", cli.folder)
    (cli.folder / "cut.tflite").write_bytes(model.read_bytes()[:2000])
    (cli.folder / "names.txt").write_text("\n".join(LABELS))
    result = cli(
        "benchmark", model, "described.tflite", "imagenet.tflite", "one-class.tflite", "cut.tflite",
        "--data", data, *QUICK, "--json", check=1,
    )  # fmt: skip
    measured = json.loads(result.stdout)
    assert [case["name"] for case in measured["rows"]] == ["tiny", "described"]
    for case in measured["rows"]:
        assert case["quality"]["accuracy"] == 1.0
    problems = {failure["name"]: failure["problem"] for failure in measured["failures"]}
    assert set(problems) == {"imagenet", "one-class", "cut"}
    assert "1001 outputs but 3 labels" in problems["imagenet"]
    shutil.move(cli.folder / "photos" / "red", cli.folder / "photos" / "white")
    result = cli("benchmark", model, "--data", data, *QUICK, "--json")
    measured = json.loads(result.stdout)
    assert measured["rows"][0]["quality"] is None
    assert "are not the pictures' (blue, green, white): only timed" in measured["notes"][0]


def test_bad_use_says_what_is_wrong(
    model: Path,
    data: Path,
    unready_run: Path,
    tmp_path: Path,
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "no.zip").write_bytes(b"no zip")
    (tmp_path / "one" / "red").mkdir(parents=True)
    shutil.copy(next((data / "red").iterdir()), tmp_path / "one" / "red")
    others = write_colour_pictures(tmp_path / "others", ["red", "white"], 2)
    for targets, where, words in (
        ([tmp_path / "gone.tflite"], None, r"gone\.tflite: no such file"),
        ([tmp_path / "gone"], None, "gone: no such run folder"),
        ([tmp_path / "gone.zip"], None, r"gone\.zip: no such file"),
        ([tmp_path / "no.zip"], None, r"no\.zip: damaged, or not a pack"),
        ([model], tmp_path / "empty", "empty: no pictures found"),
        ([model], tmp_path / "gone", "gone: no such file"),
        ([model], tmp_path / "one", r"only one class \(red\)"),
        ([unready_run], others, "class 'white', which the models do not know"),
        ([unready_run, tmp_path / "no.zip"], None, "one run or one pack at a time"),
        ([tmp_path / "no.zip"], data, "leave --data out"),
        ([next(data.glob("*/*.jpg"))], None, "not a TFLite model"),
    ):
        with pytest.raises(EdgetlError, match=words) as found:
            plan(BenchmarkOptions(tuple(targets), data=where), tmp_path)
        assert "\n" not in str(found.value)


def test_a_pack_without_keras_is_refused(cli: Cli, model: Path, unready_run: Path) -> None:
    refused = cli.refused("benchmark", model, "--pack")
    assert_one_clear_line(refused, "--pack is made of a run")
    assert_one_clear_line(
        cli.refused("benchmark", unready_run, "--pack", "gone/x.zip"), "no such folder"
    )


def test_where_nothing_can_be_measured_every_failure_is_a_line(cli: Cli, model: Path) -> None:
    for name in ("a", "b"):
        (cli.folder / f"{name}.tflite").write_bytes(model.read_bytes()[:2000])
    result = cli("benchmark", "a.tflite", "b.tflite", check=1)
    assert result.stdout == ""
    first, second = result.stderr.splitlines()
    assert first.startswith("edgetl: a: ")
    assert second.startswith("edgetl: b: ")


def test_what_cannot_be_written_is_told_before_anything_is_measured(
    cli: Cli, model: Path, unready_run: Path
) -> None:
    (cli.folder / "file").write_text("mine")
    for arguments, words in (
        ((model, "--report", "file"), "file: cannot be written: file exists"),
        ((unready_run, "--pack=file"), "its name does not end in .zip; call it file.zip"),
    ):
        refused = cli("benchmark", *arguments, *QUICK, check=2)
        assert_one_clear_line(refused, words)
    assert (cli.folder / "file").read_text() == "mine"


def test_files_are_named_by_what_tells_them_apart(model: Path, tmp_path: Path) -> None:
    for name in ("a/exports/model.tiny", "b/exports/model.tiny", "Keras", "other"):
        path = tmp_path / "runs" / f"{name}.tflite"
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(model, path)
    paths = tuple(sorted((tmp_path / "runs").rglob("*.tflite")))
    found = plan(BenchmarkOptions(paths, runtime=("litert",)), tmp_path)
    assert sorted(case.name for case in found.cases) == [
        *("a/exports/tiny", "b/exports/tiny", "other", "runs/Keras")
    ]


def test_too_many_threads_are_refused(cli: Cli, model: Path) -> None:
    refused = cli.refused("benchmark", model, "--threads", "100000")
    assert_one_clear_line(refused, "--threads 100000 is not between 1 and 256")


@pytest.mark.slow
def test_a_damaged_keras_model_leaves_the_files(cli: Cli, unready_run: Path) -> None:
    result = cli(
        "benchmark", unready_run, *QUICK, "--json", "--pack", "--report", "page", check=2
    )  # fmt: skip
    assert (cli.folder / "page" / "index.html").exists()
    measured = json.loads(result.stdout)
    assert [case["name"] for case in measured["rows"]] == ["tiny"]
    assert measured["rows"][0]["quality"]["agreement"] is None
    (failure,) = measured["failures"]
    assert failure["name"] == "Keras"
    assert "model.keras: damaged" in failure["problem"]
    assert not (cli.folder / "pack.zip").exists()


def started(cli: Cli, *arguments: object) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, "-m", "edgetl", "benchmark", *map(str, arguments)],
        cwd=cli.folder,
        env={**os.environ, "NO_COLOR": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    while "round 3 of" not in (line := process.stderr.readline()):
        assert line, "it ended"
    return process


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_ctrl_c_keeps_the_finished_rounds(cli: Cli, model: Path, data: Path) -> None:
    arguments = (model, "--data", data, "--rounds", "100000", "--runtime", "litert", "--json")
    process = started(cli, *arguments)
    workers = children(process.pid)
    assert workers
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=30)
    assert process.returncode == 130
    measured = json.loads(stdout)
    assert measured["rounds"] >= 2
    assert re.fullmatch(r"interrupted after \d+ of 100000 rounds", measured["stopped"])
    assert "Traceback" not in stderr
    assert not any(Path(f"/proc/{pid}").exists() for pid in workers)


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_no_process_outlives_the_benchmark(cli: Cli, model: Path, number: int) -> None:
    process = started(cli, model, "--rounds", "100000", "--runtime", "litert")
    workers = children(process.pid)
    process.send_signal(number)
    process.communicate(timeout=30)
    ends = time.monotonic() + 20
    while any(Path(f"/proc/{pid}").exists() for pid in workers):
        assert time.monotonic() < ends
        time.sleep(0.05)


def test_a_report_and_what_changed_between_two_benchmarks(
    cli: Cli, model: Path, data: Path
) -> None:
    pytest.importorskip("matplotlib")
    measured = cli("benchmark", model, "--data", data, *QUICK, "--json", "--report", "page")
    assert "report: page/index.html" in measured.stderr
    page = (cli.folder / "page" / "index.html").read_text()
    assert "tiny" in page
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", page)
    assert (cli.folder / "page" / "latency.png").read_bytes().startswith(b"\x89PNG")
    (cli.folder / "a.json").write_text(measured.stdout)
    told = cli("benchmark", "--compare", "a.json", "a.json")
    assert "tiny" in told.stdout
    changes = json.loads(cli("benchmark", "--compare", "a.json", "a.json", "--json").stdout)
    (case,) = changes["rows"]
    assert case["name"] == "tiny"
    assert not changes["differences"]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("gone.json", "gone.json"), "gone.json: cannot be read"),
        (("empty.json", "empty.json"), "empty.json: does not hold a benchmark's figures"),
        (("empty.json", "empty.json", "--markdown"), "--compare reads two files"),
        (("empty.json", "empty.json", "--rounds", "15"), "--compare reads two files"),
        (("empty.json", "empty.json", "--data", "x", "--json"), "--compare reads two files"),
    ],
)
def test_what_cannot_be_compared_is_named(cli: Cli, arguments: tuple[str, ...], named: str) -> None:
    (cli.folder / "empty.json").write_text("[]")
    result = cli.refused("benchmark", "--compare", *arguments)
    assert_one_clear_line(result)
    assert named in result.stderr
