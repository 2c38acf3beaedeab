"""Scenarios: what is run, how it is run, and what comes of it.

====================  ==========================================================================
``schema``            scenario files: reading, checking, points of a sweep
``program``           the same, written as a Python class with link objects
``engine``            runs that repeat bit for bit on any number of workers, and resume
``statistics``        metrics with their intervals
``tasks``             what is sent, and how what arrives is judged
``figures``           plots, report, comparison of runs
``cli``               the command ``tokencom``
``ber``, ``image``, ``text``   scenarios that come with the package, by name: ``ber/uncoded_qam``
====================  ==========================================================================

Names are imported when they are first used: ``from tokencom.scenarios import load_scenario, run``.
"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submodules=["cli", "engine", "figures", "schema", "statistics", "tasks"],
    submod_attrs={
        "engine": ["Results", "run"],
        "program": ["Program"],
        "schema": ["Scenario", "ScenarioError", "load_scenario", "shipped"],
    },
)
