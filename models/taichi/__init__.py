"""TaiChi (arXiv 2603.00482): dual visual tokenizer, bilateral attention, KAN projector, split language model."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "ban": ["BilateralAttention"],
        "kan": ["KANLayer"],
        "language": ["SplitLanguage"],
        "presets": ["TaiChiConfig", "preset"],
        "projectors": ["KANProjector", "projector"],
        "system": ["TaiChi"],
    },
)
