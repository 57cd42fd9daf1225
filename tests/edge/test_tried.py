"""Every model file is tried before it is loaded, whatever it says of itself; once on a machine."""

import os
import re
from pathlib import Path

import numpy as np
import pytest

from edgetl.edge import Classifier
from edgetl.edge.explain.explainer import Explainer
from edgetl.edge.model.model_file import ModelFile, read_model_file
from edgetl.edge.model.runtime import choose_runtime
from edgetl.edge.model.verify import sandbox, tried
from edgetl.edge.pipeline.inference import results
from edgetl.edge.results.result import Result
from edgetl.edge.sources.files import Item, Problem
from tests.conftest import Cli, assert_one_clear_line, colour_picture
from tests.edge.fuzz import resigned
from tests.third_party import LABELS

pytest.importorskip("ai_edge_litert")


@pytest.fixture
def new_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """A function that forgets what this process has tried; the cache is this test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "cache").mkdir()

    def forget() -> None:
        monkeypatch.setattr(tried, "_tried_here", set())

    forget()
    return forget


@pytest.fixture
def trials(monkeypatch: pytest.MonkeyPatch) -> list[ModelFile]:
    """The models that are run in a subprocess; those are not run."""
    run: list[ModelFile] = []
    monkeypatch.setattr(sandbox, "load_check", lambda model, *_, **__: run.append(model))
    return run


@pytest.fixture
def export(tiny_export: bytes, tmp_path: Path) -> Path:
    path = tmp_path / "ours.tflite"
    path.write_bytes(tiny_export)
    return path


def entries(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "cache" / "edgetl" / "tried-models").iterdir())


def test_a_file_with_a_manifest_is_tried_too(export: Path, new_process, trials) -> None:
    Classifier(export, runtime="litert")
    assert [model.path for model in trials] == [export]


def test_a_manifest_that_fits_a_broken_structure_does_not_help(
    tiny_export: bytes, tmp_path: Path, cli: Cli
) -> None:
    broken = bytearray(tiny_export)
    broken[0:4] = (tiny_export.index(b"PK\x03\x04") - 8).to_bytes(4, "little")
    path = tmp_path / "signed.tflite"
    path.write_bytes(resigned(bytes(broken)))
    colour_picture((0, 0, 200), 1, (20, 20)).save(cli.folder / "a.jpg")
    assert_one_clear_line(
        cli.refused("classify", "a.jpg", "--model", path), "signed.tflite", "damaged"
    )


def test_a_file_is_tried_once_on_a_machine(export: Path, new_process, trials) -> None:
    Classifier(export, runtime="litert")
    new_process()
    assert Classifier(export, runtime="litert").labels == LABELS
    assert len(trials) == 1


def test_a_remembered_file_s_structure_is_not_checked_again(
    export: Path, new_process, trials, monkeypatch: pytest.MonkeyPatch
) -> None:
    from edgetl.edge.model.verify import tflite

    checked: list[bytes] = []
    monkeypatch.setattr(tflite, "check_tflite", checked.append)
    Classifier(export, runtime="litert")
    assert len(checked) == 1
    new_process()
    read_model_file(export)
    assert len(checked) == 1


def test_another_content_or_runtime_is_tried(
    export: Path, new_process, trials, monkeypatch: pytest.MonkeyPatch
) -> None:
    Classifier(export, runtime="litert")
    # Behind the archive: the model part is the same.
    export.write_bytes(export.read_bytes() + b"\0")
    Classifier(export, runtime="litert")
    assert len(trials) == 2
    monkeypatch.setattr(type(choose_runtime("litert")), "version", "99.0")
    Classifier(export, runtime="litert")
    assert len(trials) == 3


@pytest.mark.parametrize("damage", ["empty", "other", "public", "link", "folder"])
@pytest.mark.skipif(os.name != "posix", reason="modes and links")
def test_a_damaged_or_public_cache_is_not_believed(
    export: Path, new_process, trials, tmp_path: Path, damage: str
) -> None:
    Classifier(export, runtime="litert")
    for entry in entries(tmp_path):
        content = entry.read_bytes()
        if damage == "empty":
            entry.write_bytes(b"")
        elif damage == "other":
            entry.write_bytes(content[:-2] + b"x\n")
        elif damage == "public":
            entry.chmod(0o666)
        elif damage == "link":
            (tmp_path / "elsewhere").write_bytes(content)
            entry.unlink()
            entry.symlink_to(tmp_path / "elsewhere")
        else:
            entry.unlink()
            entry.mkdir()
    new_process()
    Classifier(export, runtime="litert")
    assert len(trials) == 2


@pytest.mark.skipif(os.name != "posix", reason="modes")
def test_the_cache_is_the_owner_s_alone(export: Path, new_process, trials, tmp_path: Path) -> None:
    Classifier(export, runtime="litert")
    found = entries(tmp_path)
    assert len(found) == 2
    assert {path.stat().st_mode & 0o777 for path in found} == {0o600}
    assert found[0].parent.stat().st_mode & 0o777 == 0o700


def test_a_cache_that_cannot_be_written_means_another_trial(
    export: Path, new_process, trials, tmp_path: Path
) -> None:
    (tmp_path / "cache" / "edgetl").write_text("in the way")
    Classifier(export, runtime="litert")
    new_process()
    assert Classifier(export, runtime="litert").labels == LABELS
    assert len(trials) == 2


def test_the_cache_is_bounded(export: Path, new_process, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(tried, "_MOST", 4)
    runtime = choose_runtime("litert")
    for number in range(9):
        tried.remember(f"{number:064}", runtime)
    assert len(entries(tmp_path)) == 4
    new_process()
    assert tried.has_sound_structure(f"{8:064}")
    assert not tried.has_sound_structure(f"{1:064}")


def test_what_explains_a_tried_model_is_not_tried(int8_model: Path, new_process, trials) -> None:
    model = read_model_file(int8_model)
    Classifier(model, runtime="litert")
    new_process()
    Explainer(model, runtime="litert")
    assert trials == [model]


def test_what_a_model_fails_on_is_one_line_and_not_the_end(
    third_party_models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one that divides by what is 0 in a few pictures only."""
    classifier = Classifier(third_party_models / "described.tflite", runtime="litert")
    outputs = iter([np.nan, 0.2])

    def output(_: int) -> np.ndarray:
        return np.array([[next(outputs), 0.3, 0.5]], np.float32)

    monkeypatch.setattr(classifier._interpreter, "get_tensor", output)
    picture = np.zeros((20, 20, 3), np.uint8)
    items = [Item("one.jpg", picture), Item("two.jpg", picture)]
    problem, result = results(items, classifier)
    assert isinstance(problem, Problem)
    assert isinstance(result, Result)
    assert re.fullmatch(
        r"one\.jpg: .*described\.tflite: gives values that are not finite .*", problem.message
    )
    assert result.predictions[0].label == LABELS[2]
