"""The commented scenario that `netsim init` writes: it runs as it is, and shows what else could stand there."""

from __future__ import annotations

_SAMPLE = """\
# A netsim scenario: everything a run depends on. Run it with `netsim run FILE`, look at it with `netsim check FILE`.
# Lists run from the devices up (layer 1 first); only `fanout` is written from the cloud down.
# A number with a dimension carries its unit: 20 MHz, 5 ms, 100 Mbit/s, 23 dBm, 250 m, 2 GFLOP/s.
# A part is a name (iid), a name with arguments ({dirichlet: {alpha: 0.3}}), a name with its first argument
# ({lognormal: 0.4}), or a frozen dataclass of your own ({"my_package.my_module:MyPart": {size: 3}}).

name: sample                # names the folder of results, runs/sample/
seed: 7                     # the same seed gives the same results, bit for bit

task:
  dataset: digits           # ships with scikit-learn; also mnist, fashion_mnist, cifar10, {npz: my.npz},
                            # {image_folder: my_images}, and synthetic (which brings model and partition)
  partition: {dirichlet: {alpha: 0.3}}   # who holds which samples; also iid, {shards: 2}, by_group, by_layer
  model: {mlp: {hidden: [64]}}           # also logistic, lenet, mcmahan_cnn, cifar_cnn, resnet8
  # shifts: [{rotation: 30}, {label_flip: 0.2}]   # devices that see the world differently, or lie; also brightness
  # data_dir: ~/data        # where data sets lie; default: the environment's NETSIM_DATA, else ./data

topology: {fanout: [2, 4, 5]}   # cloud -> 2 regions -> 4 edges each -> 5 devices each: 3 layers, 40 devices
# topology: my_tree.yaml        # a file with names, places and links (YAML, JSON or GraphML)

association: given          # or class_balance (devices change places until the edges' labels are alike), nearest

devices:
  # Seconds of an SGD step: the model's own operations on this processor; the spread makes devices differ.
  compute: {flops: {rate: 2 GFLOP/s, efficiency: 0.2, spread: {lognormal: 0.4}}}
  # compute: {constant: 10 ms}  # the same for every device and model; also cycles, profiled, traced
  # `jitter: {shifted_exponential: 0.3}` beside the spread is redrawn in every round (or `every: step`)
  # availability: {on_off: {on: 10 min, off: 5 min}}   # or {recorded: my_phones.csv}; default: always

servers: {aggregation: 0 s}     # from a server's last answer to its new model

energy:                         # leave it out and no joules are counted
  compute: {active_power: 2 W}  # or {kappa: 1e-28}, which needs `compute: cycles`
  # device, station: {amplifier_efficiency, circuit_power, receive_power, idle_power}; wired_per_bit: 2.7 uJ/bit

algorithm:
  # QMLHFL: tau[0] steps at a device between uploads, tau[1] edge aggregations between uploads, ...; QSGD levels
  # of each layer's uplink (null: not quantized). Also fedavg, sign_sgd, sparse_sign_sgd, hier_favg, hier_local_qsgd,
  # hier_sign_sgd, dc_hier_sign_sgd, qhetfed, mtgc, scaffold, admm, fedprox, fedopt (docs/algorithms.md). Many take a
  # local optimiser:
  # local: {momentum: 0.9, weight_decay: 1e-4, clip: 1, schedule: {cosine: 1000}}
  qmlhfl: {learning_rate: 0.2, batch_size: 32, tau: [5, 2, 2], levels: [4, 8, 16], bucket: 512}
  # Or layer by layer (`netsim check --resolved` writes every recipe so), here with a quantized top broadcast:
  # leaf: {learning_rate: 0.2, batch_size: 32}
  # layers:
  #   - {tau: 5, up: {qsgd: {levels: 4}}, rule: mean}
  #   - {tau: 2, up: {qsgd: {levels: 8}}, rule: mean}
  #   - {tau: 2, up: {qsgd: {levels: 16}}, rule: mean, down: {qsgd: {levels: 64}}}
  # Uplinks: none, qsgd, dither, terngrad, natural, scaled_sign, stochastic_sign, top_k, rand_k,
  # {chain: {first: {top_k: 0.1}, then: {qsgd: 8}}}, {error_feedback: {top_k: 0.1}}, ef21;
  # sign (whose rule is {vote: {step: 0.005}}).

network:                    # one entry per layer, from the devices up
  - {cell: {preset: urban_micro, uplink: 20 MHz, downlink: 20 MHz}}
  # presets: urban_micro, urban_macro, wifi, factory, tran2019, chen2021, yang2021 (`netsim list channels --verbose`);
  # fading: none, {ergodic: rayleigh}, {block: {law: rayleigh, coherence_time: 20 ms}}; loss: {erasure: 0.01}; ...
  - {wired: {rate: 100 Mbit/s, latency: 5 ms}}
  - {wired: {rate: 1 Gbit/s, latency: 10 ms}}
  # also {delay: {uplink: 33 s}} (a constant) and {traced: {uplink: {mahimahi: up.trace}, downlink: ...}}

wait: [all, all, all]       # whom a parent waits for: {first: 4}, {fraction: 0.8}, {deadline: 2 s}, {buffer: 3}, ...
faults: []                  # what goes wrong (docs/dynamics.md): crash, link_outage, slow_down, presence, ...
#   - crash: {when: {random: {between: 60 s, repair: 5 s}}}
#   - server_failure: {nodes: [edge1], when: {given: {at: [10 s], lasts: 5 s}}, reattach: load_balanced}
mobility: null              # {motion: {random_waypoint: {side: [1 km, 1 km]}}, handover: {best_snr: 3 dB}}
selection: [all, all, all]  # whom it asks: {uniform: 0.5}, data, speed, channel, power_of_choice (docs/selection.md)

stop: {rounds: 20}          # global rounds; also deadline: 20 s (simulated) and target_accuracy: 0.95, first wins
evaluate: {every: 1}        # score the cloud's model in every round
finite: keep                # updates with nan or inf: keep (so that it shows), reject (leave out and count), stop
precision: float32          # or float64, bf16 (weights in float32), tf32 (CUDA alone)

# `netsim sweep` runs every combination; `netsim run` ignores this section. Also `seeds: 5` (repeats), `zip:` (lists
# side by side) and `list:` (whole sets of overrides), all together a product.
sweep: {"network[0].cell.uplink": [1 MHz, 5 MHz, 20 MHz], seed: [1, 2, 3]}
"""


def sample_text() -> str:
    """The text of a new scenario file, comments and all."""
    return _SAMPLE
