"""Laws that every code family keeps."""

import warnings

import numpy as np
import pytest
import torch
from scipy.sparse import csr_matrix

from tokencom.linklevel.codes import CODES, MatchedCode, backends_with, code_class, code_options, make_code
from tokencom.linklevel.codes.conv import generator_polynomials
from tokencom.linklevel.codes.erasures import peels

INSIDE = {
    "uncoded": [(1, 1), (50, 50)],
    "ldpc5g": [(12, 24), (40, 200), (100, 110), (293, 309), (500, 1500), (3832, 12000)],
    "turbo": [(1, 10), (40, 132), (41, 60), (100, 700)],
    "polar5g": [(12, 18), (19, 100), (64, 128), (300, 1088), (1013, 1024)],
    "conv": [(1, 7), (30, 72), (31, 40), (64, 500)],
    "ldpc": [(1, 2), (40, 76), (60, 100)],
}
CASES = [(name, k, n) for name, sizes in INSIDE.items() for k, n in sizes]
BACKENDS = ["fast", "sionna"]


def bits_of(batch, k, seed=0):
    return torch.randint(0, 2, (batch, k), generator=torch.Generator().manual_seed(seed)).float()


@pytest.fixture(autouse=True)
def _warnings_are_errors():
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        yield


def test_cases_cover_all_families():
    assert set(INSIDE) == set(CODES)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("name", "k", "n"), CASES)
def test_round_trip_shape_and_linearity(name, k, n, backend):
    code = code_class(name)(k=k, n=n, backend=backend)
    bits = bits_of(3, k)
    coded = code.encode(bits)
    assert coded.shape == (3, n)
    assert coded.dtype == torch.float32
    assert set(coded.unique().tolist()) <= {0.0, 1.0}
    decoded = code.decode(10 * coded - 5)
    assert decoded.shape == (3, k)
    assert decoded.dtype == torch.float32
    assert torch.equal(decoded, bits)
    assert torch.equal((coded[0] + coded[1]) % 2, code.encode((bits[:1] + bits[1:2]) % 2)[0])
    assert not code.encode(torch.zeros(1, k)).any()


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("name", "k", "n"), CASES)
def test_extreme_llrs_stay_harmless(name, k, n, backend):
    code = code_class(name)(k=k, n=n, backend=backend)
    bits = bits_of(2, k, seed=1)
    coded = code.encode(bits)
    assert torch.equal(code.decode((2 * coded - 1) * 1e12), bits)
    for llr in (torch.zeros(2, n), 1e6 * torch.randn(2, n, generator=torch.Generator().manual_seed(2))):
        assert set(code.decode(llr).unique().tolist()) <= {0.0, 1.0}


@pytest.mark.parametrize("name", [name for name in INSIDE if name != "uncoded"])
def test_two_decodings_are_equal(name):
    k, n = INSIDE[name][1]
    llr = torch.randn(4, n, generator=torch.Generator().manual_seed(3))
    assert torch.equal(code_class(name)(k=k, n=n).decode(llr), code_class(name)(k=k, n=n).decode(llr))


@pytest.mark.parametrize(
    ("name", "k", "n", "says"),
    [
        ("uncoded", 3, 4, "n = k"),
        ("ldpc5g", 11, 30, r"\[12, 8448\]"),
        ("ldpc5g", 8449, 20000, r"\[12, 8448\]"),
        ("ldpc5g", 100, 501, r"\[1/5, 0.95\]"),
        ("ldpc5g", 100, 105, r"\[1/5, 0.95\]"),
        ("ldpc5g", 4000, 12001, r"\[1/3, 0.95\]"),
        ("turbo", 6145, 20000, r"\[1, 6144\]"),
        ("polar5g", 11, 30, r"\[12, 1013\]"),
        ("polar5g", 40, 50, r"\[51, 1088\]"),
        ("polar5g", 40, 1089, r"\[51, 1088\]"),
        ("conv", 6145, 20000, r"\[1, 6144\]"),
        ("conv", 10, 15, "at least 16"),
        ("ldpc", 1025, 3000, r"\[1, 1024\]"),
        ("ldpc", 40, 79, r"\[47, 77\]"),
        ("turbo", 10, 9, "k <= n"),
        ("turbo", 0, 9, "allowed range"),
    ],
)
def test_outside_the_declared_range(name, k, n, says):
    with pytest.raises(ValueError, match=says):
        code_class(name)(k=k, n=n)


def test_unknown_names_come_with_the_nearest():
    with pytest.raises(ValueError, match="did you mean 'ldpc5g'"):
        make_code("ldpc5", k=20, n=40)
    with pytest.raises(ValueError, match="did you mean 'num_iter'"):
        make_code("ldpc5g", k=20, n=40, num_iters=3)
    with pytest.raises(ValueError, match="did you mean 'sionna'"):
        make_code("turbo", k=40, n=132, backend="sionnna")
    with pytest.raises(ValueError, match="no decoder for 'polar5g'"):
        make_code("polar5g", k=40, n=132, backend="commpy")
    with pytest.raises(ValueError, match="algorithm"):
        make_code("turbo", k=40, n=132, algorithm="exact")
    with pytest.raises(ValueError, match="no power of two"):
        make_code("polar5g", k=40, n=132, list_size=3)


def test_every_family_names_its_backends_and_options():
    assert backends_with("TurboDecoder") == ["fast", "sionna", "commpy"]
    assert backends_with("LDPC5GDecoder") == ["fast", "sionna"]
    assert backends_with("LDPCBPDecoder") == ["fast", "sionna", "pyldpc"]
    assert backends_with(None) == ["fast", "sionna", "commpy", "pyldpc"]
    assert code_options("conv") == {"generators": (133, 171)}
    assert set(code_options("ldpc5g")) == {"num_iter", "cn_update", "scale", "cn_schedule"}


def test_codes_are_cached():
    assert make_code("ldpc5g", k=100, n=200) is make_code("ldpc5g", k=100, n=200)
    assert make_code("conv", k=9, n=30, generators=[5, 7]) is make_code("conv", k=9, n=30, generators=[5, 7])


@pytest.mark.parametrize(
    ("name", "k", "n"),
    [("ldpc5g", 5, 30), ("ldpc5g", 50, 400), ("ldpc5g", 4000, 13000), ("polar5g", 3, 40),
     ("polar5g", 40, 2000), ("uncoded", 7, 20), ("ldpc", 40, 200)],
)  # fmt: skip
def test_matched_codes_fill_and_repeat(name, k, n):
    code = make_code(name, k=k, n=n)
    assert isinstance(code, MatchedCode)
    bits = bits_of(2, k)
    assert torch.equal(code.decode(6 * code.encode(bits) - 3), bits)


def test_fillers_that_reach_a_coded_bit_alone_are_not_sent():
    code = make_code("ldpc5g", k=5, n=25)
    coded = code.encode(torch.eye(5))
    # Bits 0 to 3 are punctured by the base graph; 4 is sent; 5 to 11 would be zeros.
    assert coded.any(dim=0).all()


def test_repeated_bits_are_combined():
    code = make_code("uncoded", k=1, n=3)
    assert code.decode(torch.tensor([[2.0, 2.0, -3.0]])).item() == 1
    assert code.decode(torch.tensor([[2.0, 2.0, -5.0]])).item() == 0


@pytest.mark.parametrize(
    ("name", "k", "n"),
    [("ldpc5g", 100, 102), ("turbo", 100, 103), ("polar5g", 50, 58), ("conv", 50, 55), ("ldpc", 50, 52)],
)
def test_above_the_top_rate_a_block_goes_uncoded_and_says_so(name, k, n):
    with pytest.warns(UserWarning, match="sent uncoded"):
        code = make_code(name, k=k, n=n)
    bits = bits_of(3, k)
    assert torch.equal(code.encode(bits)[:, :k], bits)
    assert torch.equal(code.decode(2 * code.encode(bits) - 1), bits)


@pytest.mark.parametrize("k", [*range(12, 40), 64, 100, 191, 192, 193, 256, 292, 293, 1000, 3824, 3900])
def test_ldpc5g_resolves_its_punctured_columns_at_the_least_length(k):
    n = code_class("ldpc5g").min_n(k)
    code = code_class("ldpc5g")(k=k, n=n)
    encoder = code._encoder
    known = np.zeros(encoder.n_ldpc, dtype=bool)
    sent = np.r_[2 * encoder.z : k, encoder.k_ldpc : encoder.n_ldpc][:n]
    known[k : encoder.k_ldpc] = known[sent] = True
    assert peels(csr_matrix(encoder.pcm, dtype=np.int64), known, num_iter=20)


@pytest.mark.parametrize(("k", "n"), [(250, 500), (292, 400), (293, 400), (3824, 5708), (3824, 5707), (5000, 15000)])
def test_ldpc5g_chooses_the_base_graph_that_sionna_chooses(k, n):
    from sionna.phy.fec.ldpc import LDPC5GEncoder

    ours = code_class("ldpc5g")(k=k, n=n)._encoder
    theirs = LDPC5GEncoder(k, n)
    assert ours.n_ldpc == theirs.n_ldpc
    bits = bits_of(2, k)
    assert torch.equal(ours(bits), theirs(bits))


def test_sionnas_min_sum_takes_a_scale():
    llr = 2 * torch.randn(8, 120, generator=torch.Generator().manual_seed(4))
    min_sum = {"k": 60, "n": 120, "backend": "sionna", "cn_update": "minsum", "num_iter": 5}
    plain, scaled = make_code("ldpc5g", **min_sum), make_code("ldpc5g", **min_sum, scale=0.75)
    layered = make_code("ldpc5g", **min_sum, scale=0.75, cn_schedule="layered")
    assert torch.equal(plain.decode(llr), make_code("ldpc5g", **min_sum, scale=1.0).decode(llr))
    assert not torch.equal(plain.decode(llr), scaled.decode(llr))
    coded = plain.encode(bits_of(2, 60))
    assert torch.equal(layered.decode(4 * coded - 2), bits_of(2, 60))
    with pytest.raises(ValueError, match="only cn_update='minsum' is scaled"):
        make_code("ldpc5g", k=61, n=120, backend="sionna", scale=0.5)


def test_the_fast_backend_takes_layered_offset_min_sum():
    given = {"cn_update": "offset-minsum", "cn_schedule": "layered"}
    llr = 2 * torch.randn(50, 120, generator=torch.Generator().manual_seed(6))
    default, spelled = make_code("ldpc5g", k=60, n=120), make_code("ldpc5g", k=60, n=120, **given)
    assert torch.equal(default.decode(llr), spelled.decode(llr))
    sionna = make_code("ldpc5g", k=60, n=120, backend="sionna").encode(bits_of(3, 60))
    assert torch.equal(default.encode(bits_of(3, 60)), sionna)


@pytest.mark.parametrize("generators", [(133, 171), ("5", "7"), (133, 165, 171), (23, 35)])
def test_convolutional_encoder_is_polynomial_multiplication(generators):
    k = 20
    polynomials = generator_polynomials(generators)
    steps = k + len(polynomials[0]) - 1
    n = steps * len(generators)
    code = code_class("conv")(k=k, n=n, generators=generators)
    bits = bits_of(1, k, seed=5)
    streams = [np.convolve(bits[0].numpy(), [int(c) for c in p])[:steps] % 2 for p in polynomials]
    mother = np.stack(streams, axis=1).ravel()
    assert np.array_equal(code._encoder(bits)[0].numpy(), mother)
    assert torch.equal(code.decode(2 * code.encode(bits) - 1), bits)


@pytest.mark.parametrize("generators", [(133,), (138, 171), (1, 1), (2001, 1777), (0, 7)])
def test_impossible_generators(generators):
    with pytest.raises(ValueError, match="generators"):
        make_code("conv", k=20, n=80, generators=generators)


def test_a_missing_reference_package_says_what_to_install(monkeypatch):
    import importlib

    from tokencom.linklevel.codes import backends

    real = importlib.import_module

    def without(module, package=None):
        if module.startswith("commpy"):
            raise ImportError("No module named 'commpy'")
        return real(module, package)

    monkeypatch.setattr(backends.importlib, "import_module", without)
    with pytest.raises(ValueError, match=r"scikit-commpy is not installed.*pip install tokencom\[reference\]"):
        make_code("conv", k=21, n=80, backend="commpy")
