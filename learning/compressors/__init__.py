"""Compressors: how a vector becomes a message, with its size, accuracy and bytes stated side by side."""

from learning.compressors.compressor import Compressor, Encoded
from learning.compressors.integer import Integer
from learning.compressors.memory import Ef21, ErrorFeedback, Remembering, contraction, remembers
from learning.compressors.plain import Plain
from learning.compressors.qsgd import Qsgd
from learning.compressors.sign import Sign
from learning.compressors.sparsify import RandK, TopK

__all__ = [
    "COMPRESSORS",
    "Compressor",
    "Ef21",
    "Encoded",
    "ErrorFeedback",
    "Integer",
    "Plain",
    "Qsgd",
    "RandK",
    "Remembering",
    "Sign",
    "TopK",
    "contraction",
    "remembers",
]

COMPRESSORS: dict[str, type[Compressor]] = {
    "none": Plain,
    "qsgd": Qsgd,
    "sign": Sign,
    "top_k": TopK,
    "rand_k": RandK,
    "integer": Integer,
    "error_feedback": ErrorFeedback,
    "ef21": Ef21,
}
