import hashlib
import json

import pytest
from pydantic import ValidationError

from tokencom.scenarios.schema import (
    Bits,
    Digital,
    DigitalScheme,
    FlatAir,
    Scenario,
    load_scenario,
    point_hash,
)


def _scenario(**changes):
    fields = {
        "name": "trial",
        "task": Bits(num_bits=100),
        "air": FlatAir(),
        "schemes": [DigitalScheme(name="QPSK", link=Digital(code="uncoded", num_bits_per_symbol=2))],
        "sweep": {"snr_db": [0, 3]},
    }
    return Scenario(**{**fields, **changes})


def test_the_last_path_varies_fastest(write):
    values = [dict(point.values) for point in load_scenario(write()).points()]
    assert values[:3] == [
        {"snr_db": 0, "air.channel.speed": 0},
        {"snr_db": 0, "air.channel.speed": 3},
        {"snr_db": 6, "air.channel.speed": 0},
    ]
    assert len(values) == 6


def test_points_hold_their_values(write):
    for point in load_scenario(write()).points():
        assert point.scenario.snr_db == point.values["snr_db"]
        assert point.scenario.air.channel.speed == point.values["air.channel.speed"]
        assert point.scenario.sweep == {}


def test_without_a_sweep_there_is_one_point():
    (point,) = _scenario(sweep={}, snr_db=3).points()
    assert dict(point.values) == {}
    assert point.scenario.snr_db == 3
    assert point.hash == point_hash({})


def test_the_hash_is_blake2b_of_canonical_json():
    text = json.dumps({"a": "x", "snr_db": 6}, sort_keys=True, separators=(",", ":"))
    expected = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")
    assert point_hash({"snr_db": 6.0, "a": "x"}) == expected


@pytest.mark.parametrize("alike", [(6, 6.0), (0, -0.0), ([1, 2], (1.0, 2.0)), ({"a": 1}, {"a": 1.0})])
def test_equal_values_hash_alike(alike):
    assert point_hash({"x": alike[0]}) == point_hash({"x": alike[1]})


@pytest.mark.parametrize("different", [(6, "6"), (1, True), (0, None), (0.1, 0.1000001), ([1], 1)])
def test_different_values_hash_apart(different):
    assert point_hash({"x": different[0]}) != point_hash({"x": different[1]})


def test_a_hash_depends_on_the_values_only():
    def hashes(**changes):
        return {point.values["snr_db"]: point.hash for point in _scenario(**changes).points()}

    alone, among = hashes(sweep={"snr_db": [3]}), hashes(sweep={"snr_db": ["-1e1", 0, "3e0", 7.5]})
    assert alone[3] == among[3]
    assert among[-10] == hashes(sweep={"snr_db": [-10]}, seed=9, name="other")[-10]
    assert len(set(among.values())) == 4


def test_whole_parts_and_types_can_be_swept():
    airs = [{"type": "flat"}, {"type": "flat", "channel": "rayleigh", "csi": "estimated", "num_pilots": 4}]
    points = _scenario(sweep={"air": airs, "snr_db": [0]}).points()
    assert [point.scenario.air.channel for point in points] == ["awgn", "rayleigh"]
    assert points[1].values["air"] == airs[1]
    codes = _scenario(
        sweep={"schemes.QPSK.link.code": ["uncoded", {"type": "ldpc5g", "num_iter": 8}]},
        snr_db=3,
        schemes=[DigitalScheme(name="QPSK", link=Digital(code="uncoded", num_bits_per_symbol=2, coderate=1))],
    )
    assert [point.scenario.schemes[0].link.code.type for point in codes.points()] == ["uncoded", "ldpc5g"]


def test_a_part_of_what_is_swept_can_be_swept():
    airs = [{"type": "flat", "channel": "awgn"}, {"type": "flat", "channel": "rayleigh"}]
    points = _scenario(sweep={"air.fading": ["block", "symbol"], "air": airs}, snr_db=0).points()
    assert [(p.scenario.air.fading, p.scenario.air.channel) for p in points] == [
        ("block", "awgn"),
        ("block", "rayleigh"),
        ("symbol", "awgn"),
        ("symbol", "rayleigh"),
    ]


def test_sweeping_a_type_drops_nothing_that_was_given(write):
    text = (
        "name: a\nsnr_db: 3\ntask: {type: image}\nair: {type: flat}\nschemes:\n- name: A\n  type: digital\n"
        "  source: {type: jpeg}\n"
        "  link: {type: digital, code: conv, coderate: 0.5, num_bits_per_symbol: 2, num_channel_uses: 999}\n"
        "sweep: {schemes.A.source.type: [jpeg, webp, avif]}\n"
    )
    scenario = load_scenario(write(text=text))
    again = Scenario.model_validate_json(scenario.model_dump_json())
    assert [p.scenario.schemes[0].source.type for p in again.points()] == ["jpeg", "webp", "avif"]


def test_a_scenario_survives_json(write):
    scenario = load_scenario(write())
    again = Scenario.model_validate_json(scenario.model_dump_json())
    assert again == scenario
    assert [p.hash for p in again.points()] == [p.hash for p in scenario.points()]
    assert [p.scenario for p in again.points()] == [p.scenario for p in scenario.points()]


@pytest.mark.parametrize(
    ("sweep", "message"),
    [
        (
            {"schemes.0.link.crc": [None], "schemes.QPSK.link.crc": ["CRC6"], "snr_db": [0]},
            "swept under two names",
        ),
        ({"snr_db": list(range(200)), "air.k_factor_db": list(range(60))}, "12000 points; at most 10000"),
        ({"stop.batch_size": [1, 2]}, "cannot be swept"),
        ({"schemes.QPSK.name": ["a", "b"], "snr_db": [0]}, "changes the names of the schemes"),
        ({"snr_db": [0, 0.0]}, "is in the list twice"),
    ],
)
def test_sweeps_that_are_refused(sweep, message):
    with pytest.raises(ValidationError, match=message):
        _scenario(sweep=sweep)


def test_an_invalid_point_is_refused():
    scenario = _scenario(sweep={"snr_db": [0, 300]})
    with pytest.raises(ValidationError, match="less than or equal to 200"):
        scenario.points()


def test_the_build_key_holds_no_snr_and_every_default():
    points = _scenario(sweep={"snr_db": [0, 3], "air.channel": ["awgn", "rayleigh"]}).points()
    keys = [point.scenario.build_key("QPSK") for point in points]
    assert keys[0] == keys[2] != keys[1] == keys[3]
    key = json.loads(keys[0])
    assert key["air"]["num_rx_ant"] == 1
    assert key["link"]["crc"] == "CRC24A"
    assert key["precision"] == "single"
