"""Torch modules that torch.nn lacks. Imported lazily, since it needs torch."""

from __future__ import annotations

from torch import Tensor, nn

__all__ = ["Branches", "ChannelMeans", "nn"]


class ChannelMeans(nn.Module):
    """[B, C, H, W] -> [B, C]: the average of each channel."""

    def forward(self, images: Tensor) -> Tensor:
        """Return the mean over the plane."""
        return images.mean((-2, -1))


class Branches(nn.Module):
    """relu(body(x) + shortcut(x))."""

    def __init__(self, body: nn.Sequential, shortcut: nn.Sequential) -> None:
        super().__init__()
        self.body = body
        self.shortcut = shortcut

    def forward(self, images: Tensor) -> Tensor:
        """Return the rectified sum of the branches."""
        return nn.functional.relu(self.body(images) + self.shortcut(images))
