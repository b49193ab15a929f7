"""Association: exchanges against brute force, nearest by coordinates, and the effect on runs."""

from __future__ import annotations

import itertools
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from netsim.build import BuildError, build_task
from netsim.scenario import load, load_text
from netsim.selection.association import (
    ClassBalance,
    NearestAssociation,
    balance_labels,
    children_by_parent,
    divergence,
)
from netsim.simulation.run import execute, prepare
from netsim.topology.tree import NodeSpec, grow
from tests.simulation.runs import final, recipe, scenario

FEDAVG = "hier_favg: {learning_rate: 0.1, batch_size: 8, tau: [2, 2]}"
SKEWED = "{dataset: digits, partition: {by_layer: {alpha: [null, 0.1]}}, model: logistic}"


def test_oracle_divergence_of_two_opposite_edges_is_log_two_and_of_equal_ones_zero() -> None:
    counts = np.array([[4.0, 0.0], [4.0, 0.0], [0.0, 4.0], [0.0, 4.0]])
    assert divergence(counts, np.array([0, 0, 1, 1])) == pytest.approx(np.log(2))
    assert divergence(counts, np.array([0, 1, 0, 1])) == pytest.approx(0.0)
    assert balance_labels(counts, np.array([0, 0, 1, 1])).tolist() in (
        [0, 1, 0, 1],
        [1, 0, 0, 1],
        [0, 1, 1, 0],
        [1, 0, 1, 0],
    )


def test_oracle_divergence_is_the_mean_kullback_leibler_distance() -> None:
    from scipy.stats import entropy

    counts = np.array([[3.0, 1.0, 2.0], [0.0, 5.0, 1.0], [2.0, 2.0, 8.0], [1.0, 0.0, 4.0]])
    edge_ordinals = np.array([0, 1, 1, 0])
    sums = np.array([counts[edge_ordinals == e].sum(axis=0) for e in range(2)])
    whole = sums.sum(axis=0) / sums.sum()
    wanted = sum(row.sum() / sums.sum() * entropy(row / row.sum(), whole) for row in sums)
    assert divergence(counts, edge_ordinals) == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_oracle_no_exchange_improves_the_result_and_it_is_near_the_optimum(seed: int) -> None:
    counts = np.random.default_rng(seed).integers(0, 30, (6, 3)).astype(float)
    edge_ordinals = np.array([0, 0, 0, 1, 1, 1])
    found = balance_labels(counts, edge_ordinals)
    reached = divergence(counts, found)
    for one, other in itertools.combinations(range(6), 2):
        swapped = found.copy()
        swapped[[one, other]] = swapped[[other, one]]
        assert divergence(counts, swapped) >= reached - 1e-12
    every = [
        np.array([int(k not in group) for k in range(6)]) for group in itertools.combinations(range(6), 3)
    ]
    assert reached <= 2.0 * min(divergence(counts, other) for other in every) + 1e-3
    assert reached <= divergence(counts, edge_ordinals)


def test_every_edge_keeps_its_number_of_devices() -> None:
    counts = np.random.default_rng(1).integers(0, 30, (9, 4)).astype(float)
    edge_ordinals = np.array([0] * 2 + [1] * 3 + [2] * 4)
    assert Counter(balance_labels(counts, edge_ordinals).tolist()) == Counter(edge_ordinals.tolist())


def spread(*devices_m: tuple[float, float]) -> NodeSpec:
    """Two edge servers at x = 0 and 100 m; the first has the first half of the devices."""
    half = len(devices_m) // 2
    edges = [NodeSpec(x_m=0.0, y_m=0.0), NodeSpec(x_m=100.0, y_m=0.0)]
    for k, (x_m, y_m) in enumerate(devices_m):
        edges[k >= half].children.append(NodeSpec(x_m=x_m, y_m=y_m))
    return NodeSpec(children=edges)


def test_oracle_the_nearest_edge_server_is_chosen_and_the_first_on_a_tie() -> None:
    tree = grow(spread((10, 0), (90, 5), (50, 3), (120, 0)), "test")
    assert NearestAssociation().edge_ordinals(tree, None) == [0, 1, 0, 1]
    below = children_by_parent(tree, [0, 1, 0, 1])
    assert [node.name for node in below["edge0"]] == ["device0", "device2"]
    assert [node.name for node in below["edge1"]] == ["device1", "device3"]


def test_an_edge_server_without_devices_is_rejected() -> None:
    tree = grow(spread((10, 0), (20, 0)), "test")
    with pytest.raises(ValueError, match="no device would belong to 'edge1'"):
        children_by_parent(tree, NearestAssociation().edge_ordinals(tree, None))


def test_nearest_needs_coordinates_and_balance_needs_labels() -> None:
    with pytest.raises(BuildError, match="association: nearest needs coordinates, and 'device0' has none"):
        execute(recipe("hier_favg", association="nearest"), engine="timing")
    tree = grow(spread((10, 0), (20, 0)), "test")
    with pytest.raises(ValueError, match="class_balance needs labels"):
        ClassBalance().edge_ordinals(tree, None)


def test_answers_are_sent_to_the_new_parent_and_samples_stay_with_their_device() -> None:
    balanced = scenario([3, 4], FEDAVG, task=SKEWED, association="class_balance")
    run = execute(balanced, device="cpu")
    below = {edge.name: run.loop.membership.children(edge) for edge in run.trace.topology.levels[1]}
    sent = {(m["src"], m["dst"]) for m in run.trace.messages if m["layer"] == 1 and m["direction"] == "up"}
    assert sent == {(child.name, edge) for edge, children in below.items() for child in children}
    plain = scenario([3, 4], FEDAVG, task=SKEWED)
    tree = run.trace.topology
    assert build_task(balanced, tree).fingerprint == build_task(plain, tree).fingerprint
    assert any(below[edge.name] != edge.children for edge in tree.levels[1])


def test_every_device_has_its_own_link_to_the_new_parent() -> None:
    links = "[{cell: {}}, {wired: {rate: 1 Mbit/s}}]"
    run = prepare(
        scenario([3, 4], FEDAVG, task=SKEWED, association="class_balance", network=links), engine="timing"
    )
    membership = run.loop.membership
    for edge in run.trace.topology.levels[1]:
        names = [link.identity.name for link in membership.ports[edge.name].up if link.identity is not None]
        assert [child.name in name for child, name in zip(membership.children(edge), names, strict=True)] == [
            True
        ] * 4


def test_balanced_edges_have_a_much_smaller_divergence() -> None:
    from netsim.selection.association import count_labels

    balanced = scenario([3, 4], FEDAVG, task=SKEWED, association="class_balance")
    run = prepare(balanced, engine="timing")
    counts = count_labels(run.task)
    assert counts is not None
    before = np.array(run.trace.topology.groups)
    after = np.array(balanced.association.edge_ordinals(run.trace.topology, counts))
    assert divergence(counts, after) < 0.25 * divergence(counts, before)


def test_the_given_association_keeps_the_tree() -> None:
    assert np.array_equal(final(recipe("qmlhfl", association="given")), final(recipe("qmlhfl")))


def test_engines_agree_on_a_balanced_tree() -> None:
    balanced = scenario([3, 4], FEDAVG, task=SKEWED, association="class_balance", precision="float64")
    assert np.allclose(final(balanced), final(balanced, engine="eager"), rtol=0, atol=1e-9)


def test_a_resolved_scenario_has_the_same_association(tmp_path: Path) -> None:
    from netsim.scenario import resolved

    balanced = scenario([3, 4], FEDAVG, task=SKEWED, association="class_balance")
    (tmp_path / "again.yaml").write_text(resolved(balanced))
    assert np.array_equal(final(load(tmp_path / "again.yaml")), final(balanced))
    assert load_text(resolved(balanced)).association == ClassBalance()


def test_check_reports_association_errors_that_need_no_data(tmp_path: Path) -> None:
    from netsim.build import check_association_and_availability
    from netsim.scenario import grow as grown

    with pytest.raises(BuildError, match="association: nearest needs coordinates"):
        check_association_and_availability(near := recipe("hier_favg", association="nearest"), grown(near))
    (tmp_path / "bad.csv").write_text("a,1\n")
    coming = f'{{compute: {{constant: 1 s}}, availability: {{recorded: "{tmp_path / "bad.csv"}"}}}}'
    with pytest.raises(BuildError, match="devices.availability: .*bad.csv:1: a line is"):
        check_association_and_availability(away := recipe("hier_favg", devices=coming), grown(away))
    check_association_and_availability(fine := recipe("hier_favg", association="class_balance"), grown(fine))
