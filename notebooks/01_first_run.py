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
# # 01 · First run
#
# Forty devices hold local data, images of handwritten digits. They train one model by federated learning, over a radio cell, a backhaul and a
# trunk to the cloud. This notebook computes three quantities: the accuracy of the model, the *simulated time* and the number of *bits*.
# netsim trains the real model of every device and simulates every message with discrete events.

# %%
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from netsim import grow, load, simulate

BLUE, ORANGE, GREEN, PINK, RED, SKY = "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9"

# %% [markdown]
# A scenario contains everything that a run depends on: data and their partition, model, tree, processors, algorithm, network, stopping rule.
# `quickstart` ships with netsim; any key can be overridden as on the command line.

# %%
scenario = load("quickstart", ["sweep={}"])
tree = grow(scenario)
for level, nodes in enumerate(tree.levels):
    print(f"level {level}: {len(nodes):2d} nodes, such as {nodes[0].name}")

# %% [markdown]
# Three layers connect these four levels. The algorithm is QMLHFL (arXiv:2505.08145): a device makes $\tau_1 = 5$ SGD steps between two uploads, an edge server
# $\tau_2 = 2$ aggregations, a region $\tau_3 = 2$; so there are $\tau_1\tau_2\tau_3 = 20$ local steps per global round. Every layer quantizes its
# uplink with a separate QSGD quantizer, $s_n$ = 4, 8, 16 levels.

# %%
result = simulate(scenario)
rounds = result.rounds
best = result.last("accuracy")
print(f"accuracy {best.value:.3f} in round {best.round}, after {best.sim_time_s:.2f} simulated seconds")

# %% [markdown]
# ## Accuracy against rounds, time and bits
#
# Papers usually plot accuracy against rounds. Simulated time and bits measure the cost in a network. All three are columns of one table.

# %%
spent = [
    ("round", rounds["round"]),
    ("simulated time (s)", rounds["sim_time_s"]),
    ("bits sent up by devices (Mbit)", rounds["bits_up_1"] / 1e6),
]
figure = make_subplots(cols=3, shared_yaxes=True, horizontal_spacing=0.03)
for column, (title, values) in enumerate(spent, start=1):
    figure.add_scatter(
        x=values, y=rounds["accuracy"], mode="lines+markers", line_color=BLUE, row=1, col=column
    )
    figure.update_xaxes(title=title, row=1, col=column)
figure.update_yaxes(title="accuracy on the test set", row=1, col=1)
figure.update_yaxes(range=[0.7, 1])
figure.update_layout(
    template="plotly_white",
    height=380,
    showlegend=False,
    title="One run against rounds, simulated time and bits",
)
figure

# %% [markdown]
# ## The critical path
#
# The length of a round is the longest path through a tree of barriers: the edge server waits for its slowest device, the region for its
# slowest edge server. The table contains this *critical path*, whose parts sum to the round's length.

# %%
parts = {
    "computing": ("path_compute_s", BLUE),
    "cell, down": ("path_down_s_1", ORANGE),
    "cell, up": ("path_up_s_1", RED),
    "backhaul, down": ("path_down_s_2", SKY),
    "backhaul, up": ("path_up_s_2", GREEN),
    "trunk, both directions": ("trunk", PINK),
}
one = rounds.iloc[-1].copy()
one["trunk"] = one["path_down_s_3"] + one["path_up_s_3"]
length = rounds["sim_time_s"].diff().iloc[-1]
assert abs(sum(one[column] for column, _ in parts.values()) - length) < 1e-9

longest = max(parts, key=lambda name: one[parts[name][0]])
figure = go.Figure()
for name, (column, colour) in parts.items():
    label = f"{name}<br>{1e3 * one[column]:.0f} ms"
    figure.add_bar(
        y=["round 20"], x=[1e3 * one[column]], name=name, text=label, orientation="h", marker_color=colour
    )
figure.update_layout(
    template="plotly_white",
    barmode="stack",
    height=260,
    xaxis_title="milliseconds along the critical path",
    showlegend=False,
    title=f"A round lasts {1e3 * length:.0f} ms; the longest part of it is: {longest}",
)
figure.update_traces(textposition="inside", insidetextanchor="middle", textangle=0)
figure

# %% [markdown]
# Quantization shortens the uplink; the remaining time is mostly the *downlink*, at 32 bits per parameter and at the rate of the worst receiver of the cell.
# A count of bits alone would not show this.
#
# ## Another network, the same learning
#
# Bandwidth changes the *instants* of the models, not the models. With a ledger, runs with equal learning share their training: the second and third run below are re-timed.

# %%
from pathlib import Path
from tempfile import TemporaryDirectory

from netsim import Ledger

figure = go.Figure()
with TemporaryDirectory() as folder:
    ledger = Ledger(Path(folder))
    for bandwidth, colour in (("1 MHz", RED), ("5 MHz", ORANGE), ("20 MHz", BLUE)):
        run = simulate(load("quickstart", ["sweep={}", f"network[0].cell.uplink={bandwidth}"]), ledger=ledger)
        figure.add_scatter(
            x=run.rounds["sim_time_s"],
            y=run.rounds["accuracy"],
            name=f"uplink band {bandwidth}",
            line_color=colour,
            mode="lines+markers",
        )
    ledger.close()
figure.update_layout(
    template="plotly_white",
    height=380,
    xaxis_title="simulated time (s)",
    yaxis_title="accuracy on the test set",
    yaxis_range=[0.7, 1],
    title="The same twenty models at different instants",
)
figure

# %% [markdown]
# `netsim run quickstart` and `netsim sweep quickstart` do the same on the command line and write interactive reports. Next: the duration of a message.
