"""Turbo decoder: Sionna's and CommPy's decisions, fixed point, early stop, input checks."""

import importlib
import math

import numpy as np
import pytest
import torch
from scipy.stats import fisher_exact
from sionna.phy.fec.turbo import TurboDecoder as SionnaTurboDecoder
from sionna.phy.fec.turbo import TurboEncoder

from tokencom.linklevel.fec.turbo import Permutation, TurboDecoder

SIGNIFICANCE = 1e-4


def received(encoder, k, num_frames, ebno_db, rate=1 / 3, seed=1):
    """Bits and channel LLRs of BPSK over AWGN."""
    generator = torch.Generator().manual_seed(seed)
    bits = torch.randint(0, 2, (num_frames, k), generator=generator).float()
    codeword = encoder(bits)
    no = 1 / (10 ** (ebno_db / 10) * rate)
    noise = torch.randn(codeword.shape, generator=generator) * math.sqrt(no / 2)
    return bits, 4 * (2 * codeword - 1 + noise) / no


def wrong_frames(decided, bits):
    return int((decided != bits).any(-1).sum())


def differ(errors, other_errors, num_frames):
    """Two-proportion test at `SIGNIFICANCE`."""
    table = [[errors, num_frames - errors], [other_errors, num_frames - other_errors]]
    return fisher_exact(table).pvalue < SIGNIFICANCE


@pytest.fixture(scope="module")
def lte():
    return TurboEncoder(rate=1 / 3, constraint_length=4, terminate=True)


@pytest.mark.parametrize("algorithm", ["map", "maxlog"])
def test_same_decisions_as_sionna_at_low_bler(lte, algorithm):
    bits, llr = received(lte, 40, 1000, 4.5)
    ours = TurboDecoder(lte, num_iter=4, algorithm=algorithm)(llr)
    theirs = SionnaTurboDecoder(lte, num_iter=4, algorithm=algorithm)(llr)
    assert wrong_frames(theirs, bits) <= 1
    assert wrong_frames(ours, theirs) <= 1


def test_same_bler_as_sionna_where_it_is_high(lte):
    bits, llr = received(lte, 40, 400, 0.5)
    ours = wrong_frames(TurboDecoder(lte, num_iter=4)(llr), bits)
    theirs = wrong_frames(SionnaTurboDecoder(lte, num_iter=4)(llr), bits)
    assert theirs > 20
    assert not differ(ours, theirs, 400)


def test_map_and_log_agree_at_any_bler(lte):
    bits, llr = received(lte, 512, 96, 0.5)
    by_map, by_log = (TurboDecoder(lte, algorithm=name)(llr) for name in ("map", "log"))
    assert not differ(wrong_frames(by_map, bits), wrong_frames(by_log, bits), 96)
    easy_bits, easy = received(lte, 512, 96, 2.0)
    assert wrong_frames(TurboDecoder(lte, algorithm="log")(easy), easy_bits) == 0
    assert wrong_frames(TurboDecoder(lte, algorithm="map")(easy), easy_bits) == 0


@pytest.mark.parametrize("algorithm", ["map", "log", "maxlog"])
@pytest.mark.parametrize(
    "code",
    [
        {"rate": 1 / 3, "constraint_length": 3, "terminate": False},
        {"rate": 1 / 2, "constraint_length": 4, "terminate": True},
        {"rate": 1 / 2, "constraint_length": 6, "terminate": False, "interleaver_type": "random"},
        {"rate": 1 / 3, "constraint_length": 5, "terminate": True},
    ],
)
def test_soft_output_equals_sionna(code, algorithm):
    encoder = TurboEncoder(**code)
    _, llr = received(encoder, 48, 18, 1.0, code["rate"])
    options = {"num_iter": 2, "hard_out": False, "algorithm": algorithm}
    ours, theirs = TurboDecoder(encoder, **options)(llr), SionnaTurboDecoder(encoder, **options)(llr)
    assert torch.allclose(ours, theirs, atol=2e-2, rtol=1e-3)


def test_arguments_without_encoder_and_leading_dimensions(lte):
    bits, llr = received(lte, 40, 6, 4.0)
    decoder = TurboDecoder(rate=1 / 3, constraint_length=4, terminate=True)
    assert torch.equal(decoder(llr.reshape(2, 3, -1)), bits.reshape(2, 3, -1))
    longer_bits, longer = received(lte, 64, 6, 4.0)
    assert torch.equal(decoder(longer), longer_bits)
    assert (decoder.k, decoder.n) == (64, longer.shape[-1])


def test_any_permutation():
    encoder = TurboEncoder(rate=1 / 3, constraint_length=4, terminate=True)
    order = np.random.default_rng(3).permutation(50)
    encoder._internal_interleaver = Permutation(order)
    bits, llr = received(encoder, 50, 20, 5.0)
    decoder = TurboDecoder(rate=1 / 3, constraint_length=4, terminate=True, interleaver=order)
    assert wrong_frames(decoder(llr), bits) == 0
    with pytest.raises(ValueError, match="permutation"):
        TurboDecoder(constraint_length=4, interleaver=[0, 0, 1])


def test_int16_loses_less_than_a_tenth_of_a_db(lte):
    """With 0.1 dB more, the fixed-point decoder is not significantly worse than float32."""
    fixed = TurboDecoder(lte, algorithm="maxlog", scale=0.75, arithmetic="int16")
    floating = TurboDecoder(lte, algorithm="maxlog", scale=0.75)
    bits, llr = received(lte, 256, 2048, 1.1)
    more_bits, more = received(lte, 256, 2048, 1.2, seed=2)
    reference, errors = wrong_frames(floating(llr), bits), wrong_frames(fixed(more), more_bits)
    assert 5 < reference < 400
    assert errors <= reference or not differ(errors, reference, 2048)


def test_scaled_extrinsic_recovers_what_maxlog_loses(lte):
    bits, llr = received(lte, 256, 2048, 0.8)
    plain, scaled = (
        wrong_frames(TurboDecoder(lte, algorithm="maxlog", arithmetic="int16", scale=scale)(llr), bits)
        for scale in (1.0, 0.75)
    )
    assert scaled < plain
    assert differ(scaled, plain, 2048)


@pytest.mark.parametrize("options", [{"algorithm": "map"}, {"algorithm": "maxlog", "arithmetic": "int16"}])
def test_early_stop_keeps_the_bler(lte, options):
    bits, llr = received(lte, 104, 1024, 1.5)
    without, with_stop = (TurboDecoder(lte, early_stop=stop, **options)(llr) for stop in (False, True))
    assert not differ(wrong_frames(without, bits), wrong_frames(with_stop, bits), 1024)
    assert (without != with_stop).float().mean() < 1e-3


@pytest.mark.parametrize("algorithm", ["map", "log", "maxlog"])
def test_known_bits_are_accepted(lte, algorithm):
    bits, llr = received(lte, 40, 20, -3.0)
    llr[:, 0:90:3] = torch.where(bits[:, :30] > 0, math.inf, -math.inf)
    decided = TurboDecoder(lte, algorithm=algorithm)(llr)
    assert torch.equal(decided[:, :30], bits[:, :30])


@pytest.mark.parametrize("algorithm", ["log", "maxlog"])
def test_llr_of_any_scale_decodes_in_the_log_domain(lte, algorithm):
    bits, llr = received(lte, 40, 100, 5.0)
    assert wrong_frames(TurboDecoder(lte, algorithm=algorithm)(llr * 20), bits) <= 1


def test_input_checks(lte):
    decoder = TurboDecoder(lte)
    _, llr = received(lte, 40, 20, 5.0)
    want = decoder(llr)
    assert torch.equal(decoder(llr.double()), want)
    assert torch.equal(decoder(torch.stack([llr, llr], -1)[..., 0]), want)
    assert torch.equal(decoder(llr.numpy()), want)
    assert decoder(llr[:0]).shape == (0, 40)
    assert torch.equal(decoder(llr[0]), want[0])
    with pytest.raises(ValueError, match="NaN"):
        decoder(torch.where(torch.rand(llr.shape) < 1e-3, math.nan, llr).index_fill(1, torch.tensor([5]), math.nan))
    with pytest.raises(ValueError, match="codeword length"):
        decoder(llr[:, :-1])
    with pytest.raises(ValueError, match="no information bit"):
        decoder(llr[:, :12])
    with pytest.raises(ValueError, match="int16"):
        TurboDecoder(lte, arithmetic="int16")
    with pytest.raises(ValueError, match="maxlog"):
        TurboDecoder(lte, algorithm="maxlg")


def test_same_bits_for_any_number_of_threads(lte):
    _, llr = received(lte, 64, 100, 0.5)
    decoder = TurboDecoder(lte, hard_out=False)
    before = torch.get_num_threads()
    try:
        results = []
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            results.append(decoder(llr))
    finally:
        torch.set_num_threads(before)
    assert torch.equal(results[0], results[1])
    assert torch.equal(results[0], results[2])


def test_gradients_and_double_precision_go_to_sionna(lte):
    _, llr = received(lte, 40, 2, 2.0)
    soft = TurboDecoder(lte, num_iter=1, hard_out=False)(llr.requires_grad_())
    soft.sum().backward()
    assert llr.grad is not None
    encoder = TurboEncoder(rate=1 / 3, constraint_length=4, precision="double")
    assert TurboDecoder(encoder, num_iter=1, precision="double")(torch.randn(2, 120)).dtype == torch.float64
    with pytest.raises(ValueError, match="scale"):
        TurboDecoder(lte, scale=0.5)(llr)


def commpy_iterations(map_decode, frame, trellis, interleaver, variance, num_iter):
    """Turbo iterations around CommPy's component decoder, each passing on extrinsic values only."""
    systematic, first, second = frame
    from_channel = 2 * systematic / variance
    interleaved, prior = interleaver.interlv(systematic), np.zeros(len(systematic))
    for _ in range(num_iter):
        extrinsic = map_decode(systematic, first, trellis, variance, prior, "compute")[0]
        other = interleaver.interlv(extrinsic - prior - from_channel)
        full = map_decode(interleaved, second, trellis, variance, other, "compute")[0]
        prior = interleaver.deinterlv(full - other - 2 * interleaved / variance)
    return interleaver.deinterlv(full) > 0


def test_decisions_and_error_rate_of_commpy():
    """CommPy's component decoder gives the same decisions; its whole decoder passes on the systematic values again, so
    only the error rates can be compared. It knows no tail: the code is not terminated."""
    commpy = pytest.importorskip("commpy.channelcoding")
    map_decode = importlib.import_module("commpy.channelcoding.turbo").map_decode
    num_frames, k, no = 40, 40, 3 / 10**0.05
    encoder = TurboEncoder(gen_poly=("111", "101"), rate=1 / 3, terminate=False)
    trellis = commpy.Trellis(np.array([2]), np.array([[1, 5]]), feedback=7, code_type="rsc")
    interleaver = commpy.RandInterlv(k, 7)
    encoder._internal_interleaver = Permutation(interleaver.p_array)
    bits, llr = received(encoder, k, num_frames, 0.5, seed=4)
    symbols = (llr * no / 4).double().numpy().reshape(num_frames, k, 3)
    ours = TurboDecoder(encoder, num_iter=4)(llr)
    same = np.array([commpy_iterations(map_decode, frame.T, trellis, interleaver, no / 2, 4) for frame in symbols])
    assert (ours.numpy() != same).any(1).mean() <= 0.05
    whole = np.array([commpy.turbo_decode(*frame.T, trellis, no / 2, 4, interleaver) for frame in symbols])
    errors, their_errors = wrong_frames(ours, bits), wrong_frames(torch.from_numpy(whole).float(), bits)
    assert 5 < errors < 35
    assert not differ(errors, their_errors, num_frames)
