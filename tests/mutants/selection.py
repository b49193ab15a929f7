"""Mutations of selections, availability and association, for the table of tests/mutations.py."""

from __future__ import annotations

SELECTIONS, SELECTORS = "netsim/selection/selections.py", "netsim/selection/selectors.py"

# fmt: off
SELECTION: tuple[tuple[str, str, str, str, str], ...] = (
    ("selection: the slowest children are selected instead of the fastest", SELECTIONS, "[-context.mean_step_s(child) for", "[context.mean_step_s(child) for", "selection/test_selection"),
    ("selection: unbiased weights omit 1/pi", SELECTORS, "[shares[k] / p for", "[shares[k] for", "selection/test_selection"),
    ("selection: all iterations use the same draw", SELECTORS, "path = (node.level, node.ordinal, *iteration.path)", "path = (node.level, node.ordinal)", "selection/test_selection"),
    ("selection: busy children do not count as selected", SELECTORS, "return max(0, sample_size(rule.fraction, rule.count, available) - busy)", "return max(0, sample_size(rule.fraction, rule.count, available))", "selection/test_selection"),
    ("selection: probabilities above one are not set to one", "netsim/selection/sampling.py", "uncertain &= ~above", "break", "selection/test_sampling"),
    ("selection: systematic sampling has no random start", "netsim/selection/sampling.py", "np.ceil(ends - start)", "np.ceil(ends)", "selection/test_sampling"),
    ("selection: systematic sampling uses the order of the list", "netsim/selection/sampling.py", "order = np.argsort(uniform, kind=\"stable\")\n    ends", "order = np.arange(len(uniform))\n    ends", "selection/test_sampling"),
    ("selection: the children of lowest loss are selected", SELECTORS, "key=lambda k: -scores[k]", "key=lambda k: scores[k]", "selection/test_selection selection/test_power_of_choice"),
    ("selection: the evaluation of a loss takes no time", "netsim/protocol/polling.py", "FORWARD_SHARE = 1.0 / 3.0", "FORWARD_SHARE = 0.0", "selection/test_power_of_choice"),
    ("selection: all devices have the loss of device 0", "learning/engine/digests.py", "            pack_integers(query.device)\n", "            pack_integers(0)\n", "selection/test_power_of_choice"),
    ("selection: the critical path omits the time of a poll", "netsim/protocol/polling.py", "path = exchange.path.plus_compute(ready_s - received_s)", "path = exchange.path", "selection/test_power_of_choice"),
    ("selection: a plan's fraction is not applied", "netsim/planner/plan.py", "if self.fraction < 1:", "if self.fraction < 0:", "planner/test_fraction"),
    ("availability: unavailable devices are not interrupted", "netsim/protocol/absences.py", "        exchanges.interrupt(device, REASON)\n", "", "selection/test_availability"),
    ("availability: all devices are available at the start", "netsim/selection/availability.py", "now_s = 0.0 if at_s >= self.on else", "now_s =", "selection/test_availability"),
    ("availability: a trace is not repeated", "netsim/selection/availability.py", "left_s = count * period_s + inactive_s", "left_s = inactive_s", "selection/test_availability"),
    ("association: exchanges with the smallest gain are applied", "netsim/selection/association.py", "gains.argmax()", "gains.argmin()", "selection/test_association"),
    ("association: links are those of the original tree", "netsim/build.py", "parent.children if children is None else children[parent.name]", "parent.children", "selection/test_association"),
)
# fmt: on
