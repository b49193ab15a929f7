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
# # 04 · One bit uplinks
#
# HierSignSGD (arXiv:2602.02355) sends one bit per coordinate: device $i$ below edge $e$ sends $\operatorname{sign}(g_i)$, the edge server takes a step along the majority vote,
#
# $$w_e \leftarrow w_e - \mu\,\operatorname{sign}\Bigl(\sum_{i\in e}\operatorname{sign}(g_i)\Bigr),$$
#
# and after $\tau_2$ votes the cloud averages the edges' models. Between cloud and edge an update is $\mu$ times an integer in
# $\{-\tau_2, \dots, \tau_2\}$, so $\lceil\log_2(\tau_2+1)\rceil$ bits per coordinate are lossless. The baselines are hierarchical FedAvg with 32 bits and QMLHFL with 4 levels.

# %%
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from netsim import load, simulate

BLUE, ORANGE, GREEN, PINK, RED, SKY = "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9"

NETWORK = "network=[{{cell: {{preset: urban_micro, uplink: {uplink} MHz, downlink: 20 MHz}}}}, {{wired: {{rate: 100 Mbit/s, latency: 10 ms}}}}]"


def city(algorithm, uplink, partition="{dirichlet: {alpha: 0.3}}", rounds=15):
    """Fifty devices below five edge servers; the uplink bandwidth in MHz."""
    changes = [
        "sweep={}",
        "stop={}",
        f"stop.rounds={rounds}",
        "topology={fanout: [5, 10]}",
        NETWORK.format(uplink=uplink),
    ]
    return load("quickstart", [*changes, f"algorithm={algorithm}", f"task.partition={partition}"])


ALGORITHMS = {
    "hier_favg, 32 bits": "{hier_favg: {learning_rate: 0.2, batch_size: 32, tau: [1, 10]}}",
    "qmlhfl, 4 levels": "{qmlhfl: {learning_rate: 0.2, batch_size: 32, tau: [1, 10], levels: [4, 16]}}",
    "hier_sign_sgd, 1 bit": "{hier_sign_sgd: {learning_rate: 0.004, batch_size: 32, tau: [1, 10]}}",
}
COLOURS = dict(zip(ALGORITHMS, (RED, ORANGE, BLUE), strict=True))

# %% [markdown]
# All three make one local step between uploads and ten edge aggregations per global round, over an uplink of 2 MHz per cell.

# %%
runs = {name: simulate(city(algorithm, uplink=2)) for name, algorithm in ALGORITHMS.items()}

figure = make_subplots(cols=3, shared_yaxes=True, horizontal_spacing=0.03)
axes = (("round", 1, "linear"), ("bits_up_1", 1e6, "log"), ("sim_time_s", 1, "log"))
for name, run in runs.items():
    rounds = run.rounds.iloc[1:]
    for column, (key, unit, _) in enumerate(axes, start=1):
        figure.add_scatter(
            x=rounds[key] / unit,
            y=rounds["accuracy"],
            name=name,
            line_color=COLOURS[name],
            mode="lines+markers",
            showlegend=column == 1,
            row=1,
            col=column,
        )
for column, (title, (_, _, form)) in enumerate(
    zip(("global round", "bits up by devices (Mbit)", "simulated time (s)"), axes, strict=True), start=1
):
    figure.update_xaxes(title=title, type=form, row=1, col=column)
figure.update_yaxes(title="accuracy on the test set", row=1, col=1)
figure.update_layout(
    template="plotly_white",
    height=420,
    legend={"orientation": "h", "y": -0.25},
    title="Similar per round, different in bits and time",
)
figure

# %%
dense, _, signs = runs.values()
bits = dense.bits("up")[0] / signs.bits("up")[0]
seconds = dense.sim_time_s / signs.sim_time_s
print(
    f"for the same rounds: uplink bits reduced by a factor of {bits:.0f}, time by a factor of {seconds:.1f}"
)
assert bits == 32
assert 1 < seconds < bits

# %% [markdown]
# Bits and time are not reduced by the same factor, because a round contains more than the transmission of payload. The critical path of the last round shows its parts:

# %%
parts = {
    "computing": (["path_compute_s"], BLUE), "cell, up": (["path_up_s_1"], RED), "cell, down": (["path_down_s_1"], ORANGE),
    "backhaul": (["path_up_s_2", "path_down_s_2"], GREEN),
}  # fmt: skip
lengths = {name: run.rounds["sim_time_s"].diff().iloc[-1] for name, run in runs.items()}
figure = go.Figure()
for part, (columns, colour) in parts.items():
    shares = [run.rounds[columns].iloc[-1].sum() / lengths[name] for name, run in runs.items()]
    labels = [f"{name}: {1e3 * length:,.0f} ms" for name, length in lengths.items()]
    figure.add_bar(y=labels, x=shares, name=part, orientation="h", marker_color=colour)
figure.update_layout(
    template="plotly_white",
    barmode="stack",
    height=300,
    xaxis={"title": "share of the last global round", "tickformat": ".0%"},
    yaxis_autorange="reversed",
    legend={"orientation": "h", "y": -0.4, "traceorder": "normal"},
)
figure

# %% [markdown]
# The vote is broadcast at one bit per coordinate too, so signs shorten both directions of the cell; headers, computing and the latency of the backhaul do not change and become a larger
# share. The effect of more bandwidth can be simulated without training:

# %%
bands = (0.5, 1, 2, 5, 20, 100)
figure, timed = go.Figure(), {}
for name, algorithm in ALGORITHMS.items():
    timed[name] = [
        simulate(city(algorithm, uplink, rounds=2), engine="timing").rounds["sim_time_s"].diff().iloc[-1]
        for uplink in bands
    ]
    figure.add_scatter(x=bands, y=timed[name], name=name, line_color=COLOURS[name], mode="lines+markers")
figure.update_layout(
    template="plotly_white",
    height=400,
    xaxis={"title": "uplink bandwidth of a cell (MHz)", "type": "log", "tickvals": bands},
    yaxis={"title": "length of a global round (s)", "type": "log", "tickvals": [0.1, 0.2, 0.5, 1, 2, 5, 10]},
)
assert min(timed["hier_favg, 32 bits"]) > max(timed["hier_sign_sgd, 1 bit"])
assert timed["qmlhfl, 4 levels"][4] < timed["hier_sign_sgd, 1 bit"][0]
figure

# %% [markdown]
# More bandwidth shortens all rounds, with decreasing effect: the transmit power is spread over the band, and computing does not depend on it. Uncompressed updates on the widest band
# take longer than signs on the narrowest.
#
# ## Limitation: heterogeneous edge servers
#
# A majority vote ignores magnitudes. If edge servers have different classes, the votes of each edge lead to its own optimum, and averaging every $\tau_2$ votes does not correct this.
# DC-HierSignSGD adds $c - c_e$ to every gradient *before its sign*: the difference of the global and the edge's mean gradient, measured in a prologue before each round. This needs one more
# exchange, at 32 bits, which the simulation includes in time, bits and energy.

# %%
skewed = "{by_group: {edge_alpha: 0.1, device_alpha: 10}}"
rivals = {
    "hier_sign_sgd": ("{hier_sign_sgd: {learning_rate: 0.004, batch_size: 32, tau: [1, 10]}}", BLUE),
    "dc_hier_sign_sgd": (
        "{dc_hier_sign_sgd: {learning_rate: 0.004, batch_size: 32, tau: [1, 10], anchor_batch: 64}}",
        GREEN,
    ),
}
figure = make_subplots(cols=2, shared_yaxes=True, horizontal_spacing=0.05)
ends = {}
for name, (algorithm, colour) in rivals.items():
    run = simulate(city(algorithm, 2, skewed, rounds=20))
    ends[name] = run.rounds["accuracy"].iloc[-5:].mean()
    for column, key in enumerate(("round", "sim_time_s"), start=1):
        figure.add_scatter(
            x=run.rounds[key],
            y=run.rounds["accuracy"],
            name=name,
            line_color=colour,
            mode="lines+markers",
            showlegend=column == 1,
            row=1,
            col=column,
        )
figure.update_xaxes(title="global round", row=1, col=1)
figure.update_xaxes(title="simulated time (s)", row=1, col=2)
figure.update_yaxes(title="accuracy on the test set", row=1, col=1)
figure.update_layout(
    template="plotly_white",
    height=420,
    legend={"orientation": "h", "y": -0.25},
    title="Edge servers with different classes: benefit and cost of the correction",
)
figure

# %%
print(
    "mean accuracy of the last five rounds:", {name: round(float(value), 3) for name, value in ends.items()}
)

# %% [markdown]
# One seed is a single draw. Use several seeds before you draw conclusions (`sweep: {seeds: 5}`); `netsim run mnist_hier_sign_sgd` is a larger version on MNIST.
