"""Fast CPU kernels for channel coding, behind Sionna's interfaces."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "bcjr": ["BCJRDecoder"],
        "ldpc5g_decoder": ["LDPC5GDecoder"],
        "ldpc5g_encoder": ["LDPC5GEncoder"],
        "ldpc_bp_decoder": ["LDPCBPDecoder"],
        "polar": ["Polar5GDecoder", "PolarSCDecoder", "PolarSCLDecoder"],
        "protographs": ["accumulator_pcm", "lift", "read_alist", "wimax_pcm"],
        "qam": ["QAMDemapper", "QAMMapper"],
        "turbo": ["TurboDecoder"],
        "viterbi": ["ViterbiDecoder"],
    },
)
