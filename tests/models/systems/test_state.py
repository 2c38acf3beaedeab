"""Files with all parameters of a system and its link."""

import json
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from tokencom.linklevel.air import FlatAirInterface, OFDMAirInterface, TDLChannel
from tokencom.linklevel.jscc import DenseCodec
from tokencom.linklevel.links import JSCCLink
from tokencom.models.systems.layers import files_of, read_layers, upper_layer
from tokencom.models.systems.packing import names_of, packed, unpacked
from tokencom.models.systems.state import copy_state, load_state, save_state, state_of
from tokencom.models.training import LoRA, add_adapters
from tokencom.models.training.tensors import save_tensors

sys.path.insert(0, str(Path(__file__).parent))
from tiny_system import TinySystem


def parts(seed=0, air=None, **options):
    codec = DenseCodec(dim=4, symbols_per_token=2, encoder_hidden=8, decoder_hidden=8, seed=seed, **options)
    return {"system": TinySystem(seed=seed), "link": JSCCLink(air or FlatAirInterface(channel="awgn"), codec)}


def same(first, second):
    first, second = state_of(first), state_of(second)
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def test_what_is_saved_comes_back(tmp_path):
    source, target = parts(1), parts(2)
    assert not same(source, target)
    save_state(tmp_path / "s.safetensors", source, key="k")
    load_state(target, tmp_path / "s.safetensors")
    assert same(source, target)


def test_one_part_alone_leaves_the_other(tmp_path):
    source, target, untouched = parts(1), parts(2), parts(2)
    save_state(tmp_path / "s.safetensors", source, key="k")
    load_state({"system": target["system"]}, tmp_path / "s.safetensors")
    assert same({"system": source["system"]}, {"system": target["system"]})
    assert same({"link": untouched["link"]}, {"link": target["link"]})


def test_weights_do_not_depend_on_the_air_interface(tmp_path):
    channel = TDLChannel(model="A", delay_spread=100e-9, carrier_frequency=3.5e9)
    ofdm = OFDMAirInterface(channel=channel, fft_size=64, csi="estimated")
    assert any(name.startswith("air.") for name in parts(1, ofdm)["link"].state_dict())
    source, target = parts(1, ofdm), parts(2)
    save_state(tmp_path / "s.safetensors", source, key="k")
    load_state(target, tmp_path / "s.safetensors")
    assert same(source, target)


def test_a_copy_is_a_copy():
    source, target = parts(1), parts(2)
    copy_state(source, target)
    assert same(source, target)
    with torch.no_grad():
        source["system"].vectors.add_(1.0)
    assert not same(source, target)


class TestPacked:
    """Numbers in fewer bits."""

    def test_16_bits_are_loaded_into_single(self, tmp_path):
        source, target = parts(1), parts(2)
        save_state(tmp_path / "s.safetensors", source, key="k")
        save_file(packed(load_file(tmp_path / "s.safetensors"), 16), tmp_path / "h.safetensors")
        load_state(target, tmp_path / "h.safetensors")
        assert target["system"].vectors.dtype == torch.float32
        assert torch.equal(target["system"].vectors, source["system"].vectors.half().float())

    @pytest.mark.parametrize(("bits", "largest"), [(8, 127), (6, 31), (5, 15), (4, 7)])
    def test_few_bits_are_off_by_half_a_step_of_their_row(self, bits, largest):
        matrix = (
            torch.randn(40, 8, 5, generator=torch.Generator().manual_seed(1)) * torch.logspace(-6, 6, 40)[:, None, None]
        )
        matrix[3] = 0
        held = {"a": matrix, "b": torch.ones(7), "c": torch.arange(3), "d": torch.full((2, 2), 0.3)}
        file = packed(held, bits)
        found = unpacked(file)
        assert found["b"].dtype == found["d"].dtype == torch.float16
        assert set(names_of(file)) == set(found) == set(held)
        step = (matrix.abs().amax((1, 2), keepdim=True) / largest).bfloat16().float()
        assert bool(((found["a"] - matrix).abs() <= 0.501 * step).all())
        assert torch.equal(found["c"], held["c"])

    def test_integers_come_back_as_they_are(self):
        whole = torch.arange(-31, 32).repeat(33).reshape(27, 7, 11).float()
        whole[:, 0, 0] = 31.0
        assert torch.equal(unpacked(packed({"a": whole}, 6))["a"], whole)

    def test_room_is_that_of_the_entropy(self):
        """Within 1 % of the entropy, and a byte for each row's scale with what describes the code."""
        whole = torch.randn(400, 500, generator=torch.Generator().manual_seed(1)).mul(9).round().clamp(-31, 31)
        whole[:, 0] = 31.0
        share = whole.unique(return_counts=True)[1] / whole.numel()
        entropy = float(-(share * share.log2()).sum())
        file = packed({"a": whole}, 6)
        taken = sum(told.numel() for told in file.values()) * 8 / whole.numel()
        assert entropy < taken < 1.01 * entropy + 0.03

    def test_a_name_of_a_file_costs_little(self):
        held = {f"system.layers.{i}.bias": torch.full((64,), 0.1 * i) for i in range(100)}
        assert sum(told.numel() for told in packed(held, 6).values()) < 100 * 64 * 2

    def test_one_of_each_kind_alone(self):
        for held in ({"a": torch.full((40, 40), 31.0)}, {"a": torch.ones(7)}, {"a": torch.arange(4)}, {}):
            found = unpacked(packed(held, 6))
            assert found.keys() == held.keys()
            assert all(torch.equal(found[name], held[name]) for name in held)

    @pytest.mark.parametrize("bits", [4, 5, 6, 8, 16])
    @pytest.mark.parametrize("shape", [(), (0,), (0, 5), (3, 400)])
    def test_what_is_empty_or_a_single_number_or_lies_across_comes_back(self, shape, bits):
        held = {"a": torch.full(shape, 7.0).t() if len(shape) == 2 else torch.full(shape, 7.0)}
        found = unpacked(packed(held, bits))["a"]
        assert found.shape == held["a"].shape
        torch.testing.assert_close(found.float(), held["a"], rtol=2**-8, atol=0)

    @pytest.mark.parametrize("stream", ["index", "integers", "scales", "halves"])
    def test_damaged_bytes_are_named(self, stream):
        matrix = torch.randn(40, 40, generator=torch.Generator().manual_seed(1))
        file = packed({"system.a": matrix, "system.b": torch.ones(9)}, 6)
        told = file[f"{stream}:packed"]
        flipped = told.clone()
        flipped[len(told) // 2] ^= 1
        for damaged in (flipped, told[:-9], told[:0]):
            with pytest.raises(ValueError, match=f"{stream}:packed: is damaged.*fetch the file again"):
                unpacked(file | {f"{stream}:packed": damaged})

    @pytest.mark.parametrize("bits", [4, 5, 6, 8])
    def test_few_bits_come_back_through_a_file(self, tmp_path, bits):
        source, target = parts(1), parts(2)
        with torch.no_grad():
            source["link"].codec.mean.add_(1.0)
        save_state(tmp_path / "s.safetensors", source, key="k")
        state = load_file(tmp_path / "s.safetensors") | {"system.vectors": torch.ones_like(source["system"].vectors)}
        save_file(packed(state, bits), tmp_path / "q.safetensors")
        load_state(target, tmp_path / "q.safetensors")
        assert torch.equal(target["system"].vectors, torch.ones_like(source["system"].vectors))
        assert torch.equal(target["link"].codec.mean, source["link"].codec.mean)

    @pytest.mark.parametrize("bits", [4, 5, 6, 8, 16])
    def test_a_number_that_does_not_fit_is_refused(self, bits):
        with pytest.raises(ValueError, match=r"system\.a has numbers past 65504"):
            packed({"system.a": torch.tensor([1e6])}, bits)
        with pytest.raises(ValueError, match=r"system\.a has numbers"):
            packed({"system.a": torch.full((40, 40), torch.nan)}, bits)

    def test_a_layer_leaves_out_what_is_below_with_as_many_bits(self, tmp_path):
        below = {"a": torch.randn(40, 40, generator=torch.Generator().manual_seed(1))}
        for bits, left_out in ((16, {6, 8, 16}), (8, {6, 8}), (6, {6})):
            save_tensors(tmp_path / "a.safetensors", packed(below, bits), {"key": "k1"})
            (tmp_path / "a.json").write_text(json.dumps({"key": "k1"}))
            for asked in (6, 8, 16, 32):
                own, _, _ = upper_layer(below, initial={}, folder=tmp_path, key="k1", bits=asked)
                assert set(own) == (set() if asked in left_out else {"a"})


def test_adapters_come_along(tmp_path):
    class Adapted(nn.Module):
        def __init__(self, seed):
            super().__init__()
            self.inner = nn.Linear(4, 4)
            nn.init.normal_(self.inner.weight, generator=torch.Generator().manual_seed(seed))

    lora = LoRA(target_modules=("inner",), r=2)
    source, target = {"system": Adapted(1)}, {"system": Adapted(2)}
    add_adapters(nn.ModuleDict(source), lora, seed=3)
    save_state(tmp_path / "s.safetensors", source, key="k", lora=lora)
    load_state(target, tmp_path / "s.safetensors")
    assert any(".lora_A." in name for name in state_of(target))
    assert same(source, target)


def test_what_does_not_fit_is_named_and_nothing_changes(tmp_path):
    save_state(tmp_path / "s.safetensors", parts(1, layer_norm=False), key="k")
    target, before = parts(2), parts(2)
    with pytest.raises(ValueError, match=r"does not fit: link.codec.* is missing"):
        load_state(target, tmp_path / "s.safetensors")
    assert same(target, before)
    save_file({"system.vectors": torch.zeros(3, 3)}, tmp_path / "t.safetensors")
    with pytest.raises(ValueError, match=r"system.head.weight is missing.* is \[3, 3\] there, \[32, 4\] in the model"):
        load_state({"system": target["system"]}, tmp_path / "t.safetensors")
    assert same(target, before)


class TestLayers:
    """Files that hold only what a training changed."""

    def write(self, folder, name, state, key, **note):
        save_tensors(folder / f"{name}.safetensors", state, {"key": key, **note})
        (folder / f"{name}.json").write_text(json.dumps({"key": key}))

    def test_a_layer_has_what_differs_and_comes_back_whole(self, tmp_path):
        source, later, target = parts(1), parts(1), parts(2)
        with torch.no_grad():
            later["link"].codec.mean.add_(1.0)
        self.write(tmp_path, "a", state_of(source), "k1")
        own, _, note = upper_layer(state_of(later), initial={}, folder=tmp_path, key="k1")
        assert set(own) == {"link.codec.mean"}
        self.write(tmp_path, "b", own, "k2", **note)
        load_state(target, tmp_path / "b.safetensors")
        assert same(later, target)
        assert files_of(tmp_path / "b.safetensors") == [tmp_path / "a.safetensors", tmp_path / "b.safetensors"]

    def test_adapters_lie_on_the_weights_below(self, tmp_path):
        lora = LoRA(target_modules=["head"], r=2)
        source, later, target = parts(1), parts(1), parts(2)
        add_adapters(nn.ModuleDict(later), lora)
        with torch.no_grad():
            for name, parameter in later["system"].named_parameters():
                if "lora_B" in name:
                    parameter.add_(0.5)
        self.write(tmp_path, "a", state_of(source), "k1")
        own, _, note = upper_layer(state_of(later), initial={}, folder=tmp_path, key="k1")
        assert own
        assert all(".lora_" in name for name in own)
        self.write(tmp_path, "b", own, "k2", lora=asdict(lora), **note)
        load_state(target, tmp_path / "b.safetensors")
        assert same(later, target)

    def test_tensors_that_are_gone_stay_away(self, tmp_path):
        source, later, target = parts(1), {"link": parts(1)["link"]}, {"link": parts(2)["link"]}
        self.write(tmp_path, "a", state_of(source), "k1")
        own, _, note = upper_layer(state_of(later), initial={}, folder=tmp_path, key="k1")
        assert own == {}
        self.write(tmp_path, "b", own, "k2", **note)
        assert read_layers(tmp_path / "b.safetensors")[0].keys() == state_of(later).keys()
        load_state(target, tmp_path / "b.safetensors")
        assert same(later, target)

    def test_a_layer_alone_is_refused(self, tmp_path):
        self.write(tmp_path, "b", {}, "k2", start="k1")
        with pytest.raises(ValueError, match="goes on from the weights k1, which are not in"):
            load_state(parts(), tmp_path / "b.safetensors")

    def test_initial_values_are_in_no_file(self, tmp_path):
        fresh, first, later, target = parts(1), parts(1), parts(1), parts(1)
        with torch.no_grad():
            first["system"].head.weight.add_(1.0)
        own, _, note = upper_layer(state_of(first), initial=state_of(fresh))
        assert set(own) == {"system.head.weight"}
        assert {name.split(".")[0] for name in note["initial"]} == {"system", "link"}
        self.write(tmp_path, "a", own, "k1", **note)
        load_state(target, tmp_path / "a.safetensors")
        assert same(first, target)
        load_state(later, tmp_path / "a.safetensors")
        with torch.no_grad():
            later["link"].codec.mean.add_(1.0)
        own, _, note = upper_layer(state_of(later), initial=state_of(fresh), folder=tmp_path, key="k1")
        assert set(own) == {"link.codec.mean"}
        self.write(tmp_path, "b", own, "k2", **note)
        target = parts(1)
        load_state(target, tmp_path / "b.safetensors")
        assert same(later, target)
        assert not same(first, target)

    def changed(self, tmp_path, bits):
        """Write weights and others that a training made of them; return those."""
        below = {"a": torch.randn(200, 500, generator=torch.Generator().manual_seed(1)), "b": torch.ones(40, 40)}
        later = {"a": below["a"] + 0.1 * below["a"].roll(1), "c": torch.eye(40), "b": below["b"]}
        self.write(tmp_path, "a", packed(below, bits), "k1")
        own, went_on_from, note = upper_layer(later, initial={}, folder=tmp_path, key="k1", bits=bits)
        assert set(own) == {"a", "c"}
        assert set(went_on_from) == ({"a"} if bits <= 8 else set())  # a file of whole numbers needs no other ones
        self.write(tmp_path, "b", packed(own, bits, went_on_from), "k2", **note)
        return later

    @pytest.mark.parametrize("bits", [4, 5, 6, 8, 16])
    def test_differences_come_back_as_the_numbers_themselves(self, tmp_path, bits):
        later = self.changed(tmp_path, bits)
        found, alone = read_layers(tmp_path / "b.safetensors")[0], unpacked(packed(later, bits))
        assert all(torch.equal(found[name], alone[name]) for name in later)
        name, limit = ("a", 1) if bits == 16 else ("integers:packed", 0.8)
        with_difference = load_file(tmp_path / "b.safetensors")[name].numel()
        assert with_difference <= limit * packed(later, bits)[name].numel()

    def test_differences_past_a_byte_come_back(self):
        below = {"a": torch.full((40, 40), -127.0)}
        later = {"a": torch.full((40, 40), 127.0)}
        assert torch.equal(unpacked(packed(later, 8, below), below)["a"], later["a"])

    def test_differences_from_other_numbers_are_refused(self, tmp_path):
        self.changed(tmp_path, 6)
        self.write(tmp_path, "a", packed({"a": torch.zeros(200, 500), "b": torch.ones(40, 40)}, 6), "k1")
        with pytest.raises(ValueError, match="goes on from other numbers than those beside it"):
            read_layers(tmp_path / "b.safetensors")
