"""A run that goes on for hours: nothing may grow."""

import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest

CLIP_FRAMES = 100


@dataclass(frozen=True)
class Held:
    """What a process holds of the machine."""

    frames: int
    megabytes: float
    threads: int
    handles: int


def held(process: subprocess.Popen[str], results: Path) -> Held:
    proc = Path("/proc", str(process.pid))
    status = dict(line.split(":", 1) for line in (proc / "status").read_text().splitlines())
    return Held(
        frames=results.read_bytes().count(b"\n"),
        megabytes=int(status["VmRSS"].split()[0]) / 1024,
        threads=int(status["Threads"]),
        handles=sum(1 for _ in (proc / "fd").iterdir()),
    )


def looped_clip(folder: Path) -> Path:
    path = folder / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 30, (64, 48))
    for number in range(CLIP_FRAMES):
        writer.write(np.full((48, 64, 3), (number * 5 % 256, 90, 200 - number), np.uint8))
    writer.release()
    return path


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")
@pytest.mark.parametrize(
    "frames", [10_000, pytest.param(200_000, marks=pytest.mark.by_hand)], ids=str
)
def test_memory_threads_and_handles_do_not_grow(
    third_party_models: Path, tmp_path: Path, frames: int
) -> None:
    clip, results = looped_clip(tmp_path), tmp_path / "results.csv"
    # A video that is read over and over: its name is a line on stdin, as often as there are turns.
    command = [
        sys.executable, "-m", "edgetl", "classify", "-", "--model",
        str(third_party_models / "described.tflite"), "--output", str(results), "--smooth", "1",
    ]  # fmt: skip
    taken: list[Held] = []
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        for turn in range(frames // CLIP_FRAMES):
            process.stdin.write(f"{clip}\n")
            process.stdin.flush()
            if turn % (frames // CLIP_FRAMES // 20) == 0:
                # The names wait in a pipe: each look comes when their frames have been classified.
                while not results.exists() or held(process, results).frames < turn * CLIP_FRAMES:
                    assert process.poll() is None, process.stderr.read()
                    time.sleep(0.02)
                taken.append(held(process, results))
        process.stdin.close()
        said = process.stderr.read()
    assert process.returncode == 0, said
    assert f"{frames} classified" in said
    header = 1
    assert results.read_bytes().count(b"\n") == frames + header
    warm = taken[len(taken) // 4 : len(taken) // 2]
    later = taken[-len(taken) // 4 :]
    # The highest of some, for a video is open at one look and not at another.
    assert max(h.megabytes for h in later) <= max(h.megabytes for h in warm) + 2
    assert max(h.threads for h in later) <= max(h.threads for h in warm)
    assert max(h.handles for h in later) <= max(h.handles for h in warm) + 1
