"""From Eb/N0 to the Es/N0 of a link."""

from typing import Any


def link_snr_db(link: Any, ebno_db: float | None) -> float:
    """Return the Es/N0 (dB) at which a link has an Eb/N0.

    Args:
        link: with ``snr_db_from_ebno``, as :class:`~tokencom.linklevel.links.DigitalLink` has it.
        ebno_db: energy per payload bit over noise power density, dB.

    Raises:
        ValueError: for a link that does not know how many payload bits its symbols carry.
    """
    if ebno_db is None or not hasattr(link, "snr_db_from_ebno"):
        raise ValueError(f"ebno_db: {ebno_db!r} has no meaning for {type(link).__name__}; give snr_db")
    return float(link.snr_db_from_ebno(ebno_db))
