"""Messages of input checks name the parameter, the value and the rule."""

import pytest
import torch

from tokencom.linklevel.accounting import ChannelUses
from tokencom.linklevel.validation import check_choice, check_finite, check_range, check_shape, nearest


def test_nearest_ignores_case_and_gives_up_on_nonsense():
    assert nearest("LDPC5g", ["ldpc5g", "turbo"]) == "ldpc5g"
    assert nearest("zzz", ["ldpc5g", "turbo"]) is None


def test_unknown_choice_lists_what_is_allowed():
    with pytest.raises(ValueError, match=r"model: 'a' is not known; allowed: 'A', 'B'; did you mean 'A'\?"):
        check_choice("model", "a", ["A", "B"])
    assert check_choice("model", "B", ["A", "B"]) == "B"


@pytest.mark.parametrize("value", [True, "3", None, [1]])
def test_a_range_takes_numbers_only(value):
    with pytest.raises(TypeError, match=r"k: .* is not a number"):
        check_range("k", value, 1)


@pytest.mark.parametrize(("value", "error"), [(0, ValueError), (float("nan"), ValueError), (1.5, TypeError)])
def test_a_range_names_the_rule(value, error):
    with pytest.raises(error, match="k: "):
        check_range("k", value, 1, 10, integer=True)


def test_an_integer_range_returns_an_int():
    assert isinstance(check_range("k", 3.0, 1, 10, integer=True), int)


def test_shape_names_both_shapes():
    with pytest.raises(ValueError, match=r"llr: shape \[2, 3\] given, \[batch, 4\] expected"):
        check_shape("llr", torch.zeros(2, 3), ("batch", 4))


def test_finite_counts_what_is_wrong():
    with pytest.raises(ValueError, match="llr: 2 of 3 elements"):
        check_finite("llr", torch.tensor([1.0, float("nan"), float("inf")]))


def test_channel_uses_add_up_and_must_agree_in_shape():
    ones = torch.ones(2, dtype=torch.int64)
    uses = ChannelUses(payload=3 * ones, pilots=2 * ones, side_information=ones, airtime=9 * ones)
    assert uses.total.tolist() == [6, 6]
    with pytest.raises(ValueError, match="all fields must be"):
        ChannelUses(payload=ones, pilots=ones, side_information=ones, airtime=ones[:1])
