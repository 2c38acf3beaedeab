"""The token payload."""

import pytest
import torch

from tokencom.linklevel.tokens import Tokens


def test_all_tokens_exist_unless_a_mask_says_otherwise():
    tokens = Tokens(torch.zeros(2, 3, 4))
    assert tokens.mask.all()
    assert len(tokens) == 2
    assert tokens.num_tokens.tolist() == [3, 3]


@pytest.mark.parametrize(
    ("values", "mask", "error", "message"),
    [
        (torch.zeros(2, 3), None, ValueError, r"values: shape \[2, 3\] given"),
        (torch.zeros(2, 3, 4, dtype=torch.int64), None, TypeError, "values: torch.int64 given"),
        ([1.0], None, TypeError, "values: list given"),
        (torch.zeros(2, 3, 4), torch.ones(2, 3), TypeError, "mask: torch.float32 given"),
        (torch.zeros(2, 3, 4), torch.ones(2, 4, dtype=torch.bool), ValueError, r"mask: shape \[2, 4\] given"),
    ],
)
def test_bad_input(values, mask, error, message):
    with pytest.raises(error, match=message):
        Tokens(values, mask)
