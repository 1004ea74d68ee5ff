"""A model and samples for it, for commands that only run it."""

from __future__ import annotations

from dataclasses import dataclass

from host.deployment.prepare import model_file, prepare
from host.deployment.request import ModelOptions
from host.deployment.stages import Stages
from host.engines import Engine
from host.models import tflite
from host.models.data_formats import RANDOM, find_format
from host.models.dataset import load_dataset
from host.models.feeds import Feed, drawn, quantize_samples, single
from host.models.source import ModelFile
from host.models.tflite import Graph


@dataclass(frozen=True)
class Loaded:
    """A model that runs on a device, and samples for it: no labels, no float model."""

    model: ModelFile
    graph: Graph
    feeds: tuple[Feed, ...]
    data: str
    notes: tuple[str, ...]


_CODES = ("int8", "uint8", "int16")


def load(options: ModelOptions, engine: Engine, stages: Stages, least: int) -> Loaded:
    """The model and its samples.

    A .tflite model without ``--data`` gets random samples, ``least`` of them where the user
    names no number. They fit several inputs, of any type; a data set's fit one.

    Raises:
        InputError, ToolMissingError: see ``prepare``.
    """
    model = model_file(options, stages)
    data = options.data or RANDOM
    if model.kind == "tflite" and not find_format(data).real:
        graph = tflite.load(model.path)
        feeds = random_feeds(graph, options.samples or least, options.seed)
        return Loaded(model, graph, tuple(feeds), data, ())
    prepared = prepare(options, model, engine, stages)
    graph = prepared.quantized.graph
    feeds = single(graph, quantize_samples(prepared.dataset, graph))
    return Loaded(model, graph, tuple(feeds), prepared.dataset.name, prepared.dataset.notes)


def random_feeds(graph: Graph, samples: int, seed: int) -> list[Feed]:
    """The samples of the data set ``random`` where the model can take them, so that a sample has
    the same number here and in ``flash-and-eval``; else any."""
    codes = graph.input_codes
    if len(graph.inputs) > 1 or codes.dtype not in _CODES or codes.quantization is None:
        return drawn(graph, samples, seed)
    batch, shape = graph.input.shape[:1], graph.input.shape[1:]
    if batch != (1,):  # a data set's sample is one of a batch
        return drawn(graph, samples, seed)
    dataset = load_dataset(RANDOM, samples=samples, seed=seed, input_shape=shape)
    return single(graph, quantize_samples(dataset, graph))
