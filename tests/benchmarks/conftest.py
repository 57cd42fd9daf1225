from dataclasses import replace
from pathlib import Path

import pytest

from edgetl.trainer.data.picture_cache import file_digests
from edgetl.trainer.data.scanning import scan
from edgetl.trainer.data.splitting import assign_splits
from edgetl.trainer.run.folder import write_labels
from edgetl.trainer.run.records import (
    DataRecord,
    RunConfig,
    RunMetrics,
    read_record,
    write_record,
)
from edgetl.trainer.run.split_record import write_split
from tests.conftest import empty_run, write_colour_pictures
from tests.third_party import LABELS

OLDER_RUN = Path(__file__).parents[1] / "trainer" / "run_0_1_0"


@pytest.fixture
def unready_run(tmp_path: Path, tiny_export: bytes) -> Path:
    """A run folder that is whole but for its Keras model, which is no model."""
    dataset = assign_splits(scan(write_colour_pictures(tmp_path / "own", list(LABELS), 4)), seed=0)
    run = empty_run(tmp_path / "run")
    write_labels(run, dataset.labels)
    files = [example.file for example in dataset.examples]
    digests = file_digests([dataset.root / file for file in files])
    write_split(run.split, dataset, dict(zip(files, digests, strict=True)))
    config = read_record(OLDER_RUN / "config.json", RunConfig)
    write_record(run.config, replace(config, data=DataRecord(str(dataset.root))))
    write_record(run.metrics, read_record(OLDER_RUN / "metrics.json", RunMetrics))
    run.model.write_bytes(b"no model")
    (run.exports / "model.tiny.tflite").write_bytes(tiny_export)
    return run.path
