"""Bad input is refused by a ValueError that names what was given and what is allowed.

On the command line it gives the same message, exit code 2, and no traceback.
"""

import numpy as np
import pytest
import torch

from tokencom.linklevel import DigitalLink, Draws, FlatAirInterface, Modulation, SourceLink, TransportBlockCoder
from tokencom.linklevel.air import CDLChannel, OFDMAirInterface, TDLChannel
from tokencom.linklevel.codes.registry import make_code
from tokencom.linklevel.sources import JPEG, UTF8
from tokencom.scenarios.cli import main
from tokencom.scenarios.tasks import ImageTask

NAN, INF = float("nan"), float("inf")


def qpsk_link(**options):
    return DigitalLink(
        air=FlatAirInterface(channel="awgn"), code="conv", num_bits_per_symbol=2, coderate=0.5, **options
    )


def coder():
    return TransportBlockCoder(code="conv", k=20, n=100)


def with_one(value, *shape, dtype=torch.float32):
    tensor = torch.zeros(shape, dtype=dtype)
    tensor[0, 1] = value
    return tensor


def tdl_grid(**options):
    channel = TDLChannel(model="A", delay_spread=100e-9, carrier_frequency=3.5e9)
    return OFDMAirInterface(channel=channel, **{"fft_size": 12, **options})


def jpeg_link(num_channel_uses):
    return SourceLink(
        air=FlatAirInterface(channel="awgn"), source=JPEG(shape=(64, 64, 3)), mcs=[(0.5, 2), (0.5, 4)],
        num_channel_uses=num_channel_uses,
    )  # fmt: skip


CASES = {
    "NaN in LLRs": (lambda: coder().decode(with_one(NAN, 2, 100)), "llr: 1 of 200 elements are NaN or infinite"),
    "infinite LLR": (lambda: coder().decode(with_one(INF, 2, 100)), "llr: 1 of 200 elements are NaN or infinite"),
    "NaN in symbols to demap": (
        lambda: Modulation("qam", 4).demap(with_one(NAN, 2, 5, dtype=torch.complex64), torch.tensor(0.1)),
        "symbols: 1 of 10 elements",
    ),
    "negative variance": (
        lambda: Modulation("qam", 4).demap(torch.zeros(2, 5, dtype=torch.complex64), torch.tensor(-0.1)),
        "no_eff: .* at least 0",
    ),
    "infinite symbol to send": (
        lambda: tdl_grid()(with_one(INF, 2, 5, dtype=torch.complex64), 0.1, Draws(seed=1)),
        "x: 1 of 10 elements are NaN or infinite",
    ),
    "SNR that is not finite": (
        lambda: qpsk_link(num_bits=8)(torch.zeros(1, 8), NAN, Draws(seed=1)),
        "snr_db: 1 of 1 elements",
    ),
    "shape of LLRs": (lambda: coder().decode(torch.zeros(2, 99)), r"llr: shape \[2, 99\] given, \[batch, 100\]"),
    "shape of bits": (lambda: coder().encode(torch.zeros(2, 19)), r"bits: shape \[2, 19\] given, \[batch, 20\]"),
    "shape of a payload": (
        lambda: qpsk_link(num_bits=8)(torch.zeros(2, 9), 3.0, Draws(seed=1)),
        r"payload: shape \[2, 9\] given, \[batch, 8\]",
    ),
    "shape of symbols": (
        lambda: tdl_grid()(torch.zeros(5, dtype=torch.complex64), 0.1, Draws(seed=1)),
        r"x: shape \[5\] given, \[batch, num_symbols\]",
    ),
    "shape of an image": (
        lambda: jpeg_link(4000)([np.zeros((32, 64, 3), np.uint8)], 3.0, Draws(seed=1)),
        r"\(32, 64, 3\).*\(64, 64, 3\)",
    ),
    "k > n of a code": (lambda: make_code("ldpc5g", k=200, n=100), "k: 200 .* n = 100 .*k <= n"),
    "k > n of a transport block": (
        lambda: TransportBlockCoder(code="turbo", k=200, n=100),
        "n: 100 .* k = 200 .* at least 224",
    ),
    "pilots everywhere": (
        lambda: tdl_grid(num_ofdm_symbols=4, pilot_ofdm_symbol_indices=range(4)),
        r"pilot_ofdm_symbol_indices: \[0, 1, 2, 3\] fill all 4 .* none is left for data",
    ),
    "guards everywhere": (lambda: tdl_grid(num_guard_carriers=(6, 6)), r"num_guard_carriers: .*6.*fft_size"),
    "budget below the smallest JPEG": (
        lambda: jpeg_link(600)([np.zeros((64, 64, 3), np.uint8)], 3.0, Draws(seed=1)),
        r"num_channel_uses: 600 given.* at least \d+ are needed for the smallest jpeg file of an item",
    ),
    "budget below any text": (
        lambda: SourceLink(
            air=FlatAirInterface(channel="awgn"), source=UTF8(), mcs=[(0.5, 2)], num_channel_uses=10
        ),
        r"num_channel_uses: 10 given.* at least \d+ are needed",
    ),
    "unknown flat channel": (
        lambda: FlatAirInterface(channel="rayliegh"),
        "channel: 'rayliegh' is not known; allowed: 'awgn', 'rayleigh', 'rician'; did you mean 'rayleigh'",
    ),
    "unknown TDL": (
        lambda: TDLChannel(model="F", delay_spread=1e-7, carrier_frequency=3.5e9),
        "model: 'F' is not known; allowed: 'A', 'B', 'C', 'D', 'E'",
    ),
    "unknown CDL": (
        lambda: CDLChannel(model="c", delay_spread=1e-7, carrier_frequency=3.5e9),
        "model: 'c' is not known; .*did you mean 'C'",
    ),
    "unknown code": (
        lambda: TransportBlockCoder(code="lpdc5g", k=20, n=100),
        "code: 'lpdc5g' is not known; .*did you mean 'ldpc5g'",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_api_names_what_was_given_and_what_is_allowed(case):
    call, message = CASES[case]
    with pytest.raises(ValueError, match=f"(?s){message}"):
        call()


@pytest.fixture
def no_image(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "broken.png").write_bytes(b"this is no image")
    return folder


def test_a_file_that_is_no_image_is_named(no_image):
    with pytest.raises(ValueError, match=r"broken\.png.* is no readable image"):
        ImageTask(data=str(no_image), size=32)


SMALL = ["stop={batch_size: 2, max_mc_iter: 1}"]
COMMANDS = {
    "k > n": (
        "ber/codes_awgn", ["schemes.0.link.k=2000", "task.num_bits=2000"],
        ["schemes.0.link.k", "2000", "k <= n is needed"],
    ),
    "no room for data": (
        "quickstart", ["air.num_ofdm_symbols=2", "air.pilot_ofdm_symbol_indices=[0, 1]"],
        ["air.pilot_ofdm_symbol_indices", "[0, 1]", "leaves no room for data"],
    ),
    "unknown channel": (
        "ber/codes_rayleigh", ["air.channel=rayliegh"],
        ["air.channel", "rayliegh", "awgn", "did you mean 'rayleigh'"],
    ),
    "unknown channel model": (
        "quickstart", ["air.channel.type=tdi"], ["air.channel", "tdi", "tdl"],
    ),
    "unknown scenario": ("quikstart", [], ["quikstart", "quickstart"]),
    "infinite SNR": ("quickstart", ["sweep.snr_db=[.inf]"], ["snr_db", "inf"]),
}  # fmt: skip


@pytest.mark.parametrize("command", ["run", "audit"])
@pytest.mark.parametrize("case", COMMANDS)
def test_command_line_names_it_too(case, command, tmp_path, monkeypatch, capsys):
    scenario, overrides, said = COMMANDS[case]
    monkeypatch.chdir(tmp_path)
    assert main([command, scenario, *overrides]) == 2
    check_said(capsys, said)
    assert list(tmp_path.iterdir()) == []


BATCHES = {
    "budget too small": (
        ["schemes.0.link.num_channel_uses=900", "schemes.0.task.data.num_images=1"],
        ["num_channel_uses: 900 given", "at least", "jpeg"],
    ),
    "no image": (
        ["schemes.0.task.data={type: folder, path: PICTURES, size: 32}"],
        ["broken.png", "no readable image"],
    ),
}


def check_said(capsys, said):
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err + captured.out
    for text in said:
        assert text in captured.err, captured.err


@pytest.fixture
def quickstart(no_image, tmp_path, monkeypatch):
    """Return a function that gives the command line a bad quickstart and returns the exit code."""
    monkeypatch.chdir(tmp_path)
    ends = {"audit": ["--draws", "1"], "run": ["--workers", "0", "--output", "out", "--quiet"]}

    def execute(command, changes):
        changes = [text.replace("PICTURES", str(no_image)) for text in changes]
        return main([command, "quickstart", *SMALL, *changes, *ends[command]])

    return execute


@pytest.mark.parametrize("command", ["run", "audit"])
@pytest.mark.parametrize("case", BATCHES)
def test_what_only_shows_when_it_runs_is_named_too(case, command, quickstart, capsys):
    changes, said = BATCHES[case]
    assert quickstart(command, changes) == 2
    check_said(capsys, said)
