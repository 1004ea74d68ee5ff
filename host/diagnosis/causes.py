"""The causes that ``explain`` can name. The identifiers are part of its JSON and do not change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Cause:
    """What a cause means, and what to do about it."""

    meaning: str
    remedy: str


CAUSES: Mapping[str, Cause] = {
    "qat-ranges-unconverged": Cause(
        "Activation ranges learned in quantization-aware training have not converged: tfmot starts "
        "them at −6 and 6 and moves them by 0.001 of the way in every step.",
        "Train on for some thousand steps, or calibrate the ranges from data before QAT starts: "
        "route qat-calibrated.",
    ),
    "weight-granularity": Cause(
        "The same weights, rounded per tensor in one model and per channel in the other.",
        "Quantize both alike: tfmot has one scale for depthwise and dense weights, the converter "
        "one for each channel; route qat-transplant carries QAT's over.",
    ),
    "weights-differ": Cause(
        "The weights are not the same real numbers.",
        "Check which checkpoint each model was converted from; convert both from one.",
    ),
    "bias-differs": Cause(
        "A bias is not the same real number.",
        "Check the bias of that layer in the trained model; convert again.",
    ),
    "batch-norm-folding": Cause(
        "Weights differ by one factor for each output channel: batch normalization was folded with "
        "other statistics.",
        "Convert both from the same moving averages: freeze them, or update them before both "
        "conversions.",
    ),
    "activation-range": Cause(
        "One activation's scale or zero point is not what the others suggest.",
        "Compare that tensor's range with what the layer computes; convert again.",
    ),
    "representative-data-scale": Cause(
        "The representative data was scaled unlike the samples, so all ranges are off.",
        "Preprocess the representative data as the samples are, and convert again.",
    ),
    "representative-data-coverage": Cause(
        "The representative data does not cover what the model sees: values are clipped.",
        "Take some hundred samples of every class, drawn at random, and convert again.",
    ),
    "representative-data-outliers": Cause(
        "The ranges are far wider than what the model sees: most codes are wasted.",
        "Remove outliers from the representative data, or clip them as in training; convert again.",
    ),
    "representative-data-ignored": Cause(
        "The model computes in float behind int8 inputs and outputs: the representative data set "
        "was empty or never read.",
        "Give the converter a callable that yields lists of float32 samples.",
    ),
    "float-island": Cause(
        "Operators compute in float between DEQUANTIZE and QUANTIZE.",
        "Replace the layer by one that has an int8 kernel, and convert with TFLITE_BUILTINS_INT8.",
    ),
    "input-channel-order": Cause(
        "The input's channels are in another order.",
        "Feed the channels in the order of training (RGB against BGR?).",
    ),
    "input-offset": Cause(
        "The input is shifted by a constant.",
        "Use the input tensor's own zero point, and the offset of training, when feeding samples.",
    ),
    "input-scale": Cause(
        "The input is scaled by a constant.",
        "Scale the samples as in training (0 to 255 against 0 to 1, or −1 to 1?).",
    ),
    "input-differs": Cause(
        "The deployment feeds other samples, and neither order, scale nor offset explains them.",
        "Compare the preprocessing step by step, starting with one sample.",
    ),
    "tflm-per-channel-dense": Cause(
        "The device's TFLite-Micro is older than May 2024 and computes dense layers with the first "
        "channel's scale for all channels.",
        "Use a newer TFLite-Micro, or convert with "
        "_experimental_disable_per_channel_quantization_for_dense_layers = True.",
    ),
}
