"""LLVM IR text to machine code: the only file that uses llvmlite."""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from penstock.backends.llvm.target import feature_text
from penstock.ir.errors import MissingPackageError, PenstockError
from penstock.runtime.machine import Machine, host

if TYPE_CHECKING:
    import llvmlite.binding as llvm


def llvm_version() -> str:
    """The version of LLVM that is inside llvmlite."""
    llvm = _llvmlite()
    return ".".join(map(str, llvm.llvm_version_info))


def _llvmlite() -> Any:
    """``llvmlite.binding``, which takes a while to import."""
    try:
        import llvmlite.binding as llvm
    except ModuleNotFoundError:
        raise MissingPackageError(
            None,
            "compiling needs the package llvmlite",
            hint="pip install llvmlite; what f.save has written runs without it",
        ) from None
    return llvm


class CodegenError(PenstockError, RuntimeError):
    """IR text that LLVM refuses: a mistake of the compiler, not of its user."""

    default_code = "codegen"


def emit_object(text: str, machine: Machine | None = None, *, level: int = 2) -> bytes:
    r"""Compile LLVM IR text to a relocatable object.

    No optimization pass is run: the text is written as it should be, already
    vectorized, and passes would cost more than code generation itself.

    Args:
        text: a module, as ``Module.text`` gives it.
        machine: what to compile for; the host unless given.
        level: effort of code generation, 0 to 3.

    Returns:
        The bytes of a position-independent ELF object.

    Raises:
        CodegenError: the text is no valid module. The error quotes the line.

    Example:
        >>> emit_object("define i32 @one() { ret i32 1 }")[:4]
        b'\x7fELF'
    """
    machine = machine or host()
    module = _parse(text, machine, level)
    return bytes(_target_machine(machine, level).emit_object(module))


def emit_objects(texts: Iterator[str], machine: Machine | None = None) -> list[bytes]:
    r"""Compile modules to objects, the first while the next are being written.

    Args:
        texts: modules, as ``Module.text`` gives them.
        machine: what to compile for; the host unless given.

    Returns:
        The bytes of an object for each.

    Raises:
        CodegenError: a text is no valid module. The error quotes the line.

    Example:
        >>> [code] = emit_objects(iter(["define i32 @one() { ret i32 1 }"]))
        >>> code[:4]
        b'\x7fELF'
    """
    first, second = next(texts), next(texts, None)
    if second is None:
        return [emit_object(first, machine)]
    from concurrent.futures import ThreadPoolExecutor

    rest = itertools.chain([second], texts)
    # Code generation holds no lock of the interpreter.
    thread = ThreadPoolExecutor(1, "penstock-codegen")
    try:
        waiting = [thread.submit(emit_object, first, machine)]
    except RuntimeError:
        # An interpreter that is about to end starts no threads.
        return [emit_object(text, machine) for text in (first, *rest)]
    try:
        waiting += [thread.submit(emit_object, text, machine) for text in rest]
        return [one.result() for one in waiting]
    finally:
        # After an error or an interrupt, what has not begun is not wanted.
        thread.shutdown(cancel_futures=True)


def assembly(text: str, machine: Machine | None = None, *, level: int = 2) -> str:
    """Compile LLVM IR text to assembly, for people to read.

    Args:
        text: a module, as ``Module.text`` gives it.
        machine: what to compile for; the host unless given.
        level: effort of code generation, 0 to 3.

    Raises:
        CodegenError: the text is no valid module. The error quotes the line.
    """
    machine = machine or host()
    module = _parse(text, machine, level)
    return str(_target_machine(machine, level).emit_assembly(module))


def _parse(text: str, machine: Machine, level: int) -> llvm.ModuleRef:
    llvm = _llvmlite()
    target_machine = _target_machine(machine, level)
    try:
        module = llvm.parse_assembly(text)
        # Code generation takes the whole process down over what this finds.
        module.verify()
    except RuntimeError as error:
        raise _explained(str(error), text) from None
    module.triple = machine.triple
    module.data_layout = str(target_machine.target_data)
    return module


def _explained(message: str, text: str) -> CodegenError:
    found = re.search(r"<string>:(\d+):(\d+): error: (.*)", message)
    if found is None:
        reason = message.strip().splitlines()[0]
        return CodegenError(None, f"LLVM refuses the generated code: {reason}")
    number = int(found[1])
    line = text.splitlines()[number - 1].strip() if number else ""
    return CodegenError(
        None, f"LLVM refuses line {number} of the generated code: {found[3]}: {line}"
    )


@functools.cache
def _target_machine(machine: Machine, level: int) -> Any:
    llvm = _llvmlite()
    native = machine.architecture == host().architecture
    if native:
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
    else:
        llvm.initialize_all_targets()
        llvm.initialize_all_asmprinters()
    target = llvm.Target.from_triple(machine.triple)
    return target.create_target_machine(
        cpu=machine.cpu,
        features=feature_text(machine),
        opt=level,
        reloc="pic",
        codemodel="small",
    )
