"""A partition by layer uses the layers of the scenario's topology."""

from __future__ import annotations

import numpy as np

from learning.datasets.digits import Digits
from learning.partitions.partitions import ByLayer
from netsim.build import build_task
from netsim.scenario import grow, load

UNEVEN = "topology={tree: {children: [{children: [{devices: 2}, {devices: 3}]}, {children: [{devices: 1}]}]}}"
PATHS = [(0, 0), (0, 0), (1, 0), (1, 0), (1, 0), (2, 1)]
"""For each of the six devices: the ordinal of its edge server, then of its region."""


def test_a_device_s_path_runs_from_its_edge_server_to_its_region() -> None:
    scene = load("quickstart", [UNEVEN, "task.partition={by_layer: {alpha: [0.5, null, 0.2]}}"])
    task = build_task(scene, grow(scene))
    expected = ByLayer((0.5, None, 0.2)).split_tree(Digits().load().train_y, PATHS, scene.seed)
    assert task.devices == 6
    assert all(np.array_equal(task.indices(i), expected[i]) for i in range(6))


def test_shifts_use_the_edge_servers_of_the_scenario() -> None:
    turned = load("quickstart", [UNEVEN, "task.shifts=[{rotation: {angles: [0, 90], per: edge}}]"])
    alone = load("quickstart", [UNEVEN, "task.shifts=[{rotation: {angles: [0, 90]}}]"])
    names = {build_task(scene, grow(scene)).fingerprint for scene in (turned, alone)}
    assert len(names) == 2
