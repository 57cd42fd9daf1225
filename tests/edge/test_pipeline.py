"""All that `edgetl classify` does, in one call from Python."""

import gc
import json
import re
import shutil
import signal
from pathlib import Path

import pytest

from edgetl import edge
from edgetl.edge.errors import ModelFileError, SettingError, SourceError
from edgetl.edge.pipeline import classification, running
from edgetl.edge.pipeline.options import ClassifyOptions
from tests.conftest import COLOURS, Cli
from tests.edge.conftest import frame_picture, write_video
from tests.third_party import LABELS

pytestmark = pytest.mark.usefixtures("in_tmp_path")


def rows(text: str) -> list[dict[str, object]]:
    """JSON lines without what differs from run to run."""
    found = [json.loads(line) for line in text.splitlines()]
    return [{k: v for k, v in row.items() if k not in ("time", "milliseconds")} for row in found]


def test_python_and_the_command_line_give_the_same_lines(
    cli: Cli, model: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (photos / "notes.png").write_text("no picture")
    options = ClassifyOptions(
        files=("photos",), model=model, format="jsonl", top_k=2, threshold=0.9
    )
    outcome = classification.classify(options)
    expected = cli("classify", *options.arguments(), check=1)
    found = rows(capsys.readouterr().out)
    assert found == rows(expected.stdout)
    assert [row["source"] for row in found] == [f"photos/{label}.jpg" for label in LABELS]
    assert (outcome.classified, outcome.problems, outcome.failed_sinks) == (3, 1, 0)
    assert outcome.complete
    assert f"{outcome.parallel} at a time ({outcome.runtime}, " in expected.stderr


def test_changes_of_a_video_are_appended_to_a_file(model: Path, in_tmp_path: Path) -> None:
    frames = (frame_picture(0) + COLOURS[label][::-1] for label in ("blue", "blue", "red"))
    clip = write_video(in_tmp_path / "clip.avi", (frame.astype("uint8") for frame in frames))
    output = in_tmp_path / "log.jsonl"
    options = ClassifyOptions(camera=str(clip), model=model, output=output, on_change=True)
    for _ in range(2):
        assert classification.classify(options).classified == 3
    assert [row["label"] for row in rows(output.read_text())] == ["blue", "red"] * 2


def test_the_example_of_the_docs_works(
    model: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    doc = (Path(__file__).parents[2] / "docs" / "sources.md").read_text(encoding="utf-8")
    example = re.findall(r"^```python\n(.*?)^```", doc, re.DOTALL | re.MULTILINE)[0]
    shutil.copy(model, photos.parent)
    exec(example, {})
    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line)["label"] for line in lines[:-1]] == list(LABELS)
    assert lines[-1] == "3 0"


def test_it_is_found_under_the_names_of_the_package() -> None:
    assert edge.classify is classification.classify
    assert edge.ClassifyOptions is ClassifyOptions
    assert edge.Outcome is running.Outcome
    with pytest.raises(AttributeError, match="clasify"):
        edge.clasify  # noqa: B018


def test_nothing_of_the_process_stays_changed(model: Path, photos: Path) -> None:
    handler = signal.getsignal(signal.SIGTERM)
    options = ClassifyOptions(files=("photos",), model=model, output=photos / "log.csv")
    classification.classify(options)
    assert signal.getsignal(signal.SIGTERM) is handler
    assert gc.isenabled()
    with pytest.raises(SettingError, match="dog"):
        classification.classify(
            ClassifyOptions(
                files=("photos",), model=model, snapshots=Path("seen"), keep=("dog>0.5",)
            )
        )
    assert gc.isenabled()


def test_what_cannot_be_classified_is_raised(photos: Path) -> None:
    with pytest.raises(ModelFileError, match="gone"):
        classification.classify(ClassifyOptions(files=("photos",), model=Path("gone.tflite")))
    with pytest.raises(SourceError, match=r"none\.jpg: no such file"):
        classification.classify(ClassifyOptions(files=("none.jpg",), model=Path("gone.tflite")))
