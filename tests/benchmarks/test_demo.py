import json

import pytest

from tests.conftest import Cli


@pytest.mark.by_hand  # .ci/run runs the demo itself, as README does
def test_the_demo_goes_the_whole_road_on_pictures_of_its_own(cli: Cli) -> None:
    result = cli("demo", "--out", "here")
    for name in ("Keras", "float32", "int8"):
        assert any(line.split()[:1] == [name] for line in result.stdout.splitlines())
    (cli.folder / "here" / "runs" / "latest" / "exports" / "model.int8.tflite").stat()
    assert "here/runs/" in result.stdout
    assert len(list((cli.folder / "here" / "pictures").glob("*/*.jpg"))) == 360
    measured = json.loads(cli("benchmark", "here/runs/latest", "--rounds", "2", "--json").stdout)
    keras, float32, _, int8, _ = (row["quality"] for row in measured["rows"])
    assert keras["accuracy"] >= 0.85
    assert float32["agreement"] == 1.0
    assert int8["accuracy"] >= keras["accuracy"] - 0.06
