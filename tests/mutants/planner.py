"""Mutations of bounds, the planner and adaptive periods."""

from __future__ import annotations

from tests.mutants.mutation import Mutation

# fmt: off
PLANNER = (
    Mutation("planner: a quantizer's noise is not averaged over children", "netsim/bounds/bound.py", "E = phi * (a * t * E + (a - 1.0) * kn**2)", "E = a * t * E + (a - 1.0) * kn**2", "planner/test_bound"),
    Mutation("planner: the drift term is halved", "netsim/bounds/bound.py", "(2 * K - one) / 6, 0.0 * K, 0.0 * K, 0.0 * K", "(2 * K - one) / 12, 0.0 * K, 0.0 * K, 0.0 * K", "planner/test_bound"),
    Mutation("planner: device noise is not averaged on higher layers", "netsim/bounds/bound.py", "S = A * kn * tree.mixing[n]\n        E = phi * (a", "S = A * kn * tree.mixing[n - 1]\n        E = phi * (a", "planner/test_bound"),
    Mutation("planner: quantized heterogeneity is that of the layer above", "netsim/bounds/bound.py", "(a - 1.0) * kn**2 * facts.zeta(n - 1))\n        C", "(a - 1.0) * kn**2 * facts.zeta(n))\n        C", "planner/test_bound"),
    Mutation("planner: injected noise does not persist", "netsim/bounds/bound.py", "s_s + w_s * alive", "s_s", "planner/test_bound"),
    Mutation("planner: a round that ends at the deadline is not counted", "netsim/bounds/costs.py", "_positive(amounts.later) * (1 + 1e-12) + 1e-12", "_positive(amounts.later) * (1 - 1e-9)", "planner/test_search"),
    Mutation("planner: uploads on a trunk do not wait for each other", "netsim/planner/closed_form_timing.py", "ready + np.cumsum(work, axis=1)", "ready + work", "planner/test_closed_form_timing"),
    Mutation("planner: the first downlink has the size of later ones", "netsim/planner/closed_form_timing.py", "tau, choice, share, self.sizes.first, down)", "tau, choice, share, down[-1], down)", "planner/test_closed_form_timing"),
    Mutation("planner: the lower bound of a box is taken at its far corner", "netsim/bounds/branch_and_bound.py", "task.goal, tau, up, np.maximum(done, 1.0), steps, limit)", "task.goal, far, up, np.maximum(done, 1.0), steps, limit)", "planner/test_search"),
    Mutation("planner: fewer devices add no variance", "netsim/bounds/branch_and_bound.py", "(1.0 + q[0]) / pi - 1.0", "q[0]", "planner/test_plan planner/test_search"),
    Mutation("planner: forwarded broadcasts are omitted", "netsim/bounds/costs.py", "(own[n:] * ", "(own[n : n + 1] * ", "planner/test_closed_form_timing"),
    Mutation("planner: a plan does not change the learning rate", "netsim/planner/plan.py", '"learning_rate": self.learning_rate}', '"learning_rate": algorithm.to_algorithm().leaf.learning_rate}', "planner/test_plan"),
    Mutation("planner: gradient noise is not divided by the batch size", "netsim/planner/constants.py", "description.noise**2 / batch", "description.noise**2", "planner/test_plan"),
    Mutation("planner: the variance of a batch is divided by the count twice", "netsim/bounds/gradient_probe.py", "max(0.0, scatter) / max(1, count - 1)", "max(0.0, scatter) / max(1, count - 1) / count", "planner/test_calibration"),
    Mutation("planner: successive halving keeps the worse half", "netsim/planner/refinement.py", "if min(t.rounds) >= FEWEST), key=lambda trial: -trial.score)", "if min(t.rounds) >= FEWEST), key=lambda trial: trial.score)", "planner/test_refinement"),
    Mutation("adaptive: tau is proportional to the loss instead of its square root", "netsim/tau_policies.py", "math.ceil(tau * math.sqrt(share))", "math.ceil(tau * share)", "tau_policies/test_policies"),
    Mutation("adaptive: intervals out of order are not pooled", "netsim/tau_policies.py", "while len(pools) > 1 and", "while len(pools) > 9 and", "tau_policies/test_policies"),
)
# fmt: on
