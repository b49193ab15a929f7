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
# # 02 · The duration of a message
#
# A device sends an update with $d$ coordinates to its edge server. The duration of the transfer follows in five steps, each with a formula
# that can be checked by hand:
#
# 1. **payload**: the compressor determines the number of bits,
# 2. **wire bits**: packets add headers,
# 3. **rate**: a link budget determines the rate,
# 4. **airtime**: wire bits divided by the rate, without other transfers,
# 5. **sharing**: simultaneous transfers share the medium.

# %%
import numpy as np
import plotly.graph_objects as go
import simpy
import torch
from plotly.subplots import make_subplots

from learning.compressors import Natural, Plain, Qsgd, ScaledSign, Sign, TernGrad, TopK
from netsim import grow, load, simulate
from netsim.network import Cell
from netsim.network.packets import PACKETS

BLUE, ORANGE, GREEN, PINK, RED, SKY = "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9"

# %% [markdown]
# ## 1. Payload
#
# QSGD with $s$ levels sends, for each bucket of 512 coordinates, a 32-bit norm, and for each coordinate a sign and a level:
#
# $$b(d) = 32\left\lceil\tfrac{d}{512}\right\rceil + d\,\bigl(1 + \lceil\log_2(s+1)\rceil\bigr).$$
#
# Every compressor also has a byte codec. We encode a vector of the model's size and compare the length of the byte string with the formula.

# %%
d = 4810  # the parameters of quickstart's model
vector = torch.randn(d, generator=torch.Generator().manual_seed(1))
codecs = {
    "none (float32)": Plain(), "natural": Natural(), "qsgd, 16 levels": Qsgd(16), "top_k, 10 %": TopK(0.1), "qsgd, 4 levels": Qsgd(4),
    "terngrad": TernGrad(), "scaled_sign": ScaledSign(), "sign": Sign(),
}  # fmt: skip
stated = {name: codec.bits(d) for name, codec in codecs.items()}
encoded = {name: 8 * len(codec.pack(vector.clone(), key=7)) for name, codec in codecs.items()}
assert all(0 <= encoded[name] - stated[name] < 8 for name in codecs), "a byte string ends on a whole byte"
assert stated["qsgd, 4 levels"] == 32 * -(-d // 512) + d * (1 + 3)

figure = go.Figure(
    go.Bar(
        y=list(codecs),
        x=[stated[name] / d for name in codecs],
        orientation="h",
        marker_color=BLUE,
        text=[f"{stated[name] / d:.2f}" for name in codecs],
        textposition="outside",
        cliponaxis=False,
    )
)
figure.update_layout(
    template="plotly_white",
    height=360,
    xaxis_title="bits per coordinate",
    yaxis_autorange="reversed",
    title=f"Bits per coordinate of {d:,} coordinates, equal to the encoded length",
)
figure

# %% [markdown]
# ## 2. Wire bits
#
# The payload is divided into packets; each has headers (TCP, IP, PDCP/RLC/MAC on a radio): `wire = payload + 8 · 62 · ⌈payload / (8 · 1448)⌉` bits.

# %%
radio = PACKETS["radio"]
payload = Qsgd(4).bits(d)
wire = radio.wire_bits(payload)
print(
    f"{payload:,} bits of payload, {radio.count(payload)} packets, {wire:,} bits on the wire: {wire / payload - 1:.1%} more"
)

# %% [markdown]
# ## 3. Rate
#
# A link budget: transmit power and antenna gains, minus path loss, thermal noise and the receiver's noise figure,
#
# $$\text{SNR} = P + G - L(r) - (-174 + 10\log_{10} B + F)\quad\text{[dB]},\qquad L_\text{LOS}(r) = 32.4 + 21\log_{10} r + 20\log_{10} f_\text{GHz}.$$
#
# Rayleigh fading makes the rate an average, $\mathbb{E}\,\log_2(1 + g\,\text{SNR})$ over $g\sim\text{Exp}(1)$, and a real modem has less than
# Shannon's rate and a highest modulation. We place devices at 10 ... 250 m from one station and compute the rate of each link.

# %%
distances = np.geomspace(10, 250, 60)
rows = [f"{{distance: {r:.6f} m}}" for r in distances]
place = "topology={tree: {children: [{name: station, children: [" + ", ".join(rows) + "]}]}}"
two_layers = [
    "sweep={}", place, "network=[{cell: {}}, {wired: {}}]", "algorithm={hier_favg: {learning_rate: 0.2, batch_size: 32, tau: [5, 2]}}",
]  # fmt: skip
station = grow(load("quickstart", two_layers)).root.children[0]
links = Cell("urban_micro").connect(simpy.Environment(), station, station.children, seed=7)
up = np.array([link.channel.mean_rate_bps for link in links.up])
down = np.array([link.channel.mean_rate_bps for link in links.down.links])
snr = np.array([link.snr for link in links.up])
snr_down = np.array([link.snr for link in links.down.links])

slant = np.hypot(distances, 10.0 - 1.5)  # antennas are 10 m and 1.5 m high
loss = 32.4 + 21 * np.log10(slant) + 20 * np.log10(3.5)
budget = 23 + 0 + 5 - loss - (-174 + 10 * np.log10(20e6) + 5)
curve = np.linspace(-5, 60, 100)

figure = make_subplots(
    cols=2, horizontal_spacing=0.1, subplot_titles=("signal to noise, uplink", "rate without contention")
)
figure.add_scatter(
    x=distances, y=10 * np.log10(snr), mode="markers", marker_color=RED, name="uplinks", row=1, col=1
)
figure.add_scatter(
    x=distances,
    y=budget,
    name="formula: line of sight, no shadowing",
    line={"color": "black", "width": 1},
    row=1,
    col=1,
)
figure.add_scatter(
    x=curve,
    y=20 * np.log2(1 + 10 ** (curve / 10)),
    name="Shannon, no fading",
    line={"color": "#888888", "dash": "dash"},
    row=1,
    col=2,
)
figure.add_scatter(
    x=10 * np.log10(snr), y=up / 1e6, mode="markers", marker_color=RED, showlegend=False, row=1, col=2
)
figure.add_scatter(
    x=10 * np.log10(snr_down), y=down / 1e6, mode="markers", name="downlinks", marker_color=BLUE, row=1, col=2
)
figure.update_xaxes(title="distance (m)", type="log", tickvals=[10, 20, 50, 100, 250], row=1, col=1)
figure.update_xaxes(title="mean SNR (dB)", row=1, col=2)
figure.update_yaxes(title="dB", row=1, col=1)
figure.update_yaxes(title="Mbit/s", type="log", tickvals=[5, 10, 20, 50, 100, 200, 400], row=1, col=2)
figure.update_layout(template="plotly_white", height=420, legend={"orientation": "h", "y": -0.25})
figure

# %% [markdown]
# Every marker is one device: some are in line of sight of the station, some are not, and each has its own shadowing. On the right the markers lie on two curves, below Shannon's by
# the losses of fading and of a real modem, and constant where the highest modulation is reached. The scatter on the left, not the mean, determines the
# length of a round, because the edge server waits for the last device.
#
# ## 4. Airtime, 5. sharing
#
# Airtime is `wire / rate`. Now five devices send at the same instant. They share the medium of the cell equally: while $n$ transfers are under way each gets
# $1/n$ of it. With airtimes sorted, $a_{(1)} \le \dots \le a_{(n)}$, the $k$-th transfer ends at
#
# $$t_{(k)} = \sum_{j=1}^{k} (n - j + 1)\,\bigl(a_{(j)} - a_{(j-1)}\bigr),\qquad a_{(0)} = 0.$$
#
# We simulate this with SimPy and compare.

# %%
tree = grow(load("quickstart"))
edge = tree.levels[1][0]
env = simpy.Environment()
cell = Cell("urban_micro").connect(env, edge, edge.children, seed=7)
sent = [link.send(payload) for link in cell.up]
ends = {}


def record_arrival(name, transfer):
    """Wait for one transfer and record its arrival."""
    yield transfer.arrived
    ends[name] = env.now


for child, transfer in zip(edge.children, sent, strict=True):
    env.process(record_arrival(child.name, transfer))
env.run()

airtimes = np.array([transfer.airtime_s for transfer in sent])
order = np.argsort(airtimes)
steps = np.diff(airtimes[order], prepend=0.0)
by_formula = np.cumsum((len(airtimes) - np.arange(len(airtimes))) * steps)
simulated = np.array([ends[edge.children[place].name] for place in order])
assert np.allclose(simulated, by_formula, rtol=1e-12)

names = [edge.children[place].name for place in order]
figure = go.Figure()
figure.add_bar(y=names, x=1e3 * airtimes[order], orientation="h", name="airtime", marker_color=BLUE)
figure.add_bar(
    y=names,
    x=1e3 * (simulated - airtimes[order]),
    orientation="h",
    name="sharing the medium",
    marker_color=ORANGE,
)
figure.update_layout(
    template="plotly_white",
    barmode="stack",
    height=340,
    xaxis_title="milliseconds after the start",
    legend={"orientation": "h", "y": -0.3},
    title=f"The last of five arrives after {1e3 * simulated[-1]:.1f} ms: the sum of all airtimes",
)
figure

# %% [markdown]
# The last arrival is at the *sum* of the airtimes: sharing does not change the throughput of the cell, only the order of completion. If a round needs all devices,
# the bits of *all* devices of a cell determine the time, and half the bits take half the time.
#
# ## The whole run, message by message
#
# In a simulation devices do not start to send at the same instant, because their computing speeds differ. `messages` has a row per transfer, with its airtime and its start and arrival.

# %%
result = simulate(load("quickstart", ["sweep={}", "stop.rounds=2"]), engine="timing")
table = result.messages
uplinks = table[(table["layer"] == 1) & (table["direction"] == "up")]
duration = uplinks["arrived_s"] - uplinks["sent_s"]
assert (duration > uplinks["airtime_s"] - 1e-12).all(), "no transfer is shorter than its airtime"

figure = go.Figure()
figure.add_scatter(
    x=1e3 * uplinks["airtime_s"],
    y=1e3 * duration,
    mode="markers",
    marker={"color": RED, "opacity": 0.6},
    name="upload",
)
most = 1e3 * float(uplinks["airtime_s"].max())
figure.add_scatter(
    x=[0, most],
    y=[0, most],
    mode="lines",
    line={"color": "#888888", "dash": "dash"},
    name="without sharing",
)
figure.update_layout(
    template="plotly_white",
    height=400,
    xaxis_title="airtime (ms)",
    yaxis_title="duration of the transfer (ms)",
    title=f"{len(uplinks)} uploads: sharing extends them by a factor of {float((duration / uplinks['airtime_s']).mean()):.1f} on average",
)
figure

# %% [markdown]
# This needs no training: with `engine="timing"` all sizes follow from the number of parameters. Effects that are *not* modelled (HARQ timing, scheduling grants, TCP slow start) are listed
# in `docs/scope.md`. Next: how often messages should be sent.
