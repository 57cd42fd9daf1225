"""The operators of a flatbuffer, and the Keras layers they were."""

from collections.abc import Collection
from typing import NamedTuple

import keras
from tensorflow.lite.tools import flatbuffer_utils


class Operator(NamedTuple):
    """An operator of the flatbuffer: its layer, and the names of its input and output tensors."""

    layer: str
    inputs: tuple[str, ...]
    output: str


def operators(flatbuffer: bytes, graph: keras.Model) -> list[Operator]:
    """The operators of what a model was converted to, in order of execution."""
    nested = [layer.layers for layer in graph.layers if isinstance(layer, keras.Model)]
    known = {layer.name for layers in (graph.layers, *nested) for layer in layers}
    subgraph = flatbuffer_utils.convert_bytearray_to_object(bytearray(flatbuffer)).subgraphs[0]
    names = [tensor.name.decode() for tensor in subgraph.tensors]
    # The converter gives the model's outputs names of its own.
    outputs = dict.fromkeys((names[i] for i in subgraph.outputs), graph.layers[-1].name)
    return [
        Operator(
            outputs.get(output) or layer_of(output, known),
            tuple(names[i] for i in op.inputs if i >= 0),
            output,
        )
        for op in subgraph.operators
        for output in [names[op.outputs[0]]]
    ]


def layer_of(tensor: str, known: Collection[str]) -> str:
    """The Keras layer, one of `known`, that a tensor is the output of, by the tensor's name.

    The converter joins the names of what it fused with ";", each like edgetl_1/block_1_add_1/Add;
    of a convolution with its normalization and activation, the convolution is the layer.
    """
    parts = tensor.split(";")
    main = next((p for p in parts if p.endswith(("/convolution", "/depthwise"))), parts[0])
    scope = main.split("/")[-2:][0]
    # Keras numbers the calls of a layer.
    return scope if scope in known else scope.rpartition("_")[0] or scope
