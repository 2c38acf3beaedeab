"""CommPy and pyldpc as references: encoders bit by bit, decoders word by word."""

import numpy as np
import pytest
import torch

from tokencom.linklevel.codes import code_class, make_code
from tokencom.linklevel.codes.commpy_blocks import _trellis

convcode = pytest.importorskip("commpy.channelcoding.convcode")
turbo = pytest.importorskip("commpy.channelcoding.turbo")
pyldpc = pytest.importorskip("pyldpc")


def noisy_llrs(code, batch, no, seed=0):
    """BPSK in noise of variance no/2 a dimension: bits and LLRs."""
    generator = torch.Generator().manual_seed(seed)
    bits = torch.randint(0, 2, (batch, code.k), generator=generator).float()
    noise = (no / 2) ** 0.5 * torch.randn(batch, code.n, generator=generator)
    return bits, 4 / no * (2 * code.encode(bits) - 1 + noise)


def test_convolutional_code_words():
    code = make_code("conv", k=30, n=72)
    bits = torch.randint(0, 2, (2, 30), generator=torch.Generator().manual_seed(1)).float()
    trellis = _trellis(np.array([[0o133, 0o171]]))
    for row, word in zip(bits.int().numpy(), code._encoder(bits).int().numpy(), strict=True):
        assert np.array_equal(convcode.conv_encode(row, trellis), word)


def test_turbo_code_words_before_the_tail():
    code = make_code("turbo", k=40, n=132)
    bits = torch.randint(0, 2, (1, 40), generator=torch.Generator().manual_seed(2)).float()
    trellis = _trellis(np.array([[0b1000, 0b1110]]), np.array([[0b1011]]))

    class Interleaver:
        def interlv(self, values):
            return values[[(3 * i + 10 * i * i) % 40 for i in range(40)]]

    message = bits[0].int().numpy()
    systematic = convcode.conv_encode(message, trellis, "cont")
    second = convcode.conv_encode(Interleaver().interlv(message), trellis, "cont")
    word = code._encoder(bits)[0].int().numpy()[:120].reshape(40, 3)
    assert np.array_equal(word[:, 0], systematic[::2])
    assert np.array_equal(word[:, 1], systematic[1::2])
    assert np.array_equal(word[:, 2], second[1::2])


@pytest.mark.parametrize(
    ("name", "backend", "k", "n", "no", "batch", "allowed"),
    [
        ("conv", "commpy", 40, 92, 1.6, 24, 0),
        ("conv", "commpy", 30, 45, 0.8, 16, 0),
        ("turbo", "commpy", 40, 132, 2.2, 16, 1),
        ("turbo", "commpy", 38, 80, 1.2, 12, 1),
        ("ldpc", "pyldpc", 100, 190, 1.1, 60, 2),
    ],
)
def test_all_backends_get_the_same_words_right(name, backend, k, n, no, batch, allowed):
    """Same LLRs in: the same words out, but for ties and rounding at the edge of convergence."""
    reference = make_code(name, k=k, n=n, backend=backend)
    assert reference.backend == backend
    bits, llr = noisy_llrs(reference, batch, no)
    referred = (reference.decode(llr) == bits).all(dim=1)
    assert 0 < int(referred.sum()) < batch
    exact = {"cn_update": "boxplus", "scale": 1.0, "cn_schedule": "flooding"} if name == "ldpc" else {}
    for other in ("sionna", "fast"):
        decided = (make_code(name, k=k, n=n, backend=other, **exact).decode(llr) == bits).all(dim=1)
        assert int((decided != referred).sum()) <= allowed


@pytest.mark.parametrize(("name", "backend"), [("conv", "commpy"), ("turbo", "commpy"), ("ldpc", "pyldpc")])
def test_the_reference_round_trip(name, backend):
    code = code_class(name)(k=40, n=70, backend=backend)
    bits = torch.randint(0, 2, (2, 40), generator=torch.Generator().manual_seed(3)).float()
    assert torch.equal(code.decode(20 * code.encode(bits) - 10), bits)
    assert code.decode(torch.zeros(1, 70)).shape == (1, 40)


def test_the_regular_code_has_its_weights():
    code = make_code("ldpc", k=100, n=190, backend="pyldpc")
    pcm = code._decoder._pcm
    assert set(pcm.sum(axis=0)) == {3}
    assert set(pcm.sum(axis=1)) == {6}
    bits = torch.eye(100)
    words = torch.remainder(bits @ code._generator, 2).numpy()
    assert not (words @ pcm.T % 2).any()


def test_what_a_reference_does_not_have():
    with pytest.raises(ValueError, match="pyldpc backend has cn_update 'boxplus'"):
        make_code("ldpc", k=41, n=70, backend="pyldpc", cn_update="minsum")
    with pytest.raises(ValueError, match="commpy backend has 'map' and 'log'"):
        make_code("turbo", k=41, n=70, backend="commpy", algorithm="maxlog")
    with pytest.raises(ValueError, match="d_c"):
        make_code("ldpc", k=41, n=70, d_v=3, d_c=3)
