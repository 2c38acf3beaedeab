"""LDPC5GDecoder against Sionna's decoder on the same LLRs, its loss figures, and its handling of inputs."""

import numpy as np
import pytest
import torch
from scipy.stats import fisher_exact
from sionna.phy.fec.ldpc import LDPC5GDecoder as SionnaDecoder
from sionna.phy.fec.ldpc import LDPC5GEncoder as SionnaEncoder

from tokencom.linklevel.fec import LDPC5GDecoder, LDPC5GEncoder

LAYERED = {"cn_update": "minsum", "scale": 0.75, "cn_schedule": "layered"}
OFFSET = {"cn_update": "offset-minsum", "cn_schedule": "layered"}


def noisy(encoder, num_frames, ebno_db, seed):
    """Random bits and the LLRs of their BPSK symbols in white noise."""
    generator = torch.Generator().manual_seed(seed)
    bits = torch.randint(0, 2, (num_frames, encoder.k), generator=generator).float()
    variance = 1 / (2 * 10 ** (ebno_db / 10) * encoder.k / encoder.n)
    code = encoder(bits)
    noise = torch.randn(code.shape, generator=generator) * variance**0.5
    return bits, 2 / variance * (2 * code - 1 + noise)


def errors(decoder, bits, llr):
    return int((decoder(llr) != bits).any(dim=1).sum())


def not_above(count, reference, total):
    """One-sided two-proportion test at 1e-4: no evidence that ``count`` comes from a higher rate."""
    table = [[count, total - count], [reference, total - reference]]
    return fisher_exact(table, alternative="greater").pvalue > 1e-4


@pytest.mark.parametrize("schedule", ["flooding", "layered"])
@pytest.mark.parametrize("cn_update", ["boxplus-phi", "boxplus", "minsum", "offset-minsum"])
@pytest.mark.parametrize("infobits", [True, False])
def test_soft_output_after_two_iterations_is_sionnas(cn_update, schedule, infobits):
    encoder = SionnaEncoder(300, 700, num_bits_per_symbol=2)  # with filler bits and pruned columns
    _, llr = noisy(encoder, 6, 1.5, 1)
    settings = {
        "cn_update": cn_update, "cn_schedule": schedule, "hard_out": False, "num_iter": 2,
        "return_infobits": infobits,
    }  # fmt: skip
    expected = SionnaDecoder(encoder, **settings)(llr)
    decoded = LDPC5GDecoder(encoder, **settings)(llr)
    error = (decoded - expected).abs()
    # Sionna's φ is itself off by some 1e-2 at large values, where float32 cannot hold its terms.
    assert error.max() < (0.1 if cn_update == "boxplus-phi" else 0.01)
    assert error.median() < 1e-4


@pytest.mark.parametrize("cn_update", ["boxplus-phi", "boxplus"])
def test_flooding_decisions_are_sionnas_where_blocks_rarely_fail(cn_update):
    encoder = SionnaEncoder(60, 150)
    bits, llr = noisy(encoder, 2000, 4.5, 2)
    expected = SionnaDecoder(encoder, cn_update=cn_update)(llr)
    decoded = LDPC5GDecoder(encoder, cn_update=cn_update)(llr)
    assert (expected != bits).any(dim=1).float().mean() <= 1e-3
    assert (decoded == expected).all(dim=1).float().mean() >= 0.999


@pytest.mark.parametrize("cn_update", ["boxplus-phi", "minsum"])
def test_error_rate_is_sionnas_where_blocks_often_fail(cn_update):
    encoder = SionnaEncoder(60, 150)
    bits, llr = noisy(encoder, 600, 2.0, 3)
    expected = errors(SionnaDecoder(encoder, cn_update), bits, llr)
    count = errors(LDPC5GDecoder(encoder, cn_update), bits, llr)
    assert expected > 30
    assert not_above(count, expected, 600)
    assert not_above(expected, count, 600)


# The Eb/N0 gives flooding boxplus a BLER near 1e-2.
OPERATING_POINTS = [(512, 1024, 1.82), (2048, 2304, 4.15), (1824, 3648, 1.5)]


@pytest.mark.parametrize(("k", "n", "ebno_db"), OPERATING_POINTS)
def test_layered_minsum_loses_little_to_boxplus(k, n, ebno_db):
    encoder = LDPC5GEncoder(k, n)
    reference = errors(LDPC5GDecoder(encoder), *noisy(encoder, 1500, ebno_db, 4))
    better = noisy(encoder, 1500, ebno_db + 0.15, 5)
    assert not_above(errors(LDPC5GDecoder(encoder, **LAYERED), *better), reference, 1500)
    same = noisy(encoder, 1500, ebno_db, 6)
    assert not_above(errors(LDPC5GDecoder(encoder, **OFFSET), *same), reference, 1500)


@pytest.mark.parametrize("arithmetic", ["int8", "int16"])
@pytest.mark.parametrize("settings", [LAYERED, OFFSET], ids=["normalised", "offset"])
@pytest.mark.parametrize(("k", "n", "ebno_db"), [(512, 1024, 1.75), (3000, 12000, 0.7), (2048, 2304, 4.0)])
def test_fixed_point_loses_little_to_float(k, n, ebno_db, settings, arithmetic):
    encoder = LDPC5GEncoder(k, n)
    reference = errors(LDPC5GDecoder(encoder, **settings), *noisy(encoder, 1000, ebno_db, 7))
    decoder = LDPC5GDecoder(encoder, **settings, arithmetic=arithmetic)
    assert not_above(errors(decoder, *noisy(encoder, 1000, ebno_db + 0.1, 8)), reference, 1000)


@pytest.mark.parametrize("rv", [[0], [2], [0, 2], [0, 2, 3, 1]])
@pytest.mark.parametrize("num_bits_per_symbol", [None, 4])
def test_harq_combining_is_sionnas(rv, num_bits_per_symbol):
    encoder = SionnaEncoder(80, 160, num_bits_per_symbol=num_bits_per_symbol)
    llr = 4 * torch.randn(2, 3, len(rv), 160, generator=torch.Generator().manual_seed(9))
    for infobits in (True, False):
        settings = {"harq_mode": True, "hard_out": False, "num_iter": 1, "return_infobits": infobits}
        expected = SionnaDecoder(encoder, cn_update="minsum", **settings)(llr, rv=rv)
        decoded = LDPC5GDecoder(encoder, cn_update="minsum", **settings)(llr, rv=rv)
        torch.testing.assert_close(decoded, expected, rtol=0, atol=1e-4)


def test_one_version_needs_no_dimension_of_its_own():
    encoder = LDPC5GEncoder(80, 160)
    decoder = LDPC5GDecoder(encoder, harq_mode=True)
    bits, llr = noisy(encoder, 5, 8.0, 10)
    assert torch.equal(decoder(llr), bits)
    assert torch.equal(decoder(llr[:, None], rv=[0]), bits)
    with pytest.raises(ValueError, match=r"llr_ch: shape \[5, 160\] given"):
        decoder(llr, rv=[0, 2])
    with pytest.raises(ValueError, match="Invalid RV index 5"):
        decoder(llr, rv=[5])


@pytest.mark.parametrize("settings", [LAYERED, {"cn_update": "boxplus"}, {**LAYERED, "arithmetic": "int8"}])
def test_a_frames_result_depends_on_nothing_but_the_frame(settings):
    encoder = LDPC5GEncoder(120, 240)
    _, llr = noisy(encoder, 300, 1.5, 11)
    decoder = LDPC5GDecoder(encoder, **settings, return_num_iter=True)
    bits, iterations = decoder(llr)
    assert len(iterations.unique()) > 4
    order = torch.randperm(300, generator=torch.Generator().manual_seed(12))
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        again, iterations_again = decoder(llr[order])
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(again, bits[order])
    assert torch.equal(iterations_again, iterations[order])
    alone, iterations_alone = decoder(llr[:7])
    assert torch.equal(alone, bits[:7])
    assert torch.equal(iterations_alone, iterations[:7])


def test_frames_stop_at_their_first_codeword():
    encoder = LDPC5GEncoder(100, 200)
    bits, llr = noisy(encoder, 200, 2.5, 13)
    decoded, iterations = LDPC5GDecoder(encoder, **LAYERED, return_num_iter=True)(llr)
    right = (decoded == bits).all(dim=1)
    assert iterations.dtype == torch.int32
    assert iterations.min() >= 1
    assert iterations.max() <= 20
    for count in (2, 4):
        shorter, ran = LDPC5GDecoder(encoder, **LAYERED, return_num_iter=True, num_iter=count)(llr)
        assert torch.equal(ran, iterations.clamp(max=count))
        stopped = right & (iterations <= count)
        assert torch.equal(shorter[stopped], decoded[stopped])
    _, ran = LDPC5GDecoder(encoder, **LAYERED, return_num_iter=True)(20 * (2 * encoder(bits) - 1))
    assert (ran == 1).all()


def test_number_of_iterations_and_clipping_can_change():
    encoder = LDPC5GEncoder(176, 352, bg="bg1")  # no filler bits: Sionna clips them like unknown ones
    _, llr = noisy(encoder, 20, 1.0, 14)
    decoder = LDPC5GDecoder(encoder, cn_update="minsum", hard_out=False)
    for num_iter, llr_max in ((0, 20.0), (3, 5.0), (3, None)):
        decoder.num_iter, decoder.llr_max = num_iter, llr_max
        expected = SionnaDecoder(encoder, "minsum", hard_out=False, num_iter=num_iter, llr_max=llr_max)(llr)
        torch.testing.assert_close(decoder(llr), expected, rtol=1e-4, atol=1e-3)
        decoder.num_iter = 7
        torch.testing.assert_close(decoder(llr, num_iter=num_iter), expected, rtol=1e-4, atol=1e-3)


class TestInput:
    """Odd inputs give the right answer or a ValueError that names the parameter."""

    encoder = LDPC5GEncoder(100, 200, num_bits_per_symbol=2)

    @pytest.mark.parametrize("settings", [{}, LAYERED, {**LAYERED, "arithmetic": "int8"}])
    def test_infinite_llrs_are_known_bits(self, settings):
        bits, llr = noisy(self.encoder, 40, 3.0, 15)
        known = llr.clone()
        known[:, ::3] = torch.inf * (2 * self.encoder(bits)[:, ::3] - 1)
        for llr_max in (20.0, None):
            decoder = LDPC5GDecoder(self.encoder, **settings, llr_max=llr_max)
            assert torch.equal(decoder(known), bits)
            assert torch.isfinite(LDPC5GDecoder(self.encoder, **settings, llr_max=llr_max, hard_out=False)(known)).all()

    @pytest.mark.parametrize("position", [0, 123, 199])
    def test_nan_is_refused(self, position):
        llr = torch.ones(70, 200)
        llr[50, position] = torch.nan
        with pytest.raises(ValueError, match=r"llr_ch: .*NaN"):
            LDPC5GDecoder(self.encoder)(llr)

    @pytest.mark.parametrize("shape", [(3, 199), (200, 3), ()])
    def test_wrong_length_is_refused_on_every_call(self, shape):
        decoder = LDPC5GDecoder(self.encoder)
        decoder(torch.ones(1, 200))
        with pytest.raises(ValueError, match=r"llr_ch: shape .* given, \[\.\.\., 200\] expected"):
            decoder(torch.ones(shape))

    def test_strides_dtypes_and_dimensions(self):
        bits, llr = noisy(self.encoder, 24, 6.0, 16)
        decoder = LDPC5GDecoder(self.encoder, **LAYERED)
        assert torch.equal(decoder(llr), bits)
        assert torch.equal(decoder(llr.T.contiguous().T), bits)
        assert torch.equal(decoder(llr.repeat_interleave(2, dim=1)[:, ::2]), bits)
        assert torch.equal(decoder(llr.expand(2, 24, 200)), bits.expand(2, 24, 100))
        assert torch.equal(decoder(llr.double()), bits)
        assert torch.equal(decoder(llr.half()), bits)
        assert torch.equal(decoder(llr.reshape(2, 3, 4, 200)), bits.reshape(2, 3, 4, 100))
        assert torch.equal(decoder(llr[0]), bits[0])

    def test_empty_batch(self):
        decoder = LDPC5GDecoder(self.encoder, return_num_iter=True)
        bits, iterations = decoder(torch.zeros(0, 5, 200))
        assert bits.shape == (0, 5, 100)
        assert iterations.shape == (0, 5)

    def test_no_information_at_all(self):
        llr = torch.zeros(2, 200)
        expected = SionnaDecoder(self.encoder, "minsum")(llr)
        assert torch.equal(LDPC5GDecoder(self.encoder, "minsum")(llr), expected)


class TestDelegation:
    """What the kernels do not cover is Sionna's own result."""

    encoder = LDPC5GEncoder(40, 80)

    def llr(self):
        return noisy(self.encoder, 8, 2.0, 17)[1]

    @pytest.mark.parametrize(
        "settings",
        [
            {"v2c_callbacks": [lambda messages, it, x: 0.9 * messages]},
            {"c2v_callbacks": [lambda messages, it: 0.8 * messages], "cn_schedule": "layered"},
            {"cn_update": "identity"},
            {"vn_update": "identity"},
            {"cn_update": lambda messages, mask, bound: 0.5 * messages},
            {"precision": "double"},
        ],
    )
    def test_settings(self, settings):
        expected = SionnaDecoder(self.encoder, num_iter=3, hard_out=False, **settings)(self.llr())
        decoded = LDPC5GDecoder(self.encoder, num_iter=3, hard_out=False, **settings)(self.llr())
        assert torch.equal(decoded, expected)
        assert decoded.dtype == expected.dtype

    def test_custom_schedule(self):
        rows = np.arange(LDPC5GDecoder(self.encoder).num_cns).reshape(-1, 2)
        settings = {"cn_schedule": rows, "num_iter": 2, "hard_out": False}
        expected = SionnaDecoder(self.encoder, **{**settings, "cn_schedule": torch.tensor(rows)})(self.llr())
        assert torch.equal(LDPC5GDecoder(self.encoder, **settings)(self.llr()), expected)

    def test_state(self):
        ours = LDPC5GDecoder(self.encoder, return_state=True, num_iter=2)
        sionnas = SionnaDecoder(self.encoder, return_state=True, num_iter=2)
        bits, state = ours(self.llr())
        expected, expected_state = sionnas(self.llr())
        assert torch.equal(bits, expected)
        assert torch.equal(state, expected_state)
        again, expected_again = ours(self.llr(), msg_v2c=state), sionnas(self.llr(), msg_v2c=state)
        assert torch.equal(again[1], expected_again[1])

    def test_gradient_of_scaled_minsum(self):
        llr = self.llr().requires_grad_()
        decoder = LDPC5GDecoder(self.encoder, **LAYERED, hard_out=False, num_iter=2, return_num_iter=True)
        soft, iterations = decoder(llr)
        soft.sum().backward()
        assert llr.grad.abs().sum() > 0
        assert (iterations == 2).all()
        with torch.no_grad():
            torch.testing.assert_close(decoder(llr)[0], soft.detach(), rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"cn_update": "min-sum"}, "cn_update: .*did you mean"),
        ({"cn_schedule": "row"}, "cn_schedule: 'row' is not known"),
        ({"scale": 0.75}, "scale: 0.75 given"),
        ({"scale": 1.5, "cn_update": "minsum"}, "scale: 1.5 is outside"),
        ({"arithmetic": "int8"}, "arithmetic: 'int8' given"),
        ({**LAYERED, "arithmetic": "int8", "return_state": True}, "arithmetic: 'int8' given"),
        ({**LAYERED, "arithmetic": "int4"}, "arithmetic: 'int4' is not known"),
        ({"return_state": True, "return_num_iter": True}, "return_num_iter: True given"),
        ({"num_iter": -1}, "num_iter: -1 is outside"),
    ],
)
def test_arguments_that_make_no_sense(settings, message):
    with pytest.raises(ValueError, match=message):
        LDPC5GDecoder(LDPC5GEncoder(40, 80), **settings)


def test_argument_types():
    with pytest.raises(TypeError, match="encoder: a str given"):
        LDPC5GDecoder("ldpc")
    for name in ("hard_out", "return_infobits", "prune_pcm", "harq_mode", "return_num_iter"):
        with pytest.raises(TypeError, match=f"{name}: 1 is not a bool"):
            LDPC5GDecoder(LDPC5GEncoder(40, 80), **{name: 1})
    decoder = LDPC5GDecoder(LDPC5GEncoder(40, 80), **LAYERED, arithmetic="int8")
    with pytest.raises(ValueError, match="needs CPU tensors that ask for no gradient"):
        decoder(torch.zeros(1, 80, requires_grad=True))


def test_properties_are_sionnas():
    encoder = SionnaEncoder(300, 700)
    ours, sionnas = LDPC5GDecoder(encoder), SionnaDecoder(encoder)
    for name in ("num_cns", "num_vns", "n", "coderate", "num_edges", "num_iter", "llr_max", "return_state"):
        assert getattr(ours, name) == getattr(sionnas, name), name
    assert (ours.pcm != sionnas.pcm).nnz == 0
    assert ours.encoder is encoder
