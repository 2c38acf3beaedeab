"""Tokens that are written once and read back."""

import h5py
import numpy as np
import pytest
import torch
from torch import nn

from tokencom.linklevel.tokens import Tokens
from tokencom.models.bridge import Cut
from tokencom.models.export import TokenFile, export_tokens, tokens_at

NUM = 11
IDS = [f"item {i}" for i in range(NUM)]
REFERENCES = [("yes", f"größe {i}") for i in range(NUM)]


def item(number, dtype=torch.float32):
    return torch.randn(1 + number % 4, 6, generator=torch.Generator().manual_seed(number)).to(dtype)


class Encoder:
    def __init__(self, dtype=torch.float32, stop_at=None):
        self.seen, self.dtype, self.stop_at = [], dtype, stop_at

    def __call__(self, numbers):
        self.seen += list(numbers)
        if self.stop_at in numbers:
            raise KeyboardInterrupt
        items = [item(n, self.dtype) for n in numbers]
        mask = torch.arange(max(map(len, items))) < torch.tensor([len(i) for i in items])[:, None]
        return Tokens(nn.utils.rnn.pad_sequence(items, batch_first=True), mask)


def export(folder, encode, **changed):
    options = {
        "ids": IDS,
        "references": REFERENCES,
        "model": "tiny",
        "cut": "layers.1",
        "batch_size": 2,
        "shard_size": 4,
    }
    return export_tokens(folder, encode=encode, **{**options, **changed})


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_tokens_come_back(tmp_path, dtype):
    encode = Encoder(dtype)
    index = export(tmp_path, encode, settings={"length": 3})
    assert encode.seen == list(range(NUM))
    with TokenFile(index) as tokens:
        assert (len(tokens), tokens.model, tokens.cut, tokens.settings) == (NUM, "tiny", "layers.1", {"length": 3})
        assert tokens.ids == tuple(IDS)
        assert tokens.references == tuple(REFERENCES)
        batch = tokens.tokens([7, 0, 8, 3])
        for row, number in enumerate([7, 0, 8, 3]):
            assert torch.equal(batch.values[row][batch.mask[row]], item(number, dtype).to(batch.values.dtype))
        assert batch.values.shape == (4, 4, 6)
        assert tokens.tokens([0]).values.shape == (1, 1, 6)
        assert tokens.tokens([]).values.shape == (0, 0, 6)
        with pytest.raises(IndexError, match="11 asked for"):
            tokens.tokens([11])


def test_the_index_is_an_hdf5_file_like_any_other(tmp_path):
    with h5py.File(export(tmp_path, Encoder()), "r") as file:
        assert file["tokens"].is_virtual
        assert file["tokens"].shape == (NUM, 4, 6)
        for number in range(NUM):
            mask = file["mask"][number]
            assert np.array_equal(file["tokens"][number][mask], item(number).numpy())
            assert not file["tokens"][number][~mask].any()


def test_an_interrupted_export_goes_on(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        export(tmp_path, Encoder(stop_at=6))
    assert sorted(p.name for p in (tmp_path / "shards").iterdir()) == ["00000.h5"]
    again = Encoder()
    index = export(tmp_path, again)
    assert again.seen == list(range(4, NUM))
    assert torch.equal(TokenFile(index).tokens([9]).values[0], item(9))
    last = Encoder()
    export(tmp_path, last)
    assert last.seen == []


@pytest.mark.parametrize(
    "changed", [{"model": "other"}, {"cut": "layers.2"}, {"settings": {"a": 1}}, {"ids": IDS[::-1]}]
)
def test_another_export_in_the_same_folder_is_refused(tmp_path, changed):
    export(tmp_path, Encoder())
    with pytest.raises(ValueError, match=r"shards.00000.h5: holds tokens of another"):
        export(tmp_path, Encoder(), **changed)


def test_a_broken_shard_is_named_and_written_anew(tmp_path):
    index, shard = export(tmp_path, Encoder()), tmp_path / "shards" / "00001.h5"
    whole = shard.read_bytes()
    shard.unlink()
    assert torch.equal(TokenFile(index).tokens([2]).values[0], item(2))
    with pytest.raises(ValueError, match=r"00001.h5: is missing"):
        TokenFile(index).tokens([2, 5])
    shard.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"00001.h5: is damaged"):
        TokenFile(index).tokens([5])
    start = whole.index(item(5).numpy().tobytes())
    shard.write_bytes(whole[:start] + b"\x55" + whole[start + 1 :])
    with pytest.raises(ValueError, match=r"00001.h5: is damaged"):
        TokenFile(index).tokens([5])
    shard.write_bytes(whole[: len(whole) // 2])
    again = Encoder()
    assert torch.equal(TokenFile(export(tmp_path, again)).tokens([5]).values[0], item(5))
    assert again.seen == [4, 5, 6, 7]


def test_bad_arguments(tmp_path):
    with pytest.raises(ValueError, match="not an index of exported tokens"):
        TokenFile(tmp_path)
    with pytest.raises(ValueError, match="references: 1 given for 11 ids"):
        export(tmp_path, Encoder(), references=[("a",)])
    with pytest.raises(ValueError, match="encode: 1 items returned for 4"):
        export(tmp_path, lambda numbers: Tokens(torch.zeros(int(numbers.start == 0), 2, 3)))
    with pytest.raises(ValueError, match="encode: tokens 5 wide"):
        export(tmp_path, lambda numbers: Tokens(torch.zeros(2, 2, 3 + numbers.start)))
    assert not list((tmp_path / "shards").iterdir())


def test_tokens_at_a_cut_and_the_rest_is_not_computed():
    class Never(nn.Module):
        def forward(self, x):
            raise AssertionError("computed")

    class Model(nn.Sequential):
        def forward(self, input):
            return super().forward(input)

    torch.manual_seed(0)
    model, x = Model(nn.Linear(3, 4), Never()), torch.randn(2, 5, 3)
    tokens = tokens_at(model, Cut(module="0"), {"input": x})
    assert torch.equal(tokens.values, model[0](x))
    assert bool(tokens.mask.all())
    assert not model[0]._forward_hooks
