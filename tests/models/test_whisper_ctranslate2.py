"""The CTranslate2 reader, on files written here."""

import struct

import numpy as np
import pytest

from tokencom.models.whisper_ctranslate2 import num_layers, read_ctranslate2, whisper_state_dict


def _text(name):
    return struct.pack("<H", len(name) + 1) + name.encode() + b"\0"


def _file(path, variables, *, version=6, name="WhisperSpec"):
    parts = [struct.pack("<I", version), _text(name), struct.pack("<II", 3, len(variables))]
    for key, value in variables.items():
        kind = {"float32": 0, "int8": 1, "int16": 2, "int32": 3, "float16": 4}[value.dtype.name]
        sizes = struct.pack(f"<B{value.ndim}I", value.ndim, *value.shape)
        parts += [_text(key), sizes, struct.pack("<BI", kind, value.nbytes), value.tobytes()]
    path.write_bytes(b"".join(parts))
    return path


def test_every_type_comes_back(tmp_path):
    written = {
        kind: np.arange(6, dtype=kind).reshape(2, 3) for kind in ("float32", "int8", "int16", "int32", "float16")
    }
    name, read = read_ctranslate2(_file(tmp_path / "model.bin", {**written, "flag": np.array(1, np.int8)}))
    assert name == "WhisperSpec"
    for kind, value in written.items():
        np.testing.assert_array_equal(read[kind], value)
    assert read["flag"].shape == ()


def test_fused_projections_are_cut_apart(tmp_path):
    base = np.arange(12, dtype=np.float16)
    layer = "decoder/layer_0/"
    file = _file(
        tmp_path / "model.bin",
        {
            "decoder/embeddings/weight": np.zeros((5, 4), np.float16),
            "decoder/num_heads": np.array(6, np.int16),
            layer + "self_attention/linear_0/weight": np.repeat(base[:, None], 4, axis=1),
            layer + "self_attention/linear_0/bias": base,
            layer + "attention/linear_1/bias": base[:8],
            layer + "attention/layer_norm/gamma": base[:4],
            layer + "ffn/layer_norm/beta": base[:4],
            layer + "ffn/linear_1/bias": base[:4],
        },
    )
    state = whisper_state_dict(file)
    prefix = "model.decoder.layers.0."
    assert state[prefix + "self_attn.q_proj.bias"].tolist() == [0, 1, 2, 3]
    assert state[prefix + "self_attn.v_proj.bias"].tolist() == [8, 9, 10, 11]
    assert state[prefix + "self_attn.k_proj.weight"][:, 0].tolist() == [4, 5, 6, 7]
    assert state[prefix + "encoder_attn.v_proj.bias"].tolist() == [4, 5, 6, 7]
    assert not any("k_proj.bias" in key for key in state)
    others = ("encoder_attn_layer_norm.weight", "final_layer_norm.bias", "fc2.bias")
    assert {prefix + key for key in others} <= set(state)
    assert set(state) >= {"model.decoder.embed_tokens.weight", "proj_out.weight"}
    assert num_layers(state, "decoder") == 1


def test_damaged_files(tmp_path):
    good = _file(tmp_path / "good.bin", {"decoder/embeddings/weight": np.zeros((5, 4), np.float16)})
    (tmp_path / "cut.bin").write_bytes(good.read_bytes()[:-3])
    with pytest.raises(ValueError, match=r"cut\.bin' ends at byte"):
        read_ctranslate2(tmp_path / "cut.bin")
    with pytest.raises(ValueError, match="of version 6; it begins with 5"):
        read_ctranslate2(_file(tmp_path / "old.bin", {}, version=5))
    with pytest.raises(ValueError, match="holds a TransformerSpec, a WhisperSpec is needed"):
        whisper_state_dict(_file(tmp_path / "other.bin", {}, name="TransformerSpec"))
    (tmp_path / "zip.bin").write_bytes(b"PK\3\4" + bytes(40))
    with pytest.raises(ValueError, match="no CTranslate2 file"):
        read_ctranslate2(tmp_path / "zip.bin")
