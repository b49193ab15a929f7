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
# # 03 · Depth and tau
#
# QMLHFL (arXiv:2505.08145) trains over any number of layers and gives each layer $n$ a period $\tau_n$ and a quantizer $Q_n$. Two design parameters follow:
# the number of layers and the periods. The first determines the paths of messages, the second their frequency. A device makes
# $K = \tau_1\tau_2\cdots\tau_N$ local steps per global round, and layer $n$ carries an upload every $k_n = \tau_1\cdots\tau_n$ steps.
#
# Here the cloud is far away: the link to it has a latency of 120 ms and a rate of 20 Mbit/s.

# %%
import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from netsim import load, simulate

BLUE, ORANGE, GREEN, PINK, RED, SKY = "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9"

CELL = "{cell: {preset: urban_micro, uplink: 10 MHz, downlink: 10 MHz}}"
METRO = "{wired: {rate: 100 Mbit/s, latency: 5 ms}}"
FAR = "{wired: {rate: 20 Mbit/s, latency: 120 ms}}"


def town(fanout, tau, network, levels, rounds):
    """Forty devices below this tree; all lists run from the devices up, except fanout, from the cloud down."""
    return load(
        "quickstart",
        [
            "sweep={}", "stop={}", f"stop.rounds={rounds}", f"topology={{fanout: {fanout}}}", f"network=[{', '.join(network)}]",
            f"algorithm={{qmlhfl: {{learning_rate: 0.2, batch_size: 32, tau: {tau}, levels: {levels}}}}}",
        ],
    )  # fmt: skip


# %% [markdown]
# ## Depth: equal devices and local work, one to three layers
#
# With one layer every device communicates with the cloud directly: its radio link is followed by the long-distance link. With two layers, edge servers aggregate first; with three,
# a regional server aggregates the edge servers. The local work per global round is 20 steps in all cases.

# %%
algorithms = {
    "1 layer: devices to the cloud": town(
        [40], [20], ["{wired: {rate: 20 Mbit/s, latency: 125 ms, packets: radio}}"], [4], 12
    ),
    "2 layers: edge servers": town([8, 5], [5, 4], [CELL, FAR], [4, 16], 12),
    "3 layers: edge servers and a regional server": town(
        [1, 8, 5], [5, 2, 2], [CELL, METRO, FAR], [4, 8, 16], 12
    ),
}
runs = {name: simulate(scenario) for name, scenario in algorithms.items()}

figure = make_subplots(cols=2, horizontal_spacing=0.1, shared_yaxes=True)
for (name, run), colour in zip(runs.items(), (RED, ORANGE, BLUE), strict=True):
    rounds = run.rounds.iloc[1:]
    far = [f"bits_{way}_{run.depth}" for way in ("up", "down")]
    figure.add_scatter(
        x=rounds["sim_time_s"],
        y=rounds["accuracy"],
        name=name,
        line_color=colour,
        mode="lines+markers",
        row=1,
        col=1,
    )
    figure.add_scatter(
        x=rounds[far].sum(axis=1) / 1e6,
        y=rounds["accuracy"],
        line_color=colour,
        mode="lines+markers",
        showlegend=False,
        row=1,
        col=2,
    )
figure.update_xaxes(title="simulated time (s)", row=1, col=1)
figure.update_xaxes(
    title="bits over the long-distance link, both directions (Mbit)",
    type="log",
    tickvals=[0.2, 0.5, 1, 2, 5, 10],
    row=1,
    col=2,
)
figure.update_yaxes(range=[0.7, 1])
figure.update_yaxes(title="accuracy on the test set", row=1, col=1)
figure.update_layout(
    template="plotly_white",
    height=430,
    legend={"orientation": "h", "y": -0.25},
    title="More layers reduce the traffic over the long-distance link",
)
figure

# %% [markdown]
# The three need similar times: each has the latency of the long-distance link once per global round. The load on this link differs: one upload per edge server, or one per
# region, instead of forty, which matters if the link is shared with other traffic. Early aggregation loses no accuracy here, although the upper layers quantize as well.

# %%
flat, *deeper = (sum(run.bits("up")[-1:] + run.bits("down")[-1:]) for run in runs.values())
print(
    "bits over the long-distance link, as a share of those of one layer:",
    ", ".join(f"{bits / flat:.2f}" for bits in deeper),
)
assert deeper[1] < deeper[0] < flat

# %% [markdown]
# ## Tau: the length of a round
#
# First without training: `engine="timing"` simulates rounds for any $(\tau_1, \tau_2)$ in milliseconds.

# %%
firsts, seconds = (1, 2, 5, 10, 20, 50), (1, 2, 4, 8, 16)
length = np.empty((len(seconds), len(firsts)))
for row, second in enumerate(seconds):
    for column, first in enumerate(firsts):
        timed = simulate(town([8, 5], [first, second], [CELL, FAR], [4, 16], 3), engine="timing")
        length[row, column] = timed.rounds["sim_time_s"].diff().iloc[-1]
per_step = 1e3 * length / np.outer(seconds, firsts)

figure = make_subplots(
    cols=2,
    horizontal_spacing=0.15,
    subplot_titles=("length of a global round (s)", "milliseconds per local step"),
)
for column, (values, form) in enumerate(((length, ".2f"), (per_step, ".1f")), start=1):
    figure.add_heatmap(
        x=[str(t) for t in firsts], y=[str(t) for t in seconds], z=np.log10(values), text=[[f"{v:{form}}" for v in line] for line in values],
        texttemplate="%{text}", colorscale="Viridis", showscale=False, row=1, col=column,
    )  # fmt: skip
figure.update_xaxes(title="tau 1: steps between two uploads", type="category")
figure.update_yaxes(title="tau 2: edge aggregations per round", type="category", row=1, col=1)
figure.update_yaxes(type="category", row=1, col=2)
figure.update_layout(template="plotly_white", height=420)
figure

# %% [markdown]
# More local work reduces the time per step, down to the computing time. If only the number of steps mattered, large $\tau$ would be best. But with more local steps
# the local models drift apart, and more so for heterogeneous data (here: Dirichlet 0.3). Now with training: the same *simulated time* for four choices of tau.

# %%
choices = {"tau = (1, 1)": [1, 1], "tau = (5, 1)": [5, 1], "tau = (5, 4)": [5, 4], "tau = (50, 8)": [50, 8]}
colours = dict(zip(choices, (RED, ORANGE, BLUE, GREEN), strict=True))
deadline = 4.0
figure = go.Figure()
steps, ends = {}, {}
for name, tau in choices.items():
    scenario = town([8, 5], tau, [CELL, FAR], [4, 16], 60)
    stop = scenario.stop.model_copy(update={"deadline": deadline})
    run = simulate(scenario.model_copy(update={"stop": stop}))
    steps[name], ends[name] = int(run.rounds["local_steps"].iloc[-1]), run.last("accuracy").value
    figure.add_scatter(
        x=run.rounds["sim_time_s"],
        y=run.rounds["accuracy"],
        name=name,
        line_color=colours[name],
        mode="lines+markers",
    )
figure.update_layout(
    template="plotly_white",
    height=420,
    xaxis_title="simulated time (s)",
    yaxis_title="accuracy on the test set",
    yaxis_range=[0.5, 1],
    title=f"Four choices of tau, {deadline:g} simulated seconds",
)
figure

# %%
for name, count in steps.items():
    print(f"{name:14s} made {count:5d} local steps per device and ends at {ends[name]:.3f}")
best = max(ends, key=ends.get)
assert best not in (min(steps, key=steps.get), max(steps, key=steps.get))

# %% [markdown]
# Neither the choice with the most rounds nor the one with the most steps is best. Notebook 05 chooses tau by a convergence bound; `netsim sweep` evaluates a grid.
#
# **Quantizers per layer.** Layer $n$'s quantizer has a variance $q_n$: $\mathbb{E}\|Q_n(x)-x\|^2 \le q_n\|x\|^2$. Its bits matter on slow links, its variance
# where few messages are averaged. Upper layers should therefore have finer quantizers than lower ones:

# %%
from learning.compressors import Qsgd

d = 4810
for s in (1, 2, 4, 8, 16, 64):
    codec = Qsgd(s)
    print(
        f"s = {s:2d}: {codec.bits(d) / d:5.2f} bits per coordinate, q = {codec.omega(d):7.3f}, averaged over 40 devices {codec.omega(d) / 40:6.3f}"
    )
