"""Links objects into a shared object, without a linker.

What LLVM emits for position-independent code of the small model is so regular that
placing its sections and filling in some kinds of relocation is all that linking is.
The result is an ordinary ELF shared object: ``dlopen`` loads it, and so does a C
program. Other systems than Linux have other formats, for which there is nothing here:
there LLVM's own loader must take the object.

The image has up to four segments, and none is both writable and executable:

    read only ......... headers, symbols, relocations, constants
    executable ........ code, and stubs that jump to outside functions
    sealed (RELRO) .... .dynamic, the offset table, constants that hold addresses:
                        written by the loader, then read only
    writable .......... data, and zeros that take no room in the file
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from penstock.backends.llvm.elf import (
    HEADER,
    RELA,
    SECTION,
    SHF_ALLOC,
    SHF_EXECINSTR,
    SHF_WRITE,
    SHN_ABS,
    SHN_COMMON,
    SHT_NOBITS,
    STB_LOCAL,
    SYMBOL,
    LinkError,
    ObjectFile,
    Relocation,
    Section,
    Symbol,
    join_objects,
    read_object,
)
from penstock.backends.llvm.relocate import architecture_of
from penstock.ir.record import Node

_PROGRAM_HEADER = struct.Struct("<IIQQQQQQ")
_DYNAMIC = struct.Struct("<QQ")
_READ, _WRITE, _EXECUTE = 4, 2, 1
_PT_LOAD, _PT_DYNAMIC, _PT_STACK, _PT_RELRO = 1, 2, 0x6474E551, 0x6474E552
_MOST_PROGRAM_HEADERS = 7

# Segments begin at pages of the file, which then share no page with each other.
_FILE_PAGE = 4096

(
    _DT_NULL, _DT_NEEDED, _DT_HASH, _DT_STRTAB, _DT_SYMTAB, _DT_RELA, _DT_RELASZ,
    _DT_RELAENT, _DT_STRSZ, _DT_SYMENT, _DT_SONAME, _DT_FLAGS, _DT_FLAGS_1,
) = (0, 1, 4, 5, 6, 7, 8, 9, 10, 11, 14, 30, 0x6FFFFFFB)  # fmt: skip
_DF_BIND_NOW, _DF_1_NOW = 8, 1


def link_shared_object(
    data: bytes | Sequence[bytes],
    exports: Sequence[str] | None = None,
    *,
    name: str = "penstock-kernel.so",
    needed: Sequence[str] = (),
) -> bytes:
    r"""Link an object, or several, into a shared object.

    Args:
        data: the bytes of a position-independent x86-64 or AArch64 ELF object, or of
            several, which find each other's global symbols.
        exports: symbols that ``dlsym`` finds; all global ones that are defined, unless
            given.
        name: the shared object's own name (``DT_SONAME``).
        needed: libraries to load with it, such as ``"libm.so.6"``. What else is
            undefined is looked for in the process, which has the C library.

    Returns:
        The bytes of the shared object.

    Raises:
        LinkError: the object is damaged, needs a relocation that is not known, or
            does not define an export; or two of them define the same symbol.

    Example:
        >>> from penstock.backends.llvm.object import emit_object
        >>> code = emit_object("define i32 @one() { ret i32 1 }")
        >>> link_shared_object(code, ["one"])[:4]
        b'\x7fELF'
    """
    if isinstance(data, bytes):
        whole = read_object(data)
    else:
        whole = join_objects([read_object(one) for one in data])
    return _Linker(whole, name, needed).link(exports)


class _Block(Node):
    """A run of bytes with a place of its own in the image."""

    name: str
    kind: int
    group: int
    align: int
    size: int
    data: bytes = b""
    offset: int = 0
    address: int = 0
    entry_size: int = 0
    link: str = ""


# The groups that blocks are sorted into; each becomes a segment.
_CONSTANT, _CODE, _SEALED, _VARIABLE = range(4)
_PERMISSIONS = {
    _CONSTANT: _READ,
    _CODE: _READ | _EXECUTE,
    _SEALED: _READ | _WRITE,
    _VARIABLE: _READ | _WRITE,
}
_SECTION_FLAGS = {
    _CONSTANT: SHF_ALLOC,
    _CODE: SHF_ALLOC | SHF_EXECINSTR,
    _SEALED: SHF_ALLOC | SHF_WRITE,
    _VARIABLE: SHF_ALLOC | SHF_WRITE,
}
_GLOBAL_SYMBOL = 0x10


class _Linker:
    def __init__(self, obj: ObjectFile, name: str, needed: Sequence[str]) -> None:
        self._object = obj
        self._rules = architecture_of(obj.machine)
        self._name = name
        self._needed = needed
        self._table: dict[Symbol, int] = {}
        self._stubs: dict[str, int] = {}
        self._outside: list[str] = []
        self._dynamic_relocations: list[tuple[int, int, int]] = []
        self._absolute_count = 0

    def link(self, exports: Sequence[str] | None) -> bytes:
        exported = self._exported(exports)
        self._assign_entries()
        names = [symbol.name for symbol in exported] + self._outside
        self._symbol_index = {name: index for index, name in enumerate(names, 1)}
        strings, positions = _string_table([*names, self._name, *self._needed])
        self._positions = positions
        self._make_blocks(len(names) + 1, strings)
        self._place_blocks()
        for relocation in self._object.relocations:
            self._relocate(relocation)
        self._fill_table()
        self._fill_symbols(exported)
        self._fill_dynamic()
        self._write_headers()
        return bytes(self._image)

    def _exported(self, exports: Sequence[str] | None) -> list[Symbol]:
        defined = {
            symbol.name: symbol
            for symbol in self._object.symbols
            if symbol.info >> 4 != STB_LOCAL and not symbol.is_undefined
        }
        for symbol in defined.values():
            if symbol.section == SHN_COMMON:
                raise LinkError(f"common symbol {symbol.name!r} is not supported")
        if exports is None:
            return list(defined.values())
        missing = [name for name in exports if name not in defined]
        if missing:
            raise LinkError(f"the object does not define {', '.join(missing)}")
        return [defined[name] for name in exports]

    def _assign_entries(self) -> None:
        """Give the symbols that need them entries of the offset table, and stubs."""
        rules = self._rules
        for relocation in self._object.relocations:
            symbol, kind = relocation.symbol, relocation.kind
            if symbol.is_undefined and symbol.name not in self._outside:
                self._outside.append(symbol.name)
            if kind in rules.absolute:
                self._absolute_count += 1
            elif kind in rules.through_table:
                self._table.setdefault(symbol, 8 * len(self._table))
            elif kind not in rules.direct:
                raise LinkError(f"relocation kind {kind} is not supported")
            elif symbol.is_undefined:
                self._table.setdefault(symbol, 8 * len(self._table))
                self._stubs.setdefault(symbol.name, len(self._stubs) * rules.stub_size)

    def _make_blocks(self, symbol_count: int, strings: bytes) -> None:
        relocation_count = len(self._table) + self._absolute_count
        dynamic_count = len(self._needed) + 12
        head = HEADER.size + _MOST_PROGRAM_HEADERS * _PROGRAM_HEADER.size
        blocks = [
            _Block("", 0, _CONSTANT, 8, head),
            _Block(".hash", 5, _CONSTANT, 8, 4 * (2 + 2 * symbol_count),
                   entry_size=4, link=".dynsym"),
            _Block(".dynsym", 11, _CONSTANT, 8, 24 * symbol_count,
                   entry_size=24, link=".dynstr"),
            _Block(".dynstr", 3, _CONSTANT, 1, len(strings), strings),
            _Block(".rela.dyn", 4, _CONSTANT, 8, 24 * relocation_count,
                   entry_size=24, link=".dynsym"),
            _Block(".plt", 1, _CODE, 16, self._rules.stub_size * len(self._stubs)),
            _Block(".dynamic", 6, _SEALED, 8, 16 * dynamic_count,
                   entry_size=16, link=".dynstr"),
            _Block(".got", 1, _SEALED, 8, 8 * len(self._table), entry_size=8),
        ]  # fmt: skip
        self._blocks = {block.name: block for block in blocks if block.size}
        self._sections: dict[int, _Block] = {}
        for section in self._object.sections:
            block = _Block(
                section.name,
                section.kind,
                _group(section),
                section.align,
                section.size,
                section.data,
            )
            self._sections[section.number] = block
            self._blocks[f"{section.name} {section.number}"] = block

    def _place_blocks(self) -> None:
        """Choose file offsets and addresses, group by group, zeros last in each."""
        ordered = sorted(
            self._blocks.values(), key=lambda b: (b.group, b.kind == SHT_NOBITS)
        )
        image = bytearray()
        address = 0
        group = _CONSTANT
        for block in ordered:
            if block.group != group:
                group = block.group
                image += bytes(-len(image) % _FILE_PAGE)
                # The next page, at the same place in it as in the file's.
                address += -address % self._rules.page
                address += len(image) % self._rules.page
            padding = -address % block.align
            address += padding
            block.address = address
            block.offset = len(image)
            if block.kind != SHT_NOBITS:
                image += bytes(padding)
                block.offset = len(image)
                image += block.data or bytes(block.size)
            address += block.size
        self._image = image
        self._ordered = ordered

    def _address(self, symbol: Symbol) -> int:
        if symbol.section == SHN_ABS:
            return symbol.value
        if symbol.section not in self._sections:
            raise LinkError(f"symbol {symbol.name!r} lies in no section that is kept")
        return self._sections[symbol.section].address + symbol.value

    def _relocate(self, relocation: Relocation) -> None:
        rules, symbol = self._rules, relocation.symbol
        block = self._sections[relocation.section]
        at = block.offset + relocation.offset
        place = block.address + relocation.offset
        if relocation.kind in rules.absolute:
            if block.group not in (_SEALED, _VARIABLE):
                raise LinkError(f"an address is held in read-only {block.name!r}")
            self._add_dynamic(place, symbol, relocation.addend)
        elif relocation.kind in rules.through_table:
            entry = self._blocks[".got"].address + self._table[symbol]
            patch = rules.through_table[relocation.kind]
            patch(self._image, at, place, entry + relocation.addend)
        else:
            if symbol.is_undefined:
                target = self._blocks[".plt"].address + self._stubs[symbol.name]
            else:
                target = self._address(symbol)
            patch = rules.direct[relocation.kind]
            patch(self._image, at, place, target + relocation.addend)

    def _add_dynamic(
        self, place: int, symbol: Symbol, addend: int, *, entry: bool = False
    ) -> None:
        relative, absolute, table_entry = self._rules.dynamic
        if symbol.is_undefined:
            kind = table_entry if entry else absolute
            info = self._symbol_index[symbol.name] << 32 | kind
            self._dynamic_relocations.append((place, info, addend))
        else:
            address = self._address(symbol) + addend
            self._dynamic_relocations.append((place, relative, address))

    def _fill_table(self) -> None:
        for symbol, offset in self._table.items():
            entry = self._blocks[".got"].address + offset
            self._add_dynamic(entry, symbol, 0, entry=True)
            if symbol.name in self._stubs:
                plt, start = self._blocks[".plt"], self._stubs[symbol.name]
                self._rules.stub(
                    self._image, plt.offset + start, plt.address + start, entry
                )
        if self._dynamic_relocations:
            packed = b"".join(RELA.pack(*one) for one in self._dynamic_relocations)
            self._overwrite(".rela.dyn", packed)

    def _fill_symbols(self, exported: Sequence[Symbol]) -> None:
        packed = [bytes(SYMBOL.size)]
        for symbol in exported:
            name, address = self._positions[symbol.name], self._address(symbol)
            section = SHN_ABS
            if symbol.section != SHN_ABS:
                section = self._ordered.index(self._sections[symbol.section])
            packed.append(
                SYMBOL.pack(name, symbol.info, 0, section, address, symbol.size)
            )
        for outside in self._outside:
            name = self._positions[outside]
            packed.append(SYMBOL.pack(name, _GLOBAL_SYMBOL, 0, 0, 0, 0))
        self._overwrite(".dynsym", b"".join(packed))
        self._overwrite(".hash", _hash_table(["", *self._symbol_index]))

    def _fill_dynamic(self) -> None:
        blocks = self._blocks
        entries = [(_DT_NEEDED, self._positions[name]) for name in self._needed]
        entries += [
            (_DT_SONAME, self._positions[self._name]),
            (_DT_HASH, blocks[".hash"].address),
            (_DT_STRTAB, blocks[".dynstr"].address),
            (_DT_SYMTAB, blocks[".dynsym"].address),
            (_DT_STRSZ, blocks[".dynstr"].size),
            (_DT_SYMENT, SYMBOL.size),
            (_DT_FLAGS, _DF_BIND_NOW),
            (_DT_FLAGS_1, _DF_1_NOW),
        ]
        if self._dynamic_relocations:
            entries += [
                (_DT_RELA, blocks[".rela.dyn"].address),
                (_DT_RELASZ, blocks[".rela.dyn"].size),
                (_DT_RELAENT, RELA.size),
            ]
        entries.append((_DT_NULL, 0))
        self._overwrite(".dynamic", b"".join(_DYNAMIC.pack(*one) for one in entries))

    def _overwrite(self, name: str, data: bytes) -> None:
        block = self._blocks[name]
        self._image[block.offset : block.offset + len(data)] = data

    def _program_headers(self) -> list[tuple[int, ...]]:
        page = self._rules.page
        headers: list[tuple[int, ...]] = []
        for group, flags in _PERMISSIONS.items():
            blocks = [block for block in self._ordered if block.group == group]
            if not blocks:
                continue
            first, last = blocks[0], blocks[-1]
            size = last.address + last.size - first.address
            stored = [block for block in blocks if block.kind != SHT_NOBITS]
            length = stored[-1].offset + stored[-1].size - first.offset if stored else 0
            place = (first.offset, first.address, first.address)
            if group == _SEALED:
                # The loader seals whole pages only.
                size += -(first.address + size) % page
                headers.append((_PT_RELRO, _READ, *place, size, size, 1))
            headers.append((_PT_LOAD, flags, *place, length, size, page))
        dynamic = self._blocks[".dynamic"]
        place = (dynamic.offset, dynamic.address, dynamic.address)
        headers.append(
            (_PT_DYNAMIC, _READ | _WRITE, *place, dynamic.size, dynamic.size, 8)
        )
        headers.append((_PT_STACK, _READ | _WRITE, 0, 0, 0, 0, 0, 16))
        return headers

    def _write_headers(self) -> None:
        names = [block.name for block in self._ordered] + [".shstrtab"]
        strings, positions = _string_table(names)
        strings_at = len(self._image)
        self._image += strings
        self._image += bytes(-len(self._image) % 8)
        table_at = len(self._image)
        indices = {block.name: i for i, block in enumerate(self._ordered)}
        self._image += bytes(SECTION.size)
        for block in self._ordered[1:]:
            link = indices[block.link] if block.link else 0
            # Of the symbol table: the first symbol that is not local.
            info = 1 if block.name == ".dynsym" else 0
            self._image += SECTION.pack(
                positions[block.name], block.kind, _SECTION_FLAGS[block.group],
                block.address, block.offset, block.size, link, info, block.align,
                block.entry_size,
            )  # fmt: skip
        self._image += SECTION.pack(
            positions[".shstrtab"], 3, 0, 0, strings_at, len(strings), 0, 0, 1, 0
        )
        headers = self._program_headers()
        HEADER.pack_into(
            self._image, 0, b"\x7fELF\x02\x01\x01", 3, self._object.machine, 1, 0,
            HEADER.size, table_at, 0, HEADER.size, _PROGRAM_HEADER.size, len(headers),
            SECTION.size, len(names), len(names) - 1,
        )  # fmt: skip
        for index, header in enumerate(headers):
            at = HEADER.size + index * _PROGRAM_HEADER.size
            _PROGRAM_HEADER.pack_into(self._image, at, *header)


def _group(section: Section) -> int:
    if section.flags & SHF_EXECINSTR:
        if section.flags & SHF_WRITE:
            raise LinkError(f"section {section.name!r} is writable and executable")
        return _CODE
    if not section.flags & SHF_WRITE:
        return _CONSTANT
    return _SEALED if section.name.startswith(".data.rel.ro") else _VARIABLE


def _string_table(names: Sequence[str]) -> tuple[bytes, dict[str, int]]:
    table = bytearray(1)
    positions = {"": 0}
    for name in names:
        if name not in positions:
            positions[name] = len(table)
            table += name.encode() + b"\0"
    return bytes(table), positions


def _hash_table(names: Sequence[str]) -> bytes:
    """The symbol hash table of the System V ABI, "Hash Table"."""
    count = len(names)
    buckets, chains = [0] * count, [0] * count
    for index, name in enumerate(names):
        if index:
            bucket = _hash(name) % count
            chains[index], buckets[bucket] = buckets[bucket], index
    return struct.pack(f"<{2 + 2 * count}I", count, count, *buckets, *chains)


def _hash(name: str) -> int:
    value = 0
    for byte in name.encode():
        value = (value << 4) + byte
        value = (value ^ (value >> 24 & 0xF0)) & 0x0FFFFFFF
    return value
