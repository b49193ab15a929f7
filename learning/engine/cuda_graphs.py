"""CUDA graphs: a step of many small kernels is captured once and then replayed as one launch."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import torch
from torch import Tensor

WARM_UPS = 3
"""Runs before a capture, in which libraries choose their kernels and workspaces."""


class GraphReplay:
    """Calls `step`, which reads and writes tensors at fixed addresses, `state` among them.

    On a CPU it calls `step` directly. On CUDA the first call warms up, restores `state` and captures. A step that CUDA
    cannot capture is called directly, with a warning and the same results.
    """

    def __init__(self, step: Callable[[], None], state: Tensor) -> None:
        self._step, self._state = step, state
        self._replay: Callable[[], None] | None = None if state.device.type == "cuda" else step

    def __call__(self) -> None:
        if self._replay is None:
            try:
                self._replay = self._captured().replay
            except RuntimeError as error:
                warnings.warn(f"no CUDA graph, so training is slower: {error}", RuntimeWarning, stacklevel=2)
                self._replay = self._step
        self._replay()

    def _captured(self) -> torch.cuda.CUDAGraph:
        """Return the captured graph; capturing does not execute the step, so `state` is unchanged."""
        before = self._state.clone()
        side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(WARM_UPS):
                self._step()
        torch.cuda.current_stream().wait_stream(side)
        self._state.copy_(before)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self._step()
        return graph
