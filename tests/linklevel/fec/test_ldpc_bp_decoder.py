"""LDPCBPDecoder on all kinds of matrices: against exact MAP, Sionna and pyldpc."""

import itertools

import numpy as np
import pyldpc
import pytest
import scipy.sparse as sp
import torch
from scipy.stats import binomtest
from sionna.phy.fec.ldpc import LDPCBPDecoder as SionnaDecoder
from sionna.phy.fec.utils import load_parity_check_examples

from tokencom.linklevel.fec import LDPCBPDecoder, wimax_pcm

TREE = np.array([[1, 1, 1, 0, 0, 0, 0], [0, 0, 1, 1, 1, 0, 0], [0, 0, 0, 0, 1, 1, 1]])
LAYERED = {"cn_update": "minsum", "scale": 0.75, "cn_schedule": "layered"}


def all_zero_llr(num_frames, n, variance, seed):
    """LLRs of the all-zero codeword, BPSK in white noise."""
    noise = torch.randn(num_frames, n, generator=torch.Generator().manual_seed(seed))
    return 2 / variance * (-1 + variance**0.5 * noise)


def failures(bits):
    return int(bits.any(dim=1).sum())


@pytest.mark.parametrize("cn_update", ["boxplus-phi", "boxplus"])
@pytest.mark.parametrize("schedule", ["flooding", "layered"])
def test_exact_on_a_graph_without_cycles(cn_update, schedule):
    words = np.array([w for w in itertools.product([0, 1], repeat=7) if not (TREE @ w % 2).any()])
    llr = 3 * torch.randn(50, 7, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    weight = torch.exp(llr @ torch.tensor(words.T, dtype=torch.float64))
    expected = torch.stack(
        [torch.log(weight[:, words[:, i] == 1].sum(1) / weight[:, words[:, i] == 0].sum(1)) for i in range(7)], 1
    )
    decoder = LDPCBPDecoder(TREE, cn_update, cn_schedule=schedule, hard_out=False, num_iter=5, llr_max=None)
    np.testing.assert_allclose(decoder(llr.float()), expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("index", [0, 1, 3, 4])
@pytest.mark.parametrize("cn_update", ["boxplus-phi", "minsum", "offset-minsum"])
def test_sionnas_example_codes(index, cn_update):
    pcm, k, n, _ = load_parity_check_examples(index)
    llr = all_zero_llr(20, n, 0.5 * n / k, 2)
    for settings in ({"num_iter": 1, "hard_out": False}, {"num_iter": 0}):
        expected = SionnaDecoder(pcm, cn_update, **settings)(llr)
        torch.testing.assert_close(LDPCBPDecoder(pcm, cn_update, **settings)(llr), expected, rtol=1e-3, atol=1e-2)


def test_layered_is_sionnas_schedule_of_single_checks():
    pcm, _, n, _ = load_parity_check_examples(3)
    llr = all_zero_llr(4, n, 1.0, 3)
    schedule = np.arange(pcm.shape[0])[:, None]
    expected = SionnaDecoder(pcm, "minsum", cn_schedule=schedule, num_iter=2, hard_out=False)(llr)
    decoded = LDPCBPDecoder(pcm, "minsum", cn_schedule="layered", num_iter=2, hard_out=False)(llr)
    torch.testing.assert_close(decoded, expected, rtol=0, atol=1e-4)
    asked = llr.clone().requires_grad_()
    delegated = LDPCBPDecoder(pcm, "minsum", cn_schedule="layered", num_iter=2, hard_out=False)(asked)
    assert delegated.requires_grad
    torch.testing.assert_close(delegated.detach(), expected)


def test_matrix_types_agree(tmp_path):
    pcm = wimax_pcm(576)
    llr = all_zero_llr(70, 576, 0.6, 4)
    expected = LDPCBPDecoder(pcm, **LAYERED)(llr)
    path = tmp_path / "code.alist"
    columns = [np.flatnonzero(c) + 1 for c in pcm.T.toarray()]
    lines = ["576 288", f"{max(map(len, columns))} 7", " ".join(str(len(c)) for c in columns), "6"]
    path.write_text("\n".join([*lines, *(" ".join(map(str, c)) for c in columns)]))
    for other in (pcm.toarray(), pcm.tocsc(), sp.coo_array(pcm), pcm.astype(bool), str(path), path):
        assert torch.equal(LDPCBPDecoder(other, **LAYERED)(llr), expected)


@pytest.mark.parametrize("arithmetic", ["float32", "int8", "int16"])
def test_wimax_frame_error_rate(arithmetic):
    variance = 1 / (2 * 10**0.2 * 0.5)  # Eb/N0 = 2 dB
    settings = {**LAYERED, "scale": 0.8}
    decoder = LDPCBPDecoder(wimax_pcm(576), **settings, arithmetic=arithmetic)
    count = failures(decoder(all_zero_llr(8192, 576, variance, 5)))
    assert count / 8192 <= 0.04


def regular_pcm(n, seed):
    """A random (3, 6)-regular code, some double edges cancelled."""
    rng = np.random.default_rng(seed)
    columns = np.concatenate([rng.permutation(n) for _ in range(3)])
    pcm = sp.coo_matrix((np.ones(3 * n), (np.repeat(np.arange(n // 2), 6), columns)), shape=(n // 2, n)).tocsr()
    pcm.data %= 2
    return pcm


def test_int8_holds_on_a_long_regular_code():
    pcm = regular_pcm(8000, 0)
    llr = all_zero_llr(400, 8000, 1 / 10**0.16, 6)  # Eb/N0 = 1.6 dB
    in_float = failures(LDPCBPDecoder(pcm, **LAYERED)(llr))
    bits = LDPCBPDecoder(pcm, **LAYERED, arithmetic="int8")(all_zero_llr(400, 8000, 1 / 10**0.17, 6))
    assert failures(bits) <= in_float + 4 * (in_float + 1) ** 0.5
    assert bits.mean() < 1e-3


def test_pyldpc_decodes_as_well_on_its_own_code():
    checks, generator = pyldpc.make_ldpc(96, 3, 6, systematic=True, sparse=True, seed=1)
    k, snr_db, num_frames = generator.shape[1], 2.0, 300
    rng = np.random.default_rng(2)
    words = generator @ rng.integers(0, 2, (k, num_frames)) % 2
    variance = 10 ** (-snr_db / 10)
    received = (-1.0) ** words + variance**0.5 * rng.standard_normal(words.shape)
    theirs = pyldpc.decode(checks, received, snr_db, maxiter=20)
    ours = LDPCBPDecoder(checks, cn_update="boxplus")(torch.tensor(-2 / variance * received.T)).numpy().T
    their_errors = int((theirs != words).any(axis=0).sum())
    our_errors = int((ours != words).any(axis=0).sum())
    assert their_errors > 3
    interval = binomtest(their_errors, num_frames).proportion_ci(1 - 1e-4)
    assert interval.low <= our_errors / num_frames <= interval.high


def test_checks_of_degree_zero_and_one_and_variables_of_none():
    pcm = np.array([[0, 0, 0, 0], [0, 1, 0, 0], [1, 0, 1, 0]])
    llr = torch.tensor([[3.0, 5.0, -1.0, 2.0], [-2.0, -4.0, 0.5, -1.0]])
    for cn_update in ("boxplus-phi", "minsum"):
        expected = SionnaDecoder(pcm[1:], cn_update, num_iter=2, hard_out=False)(llr)
        decoded = LDPCBPDecoder(pcm, cn_update, num_iter=2, hard_out=False)(llr)
        torch.testing.assert_close(decoded, expected, rtol=0, atol=0.8)
        assert torch.equal(LDPCBPDecoder(pcm, cn_update)(llr), SionnaDecoder(pcm[1:], cn_update)(llr))


def test_wrong_matrices_are_refused():
    with pytest.raises(ValueError, match="pcm: entry 2"):
        LDPCBPDecoder(np.array([[1, 2]]))
    with pytest.raises(ValueError, match=r"pcm: shape \[3\] given"):
        LDPCBPDecoder(np.ones(3))
    with pytest.raises(TypeError, match="pcm: a list given"):
        LDPCBPDecoder([[1, 1]])


def test_input_of_the_wrong_length_is_refused():
    with pytest.raises(ValueError, match=r"llr_ch: shape \[2, 6\] given, \[\.\.\., 7\] expected"):
        LDPCBPDecoder(TREE)(torch.zeros(2, 6))
    assert LDPCBPDecoder(TREE)(torch.zeros(0, 7)).shape == (0, 7)
    with pytest.raises(ValueError, match="NaN"):
        LDPCBPDecoder(TREE)(torch.full((1, 7), torch.nan))
