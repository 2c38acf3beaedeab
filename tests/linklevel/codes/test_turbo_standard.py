"""The Turbo code against a second implementation, written bit by bit from TS 36.212."""

from math import ceil

import pytest
import torch

from tokencom.linklevel.codes import TurboLTE
from tokencom.linklevel.codes.rate_matching import CONV_COLUMNS, conv_order
from tokencom.linklevel.codes.turbo import SIZES

# Table 5.1.3-3, some rows: K -> f1, f2.
QPP = {40: (3, 10), 48: (7, 12), 64: (7, 16), 104: (7, 26), 512: (31, 64), 528: (17, 66), 1024: (31, 64),
       1056: (17, 66), 2048: (31, 64), 4096: (31, 64), 6144: (263, 480)}  # fmt: skip
P = [0, 16, 8, 24, 4, 20, 12, 28, 2, 18, 10, 26, 6, 22, 14, 30,
     1, 17, 9, 25, 5, 21, 13, 29, 3, 19, 11, 27, 7, 23, 15, 31]  # fmt: skip


def constituent(bits):
    """Return systematic and parity bits with the 3 tail steps: g0 = 1 + D^2 + D^3, g1 = 1 + D + D^3."""
    register, x, z = [0, 0, 0], [], []
    for step in range(len(bits) + 3):
        feedback = register[1] ^ register[2]
        u = int(bits[step]) if step < len(bits) else feedback
        a = u ^ feedback
        x.append(u)
        z.append(a ^ register[0] ^ register[2])
        register = [a, register[0], register[1]]
    assert register == [0, 0, 0]
    return x, z


def turbo_streams(c):
    """Clause 5.1.3.2: d(0), d(1), d(2), with the trellis termination of 5.1.3.2.2."""
    k = len(c)
    f1, f2 = QPP[k]
    x, z = constituent(c)
    x2, z2 = constituent([c[(f1 * i + f2 * i * i) % k] for i in range(k)])
    d0 = [*x[:k], x[k], z[k + 1], x2[k], z2[k + 1]]
    d1 = [*z[:k], z[k], x[k + 2], z2[k], x2[k + 2]]
    d2 = [*z2[:k], x[k + 1], z[k + 2], x2[k + 1], z2[k + 2]]
    return d0, d1, d2


def rate_match(d0, d1, d2, e, filler):
    """Clause 5.1.4.1 for rv 0; `None` is <NULL>."""
    d0, d1 = ([None] * filler + d[filler:] for d in (d0, d1))
    d = len(d0)
    rows = ceil(d / 32)
    size = rows * 32
    y0, y1, y2 = ([None] * (size - d) + stream for stream in (d0, d1, d2))

    def columns(y):
        return [y[row * 32 + P[column]] for column in range(32) for row in range(rows)]

    v0, v1 = columns(y0), columns(y1)
    v2 = [y2[(P[k // rows] + 32 * (k % rows) + 1) % size] for k in range(size)]
    w = [None] * (3 * size)
    for k in range(size):
        w[k], w[size + 2 * k], w[size + 2 * k + 1] = v0[k], v1[k], v2[k]
    ncb = 3 * size
    k0 = rows * (2 * ceil(ncb / (8 * rows)) * 0 + 2)
    out, j = [], 0
    while len(out) < e:
        bit = w[(k0 + j) % ncb]
        if bit is not None:
            out.append(bit)
        j += 1
    return out


@pytest.mark.parametrize(
    ("k", "n"),
    [
        (40, 132),
        (40, 50),
        (40, 400),
        (39, 80),
        (60, 97),
        (1, 9),
        (510, 1000),
        (520, 3000),
        (1050, 1500),
        (6144, 7000),
    ],
)
def test_coded_bits_equal_the_standards(k, n):
    bits = torch.randint(0, 2, (2, k), generator=torch.Generator().manual_seed(k)).float()
    code = TurboLTE(k=k, n=n)
    filler = code.num_filler_bits
    coded = code.encode(bits)
    for row in range(2):
        c = [0] * filler + bits[row].int().tolist()
        assert coded[row].int().tolist() == rate_match(*turbo_streams(c), n, filler)


def test_there_are_188_sizes():
    assert len(SIZES) == 188
    assert SIZES[0] == 40
    assert SIZES[-1] == 6144


@pytest.mark.parametrize("size", [40, 104, 528])
def test_each_bit_leaves_the_buffer_once_at_the_mother_rate(size):
    code = TurboLTE(k=size, n=3 * size + 12)
    assert sorted(code._matcher.index.tolist()) == list(range(3 * size + 12))


def test_convolutional_order_follows_the_sub_block_interleaver():
    length, streams = 45, 2
    rows = ceil(length / 32)
    order = []
    for i in range(streams):
        y = [None] * (32 * rows - length) + [streams * k + i for k in range(length)]
        order += [y[row * 32 + column] for column in CONV_COLUMNS for row in range(rows)]
    assert conv_order(length, streams).tolist() == [position for position in order if position is not None]


@pytest.mark.parametrize(("k", "n"), [(13, 16), (19, 23), (110, 121), (200, 218)])
def test_the_least_length_resolves_without_noise(k, n):
    assert TurboLTE.min_n(k) == n
    code = TurboLTE(k=k, n=n, algorithm="maxlog")
    bits = torch.randint(0, 2, (4, k), generator=torch.Generator().manual_seed(k)).float()
    assert torch.equal(code.decode(20 * code.encode(bits) - 10), bits)
