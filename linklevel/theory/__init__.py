"""Closed forms and bounds that simulated curves are held against; numpy and scipy only."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "capacity": [
            "awgn_capacity",
            "ergodic_capacity",
            "outage_capacity",
            "outage_probability",
        ],
        "constellations": ["gray_bits", "pam_levels"],
        "constrained": ["constrained_capacity", "constrained_dispersion"],
        "error_rates": [
            "bit_error_rate",
            "qam_ber_awgn",
            "qam_ber_rayleigh",
            "qam_ber_rician",
            "symbol_error_rate",
        ],
        "fading": ["Fading"],
        "finite_length": ["bler_over_gains", "normal_approximation_bler", "normal_approximation_rate"],
        "units": ["linear", "q_function", "q_inverse"],
    },
)
