"""Compressors: how a vector becomes a message, with its size, accuracy and bytes stated side by side."""

from learning.compressors.compressor import Compressor, Encoded
from learning.compressors.integer import Integer
from learning.compressors.plain import Plain
from learning.compressors.qsgd import Qsgd
from learning.compressors.sign import Sign
from learning.compressors.sparsify import RandK, TopK

__all__ = ["COMPRESSORS", "Compressor", "Encoded", "Integer", "Plain", "Qsgd", "RandK", "Sign", "TopK"]

COMPRESSORS: dict[str, type[Compressor]] = {
    "none": Plain,
    "qsgd": Qsgd,
    "sign": Sign,
    "top_k": TopK,
    "rand_k": RandK,
    "integer": Integer,
}
