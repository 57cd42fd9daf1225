"""Libraries of training take no more threads than a cgroup grants processors."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from edgetl.edge.system.allowance import cores

# The pools of TensorFlow are in its process's threads; the names are theirs.
_THREADS = """
import json, os
import edgetl.trainer
with edgetl.trainer.hidden_native_log():
    import tensorflow as tf
    tf.linalg.matmul(tf.ones((2000, 2000)), tf.ones((2000, 2000))).numpy()
from edgetl.edge.system.allowance import cores
names = [open(f"/proc/self/task/{task}/comm").read() for task in os.listdir("/proc/self/task")]
print(json.dumps([cores(), sum(name.startswith("tf_Compute") for name in names)]))
"""


@pytest.fixture
def one_core() -> Iterator[Path]:
    """What a process writes its number to, to be granted the time of one processor."""
    folder = Path("/sys/fs/cgroup")
    quota, value = "cpu.max", "100000 100000"
    if not (folder / "cgroup.procs").exists():
        folder, quota, value = folder / "cpu", "cpu.cfs_quota_us", "100000"
    folder = folder / f"edgetl-test-{os.getpid()}"
    with suppress(OSError):
        folder.mkdir()
        (folder / quota).write_text(value)
    if not (folder / quota).exists():
        pytest.skip("no cgroup can be made here")
    yield folder / "cgroup.procs"
    folder.rmdir()


@pytest.mark.slow
@pytest.mark.skipif(cores() < 2, reason="a quota of one processor of several")
def test_tensorflow_has_the_threads_of_the_quota(one_core: Path) -> None:
    # The tests' own process has set them for its children.
    environment = {name: value for name, value in os.environ.items() if "_THREADS" not in name}
    shell = f'echo $$ > \'{one_core}\'; exec "$0" -c "$1"'
    done = subprocess.run(
        ["sh", "-c", shell, sys.executable, _THREADS], env=environment,
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    granted, threads = json.loads(done.stdout.splitlines()[-1])
    assert granted == 1
    assert threads <= 1
