r"""The signal contract as code: SNR definitions and per-item power.

A transmitter radiates unit mean energy per resource element, so with one unit of energy
:math:`E_s/N_0 = 1/N_0`. Complex baseband: noise is :math:`\mathcal{CN}(0, N_0)`.
"""

import torch

from .validation import check_finite, check_range


def snr_db_to_no(snr_db: float | torch.Tensor) -> torch.Tensor:
    r"""Convert Es/N0 at one receive antenna to noise power density, :math:`N_0 = 10^{-\text{snr}/10}`.

    Args:
        snr_db: scalar or [batch], dB.

    Returns:
        Same shape, torch.float32 (float64 if a float64 tensor is given), linear.

    Example:
        >>> round(float(snr_db_to_no(10.0)), 6)
        0.1
    """
    snr_db = torch.as_tensor(snr_db)
    if not snr_db.is_floating_point():
        snr_db = snr_db.to(torch.float32)
    return 10.0 ** (-check_finite("snr_db", snr_db) / 10.0)


def ebno_db_to_snr_db(
    ebno_db: float | torch.Tensor,
    *,
    coderate: float,
    num_bits_per_symbol: int,
    num_streams: int = 1,
    overhead: float = 1.0,
) -> torch.Tensor:
    r"""Convert Eb/N0 to Es/N0 per resource element.

    .. math:: E_s/N_0 = \frac{E_b}{N_0} \cdot \frac{S\,m\,r}{o}

    for S streams of m bits per symbol at code rate r. The overhead o is the radiated energy over
    the energy of the data resource elements (pilots, cyclic prefix); 1 for flat air interfaces,
    ``OFDMAirInterface.energy_overhead`` for OFDM. For one stream this is Sionna's ``ebnodb2no``.

    Args:
        ebno_db: scalar or [batch], dB.
        coderate: information bits per coded bit, (0, 1].
        num_bits_per_symbol: coded bits per constellation symbol, at least 1.
        num_streams: streams that share the unit energy of a resource element.
        overhead: at least 1.

    Returns:
        Same shape as ``ebno_db``, dB.
    """
    check_range("coderate", coderate, 0.0, 1.0)
    check_range("num_bits_per_symbol", num_bits_per_symbol, 1, integer=True)
    check_range("overhead", overhead, 1.0)
    ebno_db = check_finite("ebno_db", torch.as_tensor(ebno_db, dtype=torch.float32))
    gain = coderate * num_bits_per_symbol * num_streams / overhead
    return ebno_db + 10.0 * torch.log10(torch.tensor(gain))


def sent_mask(num_symbols: torch.Tensor, width: int) -> torch.Tensor:
    """Return which of ``width`` positions each item sends: its first ``num_symbols``.

    Args:
        num_symbols: [batch], torch.int64.
        width: number of positions.

    Returns:
        [batch, width], torch.bool.
    """
    return torch.arange(width, device=num_symbols.device) < num_symbols[:, None]


def normalize_power(x: torch.Tensor, num_symbols: torch.Tensor | None = None) -> torch.Tensor:
    r"""Scale each item to unit mean energy over the symbols it sends.

    .. math:: x_i \leftarrow x_i \Big/ \sqrt{\tfrac{1}{n_i}\textstyle\sum_{j<n_i} |x_{ij}|^2}

    Padding is neither sent nor counted: it is returned as zero. Differentiable. For learned and
    analog symbols only; fixed alphabets have unit energy in expectation and are never rescaled.

    Args:
        x: [batch, num_symbols], complex.
        num_symbols: [batch], torch.int64; symbols sent by each item. All, if `None`.

    Raises:
        ValueError: if an item that sends symbols has no energy or is not finite.
    """
    check_finite("x", x.detach())
    if num_symbols is None:
        num_symbols = torch.full((x.shape[0],), x.shape[1], device=x.device)
    mask = sent_mask(num_symbols, x.shape[1])
    energy = (x.abs().square() * mask).sum(-1) / num_symbols.clamp(min=1)
    if bool(((energy <= 0) & (num_symbols > 0)).any()):
        raise ValueError("x: an item has zero energy, so its power cannot be normalised to 1")
    scale = torch.where(num_symbols > 0, energy, torch.ones_like(energy)).rsqrt()
    return torch.where(mask, x * scale[:, None], torch.zeros_like(x))
