"""Pictures, runs and models that tests share. Runs and models are made once a session, for real."""

import contextlib
import gc
import io
import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgetl.benchmarks.dev.mediapipe_environment import FOLDER, mediapipe_python
from edgetl.cli import app
from edgetl.edge.errors import EdgetlError
from edgetl.edge.system.messages import logger
from edgetl.trainer.run.folder import RunFolder, new_run
from tests.edge.browser import CHROMIUM, Browser, Tab, chromium
from tests.third_party import LABELS, packed_export, write_models

# Of `made_once`: a name, and what fills the folder.
MadeOnce = Callable[[str, Callable[[Path], object]], Path]

REFERENCE = Path(__file__).parents[2] / "shared" / "data" / "cats_and_dogs_filtered"

# Colours that a network without ImageNet weights can tell apart after a few steps.
COLOURS = {
    "blue": (40, 60, 220),
    "green": (40, 200, 60),
    "red": (220, 50, 40),
    "white": (240, 240, 240),
    "yellow": (230, 220, 40),
}


# The longest files, longest first: one that begins last would be waited for alone. They also begin
# with no more than one that needs a run, and when the next one does the run is made.
LONGEST = (
    "trainer/test_export.py",
    "trainer/test_inspection.py",
    "edge/sinks/test_mqtt.py",
    "trainer/test_report_page.py",
    "trainer/test_false_verdicts.py",
    "edge/explain/test_explainer.py",
    "trainer/test_feature_cache.py",
    "edge/test_camera.py",
    "trainer/test_unknown.py",
    "edge/test_service.py",
    "trainer/test_runs.py",
    "benchmarks/test_measure.py",
    "benchmarks/test_benchmark_command.py",
    "end_to_end/test_bad_input.py",
    "edge/test_still_picture.py",
    "trainer/test_training.py",
    "trainer/test_explaining.py",
    "end_to_end/test_train.py",
    "edge/test_doctor.py",
    "trainer/test_figures.py",
    "edge/test_video_pace.py",
    "edge/test_sd_notify.py",
    "end_to_end/test_help.py",
    "edge/preview/test_browser.py",
    "trainer/test_plain_model.py",
    "edge/test_freeze.py",
    "deploy/test_deploy.py",
)


# As `edgetl` itself does it: what TensorFlow and the tests' modules allocate stays.
gc.disable()


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    tests = Path(__file__).parent

    def place(item: pytest.Item) -> int:
        file = item.path.relative_to(tests).as_posix()
        return LONGEST.index(file) if file in LONGEST else len(LONGEST)

    items.sort(key=place)


@pytest.fixture(scope="session", autouse=True)
def user_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What the tests' processes remember of models tried is not this machine's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> MadeOnce:
    """A function that gives a folder, filled by the first of the test processes to ask for it.

    The others wait. It is for reading: who changes something copies it first.
    """
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def folder(name: str, fill: Callable[[Path], object]) -> Path:
        made, done, failed = (shared / f"{name}{end}" for end in ("", ".done", ".failed"))
        try:
            made.mkdir()
        except FileExistsError:
            while not done.exists():
                if failed.exists():
                    pytest.fail(f"another process could not make {made}")
                time.sleep(0.1)
            return made
        try:
            fill(made)
        except BaseException:
            failed.touch()
            raise
        done.touch()
        return made

    return folder


@pytest.fixture(scope="session")
def mediapipe_environment(made_once: MadeOnce) -> Path:
    """The folder of MediaPipe's environment, made on first use (20 s) and kept in the repository.

    Tests are skipped where pip cannot install it: without a network, or where it has no wheel.
    """
    environment = Path(__file__).parents[1] / FOLDER

    def make(told: Path) -> None:
        try:
            mediapipe_python(environment)
        except EdgetlError as error:
            (told / "problem").write_text(str(error))

    problem = made_once("mediapipe", make) / "problem"
    if problem.exists():
        pytest.skip(problem.read_text())
    return environment


@pytest.fixture(scope="session")
def reference_data() -> Path:
    """The cats-vs-dogs pictures; a test that needs them is skipped where they are not."""
    if not REFERENCE.is_dir():
        pytest.skip(f"the reference pictures are not at {REFERENCE}")
    return REFERENCE


def colour_picture(colour: tuple[int, int, int], seed: int, size: tuple[int, int]) -> Image.Image:
    """A noisy picture of one colour, `size` (width, height)."""
    random = np.random.default_rng(seed)
    noise = random.normal(0, 25, (size[1], size[0], 3))
    return Image.fromarray((np.array(colour) + noise).clip(0, 255).astype(np.uint8))


def write_colour_pictures(
    folder: Path, classes: list[str], count: int, *, size: tuple[int, int] = (80, 60)
) -> Path:
    """`count` JPEGs a class in folder/CLASS/."""
    for label in classes:
        (folder / label).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            picture = colour_picture(COLOURS[label], number * 101 + len(label), size)
            picture.save(folder / label / f"{label}-{number:02}.jpg", quality=92)
    return folder


# Of commands that are run.
_ENVIRONMENT = {"NO_COLOR": "1", "COLUMNS": "100"}


@dataclass(frozen=True)
class Cli:
    """Runs the real command in a folder of its own."""

    folder: Path

    def __call__(
        self, *arguments: str | Path, check: int | None = 0, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run `edgetl ARGUMENTS`; `check` is the exit status it must end with (None: any)."""
        result = subprocess.run(
            [sys.executable, "-m", "edgetl", *map(str, arguments)],
            cwd=self.folder,
            env={**os.environ, **_ENVIRONMENT, **environment},
            capture_output=True,
            text=True,
            timeout=600,
        )
        if check is not None:
            assert result.returncode == check, f"{result.stdout}\n{result.stderr}"
        return result

    def here(
        self, *arguments: str | Path, check: int = 0, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """In this process: to start one takes most of a second, and one with TensorFlow five.

        For what is below the front door. How that ends a process, whatever happens in it, and what
        a process has loaded, has tests with processes.
        """
        typed = list(map(str, arguments))
        with self._heard(environment) as (stderr, stdout):
            try:
                returned = app(typed, prog_name="edgetl", standalone_mode=False)
            except EdgetlError as error:
                returned = error.exit_code
                print(f"edgetl: {error}", file=stderr)
        # A command that ends with a status returns it so.
        status = returned if isinstance(returned, int) else 0
        assert status == check, f"{stdout.getvalue()}\n{stderr.getvalue()}"
        return subprocess.CompletedProcess(typed, status, stdout.getvalue(), stderr.getvalue())

    def refused(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """In this process too, with check=2."""
        return self.here(*arguments, check=2)

    @contextlib.contextmanager
    def _heard(self, environment: dict[str, str]) -> Iterator[tuple[io.StringIO, io.StringIO]]:
        """The command's folder and environment; what is shown on stderr and stdout."""
        stderr, stdout = io.StringIO(), io.StringIO()
        handlers, level = logger.handlers, logger.level
        logger.handlers = [_Messages(stderr)]
        logger.setLevel(logging.INFO)
        try:
            with (
                contextlib.chdir(self.folder),
                contextlib.redirect_stdout(stdout),
                contextlib.redirect_stderr(stderr),
                pytest.MonkeyPatch.context() as patch,
            ):
                for name, value in {**_ENVIRONMENT, **environment}.items():
                    patch.setenv(name, value)
                yield stderr, stdout
        finally:
            logger.setLevel(level)
            logger.handlers = handlers


class _Messages(logging.StreamHandler[io.StringIO]):
    """As on stderr."""

    def format(self, record: logging.LogRecord) -> str:
        prefix = "edgetl: " if record.levelno >= logging.WARNING else ""
        return f"{prefix}{record.getMessage()}"


def assert_one_clear_line(result: subprocess.CompletedProcess[str], *words: str) -> None:
    """An error is one line on stderr that holds `words`, never a traceback, and no results."""
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("edgetl: ")
    for word in words:
        assert word in lines[0]
    assert result.stdout == ""


def probabilities_of(
    model: Path, paths: list[Path], *, runtime: str, labels: tuple[str, ...]
) -> np.ndarray:
    """What `edgetl classify --runtime RUNTIME` gives: float [paths, labels].

    In a process of its own: tflite-runtime cannot share one with TensorFlow.
    """
    result = Cli(model.parent)(
        "classify", *paths, "--model", model, "--runtime", runtime, "--format", "jsonl",
        "--top-k", str(len(labels)),
    )  # fmt: skip
    rows = [json.loads(line)["predictions"] for line in result.stdout.splitlines()]
    by_label = [{p["label"]: p["probability"] for p in row} for row in rows]
    return np.array([[row[label] for label in labels] for row in by_label])


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    """The real command, run in this test's own folder."""
    return Cli(tmp_path)


@pytest.fixture(scope="session")
def two_class_data(made_once: MadeOnce) -> Path:
    return made_once("two-class-data", lambda to: write_colour_pictures(to, ["blue", "red"], 20))


@pytest.fixture(scope="session")
def five_class_data(made_once: MadeOnce) -> Path:
    return made_once("five-class-data", lambda to: write_colour_pictures(to, sorted(COLOURS), 10))


# Enough steps for the colours to be told apart, in seconds; gently, so that pictures of neither
# colour do not all become one class.
_SMALL_RUN = {
    "--image-size": "64", "--epochs": "4", "--head-epochs": "2", "--head-lr": "0.01",
    "--batch-size": "4", "--fine-tune-lr": "5e-5", "--label-smoothing": "0.05", "--unknown": "off",
}  # fmt: skip


def small_run(*switches: str, **changed: str) -> list[str]:
    """The arguments of a small training with photos held out; `changed` by underscores."""
    values = _SMALL_RUN | {f"--{name.replace('_', '-')}": value for name, value in changed.items()}
    return ["--hold-out", *switches, *(word for pair in values.items() for word in pair)]


def _train(folder: Path, data: Path, *, max_drop: str = "2", **changed: str) -> None:
    cli = Cli(folder)
    cli.here("train", data, "--out", "runs/colours", *small_run(**changed))
    cli.here(
        "export", "runs/colours", "--quantize", "none", "--quantize", "int8", "--max-drop", max_drop
    )


@pytest.fixture(scope="session")
def two_class_run(made_once: MadeOnce, two_class_data: Path) -> Path:
    """A real run on two colours at 64x64, exported to float32 and int8, made through the CLI."""
    return made_once("two-class", lambda to: _train(to, two_class_data)) / "runs" / "colours"


@pytest.fixture(scope="session")
def five_class_run(made_once: MadeOnce, five_class_data: Path) -> Path:
    """The same on five colours at 96x64 (height x width), cropped.

    It has learned too little of green for int8 to keep it, which export rejects.
    """
    changed = {"image_size": "96x64", "fit": "crop", "epochs": "9", "head_epochs": "7"}
    folder = made_once(
        "five-class", lambda to: _train(to, five_class_data, max_drop="100", **changed)
    )
    return folder / "runs" / "colours"


@pytest.fixture(scope="session")
def float_model(two_class_run: Path) -> Path:
    return two_class_run / "exports" / "model.float32.tflite"


@pytest.fixture(scope="session")
def int8_model(two_class_run: Path) -> Path:
    return two_class_run / "exports" / "model.int8.tflite"


def empty_run(folder: Path) -> RunFolder:
    """A new run that nothing trains in."""
    with new_run(folder) as run:
        return run


@pytest.fixture(scope="session")
def third_party_models(made_once: MadeOnce) -> Path:
    """The folder of `tests.third_party.write_models`."""
    return made_once("third-party", write_models)


@pytest.fixture(scope="session")
def tiny_export(third_party_models: Path) -> bytes:
    """One of the third-party models packed as `edgetl export` packs its own, 4 kB in all."""
    return packed_export((third_party_models / "uint8.tflite").read_bytes())


@pytest.fixture
def labels_file(tmp_path: Path) -> Path:
    """The labels of the third-party models."""
    path = tmp_path / "labels.txt"
    path.write_text("\n".join(LABELS) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def in_tmp_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The test's own folder as the working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A real browser; its tests are skipped where there is none."""
    if CHROMIUM is None:
        pytest.skip("no chromium is installed")
    with chromium(tmp_path_factory.mktemp("browser")) as one:
        yield one


@pytest.fixture
def tab(browser: Browser) -> Iterator[Tab]:
    """A page in it, as if no other had been there."""
    with browser.tab() as one:
        yield one
