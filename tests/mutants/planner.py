"""Slips in bounds, the planner and adaptive periods."""

from __future__ import annotations

from tests.mutants.mutation import Mutation

# fmt: off
PLANNING = (
    Mutation("planner: a quantizer's noise is not averaged over children", "netsim/bounds/bound.py", "E = phi * (a * t * E + (a - 1.0) * kn**2)", "E = a * t * E + (a - 1.0) * kn**2", "planner/test_bound"),
    Mutation("planner: half of the drift", "netsim/bounds/bound.py", "(2 * K - one) / 6, 0.0 * K, 0.0 * K, 0.0 * K", "(2 * K - one) / 12, 0.0 * K, 0.0 * K, 0.0 * K", "planner/test_bound"),
    Mutation("planner: device noise not averaged on its way up", "netsim/bounds/bound.py", "S = A * kn * tree.mixing[n]\n        E = phi * (a", "S = A * kn * tree.mixing[n - 1]\n        E = phi * (a", "planner/test_bound"),
    Mutation("planner: quantized heterogeneity of the level above", "netsim/bounds/bound.py", "(a - 1.0) * kn**2 * facts.zeta(n - 1))\n        C", "(a - 1.0) * kn**2 * facts.zeta(n))\n        C", "planner/test_bound"),
    Mutation("planner: injected noise dies at once", "netsim/bounds/bound.py", "s_s + w_s * alive", "s_s", "planner/test_bound"),
    Mutation("planner: a round that ends at the deadline is lost", "netsim/bounds/costs.py", "_positive(amounts.later) * (1 + 1e-12) + 1e-12", "_positive(amounts.later) * (1 - 1e-9)", "planner/test_search"),
    Mutation("planner: uploads on a trunk do not wait for each other", "netsim/planner/closed_form_timing.py", "ready + np.cumsum(work, axis=1)", "ready + work", "planner/test_closed_form_timing"),
    Mutation("planner: the first downlink at a later one's size", "netsim/planner/closed_form_timing.py", "tau, choice, share, self.sizes.first, down)", "tau, choice, share, down[-1], down)", "planner/test_closed_form_timing"),
    Mutation("planner: a box's floor at its far corner", "netsim/bounds/search.py", "task.goal, tau, up, np.maximum(done, 1.0), steps, limit)", "task.goal, far, up, np.maximum(done, 1.0), steps, limit)", "planner/test_search"),
    Mutation("planner: fewer devices add no variance", "netsim/bounds/search.py", "(1.0 + q[0]) / pi - 1.0", "q[0]", "planner/test_plan planner/test_search"),
    Mutation("planner: forwarded broadcasts forgotten", "netsim/bounds/costs.py", "(own[n:] * ", "(own[n : n + 1] * ", "planner/test_closed_form_timing"),
    Mutation("planner: a plan keeps the old learning rate", "netsim/planner/plan.py", '"learning_rate": self.learning_rate}', '"learning_rate": algorithm.to_algorithm().leaf.learning_rate}', "planner/test_plan"),
    Mutation("planner: noise of one sample for a batch's", "netsim/planner/constants.py", "said.noise**2 / batch", "said.noise**2", "planner/test_plan"),
    Mutation("planner: a batch's scatter divided once too often", "netsim/bounds/gradient_probe.py", "max(0.0, scatter) / max(1, count - 1)", "max(0.0, scatter) / max(1, count - 1) / count", "planner/test_calibration"),
    Mutation("planner: halving keeps the worse half", "netsim/planner/refinement.py", "if min(t.rounds) >= FEWEST), key=lambda trial: -trial.score)", "if min(t.rounds) >= FEWEST), key=lambda trial: trial.score)", "planner/test_refinement"),
    Mutation("adaptive: tau falls with the loss, not with its root", "netsim/tau_policies.py", "math.ceil(tau * math.sqrt(share))", "math.ceil(tau * share)", "tau_policies/test_policies"),
    Mutation("adaptive: intervals out of order are not pooled", "netsim/tau_policies.py", "while len(pools) > 1 and", "while len(pools) > 9 and", "tau_policies/test_policies"),
)
# fmt: on
