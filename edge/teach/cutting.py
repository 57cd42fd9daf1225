"""A model's graph without what follows one of its tensors."""

from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt

from edgetl.edge.model.flatbuffer_tree import Node


def cut_behind(model: Node, tensor: int) -> int:
    """Leave out all operators, tensors and weights that a tensor of the graph does not depend on.

    The graph is left without an output. Entries of the model's metadata stay.

    Args:
        model: the tree of a checked model with one graph; it is changed.
        tensor: its index.

    Returns:
        The index that the tensor has now.
    """
    graph = model["subgraphs"][0]
    wanted = {tensor, *graph["inputs"].tolist()}
    kept: list[Node] = []
    for operator in reversed(graph["operators"]):
        if not wanted.isdisjoint(operator["outputs"].tolist()):
            kept.insert(0, operator)
            for field in ("inputs", "outputs", "intermediates"):
                wanted.update(np.asarray(operator[field], np.int64).tolist())
    tensors = _numbered(wanted - {-1})
    for operator in kept:
        for field in ("inputs", "outputs", "intermediates"):
            if len(operator[field]):
                operator[field] = _renumbered(operator[field], tensors)
    codes = _numbered(operator["opcode_index"] for operator in kept)
    for operator in kept:
        operator["opcode_index"] = codes[operator["opcode_index"]]
    model["operator_codes"] = [model["operator_codes"][old] for old in codes]
    graph["operators"] = kept
    graph["inputs"] = _renumbered(graph["inputs"], tensors)
    graph["outputs"] = np.empty(0, np.int32)
    graph["tensors"] = [graph["tensors"][old] for old in tensors]
    _keep_buffers(model, graph)
    return tensors[tensor]


def _keep_buffers(model: Node, graph: Node) -> None:
    """Those of tensors and metadata; the first is the empty one by convention."""
    described = model["metadata"]
    old = np.asarray(model["metadata_buffer"], np.int64).tolist()
    of = [one["buffer"] for one in (*graph["tensors"], *described)]
    buffers = _numbered({0, *of, *old})
    for one in (*graph["tensors"], *described):
        one["buffer"] = buffers[one["buffer"]]
    if old:
        model["metadata_buffer"] = _renumbered(model["metadata_buffer"], buffers)
    model["buffers"] = [model["buffers"][one] for one in buffers]


def _numbered(old: Iterable[int]) -> dict[int, int]:
    return {number: new for new, number in enumerate(sorted(set(old)))}


def _renumbered(numbers: Iterable[int], new: Mapping[int, int]) -> npt.NDArray[np.int32]:
    # -1 stands for an input that is left out.
    return np.array([new.get(int(one), -1) for one in numbers], np.int32)
