"""--normalize: the scaling of a float model that does not say its own."""

from pathlib import Path

import pytest

from edgetl.edge import Classifier
from edgetl.edge.errors import ModelFileError, SettingError
from edgetl.edge.model.normalization import Normalization, parse_normalization
from tests.conftest import Cli, assert_one_clear_line, colour_picture
from tests.third_party import LABELS


@pytest.mark.parametrize(
    ("text", "mean", "std"),
    [
        ("0,1", (0,), (255,)),
        ("-1,1", (127.5,), (127.5,)),
        ("0,255", (0,), (1,)),
        ("-1, 1", (127.5,), (127.5,)),
        ("127.5,127.5", (127.5,), (127.5,)),
        ("123.7,116.3,103.5,58.4,57.1,57.4", (123.7, 116.3, 103.5), (58.4, 57.1, 57.4)),
    ],
)
def test_a_range_or_mean_and_std(text: str, mean: tuple[float], std: tuple[float]) -> None:
    assert parse_normalization(text) == Normalization(mean, std)


@pytest.mark.parametrize("text", ["", "1", "a,b", "1,2,3", "127,0", "127,-1", "nan,1", "1,inf"])
def test_another_text_is_refused_with_what_to_give(text: str, cli: Cli) -> None:
    with pytest.raises(SettingError, match="neither 0,1 nor -1,1"):
        parse_normalization(text)
    assert_one_clear_line(
        cli.refused("classify", "a.jpg", f"--normalize={text}"), "--normalize", "MEAN,STD"
    )


def test_a_float_model_without_metadata_gives_what_the_described_one_gives(
    third_party_models: Path, labels_file: Path, cli: Cli
) -> None:
    picture = cli.folder / "a.png"
    colour_picture((200, 90, 60), 1, (40, 30)).save(picture)
    expected = Classifier(third_party_models / "described.tflite").classify(picture)
    bare = third_party_models / "float32.tflite"
    with pytest.raises(ModelFileError, match=r"float32\.tflite: takes float32 .* --normalize -1,1"):
        Classifier(bare, labels=LABELS)
    assert Classifier(bare, labels=LABELS, normalize="-1,1").classify(picture) == expected
    assert Classifier(bare, labels=LABELS, normalize="0,1").classify(picture) != expected
    given = ("--model", bare, "--labels", labels_file)
    described = cli.here("classify", picture, "--model", third_party_models / "described.tflite")
    assert cli.here("classify", picture, *given, "--normalize", "-1,1").stdout == described.stdout


@pytest.mark.slow
def test_benchmark_takes_it_for_files_that_do_not_say(
    third_party_models: Path, labels_file: Path, cli: Cli
) -> None:
    bare = third_party_models / "float32.tflite"
    options = ("benchmark", bare, "--labels", labels_file, "--rounds", "1", "--runtime", "litert")
    assert "--normalize" in cli.here(*options, check=1).stderr
    assert "float32" in cli.here(*options, "--normalize", "-1,1").stdout
