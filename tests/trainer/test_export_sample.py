"""The sample of training photos' features in exported files."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from edgetl.edge.model.associated_files import read_associated_files
from edgetl.edge.model.model_file import read_model_file
from edgetl.edge.model.preprocessing import model_input
from edgetl.edge.teach.features import PooledFeatures
from edgetl.edge.teach.sample import SAMPLE_NAME, read_sample
from tests.conftest import Cli


def test_it_is_of_training_photos_by_the_file_itself(
    two_class_run: Path, two_class_data: Path
) -> None:
    train = json.loads((two_class_run / "split.json").read_text())["train"]
    for name in ("float32", "int8"):
        model = read_model_file(two_class_run / "exports" / f"model.{name}.tflite")
        packed = read_associated_files(model.content)[0][SAMPLE_NAME]
        sample = read_sample(packed, channels=1280, classes=2)
        assert np.bincount(sample.targets).tolist() == [
            len(train[label]) for label in ("blue", "red")
        ]
        network = PooledFeatures(model)
        for label, file in (("blue", train["blue"][0]), ("red", train["red"][-1])):
            pixels = model_input(two_class_data / file, model.input_size)
            features = network.of(pixels)[0]
            apart = np.abs(sample.features - features).max(axis=1)
            nearest = int(apart.argmin())
            assert apart[nearest] <= np.ptp(features) / 255
            assert ("blue", "red")[sample.targets[nearest]] == label


@pytest.mark.slow
def test_it_can_be_left_out(cli: Cli, two_class_run: Path) -> None:
    run = shutil.copytree(two_class_run, cli.folder / "run")
    cli.here("export", run, "--no-teachable")
    model = read_model_file(run / "exports" / "model.float32.tflite")
    assert model.associated_files == ("labels.txt", "edgetl.json")
