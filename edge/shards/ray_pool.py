"""Shards done by a pool of Ray actors, one on each core of a cluster."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayActorError, RayTaskError
from ray.util import ActorPool

from edgetl.edge.errors import EdgetlError, SettingError, quoted
from edgetl.edge.model.latest import latest_model
from edgetl.edge.shards.engine import ShardDone, Shards
from edgetl.edge.shards.options import ClassifyIndexOptions
from edgetl.edge.system.allowance import cores

# How often a shard is tried again whose actor dies: one that ends the process each time must not
# do so indefinitely.
_RETRIES = 3


class ShardWorker:
    """An actor: a process with one core, which does the shards that it is given."""

    def __init__(self, options: ClassifyIndexOptions) -> None:
        from edgetl.edge.shards.classifying import opened_shards
        from edgetl.edge.shards.manifest import read_manifest
        from edgetl.edge.shards.work import Classification

        self._work = Classification(options, cores=1)
        self._shards = opened_shards(options, read_manifest(options.index), self._work)

    def do(self, number: int) -> ShardDone:
        """Do a shard, unless another process has done it meanwhile."""
        (done,) = self._shards.do_each([number], self._work, on_rows=lambda _: None)
        return done


def done_by_actors(
    options: ClassifyIndexOptions, shards: Shards, numbers: Iterable[int]
) -> Iterator[ShardDone]:
    """Do shards on a Ray cluster; those that are done come first.

    An actor that dies is started again, and its shard done again, three times. All machines of the
    cluster see the index, the results, the model and the pictures by the same paths.

    Raises:
        SettingError: there is no such cluster.
        EdgetlError: an actor fails, with its error.
    """
    left = []
    for number in numbers:
        if done := shards.done(number):
            yield done
        else:
            left.append(number)
    if not left:
        return
    _connect(options.ray or "local")
    try:
        actors = _actors(_absolute(options), min(_cluster_cores(), len(left)))
        pool = ActorPool(actors)
        yield from pool.map_unordered(lambda actor, number: actor.do.remote(number), left)
    except RayTaskError as error:
        if isinstance(error.cause, EdgetlError):
            raise error.cause from None
        raise EdgetlError(f"--ray: {_last_line(error)}; run it again to continue") from error
    except RayActorError as error:
        raise EdgetlError(f"--ray: {_last_line(error)}; run it again to continue") from error
    finally:
        ray.shutdown()


def _connect(address: str) -> None:
    # A cluster of ours tells nobody; one that others began is theirs.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "error"}
    try:
        if address == "local":
            ray.init("local", num_cpus=cores(), include_dashboard=False, **quiet)
        else:
            ray.init(address, **quiet)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise SettingError(
            f"--ray {quoted(address)}: {_last_line(error)}; start a cluster with ray start --head, "
            f"or give local"
        ) from error


def _cluster_cores() -> int:
    return max(1, int(ray.cluster_resources().get("CPU", 1)))


def _actors(options: ClassifyIndexOptions, count: int) -> list[Any]:
    kind = ray.remote(num_cpus=1, max_restarts=-1, max_task_retries=_RETRIES)(ShardWorker)
    return [kind.remote(options) for _ in range(count)]


def _absolute(options: ClassifyIndexOptions) -> ClassifyIndexOptions:
    """Options for processes in other folders."""
    labels: Path | None = options.labels
    return replace(
        options,
        index=options.index.absolute(),
        out=options.out.absolute(),
        model=(options.model or latest_model()).absolute(),
        labels=labels and labels.absolute(),
    )


def _last_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return " ".join(lines[-1].split()) if lines else type(error).__name__
