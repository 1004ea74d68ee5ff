"""How often is the verdict on int8 wrong? Healthy conversions, of which none should be bad."""

import tempfile
from functools import partial
from pathlib import Path

from host.commands.evaluate.answer import answer
from host.commands.study.models import DEMO_MODELS
from host.deployment.prepare import columns_of_the_host, prepare
from host.deployment.request import ModelOptions
from host.deployment.stages import Stages
from host.engines import find_engine
from host.firmware.boards import find_board
from host.models.dataset import load_dataset
from host.models.feeds import quantize_samples
from host.models.source import open_model
from host.oracles.columns import Column
from host.quantize.routes import DEFAULT_ROUTE, QAT_INT8
from host.quantize.training import build_and_train
from host.verdict.judge import judge
from tests.fixtures.fakes import Silent

ROUTES = (DEFAULT_ROUTE, QAT_INT8)


def bench(seeds: int) -> None:
    """Train the demo models with so many seeds, convert them by two routes, and judge each."""
    engine, stages = find_engine("aot", find_board("process"))[0], Stages(Silent())
    bad = total = 0
    for data, demo in DEMO_MODELS.items():
        dataset = load_dataset(data, calibrate=True, train=True)
        for seed in range(1, seeds + 1):
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "model.h5"
                build_and_train(demo.build, dataset, seed, demo.training).handle.save(path)
                for route in ROUTES:
                    options = ModelOptions(path, data, route, seed=seed)
                    model = open_model(path)
                    prepared = prepare(options, model, engine, stages)
                    graph = prepared.quantized.graph
                    inputs = quantize_samples(prepared.dataset, graph)
                    columns = columns_of_the_host(prepared, inputs, stages)
                    columns["device"] = Column("device", columns["tflm_host"].outputs, "")
                    verdict, cause = answer(
                        *(options, prepared, columns),
                        partial(judge, columns, graph, prepared.dataset),
                        stages,
                        per_channel_dense=engine.per_channel_dense,
                    )
                    total, bad = total + 1, bad + (not verdict.good)
                    said = verdict.halves["quantization"]
                    why = "" if cause is None else f"; {cause.effect}"
                    print(f"{data:8} seed {seed:3} {route:9} {said.state:5} {said.text}{why}")
    print(f"{bad} of {total} conversions are not good")
