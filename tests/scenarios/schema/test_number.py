import math

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from tokencom.scenarios.schema.number import Integer, Real, parse_number

REAL, INTEGER = TypeAdapter(Real), TypeAdapter(Integer)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("30e3", 30000.0),
        ("300e-9", 3e-7),
        (".5", 0.5),
        ("-2.", -2.0),
        ("+7", 7.0),
        (3, 3.0),
        (np.float32(0.5), 0.5),
    ],
)
def test_text_that_spells_a_number_is_one(given, expected):
    value = REAL.validate_python(given)
    assert value == expected
    assert type(value) is float


@pytest.mark.parametrize(("given", "expected"), [("1e3", 1000), (4.0, 4), ("12", 12), (np.int64(5), 5)])
def test_whole_numbers(given, expected):
    value = INTEGER.validate_python(given)
    assert value == expected
    assert type(value) is int


@pytest.mark.parametrize(
    "given",
    [
        True,
        False,
        None,
        "A",
        "",
        "1_000",
        "0x10",
        "1:30",
        "nan",
        "inf",
        math.nan,
        math.inf,
        [1],
        {"a": 1},
        10**40,
        "9" * 50,
        1j,
    ],
)
@pytest.mark.parametrize("adapter", [REAL, INTEGER])
def test_what_is_no_finite_number_is_refused(adapter, given):
    with pytest.raises(ValidationError):
        adapter.validate_python(given)


def test_fractions_are_no_integers():
    with pytest.raises(ValidationError, match="is not an integer"):
        INTEGER.validate_python("0.5")


def test_parse_number_leaves_other_values_alone():
    for value in (True, None, "QPSK", [1]):
        assert parse_number(value) is value


def test_an_integer_too_long_to_print():
    with pytest.raises(ValidationError, match="64 bits must hold it"):
        INTEGER.validate_python(1 << 90_000)
