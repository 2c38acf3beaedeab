"""Rules between fields, through the Python constructors."""

import pytest
from pydantic import ValidationError

from tokencom.scenarios.schema import (
    CDL,
    TDL,
    Bits,
    Digital,
    DigitalScheme,
    FlatAir,
    OFDMAir,
    RMa,
    Scenario,
    codes,
    sources,
    tasks,
    theory,
)

TDL_A = TDL(model="A", delay_spread=1e-7)


def ofdm(**changes):
    return lambda: OFDMAir(**{"channel": TDL_A, "fft_size": 72, **changes})


def flat(**changes):
    return lambda: FlatAir(**changes)


def link(**changes):
    return lambda: Digital(**{"code": "ldpc5g", "num_bits_per_symbol": 2, "coderate": 0.5, **changes})


def scenario(source=None, task=None, air=None, **changes):
    scheme = DigitalScheme(name="a", link=link(**(changes.pop("link", {})))(), source=source)
    fields = {
        "name": "t",
        "snr_db": 0,
        "task": task or Bits(num_bits=10),
        "air": air or FlatAir(),
        "schemes": [scheme],
    }
    return lambda: Scenario(**{**fields, **changes})


def scheme(source=None, **changes):
    return lambda: DigitalScheme(name="a", source=source, link=Digital(**{"code": "ldpc5g", **changes}))


BUDGET = {"link": {"num_channel_uses": 100}}


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (flat(channel="rician"), "k_factor_db: None is missing"),
        (flat(k_factor_db=3), "'awgn' has no K factor"),
        (scenario(along="air.channel", sweep={"snr_db": (0, 6)}), "along: 'air.channel' is not swept"),
        (
            scenario(
                along="precision",
                sweep={"precision": ("single", "double")},
                theory=[theory.ErgodicCapacity(name="t")],
            ),
            "lines of theory are over the SNR",
        ),
        (flat(channel="rayleigh", fading="symbol", csi="estimated", num_pilots=2), "needs a fade that lasts"),
        (flat(channel="rayleigh", csi="estimated"), "num_pilots: 0 is too few"),
        (flat(channel="rayleigh", num_pilots=2), "csi 'perfect' uses no pilots"),
        (flat(channel="rayleigh", num_streams=2), "is fewer than num_streams = 2"),
        (flat(num_streams=2, num_rx_ant=2), "matrix has rank 1"),
        (flat(channel="rayleigh", csi="none", num_rx_ant=2), "csi 'none' takes 1"),
        (ofdm(num_guard_carriers=(36, 36)), "leaves no subcarrier of fft_size = 72"),
        (ofdm(num_guard_carriers=(36, 35), dc_null=True), "with the DC carrier empty"),
        (ofdm(num_guard_carriers=(-1, 2)), "must not be negative"),
        (ofdm(cyclic_prefix_length=73), "longer than the OFDM symbol"),
        (ofdm(pilot_pattern="none", csi="estimated"), "leaves nothing to estimate from"),
        (ofdm(pilot_ofdm_symbol_indices=(2, 14)), "must lie in the grid: from 0 to 13"),
        (ofdm(pilot_ofdm_symbol_indices=(2, 2)), "names an OFDM symbol twice"),
        (ofdm(pilot_ofdm_symbol_indices=()), "is empty"),
        (ofdm(pilot_ofdm_symbol_indices=tuple(range(14))), "leaves no room for data"),
        (ofdm(fft_size=73, num_streams=2, num_rx_ant=2), "does not divide the 73 used subcarriers"),
        (lambda: RMa(carrier_frequency=28e9), "above 7 GHz"),
        (link(num_bits_per_symbol=3), "not a size of constellation_type 'qam'"),
        (link(constellation_type="psk", num_bits_per_symbol=9), "less than or equal to 8"),
        (
            link(mcs=[{"coderate": 0.5, "num_bits_per_symbol": 3}], coderate=None, num_bits_per_symbol=None),
            "mcs.0.num_bits_per_symbol: 3 is not a size",
        ),
        (link(mcs=[{"coderate": 0.5, "num_bits_per_symbol": 2}]), "is given beside mcs"),
        (link(k=5, n=10), "is given beside k and n"),
        (link(code="uncoded"), "is not 1, the rate of code 'uncoded'"),
        (lambda: codes.Polar5G(list_size=6), "list_size: 6 is not a size"),
        (lambda: codes.Conv(generators=(133, 181)), "not octal numbers"),
        (lambda: codes.Conv(generators=(1, 1)), "not octal numbers"),
        (lambda: codes.LDPC(d_v=6), "must be more than d_v = 6"),
        (scheme(coderate=0.5), "link.num_bits_per_symbol: None is missing"),
        (scheme(num_bits_per_symbol=2), "link.coderate: None is missing"),
        (
            scheme(num_bits_per_symbol=2, coderate=0.5, num_channel_uses=9),
            "serves a scheme with a source only",
        ),
        (
            scheme(sources.WebP(), num_bits_per_symbol=2, coderate=0.5),
            "link.num_channel_uses: None is missing",
        ),
        (scheme(sources.WebP(), num_channel_uses=99), "give it and coderate, or a list mcs"),
        (
            scheme(sources.WebP(), num_bits_per_symbol=2, k=10, n=20, num_channel_uses=99),
            "the budget and the coderate set",
        ),
        (
            scheme(
                sources.WebP(), num_bits_per_symbol=2, coderate=0.5, num_channel_uses=99, mcs_backoff_db=1
            ),
            "no list mcs",
        ),
        (scenario(ebno_db=3), "is given beside snr_db"),
        (scenario(snr_db=None), "is missing; give snr_db or ebno_db"),
        (scenario(task=tasks.Image()), "task 'image' sends images, which need a source coder"),
        (scenario(source=sources.WebP(), **BUDGET), "the task 'bits' needs no source"),
        (
            scenario(source=sources.UTF8(), task=tasks.Image(), **BUDGET),
            "codes texts, but task 'image' sends images",
        ),
        (
            scenario(source=sources.WebP(), task=tasks.Image(), snr_db=None, ebno_db=1, **BUDGET),
            "has no meaning for scheme 'a'",
        ),
        (scenario(air=FlatAir(channel="rayleigh", csi="none")), "is detected coherently"),
        (scenario(link={"coderate": None, "k": 20, "n": 40}), "is not the task's num_bits = 10"),
        (
            lambda: theory.UncodedBER(name="a", params={"num_bits_per_symbol": 3}),
            "is not a size of constellation_type",
        ),
        (
            lambda: theory.OutageProbability(name="a", params={"rate": 1, "channel": "rician"}),
            "needs its K factor",
        ),
        (
            scenario(snr_db=None, ebno_db=1, theory=[{"type": "ergodic_capacity", "name": "C"}]),
            "has no place on an Eb/N0 axis",
        ),
    ],
)
def test_what_contradicts_itself_is_refused(build, message):
    with pytest.raises(ValidationError) as caught:
        build()
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "build",
    [
        flat(csi="none"),
        flat(channel="rician", k_factor_db=3, fading="symbol", num_streams=2, num_rx_ant=4),
        flat(channel="rayleigh", csi="estimated", num_pilots=2),
        ofdm(num_streams=4, num_rx_ant=4, equalizer="zf"),
        ofdm(pilot_pattern="none", pilot_ofdm_symbol_indices=(99,)),
        ofdm(channel=CDL(model="D", delay_spread=1e-7, bs_pattern=38.901)),
        link(constellation_type="psk", num_bits_per_symbol=3),
        link(code={"type": "turbo", "num_iter": 8, "algorithm": "maxlog"}),
        link(code="uncoded", coderate=None),
        scheme(
            sources.WebP(),
            num_channel_uses=99,
            mcs=[{"coderate": "0.5", "num_bits_per_symbol": "2"}],
            mcs_backoff_db=1,
        ),
        scenario(source=sources.WebP(), task=tasks.Image(), **BUDGET),
        scenario(source=sources.HuffmanText(), task=tasks.Text(), **BUDGET),
        scenario(air=FlatAir(csi="none")),  # AWGN: the receiver knows the channel by definition
        scenario(snr_db=None, ebno_db="3"),
        scenario(link={"coderate": None, "k": 10, "n": 40}),
    ],
)
def test_what_makes_sense_is_accepted(build):
    build()


def test_a_part_is_frozen_and_keyword_only():
    air = FlatAir()
    with pytest.raises(ValidationError, match="frozen"):
        air.csi = "none"
    with pytest.raises(TypeError):
        FlatAir("awgn")
    with pytest.raises(ValidationError, match="Extra inputs"):
        FlatAir(chanel="awgn")


def test_every_field_says_what_it_is():
    from tokencom.scenarios.schema import json_schema

    schema = json_schema()
    for name, model in {"Scenario": schema, **schema["$defs"]}.items():
        for field, about in model["properties"].items():
            if field != "type":
                assert about.get("description"), (name, field)
