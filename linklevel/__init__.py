"""Link level: what happens between the antenna ports and the payload.

====================  ==========================================================================
``air``               air interfaces: symbols in, equalised symbols and ``no_eff`` out
``codes``             channel codes, segmentation, rate matching, transport blocks
``fec``               fast CPU kernels behind Sionna's decoder interfaces
``links``             encode, air, decode: one interface for every transmission scheme
``sources``           classical source coders of images and text
``jscc``              learned joint source-channel codecs of tokens and images
``quantizers``        tokens to bits and back
``tokens``            the payload of token links
``metrics``           error rates and quality measures
``multiuser``         several devices and one base station: orthogonal access, uplink MIMO
``theory``            closed forms to hold a simulation against
``modulation``        QAM, PSK and PAM with soft demapping
``signal``            the signal contract: Es/N0, Eb/N0, per-item power
``accounting``        channel uses and airtime
``draws``             where every random number comes from
``audit``             measures that a link keeps the signal contract
====================  ==========================================================================

Names are imported when they are first used: ``from tokencom.linklevel import DigitalLink``.
"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submodules=["air", "codes", "fec", "jscc", "links", "metrics", "multiuser", "quantizers", "sources", "theory"],
    submod_attrs={
        "accounting": ["ChannelUses"],
        "air": ["AirInterface", "FlatAirInterface", "OFDMAirInterface", "Received"],
        "audit": ["AuditReport", "audit_link"],
        "codes": ["TransportBlockCoder"],
        "draws": ["Draws"],
        "links": [
            "AnalogLink",
            "DigitalLink",
            "JSCCLink",
            "Link",
            "QuantizedLink",
            "Reception",
            "Signal",
            "SourceLink",
        ],
        "modulation": ["Modulation"],
        "tensorflow_block": ["TensorFlowBlock"],
        "tokens": ["Tokens"],
        "signal": ["ebno_db_to_snr_db", "normalize_power", "snr_db_to_no"],
    },
)
