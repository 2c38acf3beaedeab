"""Intervals, and the metrics that are estimated with them."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "binomial": ["clopper_pearson", "inverse_binomial", "wilson"],
        "blocks": ["block_interval"],
        "bootstrap": ["cluster_bootstrap", "cluster_sums", "paired_interval"],
        "metric": ["Estimate", "Metric", "SetMetric"],
        "metrics": ["MeanMetric", "RateMetric", "RatioMetric", "SumMetric"],
        "paired": ["Difference", "bonett_price", "paired_difference"],
    },
)
