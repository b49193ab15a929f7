"""The tree while it changes: who attaches to whom, when, and over which links."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from netsim.dynamics import Mobility
from netsim.dynamics.attachment import Attachment
from netsim.protocol.loop import Loop
from netsim.simulation.link_updates import LinkUpdates
from netsim.topology import Node, Topology


@dataclass
class Reattachment:
    """Moves children in the roster of a run's loop and relinks them; every move is an event of the trace.

    A child moves while nobody waits for it. Its compressor's memory goes with it; where the new parent must know that
    memory too, the child owes it with its first answer.
    """

    loop: Loop
    topology: Topology
    relinking: LinkUpdates
    mobility: Mobility | None = None
    parents: dict[str, Node | None] = field(init=False)
    homes: dict[str, Node] = field(init=False)
    """Where everybody is at first."""
    homeward: dict[str, Node] = field(default_factory=dict)
    """Children that go back to their own parent once they are free."""

    def __post_init__(self) -> None:
        self.homes = self.relinking.homes
        self.parents = {**self.homes}

    def before(self, node: Node) -> None:
        """See `Before`: whoever is free below may get another parent, and links are those of the places now."""
        self.go_home()
        if self.mobility is None:
            return
        if node.level == 1:
            self._check_reach(node)
            self.relinking.rebuild(node)
        else:
            self._form(node, self.mobility)
        self._look_again_later(node, self.mobility)

    def moved(self, child: Node, policy: Attachment, parents: Sequence[Node], why: str) -> set[str]:
        """Let a child choose among parents; the names of those whose links are to be rebuilt.

        Without one that serves it, a device that moves has no parent from now on; any other keeps its own.
        """
        here, home = self.parents[child.name], self.homes.get(child.name)
        options = self.relinking.options(child, parents, here, home)
        chosen = policy.choose([option for _, option in options]) if options else None
        if chosen is not None:
            return self.attach(child, options[chosen][0], why)
        stays = self.mobility is None or child.level
        return set() if stays else self.attach(child, None, "out of reach")

    def attach(self, child: Node, after: Node | None, why: str) -> set[str]:
        """Give a child another parent (None: none); the names of those whose links are to be rebuilt."""
        before, membership = self.parents[child.name], self.loop.membership
        if after is before:
            return set()
        membership.attach(child, before, after)
        self.parents[child.name] = after
        kind = "attach" if before is None else "detach" if after is None else "handover"
        self.loop.transport.trace.happened(self.loop.env.now, kind, child, before, after, why)
        return {parent.name for parent in (before, after) if parent is not None}

    def family(self, node: Node) -> list[Node]:
        """Those who are at home below `node`."""
        below = self.topology.levels[node.level - 1]
        return [child for child in below if self.homes[child.name] is node]

    def scatter(self, node: Node, policy: Attachment, why: str) -> None:
        """The children of a node that is down go to its peers."""
        peers = [peer for peer in self.topology.levels[node.level] if peer is not node and self._stands(peer)]
        changed: set[str] = set()
        for child in self.loop.membership.children(node):
            changed |= self.moved(child, policy, peers, why)
        self._rebuild([node, *peers], changed)  # those who stay keep links of their own

    def go_home(self) -> None:
        """Those on their way home arrive there if they are free and it stands."""
        changed: set[str] = set()
        for child in list(self.homeward.values()):
            home = self.homes.get(child.name)
            if home is not None and self._stands(home) and self._free(child):
                del self.homeward[child.name]
                changed |= self.attach(child, home, f"{home.name} is up")
        if changed:
            self._rebuild([node for row in self.topology.levels[1:] for node in row], changed)

    def _form(self, node: Node, mobility: Mobility) -> None:
        """All free devices below `node`, and below the cloud those of nobody too, choose anew."""
        servers = self._servers(node)
        devices = [child for server in servers for child in self.loop.membership.children(server)]
        if node.level == self.topology.depth:
            devices += [device for device in self.topology.devices if self.parents[device.name] is None]
        standing = [server for server in servers if self._stands(server)]
        self.relinking.listen([device for device in devices if self._free(device)], standing)
        for device in sorted(devices, key=lambda one: one.ordinal):
            if self._free(device):
                self.moved(device, mobility.handover, standing, "handover")
        for server in servers:
            self.relinking.rebuild(server)

    def _check_reach(self, server: Node) -> None:
        self.relinking.listen(self.loop.membership.children(server), [server])
        for child in self.loop.membership.children(server):
            if self._free(child) and not self.relinking.options(child, [server], server, None):
                self.attach(child, None, "out of reach")

    def _look_again_later(self, node: Node, mobility: Mobility) -> None:
        """Somebody may come within reach of a cloud that can ask nobody now."""
        env, membership = self.loop.env, self.loop.membership
        back = (membership.away - membership.lost) | membership.silent
        comes = any(server.name in back for server in self.topology.levels[1])
        membership.roaming = comes or env.now < mobility.motion.ends_s
        if node is self.topology.root and not membership.present(node) and env.now < mobility.motion.ends_s:
            later = env.timeout(mobility.patience)
            later.callbacks.append(lambda _: membership.change())

    def _rebuild(self, nodes: Sequence[Node], names: set[str]) -> None:
        for node in nodes:
            if node.name in names:
                self.relinking.rebuild(node)

    def _free(self, child: Node) -> bool:
        """Whether nobody waits for the child."""
        parent = self.parents[child.name]
        inbox = None if parent is None else self.loop.inboxes.get(parent.name)
        return child.name not in self.loop.working and (inbox is None or child.name not in inbox.exchanges)

    def _servers(self, node: Node) -> list[Node]:
        if node.level == 1:
            return [node]
        return [server for child in self.loop.membership.children(node) for server in self._servers(child)]

    def _stands(self, server: Node) -> bool:
        return server.name not in self.loop.membership.away and server.name not in self.loop.membership.silent
