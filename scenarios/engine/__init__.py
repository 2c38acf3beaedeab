"""Runs a scenario: the same bits whatever the workers, crash-safe, resumable."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "errors": ["RunError", "RunInterrupted"],
        "executors": ["InlineExecutor", "process_pool"],
        "journal": ["Journal"],
        "items": ["compare_schemes", "load_items"],
        "progress": ["Progress", "TextProgress"],
        "results": ["Curve", "MetricInfo", "Results"],
        "run": ["run", "run_folder"],
    },
)
