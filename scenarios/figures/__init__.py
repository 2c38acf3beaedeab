"""Figures, reports and comparisons of finished runs."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "compare": ["Comparison", "compare"],
        "curves": ["plot_results"],
        "report": ["write_report"],
        "theory": ["TheoryLine", "theory_lines"],
    },
)
