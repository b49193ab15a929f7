"""Digests: the registry that names every lazy vector by its operation, parts, parents and random key."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

from learning.compressors import Compressor
from learning.engine.lazy_vectors import LazyVector, LossQuery, Op
from learning.part_names import part_name


@dataclass
class DigestRegistry:
    """Creates lazy vectors and computes their digests: blake2b-128 over root, operation, parts, inputs and key."""

    root: bytes
    _part_digests: dict[tuple[int, bool], tuple[object, bytes]] = field(default_factory=dict)

    def new_vector(
        self, op: Op, inputs: Sequence[LazyVector], parts: Sequence[object], numbers: bytes, keep_op: bool
    ) -> LazyVector:
        """Return a new lazy vector; `keep_op` False drops the op at once (timing only: it is never computed)."""
        digest = hashlib.blake2b(self.root, digest_size=16)
        digest.update(type(op).__name__.encode())
        for part in parts:
            digest.update(self._part_digest(part))
        digest.update(b"".join([vector.digest for vector in inputs]) + numbers)
        depth = 1 + max((vector.depth for vector in inputs), default=0)
        return LazyVector(digest.digest(), depth, op if keep_op else None)

    def size_digest(self, message: LazyVector, codec: Compressor) -> bytes:
        """Return the digest of a message's coded size; equal values may be coded in several ways."""
        content = message.digest + self._part_digest(codec, with_coding=True)
        return hashlib.blake2b(content, digest_size=16).digest()

    @staticmethod
    def measurement_digest(model: LazyVector, label: bytes) -> bytes:
        """Return the digest of the numbers measured at `model` under a label."""
        return hashlib.blake2b(model.digest + label, digest_size=16).digest()

    def loss_digest(self, model: LazyVector, query: LossQuery) -> bytes:
        """Return the digest of the mean loss of a model over a device's samples."""
        samples = (
            pack_integers(query.device)
            if query.samples is None
            else pack_integers(query.device, query.samples, query.first_step)
        )
        return hashlib.blake2b(model.digest + samples, digest_size=16, person=b"local loss").digest()

    def _part_digest(self, part: object, with_coding: bool = False) -> bytes:
        cached = self._part_digests.get((id(part), with_coding))
        if cached is None or cached[0] is not part:
            text = part_name(part, with_coding).encode()
            cached = (part, hashlib.blake2b(text, digest_size=16).digest())
            self._part_digests[id(part), with_coding] = cached
        return cached[1]


def pack_integers(*numbers: int) -> bytes:
    """Return integers as 8 bytes each, for a digest."""
    return struct.pack(f"<{len(numbers)}Q", *(n & 0xFFFFFFFFFFFFFFFF for n in numbers))
