"""Buckets: runs of coordinates that share one scale, computed with the same bits in every implementation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from learning.compressors.kernel_rows import has_kernels

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Buckets:
    """The division of `dim` coordinates into runs of `size`, the last of which may be shorter."""

    dim: int
    size: int

    @classmethod
    def of(cls, bucket: int | None, dim: int) -> Buckets:
        """Return the buckets for a part's argument `bucket`; None is one bucket over all coordinates."""
        return cls(dim, dim if bucket is None else min(bucket, dim))

    @property
    def count(self) -> int:
        """The number of buckets."""
        return -(-self.dim // self.size)

    def expand(self, per_bucket: Tensor) -> Tensor:
        """Return [K, dim] from [K, count]: the number of its bucket for every coordinate."""
        return per_bucket.repeat_interleave(self.size, dim=1)[:, : self.dim]

    def largest(self, rows: Tensor) -> Tensor:
        """Return [K, count]: the largest magnitude of each bucket of rows [K, dim]; inf or nan if it contains one."""
        if has_kernels(rows):
            from learning.compressors import bucket_kernels

            out = rows.new_empty(len(rows), self.count)
            bits = rows.detach().contiguous().numpy().view("u4")
            bucket_kernels.largest(bits, self.size, out.numpy().view("u4"))
            return out
        return self._folded(rows.abs()).amax(2)

    def sums(self, rows: Tensor, squared: bool) -> Tensor:
        """Return float64 [K, count]: the sums of magnitudes, or of squares, added by a halving tree.

        A tree over the next power of two gives the same bits in torch, in numba and on every device.
        """
        if has_kernels(rows):
            import torch

            from learning.compressors import bucket_kernels

            out = torch.empty(len(rows), self.count, dtype=torch.float64)
            bucket_kernels.tree_sums(rows.detach().contiguous().numpy(), self.size, squared, out.numpy())
            return out
        return self.torch_sums(rows, squared)

    def torch_sums(self, rows: Tensor, squared: bool) -> Tensor:
        """Return `sums` computed by torch."""
        from torch.nn.functional import pad

        double = rows.double()
        leaves = self._folded(double * double if squared else double.abs())
        half = 1 << (self.size - 1).bit_length()
        leaves = pad(leaves, (0, half - self.size))
        while half > 1:
            half //= 2
            leaves = leaves[..., :half] + leaves[..., half:]
        return leaves[..., 0]

    def lengths(self, like: Tensor) -> Tensor:
        """Return float64 [count]: the number of coordinates of each bucket."""
        import torch

        out = torch.full((self.count,), self.size, dtype=torch.float64, device=like.device)
        out[-1] = self.dim - (self.count - 1) * self.size
        return out

    def _folded(self, rows: Tensor) -> Tensor:
        """Return [K, count, size], padded with zeros."""
        from torch.nn.functional import pad

        return pad(rows, (0, self.count * self.size - self.dim)).view(len(rows), self.count, self.size)


def check_bucket(bucket: int | None) -> None:
    """Raise ValueError for a bucket of no coordinates."""
    if bucket is not None and bucket < 1:
        raise ValueError(f"bucket must be >= 1, got {bucket}; null is one for the whole model")
