"""Words that several rooms share. Pure."""

from __future__ import annotations

import pytest

from trioshadow._model.words import counted


@pytest.mark.parametrize(
    ("number", "words"), [(0, "0 calls"), (1, "1 call"), (2, "2 calls"), (3_000, "3,000 calls"), (-1, "-1 calls")]
)
def test_only_one_is_singular(number, words):
    assert counted(number, "call") == words
