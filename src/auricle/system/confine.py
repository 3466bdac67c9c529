"""What a child process starts with, and what it gives up before it touches what others sent.

Knows nothing about what the child is for. Taking things away works as far as the system can: Linux
on x86-64 and ARM64 takes all of it, other systems less.

Why it is so: docs/decisions.md, Structure.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import platform
import struct
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Right = Literal["network", "processes", "files"]
"""To make sockets; to start other processes, look into them or signal them; to open, create, rename
or delete files (those that are open stay)."""

KEPT_NAMES = frozenset(
    {
        *(
            "AURICLE_LOG_FORMAT",
            "HOME",
            "LANG",
            "LANGUAGE",
            "PATH",
            "TEMP",
            "TMP",
            "TMPDIR",
            "TZ",
            "VIRTUAL_ENV",
        ),
        *(
            "DYLD_LIBRARY_PATH",
            "LD_LIBRARY_PATH",
            "LD_PRELOAD",
            "LOGNAME",
            "USER",
            "XDG_CACHE_HOME",
        ),
        *("APPDATA", "LOCALAPPDATA", "NUMBER_OF_PROCESSORS", "PATHEXT", "SYSTEMDRIVE"),
        *("SYSTEMROOT", "USERPROFILE", "WINDIR"),
    }
)
KEPT_PREFIXES = (
    *("COV_CORE_", "COVERAGE_", "CT2_", "CUDA_", "GLIBC_", "GOMP_", "KMP_", "LC_", "MALLOC_"),
    *("MKL_", "NVIDIA_", "OMP_", "OPENBLAS_", "PYTHON", "VECLIB_"),
)
"""Variables that the interpreter, numpy and the runtimes of models read. Keys and tokens, which
have names of any kind, are none of them."""


def environment(own: Mapping[str, str] | None = None) -> dict[str, str]:
    """The variables of this process that a child needs, and its ``own``."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name.upper() in KEPT_NAMES or name.upper().startswith(KEPT_PREFIXES)
    }
    return {**kept, **(own or {})}


def raise_oom_score(score: int) -> None:
    """Where memory runs out, let the system end this process rather than one with a lower
    ``score``; the server's is 0, the highest is 1000. Linux only."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(str(score), encoding="ascii")


def restrict(*rights: Right) -> bool:
    """Give up rights for good, in all threads. Using one raises `PermissionError` from then on.

    False where this system cannot take them away: it must be Linux, on a processor listed here,
    with system call filters (seccomp) that may be installed.
    """
    processor = _PROCESSORS.get(platform.machine()) if sys.platform == "linux" else None
    if processor is None or sys.byteorder != "little":
        return False
    program = _program(processor, rights)
    library = ctypes.CDLL(None, use_errno=True)
    if library.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        return False
    buffer = ctypes.create_string_buffer(program, len(program))
    filters = _FilterProgram(len(program) // _INSTRUCTION.size, ctypes.addressof(buffer))
    set_filter = (processor.seccomp, _SECCOMP_SET_MODE_FILTER, _SECCOMP_FILTER_FLAG_TSYNC)
    return bool(library.syscall(*set_filter, ctypes.byref(filters)) == 0)


class _FilterProgram(ctypes.Structure):
    """``struct sock_fprog`` of <linux/filter.h>."""

    _fields_ = (("n_instructions", ctypes.c_ushort), ("address", ctypes.c_void_p))


@dataclass(frozen=True, slots=True)
class _Processor:
    column: int
    """Of `_SYSTEM_CALLS`."""
    audit_arch: int
    """From <linux/audit.h>."""
    seccomp: int
    clone: int
    tgkill: int


_PROCESSORS = {
    "x86_64": _Processor(column=0, audit_arch=0xC000003E, seccomp=317, clone=56, tgkill=234),
    "aarch64": _Processor(column=1, audit_arch=0xC00000B7, seccomp=277, clone=220, tgkill=131),
}

_IO_URING = {"io_uring_setup": (425, 425)}
"""A second way to most system calls, which no filter sees."""

_SYSTEM_CALLS: dict[Right, dict[str, tuple[int, int | None]]] = {
    "network": {"socket": (41, 198), "socketpair": (53, 199), **_IO_URING},
    "processes": {
        **{"fork": (57, None), "vfork": (58, None), "execve": (59, 221), "execveat": (322, 281)},
        **{"kill": (62, 129), "tkill": (200, 130), "ptrace": (101, 117)},
        **{"rt_sigqueueinfo": (129, 138), "rt_tgsigqueueinfo": (297, 240)},
        **{"process_vm_readv": (310, 270), "process_vm_writev": (311, 271)},
        **{"pidfd_open": (434, 434), "pidfd_getfd": (438, 438), "pidfd_send_signal": (424, 424)},
        **{"process_madvise": (440, 440), "unshare": (272, 97), "setns": (308, 268)},
        **_IO_URING,
    },
    "files": {
        **{"open": (2, None), "creat": (85, None), "openat": (257, 56), "openat2": (437, 437)},
        **{"open_by_handle_at": (304, 265), "open_tree": (428, 428), "truncate": (76, 45)},
        **{"rename": (82, None), "renameat": (264, 38), "renameat2": (316, 276)},
        **{"mkdir": (83, None), "mkdirat": (258, 34), "rmdir": (84, None)},
        **{"link": (86, None), "linkat": (265, 37), "symlink": (88, None), "symlinkat": (266, 36)},
        **{"unlink": (87, None), "unlinkat": (263, 35), "mknod": (133, None), "mknodat": (259, 33)},
        **{"chmod": (90, None), "fchmodat": (268, 53), "fchmodat2": (452, 452)},
        **{"chown": (92, None), "lchown": (94, None), "fchownat": (260, 54)},
        **{"setxattr": (188, 5), "lsetxattr": (189, 6), "utimensat": (280, 88)},
        **{"mount": (165, 40), "umount2": (166, 39), "move_mount": (429, 429)},
        **{"fsopen": (430, 430), "fsconfig": (431, 431), "fsmount": (432, 432)},
        **{"mount_setattr": (442, 442), "pivot_root": (155, 41), "chroot": (161, 51)},
        **{"acct": (163, 89), "swapon": (167, 224), "inotify_add_watch": (254, 27)},
        **_IO_URING,
    },
}
"""What each right needs, with its numbers on x86-64 and ARM64 from <asm/unistd.h>."""

_PR_SET_NO_NEW_PRIVS = 38
_SECCOMP_SET_MODE_FILTER = 1
_SECCOMP_FILTER_FLAG_TSYNC = 1
_CLONE3 = 435
_CLONE_THREAD = 0x10000
_X32_CALLS = 0x40000000
"""x86-64 has every call once more from here on, for programs with 32-bit pointers."""

_ALLOW = 0x7FFF0000
_KILL = 0x80000000
_DENY = 0x00050000 | errno.EPERM
_UNKNOWN = 0x00050000 | errno.ENOSYS

_INSTRUCTION = struct.Struct("<HBBI")
_LOAD, _RETURN, _IS, _IS_AT_LEAST, _HAS_BITS = 0x20, 0x06, 0x15, 0x35, 0x45
_NUMBER_AT, _ARCH_AT, _FIRST_ARGUMENT_AT = 0, 4, 16
"""Offsets in ``struct seccomp_data``."""


def _program(processor: _Processor, rights: Iterable[Right]) -> bytes:
    """A filter in the kernel's classic BPF. Each line: an operation, how many lines to skip if its
    test is true and if it is false, a value."""
    lines = [
        (_LOAD, 0, 0, _ARCH_AT),
        (_IS, 1, 0, processor.audit_arch),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER_AT),
        (_IS_AT_LEAST, 0, 1, _X32_CALLS),
        (_RETURN, 0, 0, _DENY),
    ]
    for right in rights:
        for numbers in _SYSTEM_CALLS[right].values():
            number = numbers[processor.column]
            if number is not None:
                lines += [(_IS, 0, 1, number), (_RETURN, 0, 0, _DENY)]
    if "processes" in rights:
        # The flags of clone3 lie in memory, where no filter looks: without it, threads use clone
        lines += [(_IS, 0, 1, _CLONE3), (_RETURN, 0, 0, _UNKNOWN)]
        lines += _only_if(processor.clone, _HAS_BITS, _CLONE_THREAD)
        lines += _only_if(processor.tgkill, _IS, os.getpid())
    lines.append((_RETURN, 0, 0, _ALLOW))
    return b"".join(_INSTRUCTION.pack(*line) for line in lines)


def _only_if(number: int, test: int, value: int) -> list[tuple[int, int, int, int]]:
    """A system call is allowed if its first argument passes the test."""
    return [
        (_IS, 0, 4, number),
        (_LOAD, 0, 0, _FIRST_ARGUMENT_AT),
        (test, 0, 1, value),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _DENY),
    ]
