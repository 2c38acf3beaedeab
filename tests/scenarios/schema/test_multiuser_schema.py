"""Devices and access in a scenario file."""

import pytest
import torch
from pydantic import TypeAdapter

from tokencom.linklevel import Draws, FlatAirInterface, Tokens
from tokencom.linklevel.multiuser import OrthogonalAccess, UplinkMIMO
from tokencom.scenarios.schema.links import Link
from tokencom.scenarios.schema.multiuser import Devices
from tokencom.scenarios.schema.schemes import TokenScheme

JSCC = {"type": "jscc", "codec": "dense", "length": "known"}
ANALOG = {"type": "analog", "max_num_tokens": 15}


def config(links=(JSCC, ANALOG), num_tokens=(4,), **access) -> dict:
    access = access or {"type": "uplink_mimo"}
    return {"type": "devices", "links": list(links), "num_tokens": list(num_tokens), "access": access}


@pytest.mark.parametrize(
    ("access", "kind"),
    [
        ({"type": "uplink_mimo", "detector": "zf", "path_gain_db": [0, -3], "power_control": "inversion"}, UplinkMIMO),
        ({"type": "orthogonal", "shares": "weakest", "weights": [1, 2], "domain": "frequency"}, OrthogonalAccess),
    ],
)
def test_devices_are_built(access, kind):
    described = TypeAdapter(Link).validate_python(config(**access))
    assert isinstance(described, Devices)
    assert described.learned
    link = described.build(air=FlatAirInterface(channel="rayleigh", num_rx_ant=2), dim=8)
    assert isinstance(link.users.access, kind)
    assert all(
        getattr(link.users.access, name) == (tuple(value) if isinstance(value, list) else value)
        for name, value in access.items() if name != "type"
    )  # fmt: skip
    assert link(Tokens(torch.ones(2, 6, 8)), 20.0, Draws(seed=1)).payload.values.shape == (2, 6, 8)
    assert TypeAdapter(Link).validate_python(described.model_dump()) == described


def test_nothing_is_learned_by_analog_devices():
    assert not Devices.model_validate(config([ANALOG, ANALOG])).learned


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (config(num_tokens=(4, 4)), r"num_tokens: \[4, 4\] has 2 entries; 2 links need 1"),
        (config(type="uplink_mimo", path_gain_db=[0.0]), r"access.path_gain_db: \[0.0\] has 1 entries; 2 links need 2"),
        (config(type="uplink_mimo", angles_deg=[0.0]), "access.angles_deg"),
        (config(type="orthogonal", shares="weakest", weights=[1.0]), "access.weights"),
        (config(type="orthogonal", weights=[1.0, 1.0]), "they need 'weakest'"),
        (config(type="orthogonal", power="shared"), "it needs 'weakest'"),
        (config(type="orthogonal", shares="weakest", power="shared", power_control="inversion"), "sets the power too"),
        (config([{**JSCC, "weights": "x.safetensors"}, ANALOG]), "devices are trained together"),
        (config(type="noma"), "noma"),
    ],
)
def test_what_does_not_fit_is_named(given, message):
    with pytest.raises(ValueError, match=message):
        Devices.model_validate(given)


def test_without_numbers_of_tokens_those_of_the_system_are_agreed():
    described = Devices.model_validate({"type": "devices", "links": [JSCC, ANALOG], "access": {"type": "orthogonal"}})
    assert described.needs_num_tokens
    system = {"devices": [{"num_tokens": 3}, {"num_tokens": 32}]}
    link = described.build(air=FlatAirInterface(channel="rayleigh"), dim=8, trained_for=system)
    assert link.num_tokens == (3,)
    with pytest.raises(ValueError, match="num_tokens: 0 given for 2 devices"):
        described.build(air=FlatAirInterface(channel="rayleigh"), dim=8)


def test_other_systems_do_not_say_what_devices_send():
    given = {"name": "a", "type": "token", "system": {"type": "deepsc"}, "link": config(num_tokens=())}
    with pytest.raises(ValueError, match="only a system of type tokcom says what its devices send"):
        TokenScheme.model_validate(given)
