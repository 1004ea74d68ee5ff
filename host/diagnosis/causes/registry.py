"""The causes that ``explain`` can name, each with its words and the rules that find it.

A new cause is one entry here. Its place says when its rules are asked: what the rules of an earlier
cause explain is not open to those of a later one. The identifiers are part of the JSON document and
do not change.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal, get_args

from host.diagnosis.causes import (
    feeding,
    float_operators,
    granularity,
    old_tflm,
    qat_ranges,
    range_rules,
    weight_rules,
)
from host.diagnosis.causes.inquiry import Inquiry, Rule
from host.diagnosis.comparison.case import Case

# What a rule looks at, in the order of asking: all rules of a stage come before those of the next.
Stage = Literal["samples", "operators", "constants", "grids", "all ranges", "ranges", "device"]


@dataclass(frozen=True)
class Cause:
    """A cause in words, what to do about it, and the rules that find it."""

    title: str
    meaning: str
    remedy: str
    rules: Mapping[Stage, Rule]


CAUSES: Mapping[str, Cause] = {
    "input-channel-order": Cause(
        "Input channel order",
        "The input's channels are in another order.",
        "Feed the channels in the order of training (RGB or BGR?).",
        {"samples": feeding.fed_in_other_order, "constants": weight_rules.weights_in_other_order},
    ),
    "input-offset": Cause(
        "Input offset",
        "The input is shifted by a constant.",
        "Use the input tensor's own zero point, and the offset of training, when feeding samples.",
        {
            "samples": feeding.fed_with_offset,
            "constants": weight_rules.bias_with_offset,
            "ranges": range_rules.input_range_shifted,
        },
    ),
    "input-scale": Cause(
        "Input scale",
        "The input is scaled by a constant.",
        "Scale the samples as in training (0 to 255, 0 to 1, or −1 to 1?).",
        {
            "samples": feeding.fed_scaled,
            "constants": weight_rules.weights_scaled,
            "ranges": range_rules.input_range_scaled,
        },
    ),
    "input-differs": Cause(
        "Input differs",
        "The deployment feeds other samples, and neither order, scale nor offset explains them.",
        "Compare the preprocessing step by step, starting with one sample.",
        {"samples": feeding.fed_otherwise},
    ),
    "representative-data-ignored": Cause(
        "Representative data ignored",
        "The model computes in float behind int8 inputs and outputs: the representative data set "
        "was empty or never read.",
        "Give the converter a callable that yields lists of float32 samples.",
        {"operators": float_operators.all_in_float},
    ),
    "float-island": Cause(
        "Float operators",
        "Operators compute in float between DEQUANTIZE and QUANTIZE.",
        "Replace the layer by one that has an int8 kernel, and convert with TFLITE_BUILTINS_INT8.",
        {"operators": float_operators.some_in_float},
    ),
    "batch-norm-folding": Cause(
        "Batch norm folding",
        "Weights differ by one factor for each output channel: batch normalization was folded with "
        "other statistics.",
        "Convert both from the same moving averages: freeze them, or update them before both "
        "conversions.",
        {"constants": weight_rules.folded_otherwise},
    ),
    "weights-differ": Cause(
        "Weights differ",
        "The weights are not the same real numbers.",
        "Check which checkpoint each model was converted from; convert both from one.",
        {"constants": weight_rules.other_weights},
    ),
    "bias-differs": Cause(
        "Bias differs",
        "A bias is not the same real number.",
        "Check the bias of that layer in the trained model; convert again.",
        {"constants": weight_rules.other_bias},
    ),
    "weight-granularity": Cause(
        "Weight granularity",
        "The same weights, rounded per tensor in one model and per channel in the other.",
        "Quantize both alike: tfmot has one scale for depthwise and dense weights, the converter "
        "one for each channel; route qat-transplant carries QAT's over.",
        {"grids": granularity.other_granularity},
    ),
    "qat-ranges-unconverged": Cause(
        "QAT ranges unconverged",
        "Activation ranges learned in quantization-aware training have not converged: tfmot starts "
        "them at −6 and 6 and moves them by 0.001 of the way in every step.",
        "Train for several thousand more steps, or calibrate the ranges from data before QAT "
        "starts: route qat-calibrated.",
        {"all ranges": qat_ranges.unconverged},
    ),
    "representative-data-scale": Cause(
        "Representative data scale",
        "The representative data was scaled unlike the samples, so all ranges are off.",
        "Preprocess the representative data as the samples are, and convert again.",
        {"all ranges": partial(range_rules.moved_input, by_few=False)},
    ),
    "representative-data-coverage": Cause(
        "Representative data coverage",
        "The representative data does not cover what the model sees: values are clipped.",
        "Take some hundred samples of every class, drawn at random, and convert again.",
        {"ranges": range_rules.calibrated_on_too_little},
    ),
    "representative-data-outliers": Cause(
        "Representative data outliers",
        "The ranges are far wider than what the model sees: most codes are wasted.",
        "Remove outliers from the representative data, or clip them as in training; convert again.",
        {
            "all ranges": partial(range_rules.moved_input, by_few=True),
            "ranges": range_rules.calibrated_with_outliers,
        },
    ),
    "activation-range": Cause(
        "Activation range",
        "One activation's scale or zero point is not what the others suggest.",
        "Compare that tensor's range with what the layer computes; convert again.",
        {"ranges": range_rules.single_range},
    ),
    "tflm-per-channel-dense": Cause(
        "TFLM per channel dense",
        "The device's TFLite-Micro is older than May 2024 and computes dense layers with the first "
        "channel's scale for all channels.",
        "Use a newer TFLite-Micro, or convert with "
        "_experimental_disable_per_channel_quantization_for_dense_layers = True.",
        {"device": old_tflm.one_scale_for_all_channels},
    ),
}


def inquire(case: Case) -> Inquiry:
    """Ask all rules. Of a stage, suspects of the whole model come first, then in B's order.

    Raises:
        OracleError: TFLM on the host is absent or refuses B.
    """
    inquiry = Inquiry(case)
    for stage in get_args(Stage):
        if stage == "ranges":
            range_rules.attribute_ranges(inquiry)
        before = len(inquiry.suspects)
        for name, cause in CAUSES.items():
            if stage in cause.rules:
                named = cause.rules[stage](inquiry)
                inquiry.suspects += [replace(suspect, cause=name) for suspect in named]
        inquiry.suspects[before:] = sorted(
            inquiry.suspects[before:], key=lambda s: -1 if s.operator is None else s.operator
        )
    return inquiry
