"""Runs of shipped scenarios, and tests of what they find against a reference."""

import math

import numpy as np
from scipy import stats

from tokencom.scenarios import load_scenario, run
from tokencom.scenarios.engine.items import load_items


def shipped_run(name, folder, overrides, schemes=None):
    """Run a shipped scenario with overrides in this process, some of its schemes only.

    Returns:
        the scenario, the results, and a dictionary from (scheme, index of the point) to the columns of the items.
    """
    scenario = load_scenario(name, overrides)
    if schemes is not None:
        scenario = scenario.model_copy(update={"schemes": tuple(scenario.scheme(name) for name in schemes)})
    results = run(scenario, folder, workers=0, progress=False)
    items = {
        (scheme.name, point): load_items(folder, scheme.name, point)
        for scheme in scenario.schemes
        for point in range(len(results.points))
    }
    return scenario, results, items


def mean_interval(values, error):
    """Return the t interval of the mean of independent items, missed with probability ``error``."""
    half = stats.t.isf(error / 2, len(values) - 1) * values.std(ddof=1) / math.sqrt(len(values))
    return values.mean() - half, values.mean() + half


def proportion_interval(count, total, error):
    """Return the Clopper-Pearson interval, missed with probability ``error`` at most."""
    interval = stats.binomtest(int(count), int(total)).proportion_ci(1 - error, method="exact")
    return interval.low, interval.high


def same_proportion(ours, theirs, error):
    """Whether two arrays of outcomes have one probability, by Fisher's exact test."""
    table = [[outcomes.sum(), len(outcomes) - outcomes.sum()] for outcomes in (ours, theirs)]
    return stats.fisher_exact(np.array(table, dtype=np.int64)).pvalue > error


def same_mean(ours, theirs, error):
    """Whether two arrays of independent items have one mean, by Welch's test."""
    return stats.ttest_ind(ours, theirs, equal_var=False).pvalue > error
