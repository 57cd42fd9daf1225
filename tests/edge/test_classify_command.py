"""`edgetl classify` of photos, as a person or a script runs it."""

import csv
import io
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from edgetl.edge import Classifier
from tests.conftest import Cli, assert_one_clear_line
from tests.third_party import LABELS


def test_a_folder_is_classified_picture_by_picture(cli: Cli, model: Path, photos: Path) -> None:
    result = cli("classify", "photos", "--model", model)
    lines = result.stdout.splitlines()
    assert [line.split()[:2] for line in lines] == [
        [f"photos/{label}.jpg", label] for label in LABELS
    ]
    assert all(line.count("%") == 3 for line in lines)
    assert len(result.stderr.splitlines()) == 1
    assert result.stderr.startswith("3 classified, median ")


def test_threads_each_have_a_picture_of_their_own(cli: Cli, model: Path, photos: Path) -> None:
    one, three = (
        cli.here("classify", "photos", "--model", model, "--threads", number)
        for number in ("1", "3")
    )
    assert re.search(r"ms each, 1 at a time \(\S+ \S+, 1 thread\)$", one.stderr, re.MULTILINE)
    assert re.search(r"ms each, 3 at a time \(\S+ \S+, 1 thread\)$", three.stderr, re.MULTILINE)
    assert one.stdout == three.stdout


def test_our_own_export_is_found_and_used_without_options(
    cli: Cli, two_class_run: Path, two_class_data: Path, int8_model: Path
) -> None:
    (cli.folder / "runs").mkdir()
    (cli.folder / "runs" / "mine").symlink_to(two_class_run)
    (cli.folder / "runs" / "latest").symlink_to("mine")
    photos = [two_class_data / label / f"{label}-00.jpg" for label in ("blue", "red")]
    lines = cli.here("classify", *photos, "--format", "jsonl").stdout.splitlines()
    rows = [json.loads(line) for line in lines]
    assert [row["label"] for row in rows] == ["blue", "red"]
    # The int8 file is the one exported last.
    expected = [Classifier(int8_model).classify(photo)[0].probability for photo in photos]
    assert [row["probability"] for row in rows] == pytest.approx(expected, abs=1e-5)


def test_a_bad_file_among_good_ones_is_named_and_the_rest_classified(
    cli: Cli, model: Path, photos: Path
) -> None:
    (photos / "cut.jpg").write_bytes((photos / "red.jpg").read_bytes()[:700])
    (photos / "notes.png").write_text("no picture")
    result = cli("classify", "photos", "gone.jpg", "--model", model, check=1)
    assert [line.split()[1] for line in result.stdout.splitlines()] == list(LABELS)
    errors = result.stderr.splitlines()
    assert len(errors) == 4
    assert errors[0].startswith("edgetl: photos/cut.jpg: damaged picture")
    assert errors[1] == "edgetl: photos/notes.png: not a picture that can be read"
    assert errors[2] == "edgetl: gone.jpg: no such file or directory"
    assert errors[3].startswith("3 classified")


def test_nothing_but_bad_files_is_a_failure(cli: Cli, model: Path) -> None:
    result = cli("classify", "gone.jpg", "--model", model, check=2)
    assert result.stdout == ""
    assert result.stderr.splitlines() == [
        "edgetl: gone.jpg: no such file or directory",
        "edgetl: nothing could be classified",
    ]


def test_jsonl_is_json_a_line_and_nothing_else(cli: Cli, model: Path, photos: Path) -> None:
    shutil.copy(photos / "red.jpg", photos / "é 写.jpg")
    result = cli("classify", "photos", "--model", model, "--format", "jsonl", "--top-k", "2")
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert [row["label"] for row in rows] == [*LABELS, "red"]
    assert [Path(row["source"]).name for row in rows][-1] == "é 写.jpg"
    assert all(len(row["predictions"]) == 2 for row in rows)


def test_csv_is_a_table_and_nothing_else(cli: Cli, model: Path, photos: Path) -> None:
    shutil.copy(photos / "red.jpg", photos / 'two, "red".jpg')
    result = cli.here("classify", "photos", "--model", model, "--format", "csv", "--top-k", "1")
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert [row["label_1"] for row in rows] == [*LABELS, "red"]
    assert rows[-1]["source"] == 'photos/two, "red".jpg'
    assert all(0.5 < float(row["probability_1"]) <= 1 for row in rows)
    assert "label_2" not in rows[0]


@pytest.mark.skipif(sys.platform != "linux", reason="file names are bytes on Linux only")
@pytest.mark.parametrize("form", ["text", "jsonl", "csv"])
def test_a_file_name_that_is_no_utf8_is_shown_escaped(
    cli: Cli, model: Path, photos: Path, form: str
) -> None:
    name = os.fsdecode(b"caf\xe9.jpg")
    shutil.copy(photos / "red.jpg", cli.folder / name)
    result = cli("classify", name, "--model", model, "--format", form)
    assert "caf\\udce9.jpg" in result.stdout
    if form == "jsonl":
        assert json.loads(result.stdout)["source"] == name


@pytest.mark.parametrize("runtime", ["litert", "tflite-runtime"])
def test_each_runtime_can_be_chosen(cli: Cli, model: Path, photos: Path, runtime: str) -> None:
    pytest.importorskip({"litert": "ai_edge_litert"}.get(runtime, "tflite_runtime"))
    result = cli("classify", "photos", "--model", model, "--runtime", runtime, "--threads", "1")
    assert [line.split()[1] for line in result.stdout.splitlines()] == list(LABELS)
    assert len(result.stderr.splitlines()) == 1
    assert f"({runtime} " in result.stderr
    assert "1 thread)" in result.stderr


def test_labels_can_be_given_for_a_model_that_has_none(
    cli: Cli, third_party_models: Path, photos: Path, labels_file: Path
) -> None:
    result = cli.here(
        "classify",
        "photos",
        "--model",
        third_party_models / "uint8.tflite",
        "--labels",
        labels_file,
    )
    assert [line.split()[1] for line in result.stdout.splitlines()] == list(LABELS)


@pytest.mark.parametrize("runtime", ["litert", "tflite-runtime"])
def test_a_quantized_model_of_1001_classes_is_classified_with_a_labels_file(
    cli: Cli, third_party_models: Path, photos: Path, runtime: str
) -> None:
    # In form the published mobilenet_v1_1.0_224_quant.tflite and its labels_mobilenet_quant file.
    pytest.importorskip({"litert": "ai_edge_litert"}.get(runtime, "tflite_runtime"))
    names = ["background", *(f"class {number}" for number in range(997)), *LABELS]
    (cli.folder / "labels.txt").write_text("\n".join(names) + "\n", encoding="utf-8")
    model = third_party_models / "imagenet.tflite"
    arguments = ["--labels", "labels.txt", "--runtime", runtime, "--format", "jsonl"]
    result = cli("classify", "photos", "--model", model, *arguments)
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert [row["label"] for row in rows] == list(LABELS)
    assert all(0.5 < row["probability"] <= 1 for row in rows)
    assert len(result.stderr.splitlines()) == 1


def test_a_model_that_takes_channels_first_is_refused_by_name(
    cli: Cli, third_party_models: Path, photos: Path, labels_file: Path
) -> None:
    model = third_party_models / "channels-first.tflite"
    for command in (["classify", "photos", "--model"], ["info"]):
        result = cli.here(*command, model, "--labels", labels_file, check=2)
        assert_one_clear_line(result, "channels-first.tflite", "NCHW")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "nothing to classify"),
        (["a.jpg", "--camera", "0"], "a.jpg and --camera"),
        (["a.jpg", "--model", "gone.tflite"], "gone.tflite: no such file"),
        (["a.jpg", "--model", "notes.tflite"], "notes.tflite: not a TFLite model"),
        (["a.jpg", "--labels", "gone.txt", "--model", "notes.tflite"], "gone.txt: no such file"),
    ],
    ids=str,
)
def test_a_mistake_is_one_clear_line(
    cli: Cli, photos: Path, arguments: list[str], words: str
) -> None:
    (photos / "red.jpg").rename(cli.folder / "a.jpg")
    (cli.folder / "notes.tflite").write_text("these are notes")
    assert_one_clear_line(cli.refused("classify", *arguments), words)


@pytest.mark.parametrize("form", ["text", "csv"])
def test_no_camera_is_one_clear_line(cli: Cli, model: Path, form: str) -> None:
    if Path("/dev/video97").exists():
        pytest.skip("there is a camera 97 here")
    result = cli.refused("classify", "--camera", "97", "--model", model, "--format", form)
    assert_one_clear_line(result, "camera 97", "ls /dev/video*")


@pytest.mark.parametrize("option", [["--top-k", "0"], ["--threads", "0"], ["--runtime", "onnx"]])
def test_an_option_out_of_range_is_refused_by_name(cli: Cli, option: list[str]) -> None:
    result = cli.refused("classify", "a.jpg", *option)
    assert_one_clear_line(result, f"{option[0]} ", option[1], " is not ")


def test_the_newest_export_of_the_latest_run_comes_first(
    cli: Cli, model: Path, third_party_models: Path, photos: Path
) -> None:
    exports = cli.folder / "runs" / "two" / "exports"
    exports.mkdir(parents=True)
    (cli.folder / "runs" / "latest").symlink_to("two")
    shutil.copy(model, exports / "model.float32.tflite")
    (exports / "model.int8.tflite").write_text("an older file, not to be read")
    os.utime(exports / "model.int8.tflite", (1e9, 1e9))
    shutil.copy(third_party_models / "grey.tflite", cli.folder / "here.tflite")
    assert len(cli.here("classify", "photos").stdout.splitlines()) == 3
    os.utime(exports / "model.float32.tflite", (9e8, 9e8))
    assert_one_clear_line(cli.refused("classify", "photos"), "model.int8.tflite: not a TFLite")


def test_latest_may_be_a_file_with_the_run_s_name(cli: Cli, model: Path, photos: Path) -> None:
    exports = cli.folder / "runs" / "two" / "exports"
    exports.mkdir(parents=True)
    (cli.folder / "runs" / "latest").write_text("two\n")
    shutil.copy(model, exports / "model.int8.tflite")
    assert len(cli.here("classify", "photos").stdout.splitlines()) == 3


def test_the_only_model_here_is_taken_and_of_several_one_must_be_chosen(
    cli: Cli, model: Path, photos: Path
) -> None:
    shutil.copy(model, cli.folder / "b.tflite")
    assert len(cli.here("classify", "photos").stdout.splitlines()) == 3
    shutil.copy(model, cli.folder / "a.tflite")
    result = cli.refused("classify", "photos")
    assert_one_clear_line(result, "a.tflite, b.tflite", "--model FILE")


def test_no_model_at_all_is_one_clear_line(cli: Cli, photos: Path) -> None:
    assert_one_clear_line(cli.refused("classify", "photos"), "no model", "--model FILE")


@pytest.mark.parametrize("options", [[], ["--model", "gone.tflite"]], ids=str)
def test_a_missing_photo_is_named_before_a_missing_model(cli: Cli, options: list[str]) -> None:
    result = cli.refused("classify", "gone.jpg", *options)
    assert_one_clear_line(result, "gone.jpg: no such file or directory")


def test_a_run_without_exports_says_to_export(cli: Cli, photos: Path) -> None:
    (cli.folder / "runs" / "one").mkdir(parents=True)
    (cli.folder / "runs" / "latest").symlink_to("one")
    assert_one_clear_line(cli.refused("classify", "photos"), "edgetl export")


@pytest.mark.skipif(os.name != "posix", reason="a shell's pipe")
@pytest.mark.parametrize("form", ["text", "jsonl", "csv"])
def test_a_reader_that_leaves_early_gets_no_traceback(
    cli: Cli, model: Path, photos: Path, form: str
) -> None:
    command = [sys.executable, "-m", "edgetl", "classify", "photos", "photos", "photos"]
    process = subprocess.Popen(
        [*command, "--model", str(model), "--format", form],
        cwd=cli.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    stderr = process.stderr.read()
    assert process.wait(timeout=60) == 0
    assert stderr == ""


_MODULES = """
import sys
from edgetl.cli import main
sys.argv = ["edgetl", *sys.argv[1:]]
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
finally:
    ours = {name for name in sys.modules if name.startswith("edgetl.") and name.count(".") == 1}
    print("MODULES", *sorted(ours | {name.partition(".")[0] for name in sys.modules}))
"""


TRAINING = {"edgetl.trainer", "edgetl.benchmarks"}


def imported_by(folder: Path, *arguments: str | Path) -> set[str]:
    """The packages in sys.modules after `edgetl ARGUMENTS`."""
    result = subprocess.run(
        [sys.executable, "-c", _MODULES, *map(str, arguments)],
        cwd=folder, capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    return set(result.stdout.splitlines()[-1].split()[1:])


def test_classifying_never_meets_tensorflow(cli: Cli, model: Path, photos: Path) -> None:
    modules = imported_by(cli.folder, "classify", "photos", "--model", model)
    assert {"edgetl.edge", "numpy", "cv2", "PIL"} <= modules
    assert not modules & {"tensorflow", "keras", "matplotlib", *TRAINING}


def test_classifying_a_photo_imports_no_library_that_only_other_options_need(
    cli: Cli, model: Path, photos: Path
) -> None:
    modules = imported_by(cli.folder, "classify", "photos", "--model", model)
    # Only importlib.metadata would import email here: a twentieth of the time to the first result.
    assert not modules & {"email", "http", "ssl", "asyncio", "rich", "paho", "jinja2"}


@pytest.mark.parametrize("arguments", [["--help"], ["classify", "--help"], ["--version"]], ids=str)
def test_help_imports_nothing_heavy(tmp_path: Path, arguments: list[str]) -> None:
    heavy = {"cv2", "numpy", "PIL", "ai_edge_litert", "tflite_runtime", "tensorflow", "keras"}
    modules = imported_by(tmp_path, *arguments)
    assert "edgetl.edge" in modules
    assert not modules & (heavy | TRAINING)
