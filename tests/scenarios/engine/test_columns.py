import numpy as np
import pytest

from tokencom.scenarios.engine.columns import checked, concatenate, pack, unpack


def test_round_trip():
    columns = {"item": np.arange(5), "psnr": np.array([1.5, np.inf, -0.0, 1e-300, 2.0])}
    found = unpack(pack(columns))
    assert list(found) == ["item", "psnr"]
    for name, column in columns.items():
        assert found[name].tobytes() == column.tobytes()
        assert found[name].flags.c_contiguous


def test_damage_is_noticed():
    data = bytearray(pack({"item": np.arange(100), "x": np.random.default_rng(1).random(100)}))
    for position in range(0, len(data), 17):
        damaged = data.copy()
        damaged[position] ^= 1
        with pytest.raises(ValueError, match=r"not the columns|magic|header"):
            unpack(bytes(damaged))
    with pytest.raises(ValueError, match="not the columns"):
        unpack(bytes(data[:-3]))


def test_types_are_settled():
    found = checked({"a": np.array([True, False]), "b": np.float32([1, 2]), "c": [1, 2]}, 2, "bits")
    assert [column.dtype for column in found.values()] == [np.int64, np.float64, np.int64]


@pytest.mark.parametrize(
    ("column", "error", "message"),
    [
        (np.zeros(3), ValueError, r"task 'bits': column 'x' has shape \(3,\); \(2,\) is needed"),
        (np.zeros((2, 1)), ValueError, r"shape \(2, 1\)"),
        (np.array(["a", "b"]), TypeError, "column 'x' holds <U1; numbers are needed"),
        (np.array([None, 1]), TypeError, "holds object"),
        (np.array([1j, 1]), TypeError, "holds complex128"),
    ],
)
def test_bad_columns(column, error, message):
    with pytest.raises(error, match=message):
        checked({"x": column}, 2, "bits")


def test_concatenation_of_nothing():
    assert concatenate([]) == {}


def test_many_columns_come_back():
    columns = {f"column_{number:04d}": np.array([number, 1]) for number in range(700)}
    assert list(unpack(pack(columns))) == list(columns)
