r"""Linear equalisation of spatially multiplexed streams."""

import torch
from sionna.phy.mimo import lmmse_equalizer, mf_equalizer, zf_equalizer

EQUALIZERS = {"zf": zf_equalizer, "lmmse": lmmse_equalizer, "mf": mf_equalizer}

FLOOR = 1e-14
"""Smallest energy of a channel and variance of a noise that is told from zero."""


def equalize(
    y: torch.Tensor, h: torch.Tensor, noise: torch.Tensor, equalizer: str
) -> tuple[torch.Tensor, torch.Tensor]:
    r"""Estimate the streams from :math:`\mathbf{y} = \mathbf{H}\mathbf{x} + \mathbf{n}`.

    Streams have unit energy; the noise is independent between antennas with variance
    :math:`\sigma^2`, channel estimation errors included. Several streams go through Sionna's
    ``zf_equalizer``, ``lmmse_equalizer`` or ``mf_equalizer``. For one stream these three are one
    and the same, the unbiased maximum-ratio combiner, and the closed form is used:

    .. math:: \hat x = \frac{\mathbf{h}^H\mathbf{y}}{\|\mathbf{h}\|^2}, \qquad
              \sigma_\text{eff}^2 = \frac{\sigma^2}{\|\mathbf{h}\|^2}

    The estimates are unbiased, as Sionna's are. ``no_eff`` is at least 1e-14, so that nothing is
    divided by zero without noise.

    Args:
        y: [..., num_rx_ant], complex.
        h: [..., num_rx_ant, num_streams], complex; leading dimensions broadcast against ``y``'s.
        noise: real; noise variance, broadcasts against the leading dimensions.
        equalizer: "zf", "lmmse" or "mf".

    Returns:
        x_hat: [..., num_streams], complex.
        no_eff: same shape, real.

    Example:
        >>> y, h = torch.tensor([2.0 + 0j]), torch.tensor([[2.0 + 0j]])
        >>> [round(float(v.real), 3) for v in equalize(y, h, torch.tensor(0.4), "zf")]
        [1.0, 0.1]
    """
    if h.shape[-1] == 1:
        h = h[..., 0]
        energy = h.abs().square().sum(-1, keepdim=True).clamp_min(FLOOR)
        x_hat = (h.conj() * y).sum(-1, keepdim=True) / energy
        no_eff = noise[..., None] / energy
    else:
        # In single precision badly conditioned matrices give NaN and negative variances.
        identity = torch.eye(h.shape[-2], device=h.device)
        covariance = noise[..., None, None].double().clamp_min(FLOOR) * identity
        x_hat, no_eff = EQUALIZERS[equalizer](y, h, covariance, precision="double")
        x_hat, no_eff = x_hat.to(y.dtype), no_eff.to(noise.dtype)
    return x_hat, no_eff.clamp_min(FLOOR).expand(x_hat.shape)
