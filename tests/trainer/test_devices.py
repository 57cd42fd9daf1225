"""Training on several devices and in mixed precision, as far as it shows without a GPU."""

import json
import subprocess
import sys
from pathlib import Path

import keras
import pytest

from edgetl.trainer.network.devices import computing_in, devices_for
from edgetl.trainer.recipe import RECIPES, Recipe
from tests.conftest import Cli, small_run

# Logical devices can only be made before TensorFlow has begun, so in a process of its own.
ON_TWO_DEVICES = """
import sys
from pathlib import Path
from edgetl import trainer
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from edgetl.trainer.data.scanning import scan
from edgetl.trainer.network.devices import devices_for
from edgetl.trainer.recipe import Recipe
from edgetl.trainer.run.folder import new_run
from edgetl.trainer.stages import train_new
recipe = Recipe(
    height=64, width=64, head_epochs=2, epochs=4, head_lr=0.01, batch_size=4, strategy="mirrored",
    reuse=sys.argv[3] == "reuse", views=2, hold_out=True,
)
assert devices_for(recipe).strategy.num_replicas_in_sync == 2
with new_run(Path(sys.argv[2])) as run:
    train_new(scan(Path(sys.argv[1])), run, recipe, tensorboard=False)
"""


def accuracy_of(run: Path) -> float:
    accuracy: float = json.loads((run / "metrics.json").read_text())["splits"]["validation"][
        "accuracy"
    ]
    return accuracy


@pytest.mark.parametrize(
    "way",
    [
        pytest.param("reuse", marks=pytest.mark.by_hand),
        pytest.param("plain", marks=pytest.mark.slow),
    ],
)
def test_a_mirrored_training_learns_and_leaves_an_ordinary_run(
    cli: Cli, two_class_data: Path, way: str
) -> None:
    run = cli.folder / "run"
    done = subprocess.run(
        [sys.executable, "-c", ON_TWO_DEVICES, two_class_data, run, way],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert accuracy_of(run) == 1.0
    result = cli.here("export", "run", "--quantize", "none", "--json")
    assert json.loads(result.stdout)[0]["checks"][0]["parity"]["agreement"] == 1.0


@pytest.mark.slow
def test_a_mixed_precision_training_leaves_an_ordinary_run(cli: Cli, two_class_data: Path) -> None:
    cli.here("train", two_class_data, "--out", "run", "--precision", "mixed", *small_run())
    assert accuracy_of(cli.folder / "run") == 1.0
    result = cli.here("export", "run", "--quantize", "none", "--json")
    assert json.loads(result.stdout)[0]["checks"][0]["parity"]["largest_difference"] < 1e-3
    # Full precision: the size of the float32 model.
    assert json.loads(result.stdout)[0]["bytes"] > 8_500_000


def test_one_device_without_a_gpu_keeps_full_precision() -> None:
    devices = devices_for(Recipe(precision="float32"))
    assert devices.plain
    assert devices.policy == "float32"
    assert not devices_for(Recipe(precision="mixed")).plain
    assert devices_for(RECIPES["reference"]).compute_dtype is None


@pytest.mark.parametrize(
    ("flags", "compute_dtype"),
    [
        ("fpu sse2 avx2 avx512f avx512_bf16 avx512_vnni", "bfloat16"),
        ("fpu sse2 avx512f amx_bf16 amx_tile", "bfloat16"),
        ("fpu sse2 avx2 avx512f avx512_vnni", None),
        (None, None),
    ],
)
def test_phase_two_multiplies_in_what_the_processor_is_faster_at(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, flags: str | None, compute_dtype: str | None
) -> None:
    cpu_info = tmp_path / "cpuinfo"
    if flags:
        cpu_info.write_text(
            f"processor\t: 0\nmodel name\t: avx512_bf16 or so\nflags\t\t: {flags}\n"
        )
    monkeypatch.setattr("edgetl.trainer.network.devices._CPU_INFO", cpu_info)
    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS", raising=False)
    devices = devices_for(Recipe())
    assert devices.compute_dtype == compute_dtype
    assert devices.plain
    for precision in ("float32", "mixed"):
        assert devices_for(Recipe(precision=precision)).compute_dtype is None
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    assert devices_for(Recipe()).compute_dtype is None


def test_the_precision_holds_in_the_block_alone() -> None:
    before = keras.config.dtype_policy().name
    with computing_in("mixed_float16"):
        assert keras.layers.Dense(1).compute_dtype == "float16"
    assert keras.config.dtype_policy().name == before
