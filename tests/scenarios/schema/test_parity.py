"""What scenario files offer is what the objects behind them take, with the same defaults."""

import inspect
from dataclasses import MISSING, fields
from typing import get_args

import pytest

from tokencom.linklevel import air, sources
from tokencom.linklevel.air.equalization import EQUALIZERS
from tokencom.linklevel.air.estimation import INTERPOLATIONS
from tokencom.linklevel.codes import BACKENDS, CODES, code_options
from tokencom.linklevel.codes.transport import CRC_BITS
from tokencom.linklevel.links import DigitalLink, SourceLink
from tokencom.linklevel.modulation import NUM_BITS
from tokencom.scenarios import shipped, tasks
from tokencom.scenarios.engine.training import missing
from tokencom.scenarios.figures.theory import KINDS
from tokencom.scenarios.schema import CDL, TDL, Digital, FlatAir, OFDMAir, RMa, UMa, UMi, codes, load_scenario, trained
from tokencom.scenarios.schema import sources as source_configs
from tokencom.scenarios.schema import tasks as task_configs
from tokencom.scenarios.schema import theory as theory_configs
from tokencom.scenarios.schema.constellations import CONSTELLATION_BITS
from tokencom.scenarios.schema.explain import _plain
from tokencom.scenarios.schema.union import members_of, types_of

NONE = object()


def parameters_of(cls):
    """Names and defaults of a constructor's parameters."""
    if hasattr(cls, "__dataclass_fields__"):
        return {f.name: NONE if f.default is MISSING else f.default for f in fields(cls)}
    given = inspect.signature(cls.__init__).parameters.values()
    named = [p for p in given if p.kind in {p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY} and p.name != "self"]
    return {p.name: NONE if p.default is p.empty else p.default for p in named}


def choices(config, field):
    return set(get_args(_plain(config.model_fields[field].annotation)))


@pytest.mark.parametrize(
    ("config", "cls", "given_elsewhere"),
    [
        (FlatAir, air.FlatAirInterface, {"precision", "device"}),
        (OFDMAir, air.OFDMAirInterface, {"precision", "device"}),
        (TDL, air.TDLChannel, set()),
        (CDL, air.CDLChannel, set()),
        (UMi, air.UMiChannel, set()),
        (UMa, air.UMaChannel, set()),
        (RMa, air.RMaChannel, set()),
        *(
            (c, getattr(sources, c.codec), {"shape", "sampling_rate"})
            for c in members_of(source_configs.Source)
            if hasattr(c, "codec")
        ),
    ],
)
def test_fields_and_defaults_are_the_constructors(config, cls, given_elsewhere):
    expected = {name: value for name, value in parameters_of(cls).items() if name not in given_elsewhere}
    found = {name: field for name, field in config.model_fields.items() if name != "type"}
    assert set(found) == set(expected)
    for name, default in expected.items():
        if default is not NONE:
            assert found[name].default == default, name


def test_codes_and_their_options():
    assert set(types_of(codes.Code)) - {"python"} == set(CODES)
    for config in members_of(codes.Code):
        (name,) = types_of(config)
        if name != "python":
            options = set(code_options(name)) - {"size"}  # a turbo code's size follows from its segmentation
            assert set(config.model_fields) - {"type"} == options - {"cn_schedule"} | (
                {"cn_schedule"} if name == "ldpc5g" else set()
            )


def test_names_are_the_link_levels():
    assert CONSTELLATION_BITS == NUM_BITS
    assert choices(Digital, "crc") == set(CRC_BITS)
    assert choices(Digital, "backend") >= set(BACKENDS)
    for config in (FlatAir, OFDMAir):
        assert choices(config, "equalizer") == set(EQUALIZERS)
    assert choices(OFDMAir, "interpolation") == set(INTERPOLATIONS)
    assert set(types_of(theory_configs.Theory)) == set(KINDS)


def test_links_take_what_a_file_gives():
    given = {"code", "constellation_type", "crc", "backend", "demapping_method"}
    for cls, more in ((DigitalLink, {"coderate", "num_bits_per_symbol"}), (SourceLink, {"mcs", "num_channel_uses"})):
        assert given | more <= set(parameters_of(cls))
    for name in ("constellation_type", "crc", "demapping_method"):
        assert Digital.model_fields[name].default == parameters_of(DigitalLink)[name] == parameters_of(SourceLink)[name]


def test_tasks_take_what_a_file_gives():
    image, text = tasks.ImageTask, tasks.TextTask
    for config, cls in (
        (task_configs.Photos, image), (task_configs.ImageFolder, image),
        (task_configs.Alice, text), (task_configs.TextFile, text),
    ):  # fmt: skip
        fields_ = {name: field for name, field in config.model_fields.items() if name not in {"type", "path"}}
        assert set(fields_) | {"data", "repeats"} == set(parameters_of(cls))
        for name, field in fields_.items():
            assert field.default == parameters_of(cls)[name]


@pytest.mark.parametrize("name", shipped())
def test_every_scheme_of_every_shipped_scenario_can_be_built(name):
    scenario = load_scenario(name)
    unmade = {job.key for job in missing(scenario)}
    for scheme in scenario.schemes:
        if getattr(scheme, "train_only", False):
            continue  # its weights need not be there
        point = scenario.points()[0].scenario
        if unmade and getattr(scheme, "trains", False):
            source = trained.source_of(point, scheme)
            if trained.key_of(point, source) in unmade:
                _, link = trained.parts(point, source)
                assert link.air.device == "cpu"
                continue
        task, link = point.build(scheme.name)
        assert task.metrics
        assert link.air.device == "cpu"
        assert isinstance(point.link_snr_db(scheme.name, link), float)
