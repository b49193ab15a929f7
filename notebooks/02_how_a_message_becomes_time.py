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
# # 02 · How a message becomes time
#
# A device has trained; its update has $d$ coordinates. How many seconds until the edge server holds it? Five steps, each with a formula
# that you can check by hand:
#
# 1. **payload**: the compressor says how many bits,
# 2. **wire**: packets add headers,
# 3. **rate**: a link budget says how fast,
# 4. **airtime**: bits over rate, if nobody else were there,
# 5. **sharing**: but somebody is.

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
# Do not believe formulas: every compressor also has a byte codec. We take a model-sized vector, pack it, and weigh the bytes.

# %%
d = 4810  # the parameters of quickstart's model
vector = torch.randn(d, generator=torch.Generator().manual_seed(1))
codecs = {
    "none (float32)": Plain(), "natural": Natural(), "qsgd, 16 levels": Qsgd(16), "top_k, 10 %": TopK(0.1), "qsgd, 4 levels": Qsgd(4),
    "terngrad": TernGrad(), "scaled_sign": ScaledSign(), "sign": Sign(),
}  # fmt: skip
stated = {name: codec.bits(d) for name, codec in codecs.items()}
weighed = {name: 8 * len(codec.pack(vector.clone(), key=7)) for name, codec in codecs.items()}
assert all(0 <= weighed[name] - stated[name] < 8 for name in codecs), "a byte string ends on a whole byte"
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
    title=f"What one of {d:,} coordinates costs, as weighed",
)
figure

# %% [markdown]
# ## 2. Wire
#
# Payload is cut into packets; each carries headers (TCP, IP, PDCP/RLC/MAC on a radio): `wire = payload + 8 · 62 · ⌈payload / (8 · 1448)⌉` bits.

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
# A link budget: transmit power and antenna gains, less path loss, over thermal noise and the receiver's noise figure,
#
# $$\text{SNR} = P + G - L(r) - (-174 + 10\log_{10} B + F)\quad\text{[dB]},\qquad L_\text{LOS}(r) = 32.4 + 21\log_{10} r + 20\log_{10} f_\text{GHz}.$$
#
# Rayleigh fading makes the rate an average, $\mathbb{E}\,\log_2(1 + g\,\text{SNR})$ over $g\sim\text{Exp}(1)$, and a real modem loses some of
# Shannon's rate and stops at its highest modulation. We put devices at 10 ... 250 m of one station and ask each link.

# %%
distances = np.geomspace(10, 250, 60)
rows = [f"{{distance: {r:.6f} m}}" for r in distances]
place = "topology={tree: {children: [{name: station, children: [" + ", ".join(rows) + "]}]}}"
two_layers = [
    "sweep={}", place, "network=[{cell: {}}, {wired: {}}]", "algorithm={hier_favg: {learning_rate: 0.2, batch_size: 32, tau: [5, 2]}}",
]  # fmt: skip
station = grow(load("quickstart", two_layers)).root.children[0]
ports = Cell("urban_micro").connect(simpy.Environment(), station, station.children, seed=7)
up = np.array([link.channel.mean_rate_bps for link in ports.up])
down = np.array([link.channel.mean_rate_bps for link in ports.down.links])
snr = np.array([link.snr for link in ports.up])
snr_down = np.array([link.snr for link in ports.down.links])

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
    name="formula: line of sight, no shadow",
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
# Every marker is one device: some see the station (line of sight), some do not, and each has its own shadow. On the right the markers lie on two curves, below Shannon's by
# what fading and a real modem cost, and flat where the highest modulation is reached. The scatter on the left, not a formula's mean, decides how
# long a round lasts, because the edge server waits for the last one.
#
# ## 4. Airtime, 5. sharing
#
# Airtime is `wire / rate`. Now let five devices send at the same instant. They share the cell's airtime equally: while $n$ transfers are under way each gets
# $1/n$ of it. With airtimes sorted, $a_{(1)} \le \dots \le a_{(n)}$, the $k$-th transfer ends at
#
# $$t_{(k)} = \sum_{j=1}^{k} (n - j + 1)\,\bigl(a_{(j)} - a_{(j-1)}\bigr),\qquad a_{(0)} = 0.$$
#
# We let SimPy play it, and compare.

# %%
tree = grow(load("quickstart"))
edge = tree.levels[1][0]
env = simpy.Environment()
cell = Cell("urban_micro").connect(env, edge, edge.children, seed=7)
sent = [link.send(payload) for link in cell.up]
ends = {}


def note(name, transfer):
    """Wait for one transfer and write down when it was there."""
    yield transfer.arrived
    ends[name] = env.now


for child, transfer in zip(edge.children, sent, strict=True):
    env.process(note(child.name, transfer))
env.run()

alone = np.array([transfer.airtime_s for transfer in sent])
order = np.argsort(alone)
steps = np.diff(alone[order], prepend=0.0)
by_formula = np.cumsum((len(alone) - np.arange(len(alone))) * steps)
played = np.array([ends[edge.children[place].name] for place in order])
assert np.allclose(played, by_formula, rtol=1e-12)

names = [edge.children[place].name for place in order]
figure = go.Figure()
figure.add_bar(y=names, x=1e3 * alone[order], orientation="h", name="airtime, if alone", marker_color=BLUE)
figure.add_bar(
    y=names,
    x=1e3 * (played - alone[order]),
    orientation="h",
    name="sharing with the others",
    marker_color=ORANGE,
)
figure.update_layout(
    template="plotly_white",
    barmode="stack",
    height=340,
    xaxis_title="milliseconds after the start",
    legend={"orientation": "h", "y": -0.3},
    title=f"The last of five is there after {1e3 * played[-1]:.1f} ms: the sum of all airtimes",
)
figure

# %% [markdown]
# The last arrival is the *sum* of the airtimes: a cell does as much work per second as ever, sharing only decides who waits. So where everybody must be heard,
# the bits of *all* devices of a cell make the round's length, and halving them halves it.
#
# ## The whole run, message by message
#
# In a simulation devices do not start at the same instant: they compute at different speeds. `messages` has a row per transfer, with its airtime and its two instants.

# %%
result = simulate(load("quickstart", ["sweep={}", "stop.rounds=2"]), engine="timing")
table = result.messages
uplinks = table[(table["layer"] == 1) & (table["direction"] == "up")]
took = uplinks["arrived_s"] - uplinks["sent_s"]
assert (took > uplinks["airtime_s"] - 1e-12).all(), "nothing arrives before its bits are through"

figure = go.Figure()
figure.add_scatter(
    x=1e3 * uplinks["airtime_s"],
    y=1e3 * took,
    mode="markers",
    marker={"color": RED, "opacity": 0.6},
    name="an upload",
)
most = 1e3 * float(uplinks["airtime_s"].max())
figure.add_scatter(
    x=[0, most],
    y=[0, most],
    mode="lines",
    line={"color": "#888888", "dash": "dash"},
    name="nobody else there",
)
figure.update_layout(
    template="plotly_white",
    height=400,
    xaxis_title="airtime (ms)",
    yaxis_title="time it took (ms)",
    title=f"{len(uplinks)} uploads: sharing stretched them {float((took / uplinks['airtime_s']).mean()):.1f} times on average",
)
figure

# %% [markdown]
# No training was needed for any of this: `engine="timing"` knows all sizes beforehand. What is *not* in these times (HARQ, scheduling grants, TCP's slow start) is listed
# in `docs/scope.md`. Next: how often should a message be sent at all?
