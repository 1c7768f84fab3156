"""Reads relocatable ELF objects, as LLVM writes them.

The formats are those of the System V ABI, "Object files", and of its supplements for
x86-64 and for AArch64 (AAELF64).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import NamedTuple

from penstock.ir.errors import PenstockError
from penstock.ir.record import Record

EM_X86_64 = 62
EM_AARCH64 = 183

SHT_PROGBITS, SHT_SYMTAB, SHT_RELA, SHT_NOBITS, SHT_REL = 1, 2, 4, 8, 9
SHT_INIT_ARRAY, SHT_FINI_ARRAY, SHT_PREINIT_ARRAY = 14, 15, 16
SHF_WRITE, SHF_ALLOC, SHF_EXECINSTR, SHF_TLS = 1, 2, 4, 0x400
SHN_UNDEF, SHN_RESERVED, SHN_ABS, SHN_COMMON = 0, 0xFF00, 0xFFF1, 0xFFF2
STB_LOCAL = 0
# More than an object's sections and the reserved numbers.
_SECTION_NUMBERS = 0x10000

HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
SECTION = struct.Struct("<IIQQQQIIQQ")
SYMBOL = struct.Struct("<IBBHQQ")
RELA = struct.Struct("<QQq")


class LinkError(PenstockError, RuntimeError):
    """An object that cannot be made into a shared object."""

    default_code = "link"

    def __init__(self, message: str) -> None:
        super().__init__(None, message)


class Section(Record):
    """A section of an object: ``data`` is empty where it holds only zeros."""

    number: int
    name: str
    kind: int
    flags: int
    size: int
    align: int
    data: bytes


class Symbol(NamedTuple):
    """A symbol: ``section`` is its section's index, or one of ``SHN_*``."""

    name: str
    info: int
    section: int
    value: int
    size: int

    @property
    def is_undefined(self) -> bool:
        """Whether the symbol must be found elsewhere when the object is loaded."""
        return self.section == SHN_UNDEF


class Relocation(Record):
    """A place, by section and offset, that holds the address of a symbol."""

    section: int
    offset: int
    kind: int
    symbol: Symbol
    addend: int


class ObjectFile(Record):
    """What of an object takes part in linking."""

    machine: int
    sections: list[Section]
    symbols: list[Symbol]
    relocations: list[Relocation]


def read_object(data: bytes) -> ObjectFile:
    """Read a relocatable object.

    Args:
        data: the bytes of a 64-bit little-endian ELF object.

    Returns:
        Its sections that take memory, without unwind tables: generated code throws
        nothing, and nothing unwinds through it.

    Raises:
        LinkError: the bytes are no such object, or hold what a kernel never needs,
            such as thread-local data or constructors.
    """
    if len(data) < HEADER.size or data[:6] != b"\x7fELF\x02\x01":
        raise LinkError("the bytes are not a 64-bit little-endian ELF object")
    header = HEADER.unpack_from(data)
    kind, machine, table, count, names_index = (header[i] for i in (1, 2, 6, 12, 13))
    if kind != 1:
        raise LinkError(f"the ELF file is of type {kind}, not a relocatable object")
    try:
        raw = [SECTION.unpack_from(data, table + 64 * i) for i in range(count)]
        return _read_tables(data, machine, raw, names_index)
    except (struct.error, IndexError, ValueError) as error:
        raise LinkError(f"the ELF object is damaged: {error}") from None


def _read_tables(
    data: bytes, machine: int, raw: list[tuple[int, ...]], names_index: int
) -> ObjectFile:
    def contents(entry: tuple[int, ...]) -> bytes:
        start, size = entry[4], entry[5]
        if start + size > len(data):
            raise ValueError("a section ends beyond the file")
        return data[start : start + size]

    names = contents(raw[names_index])
    sections = []
    for index, entry in enumerate(raw):
        name, kind, flags, size, align = (entry[i] for i in (0, 1, 2, 5, 8))
        text = _string(names, name)
        # An empty section may still be pointed at: the data of an array of no elements.
        if not flags & SHF_ALLOC or text == ".eh_frame":
            continue
        _check_section(text, kind, flags)
        body = b"" if kind == SHT_NOBITS else contents(entry)
        if kind in (SHT_PROGBITS, SHT_NOBITS):
            sections.append(Section(index, text, kind, flags, size, align or 1, body))
    symbols: list[Symbol] = []
    for entry in raw:
        if entry[1] == SHT_SYMTAB:
            strings = contents(raw[entry[6]])
            for name, info, _, section, value, size in SYMBOL.iter_unpack(
                contents(entry)
            ):
                text = _string(strings, name)
                symbols.append(Symbol(text, info, section, value, size))
    kept = {section.number for section in sections}
    relocations = []
    for entry in raw:
        if entry[7] not in kept or entry[1] not in (SHT_RELA, SHT_REL):
            continue
        if entry[1] == SHT_REL:
            raise LinkError("relocations without addends are not supported")
        for offset, info, addend in RELA.iter_unpack(contents(entry)):
            symbol = symbols[info >> 32]
            relocations.append(
                Relocation(entry[7], offset, info & 0xFFFFFFFF, symbol, addend)
            )
    return ObjectFile(machine, sections, symbols, relocations)


def join_objects(objects: Sequence[ObjectFile]) -> ObjectFile:
    """Make one object of several: what one defines is found by the others.

    Raises:
        LinkError: two objects define the same symbol, or differ in their machine.
    """
    sections: list[Section] = []
    symbols: list[Symbol] = []
    relocations: list[Relocation] = []
    first = 0
    for one in objects:
        if one.machine != objects[0].machine:
            raise LinkError("the objects are for different machines")
        moved = {symbol: _moved(symbol, first) for symbol in one.symbols}
        sections += [s.replace(number=s.number + first) for s in one.sections]
        symbols += moved.values()
        relocations += [
            Relocation(r.section + first, r.offset, r.kind, moved[r.symbol], r.addend)
            for r in one.relocations
        ]
        first += _SECTION_NUMBERS
    defined: dict[str, Symbol] = {}
    for symbol in symbols:
        if symbol.info >> 4 != STB_LOCAL and not symbol.is_undefined:
            if symbol.name in defined:
                raise LinkError(f"two objects define {symbol.name!r}")
            defined[symbol.name] = symbol
    relocations = [
        r.replace(symbol=defined[r.symbol.name])
        if r.symbol.is_undefined and r.symbol.name in defined
        else r
        for r in relocations
    ]
    return ObjectFile(objects[0].machine, sections, symbols, relocations)


def _moved(symbol: Symbol, first: int) -> Symbol:
    """The symbol where its object's sections are numbered from another number on."""
    if SHN_UNDEF < symbol.section < SHN_RESERVED:
        return symbol._replace(section=symbol.section + first)
    return symbol


def _check_section(name: str, kind: int, flags: int) -> None:
    if flags & SHF_TLS:
        raise LinkError(f"section {name!r}: thread-local data is not supported")
    arrays = (SHT_INIT_ARRAY, SHT_FINI_ARRAY, SHT_PREINIT_ARRAY)
    if kind in arrays or name.startswith((".ctors", ".dtors")):
        raise LinkError(f"section {name!r}: constructors are not supported")


def _string(table: bytes, start: int) -> str:
    return table[start : table.index(b"\0", start)].decode()
