"""Mutations of commands, sweeps, reports and the dashboard."""

from __future__ import annotations

from tests.mutants.mutation import Mutation

# fmt: off
REPORTS = (
    Mutation("a timeline omits the evaluation of the last round", "netsim/sweep/jobs.py", "if k % scenario.evaluate.every == 0 or k == last", "if k % scenario.evaluate.every == 0", "cli/test_sweep"),
    Mutation("a re-timed row receives the accuracy of the preceding row", "netsim/sweep/jobs.py", "rounds.loc[row, list(metrics[name])] =", "rounds.loc[max(0, row - 1), list(metrics[name])] =", "cli/test_sweep"),
    Mutation("the point with the fewest rounds of a trajectory trains", "netsim/sweep/schedule.py", "key=lambda s: -len(_required_models(s))", "key=lambda s: len(_required_models(s))", "cli/test_sweep"),
    Mutation("all repetitions use the same seed", "netsim/scenario/sweep.py", "range(seed, seed + self.seeds)", "[seed] * self.seeds", "scenario/test_sweep"),
    Mutation("a level that the initial model reaches is a target", "netsim/results/time_to_accuracy.py", "if level > start]", "if level >= 0]", "sweep/test_tables"),
    Mutation("runs without a completed round influence the target", "netsim/results/time_to_accuracy.py", "if len(run) and run[\"round\"].max() > 0]", "if len(run)]", "sweep/test_tables"),
    Mutation("the initial model counts at a deadline", "netsim/reports/settings.py", "np.append(self.costs[\"round\"] > 0, [False])", "np.append(self.costs[\"round\"] >= 0, [False])", "reports/test_pareto"),
    Mutation("front corners below points are removed by thinning", "netsim/reports/pareto.py", "np.union1d(thin(len(front), _MAX_CORNERS), floor_index[floor_index >= 0])", "np.union1d(thin(len(front), _MAX_CORNERS), floor_index[:0])", "reports/test_pareto"),
    Mutation("equal arguments appear in labels", "netsim/reports/setting_labels.py", "        if _are_equal(values):\n            continue\n", "", "reports/test_setting_labels"),
    Mutation("a band extends to the longest seed", "netsim/reports/settings.py", "table[rounds.size() == self.rows[\"point\"].nunique()]", "table[rounds.size() <= self.rows[\"point\"].nunique()]", "reports/test_comparison"),
    Mutation("dashboard: requests of any origin are accepted", "netsim/dashboard/access.py", 'return origin is None or origin == request.host_url.rstrip("/")', "return True", "dashboard/test_access"),
    Mutation("dashboard: requests with any host name are accepted", "netsim/dashboard/access.py", "    except ValueError:\n        return False\n    return True", "    except ValueError:\n        return True\n    return True", "dashboard/test_access"),
    Mutation("dashboard: callbacks require no token", "netsim/dashboard/access.py", "return None if self.address.token is None else", 'return None if self.address.token is None or request.method == "POST" else', "dashboard/test_access"),
    Mutation("dashboard: symbolic links may leave the folder", "netsim/dashboard/address.py", "path.resolve().is_relative_to(folder.resolve())", "path.absolute().is_relative_to(folder.absolute())", "dashboard/test_folder"),
    Mutation("dashboard: a public address requires no token", "netsim/cli/dashboard_command.py", "if token is None and not is_loopback(host):", "if False:", "dashboard/test_command"),
    Mutation("dashboard: a number field accepts any YAML", "netsim/dashboard/scenario_numbers.py", "if not _NUMBER_TEXT.fullmatch(value.strip()) or not", "if not", "dashboard/test_scenario_page"),
    Mutation("dashboard: a slider changes its value in the wrong direction", "netsim/dashboard/retiming_page.py", "return {path: controls[path].value_at(step) for path, step in clipped.items() if step}", "return {path: controls[path].value_at(-step) for path, step in clipped.items() if step}", "dashboard/test_retiming_page"),
    Mutation("dashboard: the re-timed curve takes the colour of the original", "netsim/dashboard/retiming_page.py", 'table.sort_values("point", kind="stable")', "table", "dashboard/test_retiming_page"),
    Mutation("dashboard: the planner ignores the entered deadline", "netsim/dashboard/planner_page.py", "Limits(deadline_s=deadline_s)", "Limits(deadline_s=ground.scenario.stop.deadline)", "dashboard/test_planner_page"),
    Mutation("a killed run is listed as running", "netsim/results/live_feed.py", "        except OSError:\n            return True\n    return False", "        except OSError:\n            return True\n    return True", "results/test_live_feed"),
    Mutation("a finished run leaves its live file", "netsim/results/live_feed.py", "            if kind is None:\n                self._remove()", "            if kind is None:\n                pass", "results/test_live_feed"),
    Mutation("a run removes the live file of a later run", "netsim/results/live_feed.py", "if self._path.exists() and os.path.samestat(self._path.stat(), os.fstat(self._file.fileno())):", "if self._path.exists():", "results/test_live_feed"),
)
# fmt: on
