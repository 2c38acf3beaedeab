"""Baselines in scenario files."""

from typing import Any

import pytest
import torch
from pydantic import TypeAdapter, ValidationError

from tokencom.linklevel import FlatAirInterface
from tokencom.models.baselines import SelectiveLink
from tokencom.scenarios.schema.links import Link
from tokencom.scenarios.schema.systems import System

SYSTEMS: Any = TypeAdapter(System)
LINKS: Any = TypeAdapter(Link)
AIR = FlatAirInterface(channel="awgn")


@pytest.mark.parametrize("kind", ["deepsc", "deepsc_vqa", "udeepsc", "mobile_vlm"])
def test_a_configuration_builds_what_it_says(kind: str) -> None:
    config = SYSTEMS.validate_python({"type": kind, "preset": "tiny", "dim": 64, "heads": 2} if kind != "deepsc_vqa"
                                     else {"type": kind, "preset": "tiny", "dim": 64})  # fmt: skip
    system = config.build()
    assert system.dim == 64
    assert config.identity() == system.configuration()
    assert config.identity()["type"] == kind
    assert {parameter.device.type for parameter in system.parameters()} == {"cpu"}


def test_t_deepsc_for_texts_has_no_eyes() -> None:
    config = SYSTEMS.validate_python({"type": "udeepsc", "preset": "tiny", "answers": [], "classes": ["a", "b"]})
    system = config.build()
    assert config.payload == system.modality == "text"
    assert not hasattr(system, "image_encoder")
    assert SYSTEMS.validate_python({"type": "udeepsc"}).payload == "image"


@pytest.mark.parametrize(
    ("values", "place"),
    [
        ({"type": "udeepsc", "answers": ["yes"]}, "answers"),
        ({"type": "udeepsc", "answers": []}, "classes"),
        ({"type": "deepsc_vqa", "question": "lost"}, "question"),
        ({"type": "mobile_vlm", "weights": "nowhere"}, "weights"),
        ({"type": "deepsc", "depth": 0}, "depth"),
    ],
)
def test_wrong_systems_are_refused(values: dict[str, Any], place: str) -> None:
    with pytest.raises(ValidationError) as caught:
        SYSTEMS.validate_python(values)
    assert place in str(caught.value)


def test_a_selective_link_is_built() -> None:
    config = LINKS.validate_python(
        {
            "type": "jscc_selective",
            "codec": {"type": "dense", "symbols_per_token": 2},
            "num_selectable": 9,
            "share": 0.5,
        }
    )
    link = config.build(air=AIR, dim=12)
    assert isinstance(link, SelectiveLink)
    assert (link.num_selectable, link.share, link.codec.symbols_per_token) == (9, 0.5, 2)
    again = config.build(air=AIR, dim=12)
    assert all(torch.equal(a, b) for a, b in zip(link.parameters(), again.parameters(), strict=True))


@pytest.mark.parametrize(
    ("values", "place"),
    [
        ({"type": "jscc_selective", "codec": "dense", "num_selectable": 3, "min_tokens": 4}, "min_tokens"),
        ({"type": "jscc_selective", "codec": {"type": "modnet", "rates": [4]}, "num_selectable": 3}, "rates"),
    ],
)
def test_wrong_links_are_refused(values: dict[str, Any], place: str) -> None:
    with pytest.raises(ValidationError) as caught:
        LINKS.validate_python(values)
    assert place in str(caught.value)
