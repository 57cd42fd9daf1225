"""`edgetl classify` and `edgetl info` as a person or a script runs them."""

import csv
import io
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgetl.edge import Classifier
from tests.conftest import COLOURS, Cli, assert_one_clear_line, colour_picture
from tests.edge.conftest import LABELS, Stream, frame_picture, write_video

Serve = Callable[[Stream], str]


@pytest.fixture
def model(foreign_models: Path) -> Path:
    """A model that takes no time to load, with labels of its own."""
    return foreign_models / "described.tflite"


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A blue, a green and a red picture, by name in this order."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for label in LABELS:
        colour_picture(COLOURS[label], 3, (60, 40)).save(folder / f"{label}.jpg")
    return folder


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
        cli("classify", "photos", "--model", model, "--threads", number) for number in ("1", "3")
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
    lines = cli("classify", *photos, "--format", "jsonl").stdout.splitlines()
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
    result = cli("classify", "photos", "--model", model, "--format", "csv", "--top-k", "1")
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
    cli: Cli, foreign_models: Path, photos: Path, labels_file: Path
) -> None:
    result = cli(
        "classify", "photos", "--model", foreign_models / "uint8.tflite", "--labels", labels_file
    )
    assert [line.split()[1] for line in result.stdout.splitlines()] == list(LABELS)


@pytest.mark.parametrize("runtime", ["litert", "tflite-runtime"])
def test_a_quantized_model_of_1001_classes_is_classified_with_a_labels_file(
    cli: Cli, foreign_models: Path, photos: Path, runtime: str
) -> None:
    # In form the published mobilenet_v1_1.0_224_quant.tflite and its labels_mobilenet_quant file.
    pytest.importorskip({"litert": "ai_edge_litert"}.get(runtime, "tflite_runtime"))
    names = ["background", *(f"class {number}" for number in range(997)), *LABELS]
    (cli.folder / "labels.txt").write_text("\n".join(names) + "\n", encoding="utf-8")
    model = foreign_models / "imagenet.tflite"
    arguments = ["--labels", "labels.txt", "--runtime", runtime, "--format", "jsonl"]
    result = cli("classify", "photos", "--model", model, *arguments)
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert [row["label"] for row in rows] == list(LABELS)
    assert all(0.5 < row["probability"] <= 1 for row in rows)
    assert len(result.stderr.splitlines()) == 1


def test_a_model_that_takes_channels_first_is_refused_by_name(
    cli: Cli, foreign_models: Path, photos: Path, labels_file: Path
) -> None:
    model = foreign_models / "channels-first.tflite"
    for command in (["classify", "photos", "--model"], ["info"]):
        result = cli(*command, model, "--labels", labels_file, check=2)
        assert_one_clear_line(result, "channels-first.tflite", "NCHW")


# Mistakes


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
def test_a_mistake_is_one_clear_line(cli: Cli, arguments: list[str], words: str) -> None:
    (cli.folder / "notes.tflite").write_text("these are notes")
    assert_one_clear_line(cli("classify", *arguments, check=2), words)


@pytest.mark.parametrize("form", ["text", "csv"])
def test_no_camera_is_one_clear_line(cli: Cli, model: Path, form: str) -> None:
    if Path("/dev/video97").exists():
        pytest.skip("there is a camera 97 here")
    result = cli("classify", "--camera", "97", "--model", model, "--format", form, check=2)
    assert_one_clear_line(result, "camera 97", "ls /dev/video*")


@pytest.mark.parametrize("option", [["--top-k", "0"], ["--threads", "0"], ["--runtime", "onnx"]])
def test_an_option_out_of_range_is_refused_by_name(cli: Cli, option: list[str]) -> None:
    result = cli("classify", "a.jpg", *option, check=2)
    assert option[0] in result.stderr
    assert "Traceback" not in result.stderr


# Which model is taken


def test_the_newest_export_of_the_latest_run_comes_first(
    cli: Cli, model: Path, foreign_models: Path, photos: Path
) -> None:
    exports = cli.folder / "runs" / "two" / "exports"
    exports.mkdir(parents=True)
    (cli.folder / "runs" / "latest").symlink_to("two")
    shutil.copy(model, exports / "model.float32.tflite")
    (exports / "model.int8.tflite").write_text("an older file, not to be read")
    os.utime(exports / "model.int8.tflite", (1e9, 1e9))
    shutil.copy(foreign_models / "grey.tflite", cli.folder / "here.tflite")
    assert len(cli("classify", "photos").stdout.splitlines()) == 3
    os.utime(exports / "model.float32.tflite", (9e8, 9e8))
    assert_one_clear_line(cli("classify", "photos", check=2), "model.int8.tflite: not a TFLite")


def test_latest_may_be_a_file_with_the_run_s_name(cli: Cli, model: Path, photos: Path) -> None:
    exports = cli.folder / "runs" / "two" / "exports"
    exports.mkdir(parents=True)
    (cli.folder / "runs" / "latest").write_text("two\n")
    shutil.copy(model, exports / "model.int8.tflite")
    assert len(cli("classify", "photos").stdout.splitlines()) == 3


def test_the_only_model_here_is_taken_and_of_several_one_must_be_chosen(
    cli: Cli, model: Path, photos: Path
) -> None:
    shutil.copy(model, cli.folder / "b.tflite")
    assert len(cli("classify", "photos").stdout.splitlines()) == 3
    shutil.copy(model, cli.folder / "a.tflite")
    result = cli("classify", "photos", check=2)
    assert_one_clear_line(result, "a.tflite, b.tflite", "--model FILE")


def test_no_model_at_all_is_one_clear_line(cli: Cli, photos: Path) -> None:
    assert_one_clear_line(cli("classify", "photos", check=2), "no model", "--model FILE")


def test_a_run_without_exports_says_to_export(cli: Cli, photos: Path) -> None:
    (cli.folder / "runs" / "one").mkdir(parents=True)
    (cli.folder / "runs" / "latest").symlink_to("one")
    assert_one_clear_line(cli("classify", "photos", check=2), "edgetl export")


# Videos and cameras


@pytest.mark.parametrize("arguments", [["clip.avi"], ["--camera", "clip.avi"]], ids=str)
def test_a_video_is_classified_frame_by_frame(cli: Cli, model: Path, arguments: list[str]) -> None:
    frames = [COLOURS[label][::-1] for label in (*LABELS, "red")]
    pictures = (frame_picture(0) + frame for frame in frames)
    write_video(cli.folder / "clip.avi", (picture.astype("uint8") for picture in pictures))
    result = cli("classify", *arguments, "--model", model, "--format", "jsonl")
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(row["frame"], row["label"]) for row in rows] == [
        (1, "blue"), (2, "green"), (3, "red"), (4, "red"),
    ]  # fmt: skip
    assert {row["source"] for row in rows} == {"clip.avi"}


def test_a_stream_that_ends_is_one_clear_line_after_its_results(
    cli: Cli, model: Path, serve: Serve
) -> None:
    url = serve(Stream(frames=8, fps=20))
    arguments = ["--camera", url, "--no-reconnect", "--model", model, "--format", "jsonl"]
    result = cli("classify", *arguments, check=2)
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert rows[-1]["frame"] == 8
    assert result.stderr.splitlines() == [f"edgetl: {url}: stopped sending pictures after frame 8"]


def wait_for(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@dataclass(frozen=True)
class Running:
    """`edgetl classify` in the background."""

    process: subprocess.Popen[bytes]
    out: Path
    err: Path

    def lines(self) -> int:
        return self.out.read_bytes().count(b"\n")

    def stop(self, number: signal.Signals) -> tuple[int, float]:
        """Send a signal: the exit status, and the seconds it took."""
        began = time.monotonic()
        self.process.send_signal(number)
        return self.process.wait(timeout=30), time.monotonic() - began


@pytest.fixture
def start(cli: Cli, model: Path) -> Iterator[Callable[..., Running]]:
    running: list[Running] = []

    def run(*arguments: str | Path, **options: Any) -> Running:
        out, err = cli.folder / "out", cli.folder / "err"
        command = [sys.executable, "-m", "edgetl", "classify", *map(str, arguments)]
        command += ["--model", str(model), "--format", "jsonl"]
        with out.open("wb") as stdout, err.open("wb") as stderr:
            process = subprocess.Popen(
                command, cwd=cli.folder, stdout=stdout, stderr=stderr, **options
            )
        running.append(Running(process, out, err))
        return running[-1]

    yield run
    for one in running:
        one.process.kill()
        one.process.wait()
        if one.process.stdin:
            one.process.stdin.close()


STOPS = [(signal.SIGINT, 130), (signal.SIGTERM, 143)]


@pytest.mark.skipif(os.name != "posix", reason="signals to another process")
@pytest.mark.parametrize(("number", "status"), STOPS, ids=["ctrl-c", "sigterm"])
@pytest.mark.parametrize("stalls", [False, True], ids=["live", "stalled"])
def test_a_signal_stops_a_camera_within_a_second_and_leaves_whole_lines(
    start: Callable[..., Running], serve: Serve, number: signal.Signals, status: int, stalls: bool
) -> None:
    url = serve(Stream(frames=20 if stalls else 10**6, fps=30, stalls=stalls))
    run = start("--camera", url)
    wait_for(lambda: run.lines() >= 10)
    # Where it stalls, let it wait for the next frame.
    time.sleep(0.8 if stalls else 0)
    ended, seconds = run.stop(number)
    assert seconds < 1
    assert ended == status
    text = run.out.read_text()
    assert text.endswith("\n")
    assert len([json.loads(line) for line in text.splitlines()]) >= 10
    stderr = run.err.read_text()
    assert "Traceback" not in stderr
    assert len(stderr.splitlines()) <= 1


@pytest.mark.skipif(os.name != "posix", reason="signals to another process")
@pytest.mark.parametrize(("number", "status"), STOPS, ids=["ctrl-c", "sigterm"])
def test_a_signal_stops_it_while_a_server_does_not_answer(
    start: Callable[..., Running], number: signal.Signals, status: int
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        run = start("--camera", f"http://127.0.0.1:{silent.getsockname()[1]}/video")
        silent.settimeout(60)
        connection, _ = silent.accept()
        time.sleep(0.3)
        ended, seconds = run.stop(number)
        connection.close()
    assert (ended, run.lines()) == (status, 0)
    assert seconds < 1


@pytest.mark.skipif(os.name != "posix", reason="signals to another process")
@pytest.mark.parametrize(("number", "status"), STOPS, ids=["ctrl-c", "sigterm"])
def test_a_signal_stops_it_while_no_line_comes_on_stdin(
    start: Callable[..., Running], photos: Path, number: signal.Signals, status: int
) -> None:
    run = start("-", stdin=subprocess.PIPE)
    assert run.process.stdin is not None
    run.process.stdin.write(b"photos/red.jpg\n")
    run.process.stdin.flush()
    # A result is there at once, and not when the next path comes.
    wait_for(lambda: run.lines() == 1)
    ended, seconds = run.stop(number)
    assert ended == status
    assert seconds < 1
    stderr = run.err.read_text()
    assert "Traceback" not in stderr
    assert "Fatal" not in stderr


def whole_lines(path: Path) -> list[str]:
    return path.read_text().split("\n")[:-1]


def test_a_stream_that_goes_away_is_said_to_and_comes_back(
    start: Callable[..., Running], serve: Serve
) -> None:
    url = serve(Stream(frames=10))
    run = start("--camera", url)
    wait_for(lambda: run.err.read_text().count("\n") >= 2)
    lost, back = run.err.read_text().splitlines()[:2]
    assert lost == f"edgetl: {url}: lost after frame 10; trying to get it back"
    assert back.startswith(f"edgetl: {url}: back after ")
    # Which frames a busy machine sees is not said.
    wait_for(lambda: any(json.loads(row)["frame"] > 10 for row in whole_lines(run.out)))
    assert run.process.poll() is None


def test_a_camera_s_frames_are_turned_and_cut(cli: Cli, model: Path) -> None:
    # Left half blue, right half red; turned by 180 degrees, red is left.
    frame = np.zeros((48, 160, 3), np.uint8)
    frame[:, :80], frame[:, 80:] = COLOURS["blue"][::-1], COLOURS["red"][::-1]
    write_video(cli.folder / "clip.avi", [frame])
    for options, label in (([], "blue"), (["--rotate", "180"], "red")):
        arguments = ["--camera", "clip.avi", "--roi", "0,0,0.45,1", *options, "--format", "jsonl"]
        result = cli("classify", *arguments, "--model", model)
        assert json.loads(result.stdout)["label"] == label


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["a.jpg", "--roi", "0,0,1,1"], "--roi is for --camera"),
        (["a.jpg", "--fps", "5"], "--fps is for --camera"),
        (["--camera", "0", "--roi", "1,2,3"], "roi '1,2,3' is not X,Y,WIDTH,HEIGHT"),
        (["--camera", "0", "--rotate", "45"], "rotate 45 is not 0, 90, 180 or 270"),
        (["--camera", "0", "--resolution", "vga"], "resolution 'vga' is not WIDTHxHEIGHT"),
        (["--camera", "0", "--fps", "0"], "fps 0 is not between"),
    ],
    ids=str,
)
def test_a_camera_option_that_does_not_fit_is_one_clear_line(
    cli: Cli, arguments: list[str], words: str
) -> None:
    assert_one_clear_line(cli("classify", *arguments, check=2), words)


def test_every_option_is_shown_by_help_all(cli: Cli) -> None:
    text = cli("classify", "--help-all").stdout
    for option in ("--camera-backend", "--resolution", "--rotate", "--roi", "--no-reconnect"):
        assert option in text
        assert option not in cli("classify", "--help").stdout


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


# What is imported

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


@pytest.mark.parametrize("arguments", [["--help"], ["classify", "--help"], ["--version"]], ids=str)
def test_help_imports_nothing_heavy(tmp_path: Path, arguments: list[str]) -> None:
    heavy = {"cv2", "numpy", "PIL", "ai_edge_litert", "tflite_runtime", "tensorflow", "keras"}
    modules = imported_by(tmp_path, *arguments)
    assert "edgetl.edge" in modules
    assert not modules & (heavy | TRAINING)


# info


def facts_of(text: str) -> dict[str, str]:
    """What `edgetl info` prints, a fact a line: its name, then its value, which may be empty."""
    facts = (line.partition(" ") for line in text.splitlines())
    return {name: value.strip() for name, _, value in facts}


def test_info_shows_what_is_inside_a_model(cli: Cli, int8_model: Path) -> None:
    result = cli("info", int8_model)
    facts = facts_of(result.stdout)
    assert facts["labels"] == "blue, red"
    assert facts["input.shape"] == "1, 64, 64, 3"
    assert facts["input.dtype"] == "uint8"
    assert facts["fit"] == "crop"
    assert facts["edgetl.quantization"] == "int8"
    assert facts["associated_files"] == "labels.txt, edgetl.json"
    assert result.stderr == ""


def test_info_as_json(cli: Cli, int8_model: Path) -> None:
    facts = json.loads(cli("info", int8_model, "--json").stdout)
    assert facts["labels"] == ["blue", "red"]
    assert facts["bytes"] == int8_model.stat().st_size
    assert facts["edgetl"]["model_sha256"]


def test_info_of_a_foreign_model_with_a_labels_file(
    cli: Cli, foreign_models: Path, labels_file: Path
) -> None:
    model = foreign_models / "uint8.tflite"
    facts = json.loads(cli("info", model, "--labels", labels_file, "--json").stdout)
    assert facts["labels"] == list(LABELS)
    assert facts["edgetl"] is None
    assert_one_clear_line(cli("info", model, check=2), "--labels FILE")


def test_info_says_what_the_output_s_values_are(
    cli: Cli, foreign_models: Path, labels_file: Path, model: Path
) -> None:
    for path, values in (
        (model, "probabilities"),
        (foreign_models / "int8-logits.tflite", "logits"),
    ):
        facts = facts_of(cli("info", path, "--labels", labels_file).stdout)
        assert facts["output.values"] == values


def test_info_of_a_model_with_1001_classes(cli: Cli, foreign_models: Path) -> None:
    (cli.folder / "labels.txt").write_text("\n".join(map(str, range(1001))), encoding="utf-8")
    result = cli("info", foreign_models / "imagenet.tflite", "--labels", "labels.txt", "--json")
    facts = json.loads(result.stdout)
    assert len(facts["labels"]) == 1001
    assert (facts["input"]["scale"], facts["input"]["zero_point"]) == (1 / 128, 128)
    assert (facts["output"]["scale"], facts["output"]["zero_point"]) == (1 / 256, 0)


@pytest.mark.parametrize("name", ["gone.tflite", "."])
def test_info_of_no_model_is_one_clear_line(cli: Cli, name: str) -> None:
    assert_one_clear_line(cli("info", name, check=2), f"{name}: ")


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/full")
@pytest.mark.parametrize("command", ["info", "doctor"])
def test_a_full_disk_under_stdout_is_one_clear_line(cli: Cli, model: Path, command: str) -> None:
    with Path("/dev/full").open("w") as full:
        process = subprocess.run(
            [sys.executable, "-m", "edgetl", command, model],
            cwd=cli.folder, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60,
            check=False,
        )  # fmt: skip
    assert (process.returncode, process.stderr) == (1, "edgetl: stdout: no space left on device\n")
