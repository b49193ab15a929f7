"""Breaks netsim on purpose, one line at a time, and demands that a test notices: `python tests/mutations.py [WORD ...]`.

Works on a copy of the tracked files. Words choose the mutations whose name holds one of them. Prints a markdown
table; exits with 1 where a mutation survives, refuses a table that no longer fits the sources.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tests.selection_mutations import SELECTION

REPOSITORY = Path(__file__).resolve().parents[1]
OPTIONS = ("-x", "-q", "-p", "no:cacheprovider", "--timeout=100", "--hypothesis-seed=0")


class Mutation(NamedTuple):
    """One slip: `old`, found exactly once in `file`, becomes `new`; one of `tests` (below tests/) must fail."""

    name: str
    file: str
    old: str
    new: str
    tests: str

    @property
    def files(self) -> list[str]:
        """Paths of the tests from the repository's root."""
        return [f"tests/{part}.py" for part in self.tests.split()]


class RottenTableError(ValueError):
    """A mutation fits its file no longer, or its tests do not run as they should."""


def main(words: list[str]) -> int:
    """Run the mutations that `words` choose (none: all); the number of survivors, at most 1."""
    chosen = [m for m in MUTATIONS if not words or any(word in m.name for word in words)]
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        copy_tracked(copy)
        for mutation in chosen:
            mutated(mutation, copy)
        if red := verdict(copy, sorted({name for m in chosen for name in m.files})):
            raise RottenTableError(f"{red} fails without any mutation; mend it first")
        sys.stdout.write("| # | mutation | file | fate | first failing test |\n|---|---|---|---|---|\n")
        survivors = 0
        for number, mutation in enumerate(chosen, start=1):
            killer = kill(mutation, copy)
            survivors += killer is None
            fate = f"killed | `{killer}`" if killer else f"**survived** | {mutation.tests}"
            sys.stdout.write(f"| {number} | {mutation.name} | `{mutation.file}` | {fate} |\n")
            sys.stdout.flush()
    sys.stdout.write(f"\n{len(chosen) - survivors} of {len(chosen)} killed.\n")
    return min(survivors, 1)


def copy_tracked(copy: Path) -> None:
    """Copy what git tracks, and what it would, with the times of the files: compiled ones stay valid."""
    listed = ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    names = subprocess.run(listed, cwd=REPOSITORY, capture_output=True, check=True).stdout.decode()
    for name in filter(None, names.split("\0")):
        if (REPOSITORY / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPOSITORY / name, copy / name)


def mutated(mutation: Mutation, copy: Path) -> str:
    """The mutated text. Raises RottenTableError unless the old text is there exactly once."""
    text = (copy / mutation.file).read_text()
    if (count := text.count(mutation.old)) != 1:
        raise RottenTableError(f"{mutation.name}: {mutation.file} has {mutation.old!r} {count} times")
    return text.replace(mutation.old, mutation.new)


def kill(mutation: Mutation, copy: Path) -> str | None:
    """The first test that fails under the mutation; the copy is as before afterwards."""
    path = copy / mutation.file
    text, before = path.read_text(), path.stat()
    path.write_text(mutated(mutation, copy))
    try:
        return verdict(copy, mutation.files, compiled=False)
    finally:
        path.write_text(text)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def verdict(copy: Path, tests: list[str], *, compiled: bool = True) -> str | None:
    """The first failing test; None where all pass. Raises RottenTableError where they cannot even be collected.

    `compiled`: whether Python may leave bytecode behind.
    """
    env = os.environ | {"PYTHONPATH": str(copy)} | ({} if compiled else {"PYTHONDONTWRITEBYTECODE": "1"})
    command = [sys.executable, "-m", "pytest", *OPTIONS, *tests]
    done = subprocess.run(command, cwd=copy, env=env, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return None
    failed = re.search(r"^(?:FAILED|ERROR) \S*/(\w+\.py::.+?)(?: - .*)?$", done.stdout, re.MULTILINE)
    if done.returncode != 1 or failed is None:
        raise RottenTableError(done.stdout[-2000:] + done.stderr)
    return failed[1]


NET, LEARN, PLAN, BOUND = "netsim/network/", "learning/", "netsim/planner/", "netsim/bounds/"
# fmt: off
MUTATIONS = (
    Mutation("headers dropped", NET + "packets.py", "payload_bits + 8 * self.header_bytes * self.count(payload_bits)", "payload_bits", "network/test_links"),
    Mutation("a last, partly filled packet has no header", NET + "packets.py", "-(-payload_bits // (8 * self.mss_bytes))", "payload_bits // (8 * self.mss_bytes)", "network/test_packets"),
    Mutation("headers counted into the payload", "netsim/posts.py", 'sizes = bits * sent.transfers, sent.wire_bits', 'sizes = sent.wire_bits, sent.wire_bits', "equalities/test_clock"),
    Mutation("downlink forgotten: devices hear at once", "netsim/protocol.py", "yield talk.hears\n", "yield self.env.timeout(0)\n", "equalities/test_clock"),
    Mutation("a broadcast at the best child's rate (min for max)", NET + "links.py", "airtime_s = max(link.channel", "airtime_s = min(link.channel", "network/test_links"),
    Mutation("a broadcast planned at the best child's rate", NET + "links.py", "return max(airtimes) if self.broadcast", "return min(airtimes) if self.broadcast", "network/test_links"),
    Mutation("a broadcast's bits counted per receiver", NET + "links.py", "Sent(arrivals, max(sizes), 1", "Sent(arrivals, sum(sizes), 1", "network/test_links equalities/test_clock"),
    Mutation("a broadcast's payload counted per receiver", "netsim/posts.py", "bits * sent.transfers", "bits * len(children)", "equalities/test_clock"),
    Mutation("unicast payload counted once", "netsim/posts.py", "bits * sent.transfers", "bits", "equalities/test_clock"),
    Mutation("an answer at the deadline is late", "netsim/talks.py", "LAST = EventPriority(2)", "LAST = EventPriority(0)", "barriers/test_values"),
    Mutation("dropped devices go on working", "netsim/talks.py", "                talk.process.interrupt()\n", "", "barriers/test_cancelling"),
    Mutation("a cancelled upload keeps its trunk", "netsim/network/media.py", "        self._level.remove(served, self._env.now)\n", "        return\n", "barriers/test_cancelling"),
    Mutation("a cancelled turn keeps the queue waiting", "netsim/network/fifo.py", "        del self._queue[place]\n        if place == 0", "        if place == 0 and not self._queue.popleft()", "barriers/test_cancelling"),
    Mutation("a cancelled upload counts whole", "netsim/trace.py", "        bits[message.layer - 1] -= payload_bits\n", "", "barriers/test_instants"),
    Mutation("a cancelled upload draws all its joules", "netsim/posts.py", "            self.meter.cancelled(transfer)\n        transfer", "            pass\n        transfer", "barriers/test_cancelling"),
    Mutation("a stopped device pays for its whole step", "netsim/protocol.py", "self.posts.meter.stopped(child, self.env.now)", "pass", "barriers/test_cancelling"),
    Mutation("stale answers weigh as fresh ones", "netsim/weights.py", "wait.staleness.factor(turn - talk.turn)", "wait.staleness.factor(0)", "barriers/test_values"),
    Mutation("staleness counted one too old", "netsim/weights.py", "factor(turn - talk.turn)", "factor(turn - talk.turn + 1)", "barriers/test_values"),
    Mutation("asynchronous mixes updates, not models", "netsim/protocol.py", "letters = [whole_model(self.engine, layer, talk, onto) for talk in present]", "pass", "barriers/test_values"),
    Mutation("whoever missed a difference is not caught up", "netsim/wiring.py", "Copies(watching=bool(waits or choices or availability) or changing)", "Copies()", "barriers/test_runs"),
    Mutation("carried children are told again", "netsim/polling.py", "if child.name not in busy]", "if child.name]", "barriers/test_instants"),
    Mutation("the polynomial grows with age", "netsim/staleness.py", "(1 + age) ** -self.exponent", "(1 + age) ** self.exponent", "barriers/test_values"),
    Mutation("the hinge bends at once", "netsim/staleness.py", "if age <= self.grace", "if age <= 0", "barriers/test_instants"),
    Mutation("the first answer opens the barrier", "netsim/waits.py", 'return ended == asked\n\n    def describe(self) -> str:\n        """See `Wait`."""\n        return "for all"', 'return ended >= 1\n\n    def describe(self) -> str:\n        """See `Wait`."""\n        return "for all"', "equalities/test_clock"),
    Mutation("the mean device for the slowest", "netsim/protocol.py", "self.clock.local_work_s(device.ordinal, steps, own.first_step)", "steps * float(self.clock.step_s.mean())", "equalities/test_clock"),
    Mutation("the critical path of the first answer", "netsim/protocol.py", "last = max(done, key", "last = min(done, key", "equalities/test_clock"),
    Mutation("a server aggregates in no time", "netsim/protocol.py", "yield self.env.timeout(self.aggregation_s)", "yield self.env.timeout(0)", "equalities/test_energy_audit"),
    Mutation("a forwarded model re-encoded at the layer's own size", "netsim/protocol.py", "own, said, total = heard.model, heard, ", "own, said, total = heard.model, Heard(heard.model, layer.downlink.bits(self.engine.dim) or heard.bits), ", "equalities/test_clock"),
    Mutation("lost uploads still merged", "netsim/protocol.py", "if talk.sent.message.delivered:", "if True:", "equalities/test_lost_uploads"),
    Mutation("weights of those present not renormalised", "netsim/weights.py", "[share / whole for share in mine]", "list(mine)", "equalities/test_lost_uploads"),
    Mutation("error feedback forgotten", "netsim/protocol.py", 'own if layer.onto == "own" else said.model', "said.model", "equalities/test_error_feedback"),
    Mutation("the deadline's own event excluded", "netsim/driving.py", "run.env.peek() <= stop.deadline", "run.env.peek() < stop.deadline", "equalities/test_clock"),
    Mutation("unlimited sharing", NET + "media.py", "event = self._env.event()", "return self._env.timeout(work_s / cap)", "network/test_links"),
    Mutation("shares by weight ignored", NET + "waterlevel.py", "_Flow(arrival, weight, cap, event, self._virtual + work_s / weight)", "_Flow(arrival, 1.0, cap, event, self._virtual + work_s)", "network/test_media"),
    Mutation("caps of flows ignored", NET + "waterlevel.py", "if flow.cap < 1:", "if flow.cap < 0:", "network/test_media"),
    Mutation("latency inside the shared rate", NET + "links.py", "serve(airtime_s, self.weight, self.cap)\n        late_s = self.latency_s + ", "serve(airtime_s + self.latency_s, self.weight, self.cap)\n        late_s = ", "network/test_links"),
    Mutation("Wi-Fi shares airtime, not bits", NET + "access.py", "REFERENCE_BPS / channel.mean_rate_bps", "channel.mean_rate_bps / channel.mean_rate_bps", "network/test_access"),
    Mutation("Wi-Fi has a channel for each direction", NET + "access.py", "return both, both", "return both, [SharedMedium(env)] * count", "network/test_access"),
    Mutation("TDMA shares like airtime", NET + "access.py", "return [FifoMedium(env)] * count, ", "return [SharedMedium(env)] * count, ", "network/test_access"),
    Mutation("FDMA uplink hears the noise of the whole band", NET + "radio.py", "band_hz = noise_hz = self.uplink / split", "band_hz, noise_hz = self.uplink / split, self.uplink", "network/test_access"),
    Mutation("FDMA downlink has full power in each share", NET + "radio.py", "self.downlink / split, self.downlink", "self.downlink / split, self.downlink / split", "network/test_access"),
    Mutation("noise figures of the wrong end", NET + "radio.py", "self.device_power, self.station_noise_figure", "self.device_power, self.device_noise_figure", "network/test_cell"),
    Mutation("the interference margin forgotten", NET + "linkbudget.py", "+ noise_figure_db + interference_margin_db", "+ noise_figure_db", "network/test_linkbudget network/test_cell"),
    Mutation("noise figure ignored", NET + "linkbudget.py", "+ noise_figure_db + interference_margin_db", "+ interference_margin_db", "network/test_linkbudget"),
    Mutation("amplitude for power: dB / 20", NET + "linkbudget.py", "10.0 ** (above_db / 10.0)", "10.0 ** (above_db / 20.0)", "network/test_linkbudget"),
    Mutation("SNR left in dB", NET + "linkbudget.py", "float(10.0 ** (above_db / 10.0))", "float(above_db)", "network/test_linkbudget"),
    Mutation("half of log2: a real channel", NET + "ratemaps.py", "np.asarray(np.log1p(snr) / math.log(2.0))", "np.asarray(0.5 * np.log1p(snr) / math.log(2.0))", "network/test_ratemaps"),
    Mutation("natural logarithm in the attenuated map", NET + "ratemaps.py", "share * np.log1p(snr) / math.log(2.0)", "share * np.log1p(snr)", "network/test_ratemaps"),
    Mutation("3GPP rural constant slips", NET + "pathloss_tr38901.py", "161.04", "161.40", "network/test_pathloss"),
    Mutation("3GPP urban macro constant slips", NET + "pathloss_tr38901.py", "13.54 + 39.08", "13.45 + 39.08", "network/test_pathloss"),
    Mutation("3GPP break point with 2 pi for 4", NET + "pathloss_tr38901.py", "4.0 * effective_m2", "2.0 * math.pi * effective_m2", "network/test_pathloss"),
    Mutation("chance of sight falls off at half the distance", NET + "pathloss_tr38901.py", "math.exp(-distance_m / scale_m)", "math.exp(-2 * distance_m / scale_m)", "network/test_pathloss"),
    Mutation("shadowing without mean zero in dB", NET + "shadowing.py", "return self.sigma * _mixed(", "return -(self.sigma**2) * math.log(10) / 20 + self.sigma * _mixed(", "network/test_shadowing"),
    Mutation("standard shadowing without mean zero in dB", NET + "shadowing.py", "return sigmas_db * _mixed(", "return 1.0 + sigmas_db * _mixed(", "network/test_shadowing network/test_largescale"),
    Mutation("shadowing subtracted where it is added", NET + "largescale.py", "loss + float(e))", "loss - float(e))", "network/test_largescale"),
    Mutation("a disc filled uniformly in distance", NET + "placement.py", "np.sqrt(inner_m**2 + drawn * (outer_m**2 - inner_m**2))", "inner_m + drawn * (outer_m - inner_m)", "network/test_placement"),
    Mutation("block fading with one draw per message", NET + "blockfading.py", "self.fader.law.sample(self.fader.dice(chunk), CHUNK)", "np.full(CHUNK, self.fader.law.sample(self.fader.dice(chunk), 1)[0])", "network/test_fading"),
    Mutation("block fading begins anew with every message", NET + "blockfading.py", "block = math.floor(at_s / self.block_s)", "at_s, block = 0.0, 0", "network/test_fading"),
    Mutation("ergodic fading at the mean SNR", NET + "fading.py", "return _steady(mean_efficiency(self.law, snr, rates, air.direction), air)", "return _steady(rates.efficiency(snr, air.direction), air)", "network/test_fading"),
    Mutation("Rician K left in dB", NET + "laws.py", "float(10.0 ** (self.k / 10.0))", "float(abs(self.k) + 1e-3)", "network/test_fading"),
    Mutation("HARQ makes one attempt more", NET + "loss.py", "while lacking and rounds < attempts", "while lacking and rounds <= attempts", "network/test_loss"),
    Mutation("repetitions cost no airtime", NET + "links.py", "wire_bits = round(self.packets.wire_bits(payload_bits) * share)", "wire_bits = self.packets.wire_bits(payload_bits)", "network/test_loss"),
    Mutation("the first attempt has a retry's latency", NET + "links.py", "late_s = self.latency_s + (tries.rounds - 1)", "late_s = self.latency_s + tries.rounds", "network/test_loss"),
    Mutation("a broadcast repeats for its first child alone", NET + "links.py", "first.tries(payload_bits, [link.error_rate for link in links])", "first.tries(payload_bits, [first.error_rate])", "network/test_loss"),
    Mutation("packet errors without fading", NET + "loss.py", 'if self.fading == "none":', "if self.fading:", "network/test_loss"),
    Mutation("the TCP window spans one way, not the round trip", NET + "wired.py", "self.window / (2.0 * latency_s)", "self.window / latency_s", "network/test_wired"),
    Mutation("wires swap up and down", NET + "wired.py", 'self.uplink if direction == "up"', 'self.uplink if direction == "down"', "network/test_wired"),
    Mutation("light in fibre takes no detour", NET + "wired.py", "far_m * self.route_factor / self.speed", "far_m / self.speed", "network/test_wired"),
    Mutation("a trace always begins at its start", NET + "curves.py", "at_s + self.offset_s", "self.offset_s", "network/test_traces"),
    Mutation("compute time per sample, not per batch", "netsim/wiring.py", "float(task.flops_per_sample * batch), batch)", "float(task.flops_per_sample), batch)", "equalities/test_clock"),
    Mutation("a batch counted as one sample", "netsim/wiring.py", "float(task.flops_per_sample * batch), batch)", "float(task.flops_per_sample * batch), 1)", "equalities/test_clock"),
    Mutation("spread of speeds ignored", "netsim/compute.py", "mean_s * self.spread.factors(seed, ordinals)", "mean_s * np.ones(len(ordinals))", "test_compute"),
    Mutation("lognormal spread with median one", "netsim/spreads.py", "self.sigma * drawn - self.sigma**2 / 2", "self.sigma * drawn", "test_compute test_stragglers"),
    Mutation("jitter drawn once for all rounds", "netsim/clocks.py", "steps * self._factor(ordinal, first_step)", "steps * self._factor(ordinal, 0)", "test_stragglers test_compute"),
    Mutation("efficiency of the processor ignored", "netsim/compute.py", "work.flops / (self.efficiency * self.rate)", "work.flops / self.rate", "test_compute"),
    Mutation("energy without amplifier efficiency", "netsim/energy.py", "(radiated_w / amplifier_efficiency + circuit_w)", "(radiated_w + circuit_w)", "test_energy"),
    Mutation("idle energy forgotten", "netsim/energy.py", "idle_w * max(0.0, length_s - busy_s)", "0.0 * idle_w", "test_energy"),
    Mutation("idle energy of the busy time too", "netsim/energy.py", "max(0.0, length_s - busy_s)", "length_s", "test_energy"),
    Mutation("processor energy linear in frequency", "netsim/energy.py", "kappa * cycles * hz**2", "kappa * cycles * hz", "test_energy"),
    Mutation("a broadcast heard by one receiver's radio", "netsim/meter.py", "for receiver in receivers:", "for receiver in receivers[:1]:", "test_energy equalities/test_energy_audit"),
    Mutation("dBm read as dBW", "netsim/units.py", "(level_dbm - 30.0) / 10.0", "level_dbm / 10.0", "test_units"),
    Mutation("weights by samples ignored", "netsim/wiring.py", 'isinstance(rule, Mean | Vote) and rule.weights == "samples"', "False", "equalities/test_weights"),
    Mutation("devices do not count alike", "netsim/wiring.py", "samples if by_samples else (1,) * len(samples)", "samples if by_samples else [k + 1 for k in range(len(samples))]", "equalities/test_weights"),
    Mutation("vote ties always +1", LEARN + "rules.py", "tossed_signs(count[None].clone(), coins)[0]", "count.sign().where(count != 0, count + 1)", "contracts/test_rules"),
    Mutation("a rejected child's weight is nobody's", LEARN + "engine/guarding.py", "share = fsum(weights) / fsum(op.weights)", "share = 1.0", "equalities/test_finite"),
    Mutation("a resumed run forgets what it rejected", LEARN + "engine/engine.py", "self._rejected = 0 if cut is None else cut.rejected", "self._rejected = 0", "equalities/test_finite"),
    Mutation("epochs draw the same minibatches again", "netsim/paces.py", "replace(visit, step=pace * visit.step)", "visit", "equalities/test_epochs"),
    Mutation("an epoch of one's own samples lacks its last batch", LEARN + "algorithm.py", "-(-count // self.leaf.batch_size)", "max(1, count // self.leaf.batch_size)", "equalities/test_epochs"),
    Mutation("levels stay those of the first round", LEARN + "engine/engine.py", "codec = at_round(codec, visit.path[0])\n        key", "key", "equalities/test_adaptive"),
    Mutation("a decoded model is taken for an update", LEARN + "engine/merging.py", "row.sub_(value_of(known))", "row.sub_(0.0)", "equalities/test_of_model"),
    Mutation("ADMM's duals move at the drift's rate", "netsim/protocol.py", "rate = 1 / layer.pull if layer.pull else self", "rate = self", "equalities/test_admm"),
    Mutation("an edge's pull does not follow its model", "netsim/protocol.py", "pull = self.algorithm.pull_above(node.level)", "pull = 0.0", "equalities/test_admm"),
    Mutation("silence is a tie", LEARN + "rules.py", "return signs.where(state[-dim:] > 0, 0.0) if self._polls else signs", "return signs", "contracts/test_rules"),
    Mutation("the choice of coordinates travels for nothing", LEARN + "compressors/sparse_sign.py", "return choice_bits(dim, count) + count", "return count", "contracts/test_codecs contracts/test_compressors"),
    Mutation("sums of sparse votes without zeros", LEARN + "ladders.py", "span=tau[1], zeros=vote.stays)", "span=tau[1], zeros=vote.ties == \"zero\")", "contracts/test_recipes"),
    Mutation("zero gradients always vote +1", LEARN + "signs_numba.py", "(coin if here == 0 else sign)", "(one if here == 0 else sign)", "contracts/test_compressors"),
    Mutation("a vote in four is counted twice", LEARN + "signs_numba.py", "(a[i] + b[i])", "(a[i] + a[i])", "contracts/test_rules"),
    Mutation("QSGD without the norm", LEARN + "compressors/kernels.py", "unit = norms[b] / np.float32(levels)", "unit = np.float32(1) / np.float32(levels)", "contracts/test_compressors"),
    Mutation("QSGD's norms travel for nothing", LEARN + "compressors/qsgd.py", "return 32 * self._buckets(dim) + dim", "return dim", "contracts/test_compressors"),
    Mutation("QSGD rounds to the nearest level", LEARN + "compressors/kernels.py", "ratio - whole >= gate", "ratio - whole >= np.float32(0.5)", "contracts/test_compressors"),
    Mutation("minibatches keyed by call order", LEARN + "engine/minibatches.py", "job.device, job.first_step + j) for job in jobs", "place, job.first_step + j) for place, job in enumerate(jobs)", "equalities/test_streams equalities/test_engines_agree"),
    Mutation("every period looks at the same minibatches", LEARN + "engine/minibatches.py", "job.first_step + j)", "j)", "equalities/test_qmlhfl_reference equalities/test_streams"),
    Mutation("rows off the cache lines are trained where they lie", LEARN + "engine/fused.py", "if not _on_lines(work):", "if work is None:", "equalities/test_trainers_agree"),
    Mutation("vmap stacks devices as they come", LEARN + "engine/vmapped.py", "slots = [job.device % self._rows for job in some]", "slots = list(range(len(some)))", "equalities/test_vmapped"),
    Mutation("rows of a stack swapped on their way out", LEARN + "engine/vmapped.py", "trained = self._stack[slots]", "trained = self._stack[slots[::-1]]", "equalities/test_vmapped"),
    Mutation("bfloat16 keeps its weights too", LEARN + "engine/losses.py", "return loss(*arguments)", "return loss({k: v.bfloat16() for k, v in arguments[0].items()}, *arguments[1:])", "equalities/test_vmapped"),
    Mutation("downlinks can be lost", NET + "links.py", 'self.identity.direction == "down"', 'self.identity.direction == "sideways"', "network/test_loss"),
    Mutation("packets fail all or none", NET + "links.py", 'if self.loss.per == "packet" else 1', 'if self.loss.per == "pack" else 1', "network/test_loss"),
    Mutation("quasi-static fades below the outage are used", NET + "blockfading.py", "self.outage + (1.0 - self.outage) * drawn", "drawn", "network/test_fading"),
    Mutation("a CQI margin makes links better", NET + "ratemaps.py", "_CQI_SNR_DB + self.margin", "_CQI_SNR_DB - self.margin", "network/test_ratemaps"),
    Mutation("great circle over half the angle", "netsim/geography.py", "2.0 * EARTH_RADIUS_M", "EARTH_RADIUS_M", "network/test_wired"),
    Mutation("a child's own rate on a trunk is ignored", NET + "wired.py", "min(1.0, access_bps / line_bps, window_bps / line_bps)", "min(1.0, window_bps / line_bps)", "network/test_wired"),
    Mutation("a faster processor computes longer", "netsim/compute.py", "self.rate / self.spread.factors", "self.rate * self.spread.factors", "test_compute"),
    Mutation("a spread of speed read as one of time", "netsim/spreads.py", 'if self.of == "speed" else scaled', 'if self.of == "space" else scaled', "test_compute"),
    Mutation("erased uploads cost no joules", "netsim/meter.py", "receivers, transfer.wire_bits, transfer.airtime_s", "receivers, transfer.wire_bits * transfer.delivered, transfer.airtime_s * transfer.delivered", "equalities/test_lost_uploads"),
    Mutation("a transfer cut off by the deadline is paid whole", "netsim/meter.py", "-lacking_bits, -lacks_s)", "0.0, 0.0)", "equalities/test_deadline_joules"),
    Mutation("a transfer cut off is paid by the clock, not by what was served", NET + "media.py", "return self._left.get(served, 0.0)", "return 0.0", "equalities/test_deadline_joules network/test_media"),
    Mutation("computing cut off by the deadline is paid whole", "netsim/meter.py", "-= computing.joules * (lacks_s / computing.seconds)", "-= 0.0", "equalities/test_deadline_joules"),
    Mutation("a run cut off ends at its last event", "netsim/driving.py", "run.env.run(until=stop.deadline)", "pass", "equalities/test_deadline_joules"),
    Mutation("a message waiting for its turn is half sent", NET + "media.py", "max(0.0, self.env.now - self._begins_s)", "abs(self.env.now - self._begins_s)", "equalities/test_deadline_joules network/test_media"),
    Mutation("energy of sending forgets the circuits", "netsim/energy.py", "/ amplifier_efficiency + circuit_w", "/ amplifier_efficiency", "test_energy"),
    Mutation("an FDMA station draws full power in every band", "netsim/meter.py", "if radios.own_bands and not whole", "if radios.own_bands and not node", "test_energy"),
    Mutation("local steps counted anew after each aggregation", "netsim/protocol.py", "step += loop.algorithm.steps(node.level)", "step = visit.step", "equalities/test_qmlhfl_reference"),
    Mutation("Elias coding pays the fixed size", LEARN + "compressors/lengths.py", "return min(sparse, dense)", "return dense", "contracts/test_codecs contracts/test_compressors"),
    Mutation("gaps as long as a word cost a bit less", LEARN + "compressors/lengths.py", "(2, 3, 1, 4, 1, 1)", "(2, 3, 1, 4, 1, 0)", "contracts/test_kernels"),
    Mutation("far gaps cost what near ones do", LEARN + "compressors/lengths.py", "gap >= 2 << NEAR", "gap >= 4 << NEAR", "contracts/test_kernels"),
    Mutation("long norms are added in reading order", LEARN + "compressors/norms.py", "low += bit * (rest & 1)", "low = turn * WIDTH", "contracts/test_kernels"),
    Mutation("updates added twice to the copy", LEARN + "engine/merging.py", "return onto\n", "return onto + onto\n", "equalities/test_qmlhfl_reference"),
    Mutation("a path forgets the layer it is on", "netsim/trace.py", "up[layer - 1] += up_s", "up[0] += up_s", "equalities/test_clock"),
    Mutation("dithering rounds to the nearest level", LEARN + "compressors/rounding_kernels.py", "one if ratio - whole >= gate", "one if ratio - whole >= np.float32(0.5)", "contracts/test_compressors"),
    Mutation("the rounding of a mantissa uses fewer bits than it has", LEARN + "compressors/rounding_kernels.py", "words[i] >> np.uint32(9)", "words[i] >> np.uint32(10)", "contracts/test_quantisers contracts/test_compressors"),
    Mutation("a stochastic sign ignores magnitudes", LEARN + "compressors/rounding_kernels.py", "scale if x[i] / scale > gate", "scale if np.float32(0) > gate", "contracts/test_quantisers contracts/test_compressors"),
    Mutation("the scale of signs is a sum, not a mean", LEARN + "compressors/scaled_sign.py", "cut.sums(rows, squared=False) / cut.lengths(rows)", "cut.sums(rows, squared=False)", "contracts/test_quantisers"),
    Mutation("the second part of a chain sees the words that chose", LEARN + "compressors/chain.py", "Coins(mixed(coins.keys + ANOTHER))", "coins", "contracts/test_compressors"),
    Mutation("positions of a chain travel for nothing", LEARN + "compressors/chain.py", "return _whole_bytes(self._position_bits(dim)) + values", "return values", "contracts/test_chain contracts/test_compressors"),
    Mutation("Golomb's parameter is one too large", LEARN + "compressors/positions.py", "max(0, 1 + floor(", "max(0, 2 + floor(", "contracts/test_chain"),
    Mutation("entropy coding forgets its table", LEARN + "compressors/entropy.py", "[_table(c)[1] + _state_bits", "[_state_bits", "contracts/test_entropy_code"),
    Mutation("costs of symbols rounded down", LEARN + "compressors/entropy.py", "cost = np.ceil(", "cost = np.floor(", "contracts/test_entropy_code"),
    Mutation("the state's own width forgotten", LEARN + "compressors/entropy.py", "return SCALE + (whole >> FINE)", "return (whole >> FINE)", "contracts/test_entropy_code"),
    Mutation("TernGrad clips at the squared size", LEARN + "compressors/terngrad.py", "/ cut.lengths(rows)).sqrt()", "/ cut.lengths(rows))", "contracts/test_quantisers"),
    Mutation("a trimmed mean trims one end", LEARN + "robust.py", "_middle(state, onto, cut, len(state) - cut)", "_middle(state, onto, cut, len(state))", "contracts/test_rules"),
    Mutation("the lower of two middles for the median", LEARN + "robust.py", "(len(state) - 1) // 2, len(state) // 2 + 1", "(len(state) - 1) // 2, (len(state) - 1) // 2 + 1", "contracts/test_rules"),
    Mutation("votes by samples count heads", LEARN + "rules.py", "state[:dim].add_(row, alpha=weight)", "state[:dim].add_(row)", "contracts/test_rules"),
    Mutation("skew of a layer above drawn per device", LEARN + "layered.py", "weights = alpha * counts / counts.mean()", "weights = alpha * counts", "learning/test_by_layer learning/test_partitions"),
    Mutation("layers of skew read from the cloud down", LEARN + "layered.py", "*named[layer - 1]", "*named[-layer]", "learning/test_by_layer"),
    Mutation("shifts share their draws", LEARN + "shifts.py", '"data", SHIFT, self.place, int(owner)', '"data", SHIFT, 0, int(owner)', "learning/test_shifts"),
    Mutation("an edge's devices turn one by one", LEARN + "shifts.py", 'self.groups if per == "edge"', 'range(len(self.parts)) if per == "edge"', "learning/test_shifts"),
    Mutation("a random flip may keep the label", LEARN + "shifts.py", "generator.integers(1, classes", "generator.integers(0, classes", "learning/test_shifts"),
    Mutation("the tree's path read from the cloud down", "netsim/wiring.py", "[(*path, child.ordinal) for child, path in below]", "[(child.ordinal, *path) for child, path in below]", "equalities/test_by_layer_in_runs"),
    Mutation("a timeline forgets the model of the last round", "netsim/sweep/jobs.py", "if k % scenario.evaluate.every == 0 or k == last", "if k % scenario.evaluate.every == 0", "cli/test_sweep"),
    Mutation("a re-timed point gets its neighbour's accuracy", "netsim/sweep/jobs.py", "rounds.loc[row, list(metrics[name])] =", "rounds.loc[max(0, row - 1), list(metrics[name])] =", "cli/test_sweep"),
    Mutation("the shortest run of a trajectory trains", "netsim/sweep/schedule.py", "key=lambda s: -len(_wanted(s))", "key=lambda s: len(_wanted(s))", "cli/test_sweep"),
    Mutation("seeds repeat one seed", "netsim/scenario/sweeps.py", "range(seed, seed + self.seeds)", "[seed] * self.seeds", "scenario/test_sweep"),
    Mutation("a band ends where the last of its seeds did", "netsim/views/settings.py", "table[rounds.size() == self.rows[\"point\"].nunique()]", "table[rounds.size() <= self.rows[\"point\"].nunique()]", "views/test_comparison"),
    Mutation("a memory moves though its message was lost", "netsim/protocol.py", "                talk.answer = answer", "                talk.answer = answer\n            self.engine.delivered(answer)", "equalities/test_memories_move"),
    Mutation("error feedback forgets", LEARN + "compressors/memory.py", "return sent, left.sub_(sent.values)", "return sent, left.sub_(left)", "contracts/test_memory"),
    Mutation("EF21 sends the whole", LEARN + "compressors/memory.py", "self.inner.encode(rows.sub_(memory), coins)", "self.inner.encode(rows, coins)", "contracts/test_memory"),
    Mutation("a correction counts the wrong number of steps", "netsim/protocol.py", "steps = tau * self.algorithm.steps(child.level)", "steps = tau", "equalities/test_corrections"),
    Mutation("the last model of a period is not told", "netsim/protocol.py", "if layer.echo and node.level < self.algorithm.depth:", "if False:", "equalities/test_corrections"),
    Mutation("edge corrections stay at the edge", "netsim/corrections.py", "engine.linear(((1.0, said.shift), (1.0, drift.shift)))", "drift.shift", "equalities/test_corrections"),
    Mutation("a checkpoint is taken for that of another round", LEARN + "checkpoints.py", "for turn in range(len(models), 0, -1):", "for turn in range(len(models) - 1, 0, -1):", "equalities/test_resume"),
    Mutation("entries are believed whatever their checksum", LEARN + "ledger.py", "return row[0] if _mark(digest, row[0]) == row[1] else None", "return bytes(row[0])", "equalities/test_resume"),
    Mutation("all devices in one group", "netsim/wiring.py", "groups = [edge.ordinal for edge in", "groups = [0 for edge in", "test_wiring"),
    Mutation("codes are not held to the model's size", "netsim/wiring.py", "scenario.ladder.check_dimension(task.dim)", "pass", "test_wiring"),
    Mutation("the last round is evaluated in its turn only", "netsim/simulation.py", "due or turn == stop.rounds or turn % self.scenario.evaluate.every == 0", "due or turn % self.scenario.evaluate.every == 0", "equalities/test_rounds_table"),
    Mutation("a deadline's last round is not evaluated", "netsim/simulation.py", 'self.stopped_by in ("deadline", NOBODY):\n            row |= self.engine.score(self.model)', 'self.stopped_by in ("deadline", NOBODY):\n            pass', "equalities/test_rounds_table"),
    Mutation("rounds counted as local steps", "netsim/simulation.py", 'steps = self.trace.rounds[-1]["local_steps"] + ladder.steps(ladder.depth)', "steps = turn", "equalities/test_rounds_table"),
    Mutation("hier_sign_sgd compresses every layer's broadcast", LEARN + "ladders.py", "down = self.down if top else Plain()", "down = self.down", "contracts/test_recipes"),
    Mutation("qmlhfl forgets its downlink", LEARN + "ladders.py", "self.bucket, self.code, Mean(self.weights), self.down)", "self.bucket, self.code, Mean(self.weights), Plain())", "contracts/test_recipes"),
    Mutation("fedavg weighs devices alike", LEARN + "ladders.py", 'local_steps: int\n    weights: Weights = "samples"', 'local_steps: int\n    weights: Weights = "devices"', "contracts/test_recipes"),
    Mutation("whole models drop what error feedback keeps", LEARN + "engine/merging.py", "return zeros_like(onto) if op.onto is op.copy else onto - copy", "return zeros_like(onto)", "equalities/test_error_feedback"),
    Mutation("answers and broadcasts share keys", LEARN + "engine/engine.py", "UP, DOWN, MERGE = 0, 1, 2", "UP, DOWN, MERGE = 0, 0, 2", "contracts/test_engine_names"),
    Mutation("a model's name forgets its data", "netsim/simulation.py", 'f"{task.fingerprint}|{numerics.tag}"', 'f"{numerics.tag}"', "equalities/test_names"),
    Mutation("a model's name forgets its precision", "netsim/simulation.py", 'f"{task.fingerprint}|{numerics.tag}"', 'f"{task.fingerprint}"', "equalities/test_names"),
    Mutation("a message's bits wrap around", "netsim/trace.py", "if wires[layer - 1] > MOST:", "if wires[layer - 1] > 2 * MOST:", "cli/test_extremes"),
    Mutation("planner: a quantizer's noise is not averaged over children", BOUND + "bound.py", "E = phi * (a * t * E + (a - 1.0) * kn**2)", "E = a * t * E + (a - 1.0) * kn**2", "planner/test_bound"),
    Mutation("planner: half of the drift", BOUND + "bound.py", "(2 * K - one) / 6, 0.0 * K, 0.0 * K, 0.0 * K", "(2 * K - one) / 12, 0.0 * K, 0.0 * K, 0.0 * K", "planner/test_bound"),
    Mutation("planner: device noise not averaged on its way up", BOUND + "bound.py", "S = A * kn * tree.mixing[n]\n        E = phi * (a", "S = A * kn * tree.mixing[n - 1]\n        E = phi * (a", "planner/test_bound"),
    Mutation("planner: quantized heterogeneity of the level above", BOUND + "bound.py", "(a - 1.0) * kn**2 * facts.zeta(n - 1))\n        C", "(a - 1.0) * kn**2 * facts.zeta(n))\n        C", "planner/test_bound"),
    Mutation("planner: injected noise dies at once", BOUND + "bound.py", "s_s + w_s * alive", "s_s", "planner/test_bound"),
    Mutation("planner: a round that ends at the deadline is lost", BOUND + "costs.py", "_positive(amounts.later) * (1 + 1e-12) + 1e-12", "_positive(amounts.later) * (1 - 1e-9)", "planner/test_search"),
    Mutation("planner: uploads on a trunk do not wait for each other", PLAN + "timing.py", "ready + np.cumsum(work, axis=1)", "ready + work", "planner/test_timing"),
    Mutation("planner: the first downlink at a later one's size", PLAN + "timing.py", "tau, choice, share, self.sizes.first, down)", "tau, choice, share, down[-1], down)", "planner/test_timing"),
    Mutation("planner: a box's floor at its far corner", BOUND + "search.py", "task.goal, tau, up, np.maximum(done, 1.0), steps, limit)", "task.goal, far, up, np.maximum(done, 1.0), steps, limit)", "planner/test_search"),
    Mutation("planner: fewer devices add no variance", BOUND + "search.py", "(1.0 + q[0]) / pi - 1.0", "q[0]", "planner/test_plan planner/test_search"),
    Mutation("planner: forwarded broadcasts forgotten", BOUND + "costs.py", "(own[n:] * ", "(own[n : n + 1] * ", "planner/test_timing"),
    Mutation("planner: a plan keeps the old learning rate", PLAN + "plan.py", '"learning_rate": self.learning_rate}', '"learning_rate": algorithm.ladder().leaf.learning_rate}', "planner/test_plan"),
    Mutation("planner: noise of one sample for a batch's", PLAN + "knowledge.py", "said.noise**2 / batch", "said.noise**2", "planner/test_plan"),
    Mutation("planner: a batch's scatter divided once too often", BOUND + "looking.py", "max(0.0, scatter) / max(1, count - 1)", "max(0.0, scatter) / max(1, count - 1) / count", "planner/test_calibrate"),
    Mutation("planner: halving keeps the worse half", PLAN + "refine.py", "if min(t.rounds) >= FEWEST), key=lambda trial: -trial.score)", "if min(t.rounds) >= FEWEST), key=lambda trial: trial.score)", "planner/test_refine"),
    Mutation("adaptive: local steps counted by the first taus", "netsim/simulation.py", "self.loop.algorithm if self.control is None else self.control.algorithm", "self.loop.algorithm", "adaptive/test_runs"),
    Mutation("adaptive: devices' steps numbered by the first taus", "netsim/protocol.py", "step += loop.algorithm.steps(node.level)", "step += self.algorithm.steps(node.level)", "adaptive/test_runs"),
    Mutation("adaptive: tau falls with the loss, not with its root", "netsim/policies.py", "math.ceil(tau * math.sqrt(share))", "math.ceil(tau * share)", "adaptive/test_policies"),
    Mutation("adaptive: intervals out of order are not pooled", "netsim/policies.py", "while len(pools) > 1 and", "while len(pools) > 9 and", "adaptive/test_policies"),
    Mutation("adaptive: seconds of a round for those of a talk", "netsim/sight.py", "seconds / r + served_s", "seconds + served_s", "adaptive/test_runs"),
    Mutation("adaptive: nobody said so, and no values are there", "netsim/sight.py", "if self.scene.engine.unknown:", "if False:", "adaptive/test_runs"),
    Mutation("dashboard: any origin may ask", "netsim/dashboard/gate.py", 'return origin is None or origin == request.host_url.rstrip("/")', "return True", "dashboard/test_gate"),
    Mutation("dashboard: any host name will do", "netsim/dashboard/gate.py", "    except ValueError:\n        return False\n    return True", "    except ValueError:\n        return True\n    return True", "dashboard/test_gate"),
    Mutation("dashboard: callbacks need no token", "netsim/dashboard/gate.py", "return None if self.address.token is None else", 'return None if self.address.token is None or request.method == "POST" else', "dashboard/test_gate"),
    Mutation("dashboard: links lead out of the folder", "netsim/dashboard/place.py", "path.resolve().is_relative_to(folder.resolve())", "path.absolute().is_relative_to(folder.absolute())", "dashboard/test_folder"),
    Mutation("dashboard: another address without a token", "netsim/cli/serving.py", "if token is None and not is_loopback(host):", "if False:", "dashboard/test_command"),
    Mutation("dashboard: a field's value may be any YAML", "netsim/dashboard/numbers.py", "if not _PLAIN.fullmatch(value.strip()) or not", "if not", "dashboard/test_editing"),
    Mutation("dashboard: the wrong knob is turned", "netsim/dashboard/retiming.py", "return {path: found[path].at(step) for path, step in turned.items() if step}", "return {path: found[path].at(-step) for path, step in turned.items() if step}", "dashboard/test_retiming"),
    Mutation("dashboard: the re-timed curve takes the old one's colour", "netsim/dashboard/retiming.py", 'table.sort_values("point", kind="stable")', "table", "dashboard/test_retiming"),
    Mutation("dashboard: the planner keeps the scenario's deadline", "netsim/dashboard/planning.py", "Limits(deadline_s=deadline_s)", "Limits(deadline_s=ground.scenario.stop.deadline)", "dashboard/test_planning"),
    Mutation("a killed run counts as running", "netsim/live.py", "        except OSError:\n            return True\n    return False", "        except OSError:\n            return True\n    return True", "test_live"),
    Mutation("a finished run stays under way", "netsim/live.py", "            if kind is None:\n                self._remove()", "            if kind is None:\n                pass", "test_live"),
    Mutation("a run takes its successor's file along", "netsim/live.py", "if self._path.exists() and os.path.samestat(self._path.stat(), os.fstat(self._file.fileno())):", "if self._path.exists():", "test_live"),
    *(Mutation(*row) for row in SELECTION),
)
# fmt: on

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
