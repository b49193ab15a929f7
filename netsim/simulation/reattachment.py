"""Reattachment: children get another parent in a run, after a failure or because they move."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from netsim.dynamics import Mobility
from netsim.dynamics.attachment import Attachment
from netsim.protocol.exchange_runner import ExchangeRunner
from netsim.protocol.membership import Membership
from netsim.simulation.link_updates import LinkUpdates
from netsim.topology import Node, Topology


@dataclass
class Reattachment:
    """Changes the parents of children and rebuilds their links; every change is an event in the trace.

    A child changes its parent only while it is idle, that is in no exchange. Its compressor's memory moves with it; if
    the new parent needs that memory too, the child sends it with its first upload.
    """

    exchanges: ExchangeRunner
    topology: Topology
    links: LinkUpdates
    mobility: Mobility | None = None
    parents: dict[str, Node | None] = field(init=False)
    """Current parents, by child."""
    homes: dict[str, Node] = field(init=False)
    """Parents at the beginning, by child."""
    returning: dict[str, Node] = field(default_factory=dict)
    """Children that return to their first parent once they are idle."""

    def __post_init__(self) -> None:
        self.homes = self.links.homes
        self.parents = {**self.homes}

    @property
    def membership(self) -> Membership:
        """The current tree."""
        return self.exchanges.membership

    def update_tree(self, node: Node) -> None:
        """Before an aggregation of `node`: reattach idle children below it and rebuild links for their positions."""
        self.return_home()
        if self.mobility is None:
            return
        if node.level == 1:
            self._detach_unreachable(node)
            self.links.rebuild(node)
        else:
            self._reassociate(node, self.mobility)
        self._schedule_retry(node, self.mobility)

    def choose_parent(
        self, child: Node, policy: Attachment, parents: Sequence[Node], reason: str
    ) -> set[str]:
        """Let `policy` choose a parent for a child; return the names of the parents whose links must be rebuilt.

        If no parent can serve it, a moving device has no parent from now on; other children keep theirs.
        """
        current, home = self.parents[child.name], self.homes.get(child.name)
        options = self.links.parent_options(child, parents, current, home)
        choice = policy.choose([option for _, option in options]) if options else None
        if choice is not None:
            return self.reattach(child, options[choice][0], reason)
        if self.mobility is None or child.level:
            return set()
        return self.reattach(child, None, "out of reach")

    def reattach(self, child: Node, new_parent: Node | None, reason: str) -> set[str]:
        """Give a child a parent (None: none); return the names of the parents whose links must be rebuilt."""
        old_parent = self.parents[child.name]
        if new_parent is old_parent:
            return set()
        self.membership.reattach(child, old_parent, new_parent)
        self.parents[child.name] = new_parent
        kind = "attach" if old_parent is None else "detach" if new_parent is None else "handover"
        now_s = self.exchanges.env.now
        self.exchanges.trace.record_event(now_s, kind, child, old_parent, new_parent, reason)
        return {parent.name for parent in (old_parent, new_parent) if parent is not None}

    def home_children(self, node: Node) -> list[Node]:
        """Return the children that `node` had at the beginning."""
        candidates = self.topology.levels[node.level - 1]
        return [child for child in candidates if self.homes[child.name] is node]

    def reattach_children(self, node: Node, policy: Attachment, reason: str) -> None:
        """Reattach the children of a node that is down to nodes of the same level."""
        peers = [peer for peer in self.topology.levels[node.level] if peer is not node and self._is_up(peer)]
        changed: set[str] = set()
        for child in self.membership.children(node):
            changed |= self.choose_parent(child, policy, peers, reason)
        self._rebuild([node, *peers], changed)

    def return_home(self) -> None:
        """Reattach returning children to their first parents where these are up and the children idle."""
        changed: set[str] = set()
        for child in list(self.returning.values()):
            home = self.homes.get(child.name)
            if home is not None and self._is_up(home) and self._is_idle(child):
                del self.returning[child.name]
                changed |= self.reattach(child, home, f"{home.name} is up")
        if changed:
            self._rebuild([node for level in self.topology.levels[1:] for node in level], changed)

    def _reassociate(self, node: Node, mobility: Mobility) -> None:
        """Let all idle devices below `node` choose their servers; below the cloud also devices without a parent."""
        servers = self._servers(node)
        devices = [child for server in servers for child in self.membership.children(server)]
        if node.level == self.topology.depth:
            devices += [device for device in self.topology.devices if self.parents[device.name] is None]
        servers_up = [server for server in servers if self._is_up(server)]
        self.links.measure([device for device in devices if self._is_idle(device)], servers_up)
        for device in sorted(devices, key=lambda device: device.ordinal):
            if self._is_idle(device):
                self.choose_parent(device, mobility.handover, servers_up, "handover")
        for server in servers:
            self.links.rebuild(server)

    def _detach_unreachable(self, server: Node) -> None:
        children = self.membership.children(server)
        self.links.measure(children, [server])
        for child in children:
            if self._is_idle(child) and not self.links.parent_options(child, [server], server, None):
                self.reattach(child, None, "out of reach")

    def _schedule_retry(self, node: Node, mobility: Mobility) -> None:
        """Make a cloud without available children check again after `patience`, since devices may come within reach."""
        env, membership = self.exchanges.env, self.membership
        returning = (
            membership.unavailable - membership.permanently_unavailable
        ) | membership.undetected_failures
        server_returns = any(server.name in returning for server in self.topology.levels[1])
        is_moving = env.now < mobility.motion.end_of_motion_s
        membership.devices_move = server_returns or is_moving
        if node is self.topology.root and not membership.available_children(node) and is_moving:
            retry = env.timeout(mobility.patience)
            retry.callbacks.append(lambda _: membership.notify_change())

    def _rebuild(self, nodes: Sequence[Node], names: set[str]) -> None:
        for node in nodes:
            if node.name in names:
                self.links.rebuild(node)

    def _is_idle(self, child: Node) -> bool:
        """Return whether the child is in no exchange."""
        parent = self.parents[child.name]
        inbox = None if parent is None else self.exchanges.inboxes.get(parent.name)
        return child.name not in self.exchanges.active and (
            inbox is None or child.name not in inbox.exchanges
        )

    def _servers(self, node: Node) -> list[Node]:
        """Return the edge servers at or below `node`."""
        if node.level == 1:
            return [node]
        return [server for child in self.membership.children(node) for server in self._servers(child)]

    def _is_up(self, server: Node) -> bool:
        membership = self.membership
        return server.name not in membership.unavailable and server.name not in membership.undetected_failures
