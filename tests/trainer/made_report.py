"""A finished run made by hand, and its report."""

import base64
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from edgetl.trainer.data.dataset import SPLITS, Dataset, Example, Excluded, Split
from edgetl.trainer.metrics import summary
from edgetl.trainer.report.report import Mistake, write_report
from edgetl.trainer.run.folder import RunFolder
from tests.html_page import Page

FIGURES = {"samples": (120, 80), "curves": (1200, 504), "confusion": (90, 90), "model": (1534, 516)}
PICTURES: dict[Split, int] = {"train": 30, "validation": 20, "test": 10}


def made_dataset(
    labels: Sequence[str], *, splits: Sequence[Split] = SPLITS, excluded: int = 0
) -> Dataset:
    examples = [
        Example(f"{split}/{label}/{number}.jpg", label, split)
        for split in splits
        for label in labels
        for number in range(PICTURES[split])
    ]
    files = [Excluded(f"train/notes-{i}.txt", "not a picture") for i in range(excluded)]
    return Dataset(Path("data"), tuple(labels), tuple(examples), tuple(files))


def _config(dataset: Dataset) -> dict[str, Any]:
    return {
        "edgetl": "0.1.0",
        "created": "2026-11-24T07:46:14+00:00",
        "recipe": {
            "height": 96, "width": 160, "fit": "crop", "batch_size": 32, "head_epochs": 2,
            "epochs": 3, "head_lr": 1e-4, "fine_tune_lr": 1e-5, "fine_tune_optimizer": "rmsprop",
            "fine_tune_from": 100, "flip": True, "rotation": 0.2, "zoom": 0.15, "dropout": 0.25,
            "seed": 17, "weights": "bundled", "a_later_setting": 4,
        },
        "data": {"path": "/photos/mine", "fingerprint": "a48173d7" * 8, "pictures": {}},
        "versions": {"python": "3.11.7", "keras": "3.15.1"},
        "platform": "Linux-6.18",
    }  # fmt: skip


def made_history(head: int = 2, fine_tune: int = 1) -> list[dict[str, Any]]:
    return [
        {
            "phase": "head" if epoch <= head else "fine_tune",
            "epoch": epoch,
            "loss": 0.5 / epoch,
            "accuracy": 0.75,
            "val_loss": 0.432 / epoch,
            "val_accuracy": 0.875,
            "seconds": 20.0,
            "learning_rate": 1e-4,
        }
        for epoch in range(1, head + fine_tune + 1)
    ]


def _metrics(
    dataset: Dataset, *, wrong: int = 0, history: Sequence[dict[str, Any]] | None = None
) -> dict[str, Any]:
    """The first `wrong` pictures of each split are given the class after their own."""
    classes = len(dataset.labels)
    splits = {}
    for split in SPLITS:
        targets = np.array(
            [dataset.labels.index(dataset.examples[i].label) for i in dataset.of(split)], np.int64
        )
        given = targets.copy()
        given[:wrong] = (given[:wrong] + 1) % classes
        probabilities = np.eye(classes, dtype=np.float32)[given]
        figures = summary(probabilities, targets, dataset.labels, clusters=dataset.clusters(split))
        splits[split] = json.loads(json.dumps(figures, default=vars))  # as in metrics.json
    epochs = made_history() if history is None else history
    head = [epoch for epoch in epochs if epoch["phase"] == "head"]
    return {
        "best_epoch": epochs[-1]["epoch"],
        "best_phase": epochs[-1]["phase"],
        "after_head": {"val_loss": 0.2468, "val_accuracy": 0.9125} if head else None,
        "training_seconds": 1234.2,
        "parameters": {
            "backbone": 2_257_984,
            "model": 2_259_265,
            "trainable_head": 1281,
            "trainable_fine_tune": 1_862_721,
            "frozen_fine_tune": 396_544,
        },
        "splits": splits,
    }


def made_mistake(number: int, probability: float = 0.75, **changed: Any) -> Mistake:
    pixels = np.random.default_rng(number).integers(0, 256, (96, 320, 3), np.uint8)
    given = {"file": f"test/cats/{number}.jpg", "true": "cats", "predicted": "dogs"} | changed
    return Mistake(probability=probability, pixels=pixels, **given)


def written_report(
    folder: Path,
    *,
    labels: Sequence[str] = ("cats", "dogs"),
    dataset: Dataset | None = None,
    wrong: int = 0,
    mistakes: Sequence[Mistake] = (),
    warnings: Sequence[str] = (),
    history: list[dict[str, Any]] | None = None,
    **more_metrics: Any,
) -> Page:
    """The report of such a run, checked to be the only file written."""
    run = RunFolder(folder / "a run")
    run.figures.mkdir(parents=True)
    for name, size in FIGURES.items():
        Image.new("RGB", size, "white").save(run.figures / f"{name}.png")
    dataset = dataset or made_dataset(labels)
    write_report(
        run,
        dataset=dataset,
        config=_config(dataset),
        history=made_history() if history is None else history,
        metrics={**_metrics(dataset, wrong=wrong, history=history), **more_metrics},
        mistakes=mistakes,
        warnings=warnings,
    )
    assert [path.name for path in run.path.iterdir() if path.is_file()] == ["report.html"]
    return Page((run.path / "report.html").read_text(encoding="utf-8"))


def embedded(page: Page, kind: str) -> list[bytes]:
    """The bytes of the page's pictures, "png" or "jpeg"."""
    start = f"data:image/{kind};base64,"
    sources = [str(attributes["src"]) for attributes in page.all("img")]
    return [base64.b64decode(s.removeprefix(start)) for s in sources if s.startswith(start)]
