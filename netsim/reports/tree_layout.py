"""The tree of a run as its messages tell it: who is whose child, in which order and where on paper."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netsim.results.addressing import EVERYBODY, addressees
from netsim.results.result import Result

if TYPE_CHECKING:
    import networkx as nx


def family(result: Result) -> nx.DiGraph[str]:
    """Edges from parents to children, children in order of their first word; nodes carry their `level`.

    Nodes that neither sent nor were addressed by name are not in it: a trace does not know their parent.
    """
    import networkx as nx

    tree: nx.DiGraph[str] = nx.DiGraph()
    sent = result.messages
    up = sent[(sent["direction"] == "up") & (sent["dst"] != EVERYBODY)][["layer", "dst", "src"]]
    named = sent[(sent["direction"] == "down") & (sent["dst"] != EVERYBODY)][
        ["layer", "src", "dst"]
    ].drop_duplicates()
    down = named.assign(dst=named["dst"].astype(str).map(addressees)).explode("dst")
    seen = [*map(tuple, up.drop_duplicates().to_numpy()), *map(tuple, down.drop_duplicates().to_numpy())]
    pairs = {pair[2]: pair for pair in reversed(seen)}.values()  # in a tree that changes: the first parent
    for layer, parent, child in sorted(
        pairs, key=lambda pair: (-pair[0], _natural(pair[1]), _natural(pair[2]))
    ):
        if child not in tree or not tree.in_degree(child):
            tree.add_node(parent, level=int(layer))
            tree.add_node(child, level=int(layer) - 1)
            tree.add_edge(parent, child)
    return tree


def in_order(tree: nx.DiGraph[str]) -> list[str]:
    """All nodes, each parent before its children and families together."""
    import networkx as nx

    roots = [node for node, parents in tree.in_degree() if not parents]
    return [node for root in roots for node in nx.dfs_preorder_nodes(tree, root)]


def places(tree: nx.DiGraph[str]) -> dict[str, tuple[float, float]]:
    """x in 0 ... 1 and the level as y: leaves evenly spread in order, a parent above the middle of its children.

    Own drawing rule: networkx's layered layouts do not keep families together.
    """
    order = in_order(tree)
    leaves = [node for node in order if not tree.out_degree(node)]
    x = {leaf: (k + 0.5) / len(leaves) for k, leaf in enumerate(leaves)}
    for node in reversed(order):
        children = [x[child] for child in tree.successors(node)]
        x[node] = sum(children) / len(children) if children else x[node]
    return {node: (x[node], float(tree.nodes[node]["level"])) for node in order}


def _natural(name: str) -> tuple[str, int]:
    """`device10` after `device9`."""
    digits = len(name) - len(name.rstrip("0123456789"))
    return (name[:-digits], int(name[-digits:])) if digits else (name, -1)
