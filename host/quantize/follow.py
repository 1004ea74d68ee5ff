"""Following a route: training, converting, and checking what comes out."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

from host.models.dataset import Dataset
from host.models.source import FloatModel
from host.quantize.checks import QuantizedModel
from host.quantize.conversion import accept_tflite, convert_float, quantize_ptq
from host.quantize.qat import check_copy, fake_quantize, fine_tune, with_qat_weights
from host.quantize.routes import QAT_INT8, QAT_WEIGHTS_PTQ, ROUTES, Route
from host.quantize.training import Training
from host.quantize.transplant import transplant


@dataclass(frozen=True)
class Trained:
    """A trained float model, and what is derived from it, each at most once.

    Attributes:
        dataset: fitted to it; with training samples where a route trains.
        seed: of everything random.
        per_channel_dense: see ``quantize_ptq``.
    """

    source: FloatModel
    dataset: Dataset
    seed: int
    training: Training
    per_channel_dense: bool = True
    _quantized: dict[str, QuantizedModel] = field(default_factory=dict, init=False, repr=False)

    @cached_property
    def qat(self) -> FloatModel:
        """Fake-quantized by tfmot and fine-tuned."""
        return fine_tune(self.source, self.dataset, self.seed, self.training)

    @cached_property
    def qat_calibrated(self) -> FloatModel:
        """The same, with activation ranges calibrated from training samples before QAT starts."""
        return fine_tune(self.source, self.dataset, self.seed, self.training, calibrated=True)

    @cached_property
    def qat_weights(self) -> FloatModel:
        """The plain model with QAT's weights."""
        return with_qat_weights(self.source, self.qat)

    def keras(self, route: Route) -> FloatModel:
        """The Keras model that the route runs or converts, whose predictions it should keep.

        Raises:
            DataError: there is nothing to train with.
            ModelError: the model cannot be trained with fake quantization.
            ToolMissingError: TensorFlow or tfmot is not installed.
        """
        if not route.trains:
            return self.source
        if route.copied:
            check_copy(self.source)
        qat = self.qat_calibrated if route.trained == "qat-calibrated" else self.qat
        if route.transplanted or not route.copied:
            return qat
        return self.qat_weights if qat is self.qat else with_qat_weights(self.source, qat)

    def quantized(self, route: Route) -> QuantizedModel:
        """The .tflite of a route that leads to one. Raises as ``keras``; and where the model cannot
        be converted, or the representative data not be used."""
        if route.name not in self._quantized and route.transplanted:
            qat, plain = (self.quantized(ROUTES[n]).graph for n in (QAT_INT8, QAT_WEIGHTS_PTQ))
            real = convert_float(with_qat_weights(self.source, self.qat, rounded=True))
            made = accept_tflite(transplant(qat, plain, real), self.dataset, route)
            self._quantized[route.name] = made
        elif route.name not in self._quantized:
            self._quantized[route.name] = quantize_ptq(
                *(self.keras(route), self.dataset, route),
                seed=self.seed,
                per_channel_dense=self.per_channel_dense,
            )
        return self._quantized[route.name]


def check_routes(routes: Iterable[Route], source: FloatModel) -> None:
    """Check that the model can follow these routes, as far as can be told without training.

    Raises:
        ModelError: tensorflow_model_optimization does not support it.
        ToolMissingError: tensorflow_model_optimization is not installed.
    """
    chosen = tuple(routes)
    if any(route.trains for route in chosen):
        fake_quantize(source)
    if any(route.copied for route in chosen):
        check_copy(source)
