"""Sampling keys: which bytes a key stands for, and which of them are mirrored. Pure, the same on every machine.

The rule, for a replica in any language::

    MurmurHash3_x86_32(bytes of the key, seed), read as unsigned  <  sample_rate * 2**32

So raising the rate only adds keys, and the same key is mirrored on every host. The bytes of a key:

===========================  =======================================================================================
bytes                        themselves
str                          UTF-8; lone surrogates are encoded as if they were characters (`surrogatepass`)
int (bool too)               decimal ASCII digits, `-` before a negative one
UUID                         the 36 characters of its usual form, lower-case
tuple of these               each item's bytes as a netstring (`<length>:<bytes>,`), one after the other
an object of a request type  what its method `__trioshadow_key__()` gives, once more by this table
===========================  =======================================================================================

Only bytes ever reach mmh3: a str with a lone surrogate kills the process there (segmentation fault in 5.3.1).
"""

from __future__ import annotations

from typing import TypeAlias
from uuid import UUID

import mmh3

#: What can be a sampling key.
SamplingKey: TypeAlias = bytes | str | int | UUID | tuple["SamplingKey", ...]


def encode_key(key: object) -> bytes:
    """The bytes that a sampling key stands for, by the table in `trioshadow._model.sampling` (in the documentation:
    Sampling).

    >>> encode_key(("user", 42))
    b'4:user,2:42,'

    Raises TypeError for a key of any other type, and whatever the key's own `__trioshadow_key__` raises.
    """
    # By the types' own methods: a subclass may have others, and what comes out must be bytes and nothing else.
    if isinstance(key, bytes):
        return b"".join((key,))
    if isinstance(key, str):
        return str.encode(key, "utf-8", "surrogatepass")
    if isinstance(key, int):
        return b"%d" % int.__add__(key, 0)
    if isinstance(key, UUID):
        return UUID.__str__(key).encode()
    if isinstance(key, tuple):
        return b"".join(b"%d:%b," % (len(item), item) for item in map(encode_key, tuple.__iter__(key)))
    own_key = getattr(type(key), "__trioshadow_key__", None)
    if own_key is not None:
        return encode_key(own_key(key))
    raise TypeError(
        f"a sampling key must be bytes, str, int, UUID, or a tuple of these, not {type(key).__name__}: "
        "give key= or ShadowConfig(key=...)"
    )


#: Of the hash by which keys are counted: another function than the sampler's, so that neither says anything of the
#: other.
_COUNTING_SEED = 1


def counting_hash(key: bytes) -> int | None:
    """The hash in [0, 2**64) by which different keys are counted; None for an empty one, which is no key.

    It is the first half of MurmurHash3_x64_128, seed 1.
    """
    # By name: mmh3 5.3.1 ignores a fourth positional argument.
    return mmh3.hash64(key, _COUNTING_SEED, signed=False)[0] if key else None
