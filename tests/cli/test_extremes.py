"""For every number in a scenario, `check` and `run` succeed or give an error with value, rule and place."""

from __future__ import annotations

import json
import math
import random
import re
from collections.abc import Iterator
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from netsim.cli.check_command import check_command
from netsim.cli.exit_codes import exit_code
from netsim.protocol.trace import Message, TooManyBitsError, Trace
from netsim.scenario import ScenarioError, grow, load, load_text, resolved
from netsim.scenario.yaml_document import parse
from netsim.simulation.run import simulate
from netsim.topology import Fanout, TopologyError
from netsim.topology.files import read_topology
from netsim.topology.tree import MAX_DEPTH

WIRED = "{wired: {rate: 10 Mbit/s, latency: 3 ms, loss: {erasure: {probability: 0.1}}}}"
QMLHFL = "{qmlhfl: {learning_rate: 0.1, batch_size: 8, tau: [2, 2], levels: [4, 8], bucket: 64}}"
SPARSE_ALGORITHM = """{leaf: {learning_rate: 0.1, batch_size: 4}, layers: [
  {tau: 2, up: {top_k: {k: 5}}, rule: mean},
  {tau: 2, up: {rand_k: {fraction: 0.5}}, rule: mean, down: {top_k: {fraction: 0.1}}, onto: own}]}"""
SIGNS = "{hier_sign_sgd: {learning_rate: 0.01, batch_size: 8, tau: [1, 4], down: {qsgd: {levels: 31}}}}"
DIGITS = "{{dataset: {{digits: {{train_limit: 900}}}}, partition: {}, model: {{mlp: {{hidden: [5]}}}}}}"
CYCLES = (
    "{cycles: {rate: 1 GHz, cycles_per_bit: 20, bits_per_sample: 512 bit, spread: {uniform: {of: speed}}}}"
)
SCENARIOS = {
    "cell": (DIGITS.format("{dirichlet: {alpha: 0.5}}"), "flops", QMLHFL, "{cell: {preset: urban_micro}}"),
    "wifi": (
        DIGITS.format("{shards: {}}"),
        "{constant: {step: 1 ms}}",
        SPARSE_ALGORITHM,
        "{cell: {preset: wifi}}",
    ),
    "delay": ("{dataset: synthetic}", "{profiled: {per_sample: 1 ms}}", QMLHFL, "{delay: {uplink: 1 ms}}"),
    "wired": (DIGITS.format("by_group"), CYCLES, SIGNS, WIRED),
}
EXTREMES = (
    0,
    -1,
    3,
    1e-300,
    1e300,
    1e-30,
    1e30,
    5000,
    -5000,
    2**31,
    10**18,
    2**63,
    10**30,
    math.nan,
    math.inf,
)
COUNTS = (1, pytest.param(4, marks=pytest.mark.slow))
"""Number of extremes tried in each place, drawn with a fixed seed."""


def scene(name: str) -> str:
    task, compute, algorithm, network = SCENARIOS[name]
    return f"""\
name: extreme
task: {task}
topology: {{fanout: [2, 2]}}
devices: {{compute: {compute}}}
servers: {{aggregation: 1 ms}}
algorithm: {algorithm}
network: [{network}, {WIRED}]
energy: {{compute: {{active_power: 2 W}}}}
stop: {{rounds: 2, deadline: 300 ms}}
"""


def number_paths(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Paths of the numbers of a tree, with and without a unit."""
    if isinstance(node, dict | list):
        for key, value in node.items() if isinstance(node, dict) else enumerate(node):
            yield from number_paths(value, (*path, key))
    elif type(node) in (int, float) or re.fullmatch(r"-?[\d.]+ [A-Za-z/]+", str(node)):
        yield path


def replace_number(tree: Any, path: tuple[Any, ...], extreme: float) -> str:
    tree = node = deepcopy(tree)
    for key in path[:-1]:
        node = node[key]
    old = node[path[-1]]
    node[path[-1]] = f"{extreme!r} {old.split(' ')[1]}" if isinstance(old, str) else extreme
    return json.dumps(tree).replace("NaN", ".nan").replace("Infinity", ".inf")


def run_timing(path: Path, out: Path) -> int:
    simulate(load(path), engine="timing").save(out)
    return 0


@pytest.mark.timeout(1200)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("name", SCENARIOS)
def test_extreme_numbers_never_cause_internal_errors(
    name: str, count: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Replace every number of the resolved scenario, including defaults of parts, by extremes."""
    tree, rng, file = parse(resolved(load_text(scene(name)))).data, random.Random(name), tmp_path / "x.yaml"
    for index, keys in enumerate(number_paths(tree)):
        for extreme in rng.sample(EXTREMES, count):
            file.write_text(replace_number(tree, keys, extreme))
            check = partial(check_command, str(file), [], False)
            for command in (check, partial(run_timing, file, tmp_path / f"{index} {extreme}")):
                code, message = exit_code(command), capsys.readouterr().err
                assert code in (0, 1), f"{keys} = {extreme}: {message}"
                assert (code == 0) == (not message), f"{keys} = {extreme}: {message}"
                if code:
                    break


REFUSED = {
    "algorithm.qmlhfl.tau=[10000000000000000000, 2]": "algorithm.qmlhfl.tau: tau must be at most 1,000,000,000, got 10000000000000000000; 1 to",
    "algorithm.qmlhfl.tau=[1000000000, 1000000000]": "tau: 1000000000 x 1000000000 local steps per global round are more than 9,007,199,254,740,992",
    "algorithm.qmlhfl.learning_rate=1e39": "algorithm.qmlhfl.learning_rate: learning_rate must be between 1e-30 and 1e+30, got 1e+39; 0.001",
    "algorithm.qmlhfl.learning_rate=1e300": "algorithm.qmlhfl.learning_rate: learning_rate must be between 1e-30 and 1e+30, got 1e+300",
    "algorithm.qmlhfl.batch_size=1000000000000": "algorithm.qmlhfl.batch_size: batch_size must be at most 1,000,000, got 1000000000000; 8",
    "network[0].cell.device_power=5000 dBm": "network[0].cell.device_power: a power level must be between -300 and 300 dBm, got 5000 dBm",
    "network[0].cell.uplink=1e99 Hz": "network[0].cell.uplink: a frequency must be 0 or between 1e-30 and 1e+30 Hz, got 1e99 Hz",
    "stop.rounds=1000000000000000000000000": "stop.rounds: must be at most 2,305,843,009,213,693,951 with 4 local steps a round, got 1",
    f"topology.fanout={[1] * 1200}": "topology.fanout: fanout has 1200 layers; at most 64 are supported: remove some",
    "algorithm={qmlhfl: {learning_rate: 1, batch_size: 8, tau: [1, 1], levels: [4, 8], local: {prox: 1e39}}}": "prox must be between 1e-30 and 1e+30, got 1e+39",
    "algorithm={fedopt: {learning_rate: 1, batch_size: 8, tau: [1, 1], server: {rate: 1e300}}}": "rate must be between 1e-15 and 1e15, got 1e+300",
    "algorithm={fedopt: {learning_rate: 1, batch_size: 8, tau: []}}": "algorithm.fedopt.tau: tau needs at least one entry, got []",
    "algorithm={qhetfed: {learning_rate: 1, batch_size: 8, tau: [], gamma: 1, levels: []}}": "algorithm.qhetfed: qhetfed aggregates every gradient inside a set: tau[0] must be 1, got tau []",
    "task.dataset={synthetic: {dim: 100000000000}}": "task.dataset.synthetic.dim: dim must be at most 1,000,000,000 for a quadratic objective, got",
    "task.dataset={synthetic: {objective: logistic, dim: 5000}}": "dim must be at most 1,000 for a logistic objective, got 5000; lower it",
}  # fmt: skip


@pytest.mark.parametrize("change", REFUSED, ids=lambda change: change[:50])
def test_an_unusable_number_is_refused_with_value_rule_and_place(change: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        load_text(scene("cell"), "x.yaml", [change])
    assert REFUSED[change] in str(caught.value)


def run_check(name: str, change: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    (tmp_path / "x.yaml").write_text(scene(name))
    code = exit_code(lambda: check_command(str(tmp_path / "x.yaml"), [change], False))
    return code, capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("cell", "task.model.mlp.hidden=[100000000000000]", "task: model has 7.5e+15 parameters on inputs (1, 8, 8)"),
        ("cell", "topology.fanout=[20, 50]", "task.partition: 1000 devices with at least 1 samples each need 1000 samples, the dataset has 900"),
        ("wifi", "algorithm.layers[0].up.top_k.k=400", "algorithm: layer 1: up: k must be <= the model's 385 parameters, got 400"),
    ],
)  # fmt: skip
def test_check_detects_errors_that_depend_on_sizes(
    name: str, change: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, output = run_check(name, change, tmp_path, capsys)
    assert (code, message in output) == (1, True), output


@pytest.mark.parametrize("dataset", ["mnist", "fashion_mnist", "cifar10"])
def test_check_reports_missing_dataset_files_with_a_remedy(
    dataset: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NETSIM_DATA", str(tmp_path / "empty"))
    code, output = run_check("cell", f"task.dataset={dataset}", tmp_path, capsys)
    assert code == 1
    assert "x.yaml: task.dataset: " in output
    assert "not found: looked for" in output
    assert "set NETSIM_DATA or task.data_dir to the folder that holds them" in output
    assert run_check("cell", f"task.dataset={{{dataset}: {{download: true}}}}", tmp_path, capsys) == (0, "")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (MemoryError(), 1),
        (RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory: you tried"), 1),
        (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), 1),
        (RuntimeError("boom"), 3),
    ],
)  # fmt: skip
def test_out_of_memory_is_a_user_error(
    error: Exception, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> int:
        raise error

    assert exit_code(fail) == code
    assert ("take a smaller model" in capsys.readouterr().err) == (code == 1)


def test_a_hierarchy_of_the_maximum_depth_runs() -> None:
    layers = ", ".join(["{wired: {}}"] * MAX_DEPTH)
    tree = "{children: [" * (MAX_DEPTH - 1) + "{devices: 1}" + "]}" * (MAX_DEPTH - 1)
    text = f"""name: deep
task: {{dataset: synthetic}}
topology: {{tree: {tree}}}
devices: {{compute: flops}}
algorithm: {{hier_favg: {{learning_rate: 0.1, batch_size: 8, tau: {[1] * MAX_DEPTH}}}}}
network: [{layers}]
stop: {{rounds: 1}}
"""
    deep = load_text(resolved(load_text(text)))
    assert grow(deep).depth == MAX_DEPTH
    assert simulate(deep, engine="timing").finished_rounds == 1


def test_the_error_names_a_too_deeply_nested_file(tmp_path: Path) -> None:
    path = tmp_path / "deep.json"
    path.write_text('{"children": [' * 100_000 + "{}" + "]}" * 100_000)
    with pytest.raises(TopologyError, match=r"deep.json: nested too deeply; at most 64 layers"):
        read_topology(path)


def test_bit_counts_beyond_int64_are_refused() -> None:
    trace = Trace(Fanout([1]).grow())
    message = Message(1, "up", "device0", "cloud", 1, 2**62, 2**62, 1.0, 0.0, True)
    trace.record_sent(message)
    with pytest.raises(TooManyBitsError, match="layer 1 has sent more than 9223372036854775807 bits"):
        trace.record_sent(message)
