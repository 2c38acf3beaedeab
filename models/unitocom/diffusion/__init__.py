"""Next-token diffusion: a small network that denoises one token given the hidden state before it."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={"head": ["DiffusionHead"], "sampling": ["Sampler"]},
)
