"""Slips in commands, sweeps, pages and the dashboard."""

from __future__ import annotations

from tests.mutants.mutation import Mutation

# fmt: off
PAGES = (
    Mutation("a timeline forgets the model of the last round", "netsim/sweep/jobs.py", "if k % scenario.evaluate.every == 0 or k == last", "if k % scenario.evaluate.every == 0", "cli/test_sweep"),
    Mutation("a re-timed point gets its neighbour's accuracy", "netsim/sweep/jobs.py", "rounds.loc[row, list(metrics[name])] =", "rounds.loc[max(0, row - 1), list(metrics[name])] =", "cli/test_sweep"),
    Mutation("the shortest run of a trajectory trains", "netsim/sweep/schedule.py", "key=lambda s: -len(_wanted(s))", "key=lambda s: len(_wanted(s))", "cli/test_sweep"),
    Mutation("seeds repeat one seed", "netsim/scenario/sweep.py", "range(seed, seed + self.seeds)", "[seed] * self.seeds", "scenario/test_sweep"),
    Mutation("what a start reaches is a target", "netsim/results/time_to_accuracy.py", "if level > start]", "if level >= 0]", "sweep/test_tables"),
    Mutation("runs without a round choose the target", "netsim/results/time_to_accuracy.py", "if len(run) and run[\"round\"].max() > 0]", "if len(run)]", "sweep/test_tables"),
    Mutation("the model before training counts at a deadline", "netsim/reports/settings.py", "np.append(self.spent[\"round\"] > 0, [False])", "np.append(self.spent[\"round\"] >= 0, [False])", "reports/test_pareto"),
    Mutation("corners below discs are thinned away", "netsim/reports/pareto.py", "np.union1d(thin(len(front), _CORNERS), below[below >= 0])", "np.union1d(thin(len(front), _CORNERS), below[:0])", "reports/test_pareto"),
    Mutation("arguments that are the same are told", "netsim/reports/setting_labels.py", "        if _same(values):\n            continue\n", "", "reports/test_setting_labels"),
    Mutation("a band ends where the last of its seeds did", "netsim/reports/settings.py", "table[rounds.size() == self.rows[\"point\"].nunique()]", "table[rounds.size() <= self.rows[\"point\"].nunique()]", "reports/test_comparison"),
    Mutation("dashboard: any origin may ask", "netsim/dashboard/access.py", 'return origin is None or origin == request.host_url.rstrip("/")', "return True", "dashboard/test_access"),
    Mutation("dashboard: any host name will do", "netsim/dashboard/access.py", "    except ValueError:\n        return False\n    return True", "    except ValueError:\n        return True\n    return True", "dashboard/test_access"),
    Mutation("dashboard: callbacks need no token", "netsim/dashboard/access.py", "return None if self.address.token is None else", 'return None if self.address.token is None or request.method == "POST" else', "dashboard/test_access"),
    Mutation("dashboard: links lead out of the folder", "netsim/dashboard/address.py", "path.resolve().is_relative_to(folder.resolve())", "path.absolute().is_relative_to(folder.absolute())", "dashboard/test_folder"),
    Mutation("dashboard: another address without a token", "netsim/cli/dashboard_command.py", "if token is None and not is_loopback(host):", "if False:", "dashboard/test_command"),
    Mutation("dashboard: a field's value may be any YAML", "netsim/dashboard/scenario_numbers.py", "if not _PLAIN.fullmatch(value.strip()) or not", "if not", "dashboard/test_scenario_page"),
    Mutation("dashboard: the wrong control is turned", "netsim/dashboard/retiming_page.py", "return {path: found[path].at(step) for path, step in turned.items() if step}", "return {path: found[path].at(-step) for path, step in turned.items() if step}", "dashboard/test_retiming_page"),
    Mutation("dashboard: the re-timed curve takes the old one's colour", "netsim/dashboard/retiming_page.py", 'table.sort_values("point", kind="stable")', "table", "dashboard/test_retiming_page"),
    Mutation("dashboard: the planner keeps the scenario's deadline", "netsim/dashboard/planner_page.py", "Limits(deadline_s=deadline_s)", "Limits(deadline_s=ground.scenario.stop.deadline)", "dashboard/test_planner_page"),
    Mutation("a killed run counts as running", "netsim/results/live_feed.py", "        except OSError:\n            return True\n    return False", "        except OSError:\n            return True\n    return True", "results/test_live_feed"),
    Mutation("a finished run stays under way", "netsim/results/live_feed.py", "            if kind is None:\n                self._remove()", "            if kind is None:\n                pass", "results/test_live_feed"),
    Mutation("a run takes its successor's file along", "netsim/results/live_feed.py", "if self._path.exists() and os.path.samestat(self._path.stat(), os.fstat(self._file.fileno())):", "if self._path.exists():", "results/test_live_feed"),
)
# fmt: on
