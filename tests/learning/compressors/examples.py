"""Example compressors of every registered name, on which the interface tests run."""

from __future__ import annotations

from learning.compressors import (
    COMPRESSORS,
    Adaptive,
    Chain,
    Compressor,
    Dither,
    Ef21,
    ErrorFeedback,
    Integer,
    Natural,
    OfModel,
    Plain,
    Qsgd,
    RandK,
    ScaledSign,
    Sign,
    SparseSign,
    StochasticSign,
    TernGrad,
    TopK,
)
from learning.compressors.level_schedules import DoublingLevels, LinearLevels, StepLevels

EXAMPLES: dict[str, list[Compressor]] = {
    "none": [Plain(), Plain("fp16"), Plain("bf16")],
    "qsgd": [
        Qsgd(4), Qsgd(1, 16), Qsgd(16, 9), Qsgd(3, None), Qsgd(2, None, "elias"), Qsgd(40, 16, "elias"),
        Qsgd(4, 16, "entropy"), Qsgd(700, None, "entropy"),
    ],
    "dither": [Dither(1), Dither(4, 16), Dither(300, None), Dither(2, 9, "entropy"), Dither(90, 16, "entropy")],
    "terngrad": [TernGrad(), TernGrad(16, 2.5), TernGrad(None, None, "packed"), TernGrad(16, 1.0, "entropy")],
    "natural": [Natural()],
    "sign": [Sign()],
    "sparse_sign": [SparseSign(0.3), SparseSign(k=1), SparseSign(1.0)],
    "scaled_sign": [ScaledSign(), ScaledSign(9)],
    "stochastic_sign": [StochasticSign("l2", 9), StochasticSign("max", None), StochasticSign("max", 16)],
    "top_k": [TopK(0.3), TopK(k=1)],
    "rand_k": [RandK(0.3), RandK(k=1), RandK(0.7, indices="list"), RandK(0.3, unbiased=False)],
    "chain": [
        Chain(TopK(0.3), Qsgd(16)), Chain(TopK(k=1), Plain("fp16")), Chain(TopK(0.1), ScaledSign(), "golomb"),
        Chain(RandK(0.5), Qsgd(4, 9)), Chain(RandK(0.3, indices="list"), Natural(), "golomb"),
        Chain(TopK(0.5), Dither(2, 16, "entropy")), Chain(RandK(0.6, unbiased=False), Qsgd(9, None, "elias")),
        Chain(TopK(1.0), Plain(), "golomb"),
    ],
    "adaptive": [
        Adaptive(Qsgd(4), DoublingLevels(4, 2)), Adaptive(Qsgd(4, 16, "elias"), LinearLevels(4, 3)),
        Adaptive(Dither(300, 9), StepLevels((300, 7), (5,))),
    ],
    "of_model": [OfModel(Qsgd(16)), OfModel(Plain("bf16")), OfModel(Chain(TopK(0.3), Natural(), "golomb"))],
    "error_feedback": [
        ErrorFeedback(TopK(0.3)), ErrorFeedback(Qsgd(16, 9, "elias")), ErrorFeedback(ScaledSign(9)),
        ErrorFeedback(Chain(TopK(0.3), Natural(), "golomb")),
    ],
    "ef21": [Ef21(TopK(0.3)), Ef21(RandK(0.3, unbiased=False)), Ef21(Chain(TopK(0.3), ScaledSign()))],
    "integer": [Integer(0.01, 1), Integer(0.3, 4), Integer(0.3, 5), Integer(0.01, 3, zeros=True)],
}  # fmt: skip

EVERY = [codec for name in COMPRESSORS for codec in EXAMPLES[name]]
UNBIASED = [codec for codec in EVERY if codec.omega(60) is not None]
CONTRACTING = [codec for codec in EVERY if codec.delta(60) is not None]
