"""Compressors: how a vector is encoded as a message, with size, accuracy and bytes of each scheme."""

from learning.compressors.adaptive import Adaptive, at_round, is_adaptive
from learning.compressors.chain import Chain
from learning.compressors.compressor import (
    Compressor,
    Encoded,
    StatefulCompressor,
    contraction,
    is_stateful,
    shares_memory,
)
from learning.compressors.dither import Dither
from learning.compressors.error_feedback import Ef21, ErrorFeedback
from learning.compressors.integer import Integer
from learning.compressors.level_schedules import LEVEL_SCHEDULES, LevelSchedule
from learning.compressors.model_compression import OfModel, sends_models
from learning.compressors.natural import Natural
from learning.compressors.plain import Plain
from learning.compressors.qsgd import Qsgd
from learning.compressors.scaled_sign import ScaledSign, StochasticSign
from learning.compressors.sign import Sign
from learning.compressors.sparse_sign import SparseSign
from learning.compressors.sparsify import RandK, TopK
from learning.compressors.terngrad import TernGrad

__all__ = [
    "COMPRESSORS",
    "LEVEL_SCHEDULES",
    "Adaptive",
    "Chain",
    "Compressor",
    "Dither",
    "Ef21",
    "Encoded",
    "ErrorFeedback",
    "Integer",
    "LevelSchedule",
    "Natural",
    "OfModel",
    "Plain",
    "Qsgd",
    "RandK",
    "ScaledSign",
    "Sign",
    "SparseSign",
    "StatefulCompressor",
    "StochasticSign",
    "TernGrad",
    "TopK",
    "at_round",
    "contraction",
    "is_adaptive",
    "is_stateful",
    "sends_models",
    "shares_memory",
]

COMPRESSORS: dict[str, type[Compressor]] = {
    "none": Plain,
    "qsgd": Qsgd,
    "dither": Dither,
    "terngrad": TernGrad,
    "natural": Natural,
    "sign": Sign,
    "sparse_sign": SparseSign,
    "scaled_sign": ScaledSign,
    "stochastic_sign": StochasticSign,
    "top_k": TopK,
    "rand_k": RandK,
    "chain": Chain,
    "integer": Integer,
    "adaptive": Adaptive,
    "of_model": OfModel,
    "error_feedback": ErrorFeedback,
    "ef21": Ef21,
}
