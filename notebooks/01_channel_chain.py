# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#       jupytext_version: 1.19.6
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # The channel chain, block by block
#
# From bits to BER: a constellation, a flat channel, an OFDM grid over a 38.901 delay profile, a channel code, and
# the check that every step keeps the signal contract. Everything here runs on a laptop in about two minutes.
#
# ```
# bits ─► TransportBlockCoder ─► Modulation ─► AirInterface ─► demap ─► decode ─► bits, verdict
#          CRC, LDPC, rate match    QAM        fade + noise      LLRs
#                                              equaliser
# ```
#
# Two conventions hold everywhere. `snr_db` is Es/N0: the energy that one resource element radiates over the noise
# density at one receive antenna, averaged over fading. And nothing is random by itself: fades and noise come from
# a `Draws` object, so that two schemes can meet the same channel.

# %%
import matplotlib.pyplot as plt
import numpy as np
import torch

from tokencom.linklevel import (
    DigitalLink,
    Draws,
    FlatAirInterface,
    Modulation,
    OFDMAirInterface,
    audit_link,
    snr_db_to_no,
)
from tokencom.linklevel.air import TDLChannel
from tokencom.linklevel.theory import (
    normal_approximation_bler,
    qam_ber_awgn,
    qam_ber_rayleigh,
)

torch.set_num_threads(1)

# %% [markdown]
# ## 1. Bits on a constellation
#
# 16-QAM with Gray labels and unit mean energy. The same 2000 symbols at three SNRs: the clouds have variance
# N0, half of it in each real dimension.

# %%
modulation = Modulation(constellation_type="qam", num_bits_per_symbol=4)
bits = Draws(seed=1).bits(1, 8000)
symbols = modulation.map(bits)
print(f"{symbols.shape[1]} symbols, mean energy {symbols.abs().square().mean():.3f}")

air = FlatAirInterface(channel="awgn")
figure, axes = plt.subplots(1, 3, figsize=(10, 3.4), sharex=True, sharey=True)
for axis, snr_db in zip(axes, (5, 12, 20), strict=True):
    received = air(symbols, snr_db_to_no(snr_db), Draws(seed=1))
    axis.plot(received.symbols[0].real, received.symbols[0].imag, ".", markersize=2, alpha=0.4)
    axis.plot(symbols[0].real, symbols[0].imag, "k+", markersize=6)
    axis.set(title=f"Es/N0 = {snr_db} dB", xlabel="in phase", aspect="equal")
axes[0].set_ylabel("quadrature")
figure.tight_layout()

# %% [markdown]
# ## 2. Uncoded BER against theory
#
# A link is transmitter, air interface and receiver together. `code="uncoded"` sends the bits as they are. The
# circles are measured, the lines are closed forms: the exact Gray-QAM bit error rate in AWGN, and its average over
# Rayleigh fading. They are for decisions by the nearest point, which is what the signs of max-log LLRs give.

# %%
snrs_db = np.arange(0, 25, 4)
fine_db = np.linspace(0, 24, 97)
figure, axis = plt.subplots(figsize=(6.5, 4.2))
for channel, theory, color in (("awgn", qam_ber_awgn, "C0"), ("rayleigh", qam_ber_rayleigh, "C1")):
    link = DigitalLink(
        air=FlatAirInterface(channel=channel, fading="block" if channel == "awgn" else "symbol"),
        code="uncoded", coderate=1.0, num_bits_per_symbol=4, crc=None, num_bits=2000, demapping_method="maxlog",
    )
    measured = []
    for point, snr_db in enumerate(snrs_db):
        draws = Draws(seed=2, point=point)
        payload = draws.bits(100, 2000)
        reception = link(payload, float(snr_db), draws)
        measured.append((reception.payload != payload).float().mean().item())
    axis.semilogy(snrs_db, np.where(np.array(measured) > 0, measured, np.nan), "o", color=color, label=f"{channel}, measured")
    axis.semilogy(fine_db, theory(fine_db, 4), "-", color=color, label=f"{channel}, theory")
axis.set(xlabel="Es/N0 (dB)", ylabel="bit error rate", ylim=(1e-5, 1), title="Uncoded 16-QAM")
axis.grid(alpha=0.3)
axis.legend()
figure.tight_layout()

# %% [markdown]
# ## 3. A frequency-selective channel
#
# A TDL-A channel over a grid of 14 OFDM symbols and 76 subcarriers, with pilots in symbols 2 and 11. The receiver
# sees only the pilots. The stages of an air interface are public, so the true channel can be drawn and looked at.

# %%
ofdm = OFDMAirInterface(
    channel=TDLChannel(model="A", delay_spread=300e-9, carrier_frequency=3.5e9, speed=10.0),
    fft_size=76, num_ofdm_symbols=14, subcarrier_spacing=30e3, cyclic_prefix_length=6,
    pilot_pattern="kronecker", pilot_ofdm_symbol_indices=(2, 11),
    csi="estimated", estimator="ls", interpolation="lin", equalizer="lmmse",
)
h = ofdm.fade(3, 1, Draws(seed=3))
gains_db = 20 * torch.log10(h.abs()).reshape(3, 14, 76)
figure, axes = plt.subplots(1, 3, figsize=(10, 3), sharey=True)
for item, axis in enumerate(axes):
    image = axis.imshow(gains_db[item], aspect="auto", origin="lower", vmin=-20, vmax=8)
    axis.set(title=f"fade {item}", xlabel="subcarrier")
axes[0].set_ylabel("OFDM symbol")
figure.colorbar(image, ax=axes, label="|h|² (dB)")

uses = ofdm.channel_uses(torch.tensor([ofdm.symbols_per_grid]))
print(f"payload {int(uses.payload)}, pilots {int(uses.pilots)}, airtime {int(uses.airtime)} resource elements")

# %% [markdown]
# ## 4. A channel code
#
# LDPC of 5G, rate 1/2, in AWGN. The dashed line is the normal approximation for this blocklength: no code of this
# length can do much better with QPSK, so a measured curve to its left would be a mistake. The codeword is
# 1024 bits or 512 channel uses, at one payload bit per use.

# %%
num_bits = 512
link = DigitalLink(
    air=FlatAirInterface(channel="awgn"), code="ldpc5g", coderate=0.5,
    num_bits_per_symbol=2, crc=None, num_bits=num_bits,
)
snrs_db = np.array([0.0, 0.5, 1.0, 1.5, 2.0])
bler = []
for point, snr_db in enumerate(snrs_db):
    draws = Draws(seed=4, point=point)
    payload = draws.bits(500, num_bits)
    reception = link(payload, float(snr_db), draws)
    bler.append((reception.payload != payload).any(-1).float().mean().item())
fine_db = np.linspace(-1, 2, 61)
figure, axis = plt.subplots(figsize=(6.5, 4.2))
axis.semilogy(snrs_db, np.where(np.array(bler) > 0, bler, np.nan), "o-", label="LDPC 5G, k = 512, n = 1024, QPSK")
axis.semilogy(fine_db, normal_approximation_bler(fine_db, num_bits, 1.0, num_bits_per_symbol=2), "k--", label="normal approximation")
axis.set(xlabel="Es/N0 (dB)", ylabel="block error rate", ylim=(1e-3, 1))
axis.grid(alpha=0.3)
axis.legend()
figure.tight_layout()

# %% [markdown]
# ## 5. The audit
#
# Power, gain and noise are measured one by one, before the equaliser, and every channel use is counted again from
# the grid that was really sent. This is what `tokencom audit` does for each link of a scenario.

# %%
link = DigitalLink(air=ofdm, code="ldpc5g", coderate=0.5, num_bits_per_symbol=4, num_bits=1000)
report = audit_link(link, Draws(seed=5).bits(64, 1000), 10.0, Draws(seed=5))
print(report)

# %% [markdown]
# ## 6. From here
#
# A scenario file describes such a chain, sweeps it, and draws it with intervals:
#
# ```bash
# tokencom run ber/ofdm_38901
# ```
