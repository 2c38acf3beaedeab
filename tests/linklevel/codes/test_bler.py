"""Block error rates against chains written with Sionna's blocks alone.

A link and a chain send independent bits over independent noise at the same Es/N0. Fisher's exact test
compares their block error counts; each test fails by chance with probability 1e-4.
"""

import contextlib
import io

import pytest
import torch
from scipy.stats import fisher_exact
from sionna.phy import config
from sionna.phy.channel import AWGN
from sionna.phy.fec.conv import ConvEncoder, ViterbiDecoder
from sionna.phy.fec.ldpc import LDPC5GDecoder, LDPC5GEncoder
from sionna.phy.fec.polar import Polar5GDecoder, Polar5GEncoder
from sionna.phy.fec.turbo import TurboDecoder, TurboEncoder
from sionna.phy.mapping import Demapper, Mapper

from tokencom.linklevel.air import FlatAirInterface
from tokencom.linklevel.draws import Draws
from tokencom.linklevel.links import DigitalLink

BATCH = 300


def sionna_blocks(code, k, n, m):
    if code == "ldpc5g":
        encoder = LDPC5GEncoder(k, n, num_bits_per_symbol=m)
        return encoder, LDPC5GDecoder(encoder, num_iter=20)
    if code == "turbo":
        encoder = TurboEncoder(rate=1 / 3, constraint_length=4, terminate=True)
        return encoder, TurboDecoder(encoder, num_iter=6)
    if code == "conv":
        encoder = ConvEncoder(gen_poly=("1011011", "1111001"), terminate=True)
        return encoder, ViterbiDecoder(encoder=encoder)
    with contextlib.redirect_stdout(io.StringIO()):
        encoder = Polar5GEncoder(k, n)
    return encoder, Polar5GDecoder(encoder, dec_type="SCL", list_size=8)


def sionna_errors(code, k, n, m, snr_db):
    encoder, decoder = sionna_blocks(code, k, n, m)
    no = torch.tensor(10 ** (-snr_db / 10))
    config.seed = 4
    bits = torch.randint(0, 2, (BATCH, k), generator=config.torch_rng()).float()
    received = AWGN()(Mapper("qam", m)(encoder(bits)), no)
    decoded = decoder(Demapper("app", "qam", m)(received, no))
    return int((decoded != bits).any(dim=1).sum())


def link_errors(code, k, n, m, snr_db, backend, options):
    link = DigitalLink(
        air=FlatAirInterface(channel="awgn"),
        code=code,
        num_bits_per_symbol=m,
        coderate=k / n,
        crc=None,
        num_bits=k,
        backend=backend,
        code_options=options,
    )
    draws = Draws(seed=5)
    bits = draws.bits(BATCH, k)
    reception = link(bits, snr_db, draws)
    assert int(reception.channel_uses.total[0]) == n // m
    return int((reception.payload != bits).any(dim=1).sum())


LIKE_SIONNA = {"cn_update": "boxplus-phi", "scale": 1.0, "cn_schedule": "flooding"}


@pytest.mark.parametrize(
    ("code", "k", "n", "m", "snr_db", "options"),
    [
        ("ldpc5g", 128, 256, 2, 1.0, LIKE_SIONNA),
        ("ldpc5g", 300, 400, 4, 10.2, LIKE_SIONNA),
        ("turbo", 40, 132, 2, -1.0, {}),
        ("conv", 50, 112, 2, 1.5, {}),
        ("polar5g", 64, 128, 2, 1.2, {}),
    ],
)
def test_block_error_rate_equals_sionnas(code, k, n, m, snr_db, options):
    theirs = sionna_errors(code, k, n, m, snr_db)
    assert 10 < theirs < BATCH - 10
    for backend in ("sionna", "fast"):
        ours = link_errors(code, k, n, m, snr_db, backend, options)
        assert fisher_exact([[ours, BATCH - ours], [theirs, BATCH - theirs]]).pvalue > 1e-4 / 2
