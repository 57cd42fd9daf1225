"""The processes of benchmarks.dev.data_parallel: all of a variant, and the variants alternately."""

import json
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

from edgetl.benchmarks.dev import data_parallel_worker
from edgetl.benchmarks.dev.data_parallel_worker import Share
from edgetl.benchmarks.dev.processes import last_line
from edgetl.benchmarks.rounds import alternately
from edgetl.edge.errors import EdgetlError
from edgetl.edge.system.messages import logger
from edgetl.edge.system.python_subprocess import ending, start_python

# Backend, whether JAX multiplies shifted inputs for a depthwise convolution, and each process's
# cores.
_Variant = tuple[Literal["tensorflow", "jax"], bool, tuple[tuple[int, ...], ...]]
TENSORFLOW, ONE, TWO = "TensorFlow, 1 core", "JAX with shifts, 1 core", "JAX with shifts, 2 x 1"
VARIANTS: dict[str, _Variant] = {
    TENSORFLOW: ("tensorflow", False, ((0,),)),
    "TensorFlow, 2 cores": ("tensorflow", False, ((0, 1),)),
    "JAX, 1 core": ("jax", False, ((0,),)),
    ONE: ("jax", True, ((0,),)),
    "JAX with shifts, 2 cores": ("jax", True, ((0, 1),)),
    TWO: ("jax", True, ((0,), (1,))),
}
# Seconds after which processes that have not ended are taken to hang.
_PATIENCE = 300


@dataclass(frozen=True)
class Killed:
    """What the other process did after one was killed: its end, or that it hung."""

    process: int
    seconds: float
    ended: str
    said: str


class Team:
    """The processes that train together."""

    def __init__(self, folder: Path, variant: str, shares: Sequence[Share]) -> None:
        self._variant, self.result = variant, shares[0].result
        self._logs = [folder / f"{self.result.stem}-{share.process}.log" for share in shares]
        self.processes = []
        for share, log in zip(shares, self._logs, strict=True):
            arguments = [
                "-m",
                data_parallel_worker.__name__,
                json.dumps(asdict(share), default=str),
            ]
            with log.open("wb") as stderr:
                self.processes.append(
                    start_python(
                        arguments,
                        stdin=subprocess.PIPE,
                        stdout=subprocess.PIPE,
                        stderr=stderr,
                        start_new_session=True,
                    )
                )
        self._begun = 0
        self.answers: list[list[dict[str, float]]] = []

    def begin_epoch(self) -> None:
        """Let all its processes train the next epoch."""
        self._begun += 1
        self._write(self._begun)

    def ended_epoch(self) -> float:
        """Wait for that: wall-clock seconds of the slowest process."""
        self.answers.append(self._read())
        return max(answer["seconds"] for answer in self.answers[-1])

    def epoch(self) -> float:
        """Both."""
        self.begin_epoch()
        return self.ended_epoch()

    def save(self) -> None:
        """Let it write its weights."""
        self._write(0)
        self._read()

    def kill_one(self, victim: int) -> Killed:
        """Kill one of two processes while they train, and wait for the other."""
        self.begin_epoch()
        time.sleep(0.2)
        self.processes[victim].kill()
        began, other = time.perf_counter(), 1 - victim
        try:
            ended = ending(self.processes[other].wait(_PATIENCE))
        except subprocess.TimeoutExpired:
            ended = "hung"
        return Killed(victim, time.perf_counter() - began, ended, self._said(other))

    def _write(self, number: int) -> None:
        for process in self.processes:
            assert process.stdin
            process.stdin.write(b"%d\n" % number)
            process.stdin.flush()

    def _read(self) -> list[dict[str, float]]:
        lines = [process.stdout.readline() for process in self.processes if process.stdout]
        if not all(lines):
            raise EdgetlError(f"{self._variant}: {self._said(lines.index(b''))}")
        return [json.loads(line) for line in lines]

    def _said(self, process: int) -> str:
        return last_line(self._logs[process].read_text(errors="replace"))

    def kill(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()


@contextmanager
def _team(variant: str, share: Share) -> Iterator[Team]:
    backend, shifts, cores = VARIANTS[variant]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    result = share.folder / f"{list(VARIANTS).index(variant)}.npz"
    team = Team(share.folder, variant, [
        replace(
            share, result=result, backend=backend, shifts=shifts, cores=own, port=port,
            processes=len(cores), process=number,
        )
        for number, own in enumerate(cores)
    ])  # fmt: skip
    try:
        yield team
    finally:
        team.kill()


def train(
    share: Share, rounds: int, victim: int
) -> tuple[dict[str, Team], dict[str, list[float]], Killed]:
    """Every variant to its end, its seconds in each round, and what killing a process does."""
    with ExitStack() as stack:
        teams = {variant: stack.enter_context(_team(variant, share)) for variant in VARIANTS}
        logger.info("starting and compiling every variant")
        for team in teams.values():
            team.begin_epoch()
        for team in teams.values():
            team.ended_epoch()
        logger.info(f"training alternately, {rounds} rounds")
        took = alternately(list(VARIANTS), lambda variant: teams[variant].epoch(), rounds=rounds)
        for team in teams.values():
            team.save()
        logger.info(f"killing process {victim} of two")
        return teams, took, teams[TWO].kill_one(victim)
