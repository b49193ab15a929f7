"""Convergence bounds of nested local SGD with quantized uplinks, on any tree: Theorems 1 and 2, O(N) each.

Both are OUR derivation (assumptions A1 to A4 in `netsim.bounds.problem` and `docs/planner.md`), not the text of QMLHFL
(arXiv:2505.08145), whose Theorem 1 they follow in purpose. What differs from what is visible of the paper:
a heterogeneity term (without one the claim is false unless all devices share one objective), the average
over children in the quantizers' terms (phi), the exact drift sum (K-1)(2K-1)/6 for the paper's bracket, and
free constants (theta, c, c') instead of theta = 1, which costs a factor of 2. Theorem 2 averages over all
inner steps and needs no mu L tau_1...tau_N <= 1. Their left sides differ: do not compare their values.

Every function takes numbers or arrays that broadcast; tau and q are sequences over layers 1 ... N.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from netsim.bounds.problem import Number, Problem

LARGEST = 200.0
"""Logarithm of the largest finite growth factor."""


@dataclass(frozen=True, eq=False)
class Terms:
    """A bound's parts: (1/T) sum_t E||grad F||^2 <= ((F_0 - F*)/(mu K T) + noise_floor) / contraction.

    Where the theorem's condition on the learning rate fails, `contraction` is -inf.
    """

    steps: Number
    """K = tau_1 ... tau_N."""
    noise_floor: Number
    """N_0: what remains for T -> infinity; its parts are below."""
    contraction: Number
    """c_G in (0, 1]."""
    drift: Number
    """Part of N_0: local models moving apart through heterogeneity, delta_n^2."""
    drift_noise: Number
    """Part of N_0: local models moving apart through gradient noise and what is quantized of it."""
    averaged_noise: Number
    """Part of N_0: gradient noise that the cloud's average keeps, A_N sigma^2 / N_tot to leading order."""
    quantized_heterogeneity: Number
    """Part of N_0: quantization of updates that differ because the devices' objectives do."""
    inner: dict[str, Number]
    """The quantities that the condition is made of, by their names in docs/planner.md."""

    def value(self, rate: Number, rounds: Number, gap: float) -> Number:
        """The bound after `rounds` rounds at learning rate `rate`; inf where the theorem does not hold."""
        full_box = gap / (np.asarray(rate) * self.steps * rounds) + self.noise_floor
        good = np.asarray(self.contraction) > 0
        return np.where(good, full_box / np.where(good, self.contraction, 1.0), np.inf)


def theorem1(
    problem: Problem,
    lam: Number,
    tau: Sequence[Number],
    free_values: tuple[Number, Number, Number],
    up: Sequence[Number] | None = None,
    most_steps: Number | None = None,
    one: float = 1.0,
) -> Terms:
    """Theorem 1: the average is over global models w_t. Condition: lam K <= 1, gamma < 1, D > 0, c_G > 0.

    Args:
        problem: facts, tree and compressors.
        lam: mu L.
        tau: tau_1 ... tau_N.
        free: the constants theta in (0, 1], c > 0, c' > 0; each choice is a valid bound (paper form 1, 1/2, 1/2).
        up: q_1 ... q_N in place of the problem's.
        most_steps: K for the one part that falls with K (1/b = 1/(c lam K)): a larger K gives a lower
            bound of the terms over all tau between, which are then monotone in tau, q and mu.
        one: 0 puts K for K - 1 and tau for tau - 1: a majorant whose logarithm is convex in (log tau, log mu).
    """
    theta, c, c1 = free_values
    facts, tree, q = problem.facts, problem.tree, problem.up if up is None else up
    k = _products(tau)
    K = k[-1]
    b = c * lam * K
    part = lam * (lam + 1.0 / (c * (K if most_steps is None else most_steps)))  # (1 + 1/b) lam^2
    A: Number = 1.0
    S: Number = 1.0
    E: Number = 0.0
    Z: Number = 0.0
    C: Number = 0.0
    v_g, v_z, v_s, kappa = (K - one) * (2 * K - one) / 6, 0.0 * K, 0.0 * K, 0.0 * K
    for n in range(1, tree.depth + 1):
        t, kn, phi = tau[n - 1], k[n], tree.largest[n - 1]
        v_g = v_g + (t - one) / 2 * E
        v_z = v_z + (kn - one) * (2 * kn - one) / 6 * facts.layers[n - 1] + (t - one) / 2 * Z
        v_s = v_s + (t - one) / 2 * S
        kappa = kappa + C * (kn - one * k[n - 1])
        a = 1.0 + (1.0 + b) * q[n - 1]
        A = A * a
        S = A * kn * tree.mixing[n]
        E = phi * (a * t * E + (a - 1.0) * kn**2)
        Z = phi * (a * t * Z + (a - 1.0) * kn**2 * facts.zeta(n - 1))
        C = phi * (a * C + q[n - 1] * part * kn)
        if problem.down[n - 1]:
            extra = (1.0 + b) * problem.down[n - 1]
            A, S = A * (1.0 + extra), S * (1.0 + extra)
            E = (1.0 + extra) * E + extra * kn**2
            Z = (1.0 + extra) * Z + extra * kn**2 * facts.zeta(n)
            C = (1.0 + extra) * C + problem.down[n - 1] * part * kn
    gamma = lam * (K - one) / 2
    D = (1.0 - gamma) ** 2 - kappa
    good = (lam * K <= 1.0 + 1e-12) & (gamma < 1.0) & (D > 0.0)
    D = np.where(good, D, 1.0)
    last = 1.0 + lam * K / c1  # 1 + 1/b'
    J = 1.0 / theta + c1 + last * C / lam
    grown = lam**2 / 2 * (J / D)
    c_g = 1.0 - theta / 2 - (1.0 - theta) * lam * K / 2 - grown * v_g - lam / (2 * K) * last * E
    ends = lam / (2 * K) * last
    drift, drift_noise = grown * v_z, grown * v_s * facts.noise
    averaged, quantized = ends * S * facts.noise, ends * Z
    return Terms(
        K,
        drift + drift_noise + averaged + quantized,
        np.where(good, c_g, -np.inf),
        drift,
        drift_noise,
        averaged,
        quantized,
        {"lam K": lam * K, "gamma": gamma, "kappa": kappa, "D": D, "v_G": v_g, "E": E, "A": A, "J": J},
    )


def first_order(
    problem: Problem, lam: Number, tau: Sequence[Number], up: Sequence[Number] | None = None, one: float = 1.0
) -> Terms:
    """NOT a bound: Theorem 1 to first order in lam, with 1/c_G ~ 1 + x, finite for every learning rate.

    Ranks plans where the theorem does not hold (docs/planner.md). Arguments as for `theorem1`.
    """
    facts, tree, q = problem.facts, problem.tree, problem.up if up is None else up
    k = _products(tau)
    K = k[-1]
    S: Number = 1.0
    E: Number = 0.0
    Z: Number = 0.0
    A: Number = 1.0
    v_z, v_s = 0.0 * K, 0.0 * K
    for n in range(1, tree.depth + 1):
        t, kn, phi = tau[n - 1], k[n], tree.largest[n - 1]
        v_z = v_z + (kn - one) * (2 * kn - one) / 6 * facts.layers[n - 1] + (t - one) / 2 * Z
        v_s = v_s + (t - one) / 2 * S
        down = problem.down[n - 1]
        a, b = 1.0 + q[n - 1], 1.0 + down
        A = A * a * b
        S = A * kn * tree.mixing[n]
        E = b * phi * (a * t * E + q[n - 1] * kn**2) + down * kn**2
        Z = b * phi * (a * t * Z + q[n - 1] * kn**2 * facts.zeta(n - 1)) + down * kn**2 * facts.zeta(n)
    drift, drift_noise = lam**2 / 2 * v_z, lam**2 / 2 * v_s * facts.noise
    averaged, quantized = lam / (2 * K) * S * facts.noise, lam / (2 * K) * Z
    x = lam**2 * (K - one) * (2 * K - one) / 6 + lam / K * E
    floor = drift + drift_noise + averaged + quantized
    return Terms(
        K, floor, 1.0 / (1.0 + x), drift, drift_noise, averaged, quantized, {"lam K": lam * K, "x": x}
    )


def theorem2(
    problem: Problem,
    lam: Number,
    tau: Sequence[Number],
    free_values: tuple[Number, Number, Number, Number, Number],
    up: Sequence[Number] | None = None,
    cross: Number | None = None,
    one: float = 1.0,
) -> Terms:
    """Theorem 2: the average is over the mean model at ALL inner steps. Condition: lam <= 1, den > 0, c_G > 0.

    Args:
        problem: as for Theorem 1, with exact downlinks (ValueError otherwise).
        lam: mu L.
        tau: tau_1 ... tau_N.
        free: theta in (0, 1], b2, b3, b4 > 0, and which growth factor is used: 0 for (1 + lam)^(2(K-1)), 1 for
            (1 - lam (K-1)/2)^-2; each choice is a valid bound.
        up: q_1 ... q_N in place of the problem's.
        cross: in place of (1 - lam)/theta + lam, the one part that falls with lam.
        one: as for Theorem 1.
    """
    if not problem.exact_downlinks:
        raise ValueError(
            "Theorem 2 needs exact downlinks, got quantized ones; use Theorem 1, or `down: none`"
        )
    theta, b2, b3, b4, which = free_values
    facts, tree, q = problem.facts, problem.tree, problem.up if up is None else up
    k = _products(tau)
    K = k[-1]
    w_g, w_z, w_s, w_x = (0.0 * K for _ in range(4))
    s_g, s_z, s_s, s_x = (0.0 * K for _ in range(4))
    v_d, v_r = 0.0 * K, 0.0 * K
    own = (1.0 + b2) * (1.0 + b4)
    for n in range(1, tree.depth + 1):
        kn, phi, alive = k[n], tree.largest[n - 1], k[n] - one * k[1]
        s_g, s_z, s_s, s_x = s_g + w_g * alive, s_z + w_z * alive, s_s + w_s * alive, s_x + w_x * alive
        u_g = own * kn + (1.0 + 1.0 / b2) * w_g
        u_z = own * kn * facts.zeta(n - 1) + (1.0 + 1.0 / b2) * w_z
        u_s = (1.0 + 1.0 / b2) * (tree.mixing[n - 1] + w_s)
        u_x = (1.0 + b2) * (1.0 + 1.0 / b4) * kn + (1.0 + 1.0 / b2) * w_x
        w_g, w_z, w_s, w_x = (
            phi * (w + q[n - 1] * u) for w, u in ((w_g, u_g), (w_z, u_z), (w_s, u_s), (w_x, u_x))
        )
        v_d = v_d + (kn - one) * (2 * kn - one) / 6 * facts.layers[n - 1]
        v_r = v_r + (kn - one) / 2 * (tree.mixing[n - 1] - tree.mixing[n])
    half = lam * (K - one) / 2
    slow = np.exp(np.minimum(2.0 * (K - one) * np.log1p(lam), LARGEST))
    fast = 1.0 / np.maximum(1.0 - half, np.exp(-LARGEST / 2)) ** 2
    growth = np.where(np.asarray(which) == 0, slow, fast)
    den = 1.0 - growth * (1.0 + 1.0 / b3) * lam**2 * s_x
    good = (lam <= 1.0 + 1e-12) & (den > 0.0) & ((np.asarray(which) == 0) | (half < 1.0))
    pull = np.where(good, lam**2 * growth / np.where(den > 0.0, den, 1.0), 0.0)
    x_g = pull * (1.0 + 1.0 / b3) * s_g
    x_z = pull * ((1.0 + b3) * v_d + (1.0 + 1.0 / b3) * s_z)
    x_s = pull * (1.0 + 1.0 / b3) * (v_r + s_s)
    J = (1.0 - lam) / theta + lam if cross is None else cross
    c_g = 1.0 - lam / 2 - theta * (1.0 - lam) / 2 - J / 2 * x_g - lam / 2 * (w_g + w_x * x_g)
    drift, drift_noise = J / 2 * x_z, J / 2 * x_s * facts.noise
    averaged = lam / 2 * (tree.mixing[-1] + w_s + w_x * x_s) * facts.noise
    quantized = lam / 2 * (w_z + w_x * x_z)
    return Terms(
        K,
        drift + drift_noise + averaged + quantized,
        np.where(good, c_g, -np.inf),
        drift,
        drift_noise,
        averaged,
        quantized,
        {"lam": lam, "den": den, "growth": growth, "W_G": w_g, "x_G": x_g, "J": J},
    )


def _products(tau: Sequence[Number]) -> list[Number]:
    """k_0 = 1, k_1, ..., k_N."""
    k: list[Number] = [1.0]
    for t in tau:
        k.append(k[-1] * t)
    return k
