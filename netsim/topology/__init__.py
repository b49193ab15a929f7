"""Topologies: rooted trees of any depth, from fan-outs, files or Topology Zoo graphs."""

from netsim.topology.sources import TOPOLOGIES, Fanout, File, TopologyPart, Zoo
from netsim.topology.tree import Node, Topology, TopologyError

__all__ = ["TOPOLOGIES", "Fanout", "File", "Node", "Topology", "TopologyError", "TopologyPart", "Zoo"]
