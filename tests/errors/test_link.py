"""The message ``link``."""

import pytest

from penstock.backends.llvm.elf import LinkError
from penstock.backends.llvm.link import link_shared_object


def test_link():
    with pytest.raises(LinkError) as caught:
        link_shared_object(b"no object")
    assert str(caught.value) == (
        "error: the bytes are not a 64-bit little-endian ELF object [link]"
    )
