"""Datasets: parts that describe labelled samples and read them as numpy arrays."""

from __future__ import annotations

from learning.datasets.arrays import Arrays, DataError, Dataset, Labelled, Shape
from learning.datasets.cifar10 import Cifar10
from learning.datasets.digits import Digits
from learning.datasets.idx import FashionMnist, Mnist
from learning.datasets.images import ImageFolder
from learning.datasets.npz import Npz
from learning.datasets.synthetic import Synthetic

__all__ = ["DATASETS", "Arrays", "DataError", "Dataset", "Labelled", "Shape", "Synthetic"]

DATASETS: dict[str, type[Dataset]] = {
    "digits": Digits,
    "mnist": Mnist,
    "fashion_mnist": FashionMnist,
    "cifar10": Cifar10,
    "npz": Npz,
    "image_folder": ImageFolder,
    "synthetic": Synthetic,
}
