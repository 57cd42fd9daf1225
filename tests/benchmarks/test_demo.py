import json

import pytest

from tests.conftest import Cli


@pytest.mark.by_hand  # .ci/run runs the demo itself, as README does
def test_the_demo_runs_the_whole_pipeline_on_its_own_pictures(cli: Cli) -> None:
    result = cli("demo", "--out", "here", COLUMNS="80")
    assert max(map(len, result.stdout.splitlines())) <= 80
    assert "…" not in result.stdout
    for name in ("Keras", "float32", "int8"):
        assert any(line.split()[:1] == [name] for line in result.stdout.splitlines())
    (cli.folder / "here" / "runs" / "latest" / "exports" / "model.int8.tflite").stat()
    name, report = result.stdout.splitlines()[-1].split()
    assert name == "report"
    assert "<html" in (cli.folder / report).read_text()
    assert len(list((cli.folder / "here" / "pictures").glob("*/*.jpg"))) == 360
    measured = json.loads(cli("benchmark", "here/runs/latest", "--rounds", "2", "--json").stdout)
    keras, float32, _, int8, _ = (row["quality"] for row in measured["rows"])
    assert keras["accuracy"] >= 0.85
    assert float32["agreement"] == 1.0
    assert int8["accuracy"] >= keras["accuracy"] - 0.06
