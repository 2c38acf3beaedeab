"""Multi-user access: several devices, one base station, one round in which each sends its own payload."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "access": ["MultipleAccess", "RoundUses"],
        "audit": ["audit_devices"],
        "cost": ["RoundCost", "round_cost"],
        "devices": ["draws_of_device", "per_device"],
        "link": ["MultiUserLink", "MultiUserReception"],
        "orthogonal": ["OrthogonalAccess"],
        "shares": ["BandShares", "max_min_shares"],
        "tokens_link": ["DevicesLink"],
        "uplink": ["UplinkMIMO"],
    },
)
