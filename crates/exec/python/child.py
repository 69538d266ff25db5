# The child: one fork of the worker, in which one program runs.
#
# Everything that confines it is in place before it has seen a byte of the program.

import ast
import atexit
import ctypes
import fcntl
import gc
import json
import linecache
import mmap
import os
import random
import resource
import signal
import sys
import threading
import traceback
import types

# The program ran out of memory. A program may also exit with it by itself, which only says the same.
EXIT_MEMORY = 86
# What CPython exits with where it cannot flush its output.
EXIT_FLUSH = 120

LIBC = ctypes.CDLL(None, use_errno=True)
PR_SET_PDEATHSIG = 1
PR_SET_SECCOMP = 22
SECCOMP_MODE_FILTER = 2


class SockFprog(ctypes.Structure):
    _fields_ = [("len", ctypes.c_ushort), ("filter", ctypes.c_void_p)]


def prctl(option, *arguments):
    words = [ctypes.c_ulong(word) for word in (*arguments, 0, 0, 0, 0)[:4]]
    if LIBC.prctl(option, *words) != 0:
        raise OSError(ctypes.get_errno(), f"prctl({option}): {os.strerror(ctypes.get_errno())}")


def install_filter(program, sentinel):
    """Installs a seccomp filter; the operand `sentinel` in it becomes this process's id."""
    words = bytearray(program)
    pid = os.getpid().to_bytes(4, sys.byteorder)
    for at in range(4, len(words), 8):
        if words[at : at + 4] == sentinel:
            words[at : at + 4] = pid
    buffer = (ctypes.c_char * len(words)).from_buffer(words)
    fprog = SockFprog(len(words) // 8, ctypes.addressof(buffer))
    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.addressof(fprog))


def confine(plan, parent, ready, go, out, err, code):
    """Leaves the child its five descriptors, its limits and its filter."""
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    # Above all of their targets first, so that none is overwritten before it is moved.
    high = [fcntl.fcntl(descriptor, fcntl.F_DUPFD, 16) for descriptor in (go, out, err, code, ready)]
    for target, descriptor in enumerate(high):
        os.dup2(descriptor, target)
    os.closerange(len(high), resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    for name, value in plan["child_limits"]:
        number = getattr(resource, "RLIMIT_" + name)
        resource.setrlimit(number, (value, value))
    for sig in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sig, signal.SIG_DFL)
    if plan["child_filter"]:
        install_filter(bytes.fromhex(plan["child_filter"]), plan["sentinel"].to_bytes(4, sys.byteorder))


def read_program():
    with open(3, "rb") as file:
        file.seek(0)
        header = json.loads(file.readline())
        return header, [file.read(length) for length in header["lengths"]]


def seed(value):
    """Seeds every generator a program finds, each differently: equal seeds would give equal numbers."""
    random.seed(value)
    if numpy := sys.modules.get("numpy.random"):
        numpy.seed([value & 0xFFFFFFFF, value >> 32, 2])
    if sympy := sys.modules.get("sympy.core.random"):
        sympy.seed(value ^ (1 << 64))


REHEARSAL = b"""
import numpy, sympy
x = sympy.Symbol("x")
str(sympy.sqrt(8) + x ** 2), numpy.arange(3).sum()
"""


def rehearse():
    """Writes to the memory that every program writes to, so that its pages are the child's own before
    there is a program: copying them is most of what a short run costs."""
    # Without that much to spare no program could run.
    mmap.mmap(-1, 64 << 20).close()
    seed(0)
    namespace = {"__name__": "rehearsal"}
    run_block(REHEARSAL, "rehearsal.py", namespace, False)
    del linecache.cache["rehearsal.py"]


def compile_block(source, name, echo):
    """The code of a block; with `echo`, the value of a last expression is printed, as a notebook does."""
    if not echo:
        return [compile(source, name, "exec", dont_inherit=True)]
    tree = ast.parse(source, name)
    if not (tree.body and isinstance(tree.body[-1], ast.Expr)):
        return [compile(tree, name, "exec", dont_inherit=True)]
    last = ast.Interactive([tree.body.pop()])
    return [compile(tree, name, "exec", dont_inherit=True), compile(last, name, "single", dont_inherit=True)]


def run_block(source, name, namespace, echo):
    """Runs a block; returns None, or the exception that ended it."""
    linecache.cache[name] = (len(source), None, source.decode("utf-8", "replace").splitlines(True), name)
    try:
        for code in compile_block(source, name, echo):
            exec(code, namespace)
    except BaseException as error:
        return error
    return None


def report(error):
    """Says on stderr what CPython would say of an uncaught exception; returns the exit code."""
    if isinstance(error, SystemExit):
        if error.code is None or isinstance(error.code, int):
            return (error.code or 0) & 0xFF
        print(error.code, file=sys.stderr)
        return 1
    # The first frame is ours.
    frames = error.__traceback__.tb_next if error.__traceback__ else None
    while frames and frames.tb_frame.f_code.co_filename == "<string>":
        frames = frames.tb_next
    error = error.with_traceback(frames)
    if sys.excepthook is not sys.__excepthook__:
        sys.excepthook(type(error), error, frames)
    else:
        traceback.print_exception(type(error), error, frames)
    return EXIT_MEMORY if isinstance(error, MemoryError) else 1


def silence():
    """Sends what is written to nowhere; returns what undoes that."""
    saved = os.dup(1), os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    os.close(nowhere)

    def undo():
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except Exception:
                pass
        for target, descriptor in enumerate(saved, 1):
            os.dup2(descriptor, target)
            os.close(descriptor)

    return undo


def run_program(header, blocks):
    """Replays all blocks but the last, runs the last, and ends the process."""
    streams = sys.stdout, sys.stderr
    excepthook = sys.excepthook
    main = types.ModuleType("__main__")
    main.__file__ = "main.py"
    main.__builtins__ = __builtins__
    sys.modules["__main__"] = main
    sys.argv = ["main.py"]
    # Freed when memory has run out, so that there is some to say so.
    ballast = mmap.mmap(-1, 1 << 20)
    gc.enable()
    code = 0
    try:
        if len(blocks) > 1:
            undo = silence()
            for index, source in enumerate(blocks[:-1]):
                seed(header["seeds"][index])
                run_block(source, f"block-{index + 1}.py", main.__dict__, False)
            undo()
        seed(header["seeds"][-1])
        error = run_block(blocks[-1], "main.py", main.__dict__, header["echo"])
        ballast.close()
        if error is not None:
            code = report(error)
        threading._shutdown()
        atexit._run_exitfuncs()
    except BaseException as error:
        code = EXIT_MEMORY if isinstance(error, MemoryError) else code or 1
    for stream in streams:
        try:
            stream.flush()
        except ValueError:
            pass
        except Exception:
            code = code or EXIT_FLUSH
    os._exit(code)


def run_child(plan, parent, ready, go, out, err, code):
    """The whole life of a child; never returns."""
    try:
        confine(plan, parent, ready, go, out, err, code)
        rehearse()
        os.write(4, b"r")
        os.close(4)
        # One byte says go; the end of the pipe says that there will be nothing.
        if os.read(0, 1) != b"g":
            os._exit(0)
        header, blocks = read_program()
        run_program(header, blocks)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(1)
