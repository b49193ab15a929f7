"""Mutations of selections, availability and association, for the table of tests/mutations.py."""

from __future__ import annotations

CHOSEN, LIVE = "netsim/selection/selections.py", "netsim/selection/selectors.py"

# fmt: off
SELECTION: tuple[tuple[str, str, str, str, str], ...] = (
    ("selection: the slowest for the fastest", CHOSEN, "[-context.mean_step_s(child) for", "[context.mean_step_s(child) for", "selection/test_selection"),
    ("selection: unbiased weights forget 1/pi", LIVE, "[shares[k] / p for", "[shares[k] for", "selection/test_selection"),
    ("selection: one draw for all iterations", LIVE, "path = (node.level, node.ordinal, *iteration.path)", "path = (node.level, node.ordinal)", "selection/test_selection"),
    ("selection: busy children do not count as selected", LIVE, "return max(0, sample_size(rule.fraction, rule.count, available) - busy)", "return max(0, sample_size(rule.fraction, rule.count, available))", "selection/test_selection"),
    ("selection: probabilities above one are not certain", "netsim/selection/sampling.py", "uncertain &= ~above", "break", "selection/test_sampling"),
    ("selection: systematic points all start at zero", "netsim/selection/sampling.py", "np.ceil(ends - start)", "np.ceil(ends)", "selection/test_sampling"),
    ("selection: systematic in the order of the list", "netsim/selection/sampling.py", "order = np.argsort(uniform, kind=\"stable\")\n    ends", "order = np.arange(len(uniform))\n    ends", "selection/test_sampling"),
    ("selection: the lowest losses", LIVE, "key=lambda k: -scores[k]", "key=lambda k: scores[k]", "selection/test_selection selection/test_power_of_choice"),
    ("selection: a loss is free of computing", "netsim/protocol/polling.py", "FORWARD_SHARE = 1.0 / 3.0", "FORWARD_SHARE = 0.0", "selection/test_power_of_choice"),
    ("selection: losses of one device for all", "learning/engine/lazy_vectors.py", "            pack_integers(query.device)\n", "            pack_integers(0)\n", "selection/test_power_of_choice"),
    ("selection: a poll's time is forgotten", "netsim/protocol/polling.py", "path = exchange.path.plus_compute(ready_s - received_s)", "path = exchange.path", "selection/test_power_of_choice"),
    ("selection: the plan's fraction is not run", "netsim/planner/plan.py", "if self.fraction < 1:", "if self.fraction < 0:", "planner/test_fraction"),
    ("availability: nobody is interrupted", "netsim/protocol/availability.py", "        exchanges.interrupt(device, REASON)\n", "", "selection/test_availability"),
    ("availability: everybody is there at first", "netsim/selection/availability.py", "now_s = 0.0 if at_s >= self.on else", "now_s =", "selection/test_availability"),
    ("availability: a recording runs once", "netsim/selection/availability.py", "left_s = count * period_s + inactive_s", "left_s = inactive_s", "selection/test_availability"),
    ("association: exchanges that lose", "netsim/selection/association.py", "gains.argmax()", "gains.argmin()", "selection/test_association"),
    ("association: links of the old tree", "netsim/build.py", "parent.children if children is None else children[parent.name]", "parent.children", "selection/test_association"),
)
# fmt: on
