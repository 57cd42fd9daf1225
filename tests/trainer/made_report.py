"""A finished run made by hand, and its report."""

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from PIL import Image

from edgetl.trainer.data.dataset import SPLITS, Dataset, Example, Excluded, Split
from edgetl.trainer.metrics import SplitMetrics, summary
from edgetl.trainer.recipe import Recipe
from edgetl.trainer.report.labels import DoubtfulPhotos
from edgetl.trainer.report.mistakes import Mistake, Neighbour
from edgetl.trainer.report.report import write_report
from edgetl.trainer.run.folder import RunFolder
from edgetl.trainer.run.records import DataRecord, EpochRecord, HeadMetrics, RunConfig, RunMetrics
from tests.html_page import Page

FIGURES = {
    "samples": (120, 80),
    "curves": (1200, 504),
    "curves-narrow": (528, 888),
    "confusion": (90, 90),
    "model": (1534, 516),
}
_SECONDS: Mapping[str, float] = MappingProxyType({"head": 1234.2, "total": 1234.2})
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


CONFIG = RunConfig(
    edgetl="0.1.0",
    created="2026-11-24T07:46:14+00:00",
    recipe=Recipe(
        height=96,
        width=160,
        batch_size=32,
        head_solver="adam",
        hold_out=True,
        average=False,
        calibrate=False,
        head_epochs=2,
        epochs=3,
        fine_tune_lr=1e-5,
        fine_tune_optimizer="rmsprop",
        rotation=0.2,
        zoom=0.15,
        seed=17,
    ),
    data=DataRecord("/photos/mine", "a48173d7" * 8, {}),
    versions={"python": "3.11.7", "keras": "3.15.1"},
    platform="Linux-6.18",
)


def made_history(head: int = 2, fine_tune: int = 1) -> list[EpochRecord]:
    return [
        EpochRecord(
            phase="head" if epoch <= head else "fine_tune",
            epoch=epoch,
            loss=0.5 / epoch,
            accuracy=0.75,
            val_loss=0.432 / epoch,
            val_accuracy=0.875,
            seconds=20.0,
            learning_rate=1e-4,
        )
        for epoch in range(1, head + fine_tune + 1)
    ]


def made_metrics(
    dataset: Dataset,
    history: Sequence[EpochRecord],
    *,
    wrong: int = 0,
    seconds: Mapping[str, float] = MappingProxyType({"total": 1.0}),
) -> RunMetrics:
    """The first `wrong` pictures of each split are given the class after their own."""
    classes = len(dataset.labels)
    splits: dict[str, SplitMetrics | None] = {}
    for split in SPLITS:
        targets = np.array(
            [dataset.labels.index(dataset.examples[i].label) for i in dataset.of(split)], np.int64
        )
        given = targets.copy()
        given[:wrong] = (given[:wrong] + 1) % classes
        probabilities = np.eye(classes, dtype=np.float32)[given]
        splits[split] = summary(
            probabilities, targets, dataset.labels, clusters=dataset.clusters(split)
        )
    return RunMetrics(
        best_epoch=history[-1].epoch,
        best_phase=history[-1].phase,
        after_head=HeadMetrics(0.2468, 0.9125) if history[0].phase == "head" else None,
        training_seconds=1234.2,
        parameters={
            "backbone": 2_257_984,
            "model": 2_259_265,
            "trainable_head": 1281,
            "trainable_fine_tune": 1_862_721,
            "frozen_fine_tune": 396_544,
        },
        splits=splits,
        seconds=seconds,
    )


def made_mistake(number: int, probability: float = 0.75, **changed: Any) -> Mistake:
    pixels = np.random.default_rng(number).integers(0, 256, (96, 320, 3), np.uint8)
    given = {"file": f"test/cats/{number}.jpg", "true": "cats", "predicted": "dogs"} | changed
    return Mistake(probability=probability, pixels=pixels, **given)


def explained_mistake(number: int, probability: float = 0.75, **changed: Any) -> Mistake:
    """One with a class activation map and its nearest training pictures."""
    random = np.random.default_rng(number)
    evidence = random.normal(size=(3, 10)).astype(np.float32)
    pixels = random.integers(0, 256, (96, 320, 3), np.uint8)
    nearest = tuple(
        Neighbour(f"train/{label}/{number}-{place}.jpg", label, pixels)
        for place, label in enumerate(("dogs", "cats", "dogs"))
    )
    return made_mistake(number, probability, evidence=evidence, nearest=nearest, **changed)


def written_report(
    folder: Path,
    *,
    labels: Sequence[str] = ("cats", "dogs"),
    dataset: Dataset | None = None,
    wrong: int = 0,
    mistakes: Sequence[Mistake] = (),
    warnings: Sequence[str] = (),
    history: Sequence[EpochRecord] | None = None,
    doubtful: DoubtfulPhotos | None = None,
    seconds: Mapping[str, float] = _SECONDS,
    of_validation: Sequence[Mistake] = (),
    config: RunConfig = CONFIG,
    metrics: RunMetrics | None = None,
    resolved: Mapping[str, str] = MappingProxyType({}),
    figures: Mapping[str, tuple[int, int]] = MappingProxyType(FIGURES),
) -> Page:
    """The report of such a run, checked to be the only file written.

    `mistakes` are of the split to quote, the others `of_validation` beside test.
    """
    run = RunFolder(folder / "a run")
    run.figures.mkdir(parents=True)
    for name, size in figures.items():
        Image.new("RGB", size, "white").save(run.figures / f"{name}.png")
    dataset = dataset or made_dataset(labels)
    history = history or made_history()
    metrics = metrics or made_metrics(dataset, history, wrong=wrong, seconds=seconds)
    write_report(
        run,
        dataset=dataset,
        config=config,
        history=history,
        metrics=metrics,
        mistakes={"validation": of_validation} | {metrics.quoted: mistakes},
        warnings=warnings,
        doubtful=doubtful,
        resolved=resolved,
    )
    assert [path.name for path in run.path.iterdir() if path.is_file()] == ["report.html"]
    return Page((run.path / "report.html").read_text(encoding="utf-8"))


def embedded(page: Page, kind: str) -> list[bytes]:
    """The bytes of the page's pictures, "png" or "jpeg"."""
    start = f"data:image/{kind};base64,"
    sources = [str(attributes["src"]) for attributes in page.all("img")]
    return [base64.b64decode(s.removeprefix(start)) for s in sources if s.startswith(start)]
