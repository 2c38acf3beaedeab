"""Channel codes behind one interface, and transport blocks of any size and rate."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "backends": ["BACKENDS", "backends_with"],
        "base": ["Code"],
        "conv": ["Conv"],
        "ldpc": ["LDPC"],
        "ldpc5g": ["LDPC5G"],
        "matched": ["MatchedCode"],
        "polar5g": ["Polar5G"],
        "registry": ["CODES", "code_class", "code_options", "make_code"],
        "tb_size": ["transport_block_size"],
        "transport": ["TransportBlockCoder", "num_coded_bits"],
        "turbo": ["TurboLTE"],
        "uncoded": ["Uncoded"],
    },
)
