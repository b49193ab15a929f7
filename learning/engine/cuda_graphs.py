"""Many small kernels as one launch: on a GPU a step is captured once as a CUDA graph and replayed ever after."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import torch
from torch import Tensor

WARM_UPS = 3
"""Runs before a capture, in which libraries choose their kernels and workspaces."""


class Replay:
    """Calls `step`, which reads and writes tensors that stay where they are, `state` among them.

    On a CPU a call is a call. On CUDA the first one warms up, puts `state` back and captures; a step that CUDA
    cannot capture is called as it is, with a warning, to the same results.
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
        """Capturing runs nothing, so `state` is as it was before."""
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
