# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 06 · Your own compressor, channel and algorithm
#
# A part is a frozen dataclass with the methods of its kind. It needs no registration and no base class. Here the classes are defined in the notebook and passed as objects; in a file
# `my_lab.py` a YAML scenario names them as `my_lab:Threshold`.

# %%
import math
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
import torch

from learning.aggregation.rules import Mean, Vote
from learning.algorithms.algorithm import Algorithm
from learning.algorithms.layer import Layer, Leaf
from learning.compressors import Encoded, ErrorFeedback, Plain, Qsgd, Sign
from netsim import load, simulate
from netsim.network import Downlink, Link, ParentLinks
from netsim.network.media import DedicatedMedium
from netsim.network.packets import PACKETS

BLUE, ORANGE, GREEN, PINK, RED, SKY = "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9"

# %% [markdown]
# ## A compressor: two bits and one magnitude
#
# Keep the coordinates with a magnitude of at least $t\cdot\max|x|$, send their signs and *one* number, their mean magnitude $m$. With $S$ the set of these coordinates, $C(x) = m\cdot\operatorname{sign}(x)|_S$ is the
# orthogonal projection of $x$ onto $\operatorname{sign}(x)|_S$, so
#
# $$\|C(x)-x\|^2 = \|x\|^2 - \frac{\|x_S\|_1^2}{|S|} \le \Bigl(1 - \frac{t^2}{d}\Bigr)\|x\|^2 :$$
#
# a contraction with $\delta = t^2/d$, which allows error feedback. The class defines its bits, its constants, its values and its byte codec.


# %%
@dataclass(frozen=True)
class Threshold:
    """Signs of the large coordinates and their mean magnitude: 32 + 2 d bits, a contraction."""

    t: float = 0.25
    lossless = False

    def bits(self, dim):
        """One float, and two bits per coordinate: 0, + or -."""
        return 32 + 2 * dim

    def omega(self, dim):
        """Biased, so no variance constant."""
        return None

    def delta(self, dim):
        """The contraction derived above."""
        return self.t**2 / dim

    def encode(self, rows, rng):
        """The decoded values of a stack of rows [K, d]."""
        large = rows.abs() >= self.t * rows.abs().amax(1, keepdim=True)
        mean = (rows.abs() * large).sum(1, keepdim=True) / large.sum(1, keepdim=True)
        return Encoded(torch.where(large, mean * rows.sign(), torch.zeros_like(rows)), None)

    def pack(self, row, key):
        """The byte string of a row."""
        values = self.encode(row[None].float(), None).values[0].numpy()
        codes = np.stack([values > 0, values < 0], 1)
        return np.float32(np.abs(values).max()).tobytes() + np.packbits(codes).tobytes()

    def unpack(self, data, dim):
        """The values of a byte string."""
        codes = (
            np.unpackbits(np.frombuffer(data, np.uint8, offset=4), count=2 * dim)
            .reshape(dim, 2)
            .astype(np.float32)
        )
        return torch.from_numpy(np.frombuffer(data, np.float32, 1) * (codes[:, 0] - codes[:, 1]))


# %% [markdown]
# Test bits, bytes and contraction on several vectors before it is used.

# %%
threshold, d = Threshold(), 4810
draw = torch.Generator().manual_seed(3)
for row in (torch.randn(d, generator=draw), torch.randn(d, generator=draw) ** 5, torch.ones(d)):
    values = threshold.encode(row[None].clone(), None).values[0]
    data = threshold.pack(row, 0)
    assert len(data) == math.ceil(threshold.bits(d) / 8)
    assert torch.allclose(threshold.unpack(data, d), values, rtol=1e-6)
    assert (values - row).norm() ** 2 <= (1 - threshold.delta(d)) * row.norm() ** 2 * (1 + 1e-6)
print("bits, bytes and contraction are correct")


# %%
def layers_with(codec):
    """Three layers as in quickstart, with this uplink on layer 1."""
    return Algorithm(
        Leaf(0.2, 32), (Layer(5, codec, Mean()), Layer(2, Qsgd(8), Mean()), Layer(2, Qsgd(16), Mean()))
    )


quickstart = load("quickstart", ["sweep={}", "stop={rounds: 15}"])
uplinks = {
    "none, 32 bits": (Plain(), "#888888"),
    "qsgd, 4 levels": (Qsgd(4), ORANGE),
    "threshold": (Threshold(), SKY),
    "threshold, error feedback": (ErrorFeedback(Threshold()), BLUE),
}
figure = go.Figure()
for name, (codec, colour) in uplinks.items():
    run = simulate(quickstart.model_copy(update={"algorithm": layers_with(codec)}))
    rounds = run.rounds.iloc[1:]
    figure.add_scatter(
        x=rounds["bits_up_1"] / 1e6, y=rounds["accuracy"], name=name, line_color=colour, mode="lines+markers"
    )
figure.update_layout(
    template="plotly_white",
    height=420,
    xaxis={
        "title": "bits up by devices (Mbit)",
        "type": "log",
        "tickvals": [1, 2, 5, 10, 20, 50, 100, 200, 400],
    },
    yaxis_title="accuracy on the test set",
    title="A user-defined compressor and the built-in ones",
)
figure

# %% [markdown]
# ## A channel: a satellite with periodic visibility
#
# A region reaches the cloud by a satellite that is in view for a part of each period. A channel defines the airtime of a message whose transmission starts at $t$.
# With $V(t)$ the time in view until $t$, the airtime is the $x$ with $V(t+x) = V(t) + b/R$.


# %%
@dataclass(frozen=True)
class Passing:
    """A constant rate during the first `view_s` of every `period_s`, and 0 otherwise."""

    rate_bps: float
    period_s: float
    view_s: float

    @property
    def mean_rate_bps(self):
        """The long-run mean rate."""
        return self.rate_bps * self.view_s / self.period_s

    def airtime_s(self, wire_bits, at_s):
        """The airtime by the equation above; exact."""
        in_view_s = at_s // self.period_s * self.view_s + min(at_s % self.period_s, self.view_s)
        periods, rest = divmod(in_view_s + wire_bits / self.rate_bps, self.view_s)
        if rest < 1e-12 and wire_bits > 0:
            periods, rest = periods - 1, self.view_s
        return periods * self.period_s + rest - at_s


@dataclass(frozen=True)
class Satellite:
    """Each child has a dedicated satellite link while the satellite is in view."""

    rate_bps: float = 2e6
    period_s: float = 2.0
    view_s: float = 0.5
    latency_s: float = 0.02

    def connect(self, env, parent, children, seed):
        """The links of one parent to its children."""
        channel, medium = Passing(self.rate_bps, self.period_s, self.view_s), DedicatedMedium(env)
        up, down = (
            [Link(env, channel, medium, self.latency_s, PACKETS["ethernet"]) for _ in children]
            for _ in range(2)
        )
        return ParentLinks(up, Downlink(down, broadcast=False))

    def describe(self):
        """The text that `netsim check` prints."""
        return f"satellite: {self.rate_bps / 1e6:g} Mbit/s for {self.view_s:g} of every {self.period_s:g} s"


sky = Passing(2e6, 2.0, 0.5)
assert math.isclose(sky.airtime_s(1e6, 0.0), 0.5)  # fits the first pass exactly
assert math.isclose(sky.airtime_s(1e5, 1.0), 1.05)  # waits one second for the next pass
assert math.isclose(
    sky.airtime_s(1.5e6, 0.25), 0.25 + 1.5 + 0.5
)  # uses the rest of a pass and the whole next one

# %%
cell, metro, trunk = quickstart.network
figure = go.Figure()
for name, top, colour in (("trunk of 1 Gbit/s", trunk, BLUE), ("satellite", Satellite(), RED)):
    run = simulate(quickstart.model_copy(update={"network": (cell, metro, top)}))
    figure.add_scatter(
        x=run.rounds["sim_time_s"],
        y=run.rounds["accuracy"],
        name=name,
        line={"color": colour, "shape": "hv"},
        mode="lines+markers",
    )
figure.add_vrect(x0=0, x1=0.5, fillcolor=RED, opacity=0.12, line_width=0)
last = float(run.rounds["sim_time_s"].iloc[-1])
for start in np.arange(2.0, last, 2.0):
    figure.add_vrect(x0=start, x1=start + 0.5, fillcolor=RED, opacity=0.12, line_width=0)
figure.update_layout(
    template="plotly_white",
    height=420,
    xaxis_title="simulated time (s)",
    yaxis_title="accuracy on the test set",
    yaxis_range=[0.7, 1],
    title="The same models; with the satellite they arrive during its passes (shaded)",
)
figure

# %% [markdown]
# ## An algorithm: signs below, a quantizer above
#
# An algorithm is a list of layers, and a recipe is a dataclass whose `to_algorithm()` returns one. This one votes below the edge servers, as HierSignSGD, and quantizes above them, as QMLHFL. An algorithm is validated
# when it is constructed: without the vote, an error states why signs need one.


# %%
@dataclass(frozen=True)
class SignsBelow:
    """Votes on layer 1, QSGD with `levels` above."""

    step: float
    tau: tuple[int, int]
    levels: int = 16

    def to_algorithm(self):
        """The algorithm as layers."""
        merges, rounds = self.tau
        return Algorithm(
            Leaf(self.step, 32), (Layer(1, Sign(), Vote(self.step)), Layer(merges, Qsgd(self.levels), Mean()), Layer(rounds, Qsgd(self.levels), Mean()))
        )  # fmt: skip


try:
    Algorithm(Leaf(0.01, 32), (Layer(1, Sign(), Mean()),))
except ValueError as error:
    print(error)

thin = load("quickstart", ["sweep={}", "stop={rounds: 15}", "network[0].cell.uplink=1 MHz"])
figure = go.Figure()
for name, algorithm, colour in (
    ("qmlhfl (5, 2, 2)", thin.algorithm, ORANGE),
    ("signs below (1, 10, 2)", SignsBelow(0.005, (10, 2)), BLUE),
):
    run = simulate(thin.model_copy(update={"algorithm": algorithm}))
    figure.add_scatter(
        x=run.rounds["sim_time_s"],
        y=run.rounds["accuracy"],
        name=name,
        line_color=colour,
        mode="lines+markers",
    )
figure.update_layout(
    template="plotly_white",
    height=420,
    xaxis_title="simulated time (s)",
    yaxis_title="accuracy on the test set",
    yaxis_range=[0.7, 1],
    title="A user-defined algorithm on a 1 MHz uplink, twenty local steps per round",
)
figure

# %% [markdown]
# In a file, these classes are named in YAML by their import path, `netsim check` prints them, and their source is part of the run's digest: a changed line gives another
# digest. See `docs/howto/own-part.md`.
