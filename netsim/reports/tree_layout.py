"""The tree of a run as recorded in its messages, its node order and drawing coordinates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netsim.results.receivers import ALL_CHILDREN, parse_receivers
from netsim.results.result import Result

if TYPE_CHECKING:
    import networkx as nx


def tree_from_messages(result: Result) -> nx.DiGraph[str]:
    """Directed edges from parents to children, in natural order of the names; nodes have the attribute `level`.

    Nodes that neither sent a message nor were addressed by name are missing: the messages do not contain their
    parent. A node that changed its parent has its first one.
    """
    import networkx as nx

    tree: nx.DiGraph[str] = nx.DiGraph()
    messages = result.messages
    up = messages[(messages["direction"] == "up") & (messages["dst"] != ALL_CHILDREN)][
        ["layer", "dst", "src"]
    ]
    named = messages[(messages["direction"] == "down") & (messages["dst"] != ALL_CHILDREN)][
        ["layer", "src", "dst"]
    ].drop_duplicates()
    down = named.assign(dst=named["dst"].astype(str).map(parse_receivers)).explode("dst")
    edges = [*map(tuple, up.drop_duplicates().to_numpy()), *map(tuple, down.drop_duplicates().to_numpy())]
    first_edges = {edge[2]: edge for edge in reversed(edges)}.values()
    for layer, parent, child in sorted(
        first_edges, key=lambda edge: (-edge[0], _natural_key(edge[1]), _natural_key(edge[2]))
    ):
        if child not in tree or not tree.in_degree(child):
            tree.add_node(parent, level=int(layer))
            tree.add_node(child, level=int(layer) - 1)
            tree.add_edge(parent, child)
    return tree


def depth_first_order(tree: nx.DiGraph[str]) -> list[str]:
    """All nodes in depth-first preorder: each parent before its children, subtrees contiguous."""
    import networkx as nx

    roots = [node for node, parents in tree.in_degree() if not parents]
    return [node for root in roots for node in nx.dfs_preorder_nodes(tree, root)]


def node_positions(tree: nx.DiGraph[str]) -> dict[str, tuple[float, float]]:
    """Coordinates of every node: x in 0 ... 1, y is the level.

    Leaves are equally spaced in depth-first order, a parent is centred above its children. Own drawing rule:
    networkx's layered layouts do not keep subtrees contiguous.
    """
    order = depth_first_order(tree)
    leaves = [node for node in order if not tree.out_degree(node)]
    x = {leaf: (k + 0.5) / len(leaves) for k, leaf in enumerate(leaves)}
    for node in reversed(order):
        children = [x[child] for child in tree.successors(node)]
        x[node] = sum(children) / len(children) if children else x[node]
    return {node: (x[node], float(tree.nodes[node]["level"])) for node in order}


def _natural_key(name: str) -> tuple[str, int]:
    """Sort key that places `device10` after `device9`."""
    digits = len(name) - len(name.rstrip("0123456789"))
    return (name[:-digits], int(name[-digits:])) if digits else (name, -1)
