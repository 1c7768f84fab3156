"""Applies relocations to the bytes of sections, per architecture."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import NamedTuple

from penstock.backends.llvm.elf import EM_AARCH64, EM_X86_64, LinkError

Patch = Callable[[bytearray, int, int, int], None]
"""Takes the image, file offset, address of the place, and the target's address."""


class Architecture(NamedTuple):
    """How one architecture relocates.

    Args:
        absolute: kinds that hold a 64-bit address, filled when loaded.
        direct: kinds that reach a symbol relative to the place.
        through_table: kinds that reach the symbol's entry in the offset table.
        page: alignment of segments: the largest page that a system may have.
        stub_size: bytes of the code that jumps to an outside function.
        stub: writes that code: the same arguments as a patch, the target being the
            function's entry in the offset table.
        dynamic: numbers of the loader's own kinds: relative, symbol, table entry.
    """

    absolute: frozenset[int]
    direct: dict[int, Patch]
    through_table: dict[int, Patch]
    page: int
    stub_size: int
    stub: Patch
    dynamic: tuple[int, int, int]


def architecture_of(machine: int) -> Architecture:
    """Return the rules for the machine number of an ELF header.

    Raises:
        LinkError: there are none for this machine.
    """
    if machine not in _ARCHITECTURES:
        raise LinkError(f"no linker for ELF machine {machine}")
    return _ARCHITECTURES[machine]


def _relative_32(image: bytearray, at: int, place: int, target: int) -> None:
    distance = target - place
    if not -(2**31) <= distance < 2**31:
        raise LinkError("a relocation reaches beyond 2 GiB")
    struct.pack_into("<i", image, at, distance)


def _relative_64(image: bytearray, at: int, place: int, target: int) -> None:
    struct.pack_into("<q", image, at, target - place)


def _x86_stub(image: bytearray, at: int, place: int, target: int) -> None:
    image[at : at + 2] = b"\xff\x25"  # jmp *offset(%rip)
    _relative_32(image, at + 2, place + 6, target)


def _insert(image: bytearray, at: int, value: int, shift: int, bits: int) -> None:
    (word,) = struct.unpack_from("<I", image, at)
    mask = (1 << bits) - 1
    word = word & ~(mask << shift) | (value & mask) << shift
    struct.pack_into("<I", image, at, word)


def _page_distance(image: bytearray, at: int, place: int, target: int) -> None:
    pages = (target >> 12) - (place >> 12)
    if not -(2**20) <= pages < 2**20:
        raise LinkError("a relocation reaches beyond 4 GiB")
    _insert(image, at, pages, 29, 2)
    _insert(image, at, pages >> 2, 5, 19)


def _near_address(image: bytearray, at: int, place: int, target: int) -> None:
    distance = target - place
    if not -(2**20) <= distance < 2**20:
        raise LinkError("a relocation reaches beyond 1 MiB")
    _insert(image, at, distance, 29, 2)
    _insert(image, at, distance >> 2, 5, 19)


def _low_bits(scale: int) -> Patch:
    def patch(image: bytearray, at: int, place: int, target: int) -> None:
        low = target & 0xFFF
        if low & ((1 << scale) - 1):
            raise LinkError("a relocation's target is not aligned for its load")
        _insert(image, at, low >> scale, 10, 12)

    return patch


def _branch(shift: int, bits: int) -> Patch:
    def patch(image: bytearray, at: int, place: int, target: int) -> None:
        words = (target - place) >> 2
        if not -(1 << (bits - 1)) <= words < 1 << (bits - 1):
            raise LinkError("a branch reaches too far")
        _insert(image, at, words, shift, bits)

    return patch


def _aarch64_stub(image: bytearray, at: int, place: int, target: int) -> None:
    # adrp x16, page; ldr x17, [x16, low]; br x17
    struct.pack_into("<III", image, at, 0x90000010, 0xF9400211, 0xD61F0220)
    _page_distance(image, at, place, target)
    _low_bits(3)(image, at + 4, place + 4, target)


_X86_64 = Architecture(
    absolute=frozenset({1}),  # R_X86_64_64
    direct={
        2: _relative_32,  # PC32
        4: _relative_32,  # PLT32
        24: _relative_64,  # PC64
    },
    through_table={
        9: _relative_32,  # GOTPCREL
        41: _relative_32,  # GOTPCRELX
        42: _relative_32,  # REX_GOTPCRELX
    },
    page=4096,
    stub_size=8,
    stub=_x86_stub,
    dynamic=(8, 1, 6),  # RELATIVE, 64, GLOB_DAT
)

_AARCH64 = Architecture(
    absolute=frozenset({257}),  # R_AARCH64_ABS64
    direct={
        260: _relative_64,  # PREL64
        261: _relative_32,  # PREL32
        273: _branch(5, 19),  # LD_PREL_LO19
        274: _near_address,  # ADR_PREL_LO21
        275: _page_distance,  # ADR_PREL_PG_HI21
        276: _page_distance,  # ADR_PREL_PG_HI21_NC
        277: _low_bits(0),  # ADD_ABS_LO12_NC
        278: _low_bits(0),  # LDST8_ABS_LO12_NC
        279: _branch(5, 14),  # TSTBR14
        280: _branch(5, 19),  # CONDBR19
        282: _branch(0, 26),  # JUMP26
        283: _branch(0, 26),  # CALL26
        284: _low_bits(1),  # LDST16_ABS_LO12_NC
        285: _low_bits(2),  # LDST32_ABS_LO12_NC
        286: _low_bits(3),  # LDST64_ABS_LO12_NC
        299: _low_bits(4),  # LDST128_ABS_LO12_NC
    },
    through_table={
        311: _page_distance,  # ADR_GOT_PAGE
        312: _low_bits(3),  # LD64_GOT_LO12_NC
    },
    page=65536,
    stub_size=16,
    stub=_aarch64_stub,
    dynamic=(1027, 257, 1025),  # RELATIVE, ABS64, GLOB_DAT
)

_ARCHITECTURES = {EM_X86_64: _X86_64, EM_AARCH64: _AARCH64}
