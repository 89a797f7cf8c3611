"""What Linux lets a process give up for good, so that a stranger's code in it can neither break out nor leave a trace.

seccomp    a filter in front of the system calls: no new process, no program, no socket, no signal, nothing that looks into or
           changes other processes, no memory that limits do not count
Landlock   files: reading in named folders alone, writing nowhere (Linux 5.13; from 6.7 TCP, from 6.12 signals as well)
powers     all that root may do beside what every user may, should the process run as root

Neither needs rights, and none of it can be undone, by whatever the process calls, ctypes included.
Sources: Linux' own documentation, userspace-api/seccomp_filter and userspace-api/landlock.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
import sys
from collections.abc import Iterable
from pathlib import Path

# System calls: number on x86-64, on ARM64 (None: there is no such call).
REFUSED = {
    "fork": (57, None),
    "vfork": (58, None),
    "execve": (59, 221),
    "execveat": (322, 281),
    "socket": (41, 198),
    "kill": (62, 129),
    "tkill": (200, 130),
    "tgkill": (234, 131),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "pidfd_send_signal": (424, 424),
    "pidfd_getfd": (438, 438),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "setpriority": (141, 140),
    "sched_setaffinity": (203, 122),
    "sched_setscheduler": (144, 119),
    "sched_setattr": (314, 274),
    "unshare": (272, 97),
    "setns": (308, 268),
    "io_uring_setup": (425, 425),  # does what other calls do, past this filter
    "memfd_create": (319, 279),  # memory that RLIMIT_DATA does not count; so is the next ones'
    "shmget": (29, 194),
    "msgget": (68, 186),
    "semget": (64, 190),
    "mq_open": (240, 180),
}
CLONE, CLONE3, MMAP, PRLIMIT = (56, 220), (435, 435), (9, 222), (302, 261)
MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}  # column above, AUDIT_ARCH
CLONE_THREAD = 0x10000
SHARED_ANONYMOUS = 0x21  # flags of mmap
FIRST_X32 = 0x40000000  # the same calls once more, under other numbers
LOAD, EQUAL, AT_LEAST, ANY_BIT, AND, RETURN = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06
ALLOW, ERROR = 0x7FFF0000, 0x00050000

NO_NEW_PRIVILEGES, SECCOMP, PARENT_DEATH_SIGNAL = 38, 22, 1  # of prctl
READ = 0b1101  # run, read a file, read a folder
FILE_READ, FILE_WRITE = 0b101, 0b110  # the same without folders; reading and writing
LANDLOCK = (444, 445, 446)  # create a ruleset, add a rule, restrict oneself


class _Filter(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("program", ctypes.c_char_p)]


def confine(readable: Iterable[Path]) -> list[str]:
    """Give up all that is named above; returns which parts this machine has, of "seccomp" and "landlock".

    Args:
        readable: files and folders that may be read from now on.
    """
    if not sys.platform.startswith("linux"):
        return []
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PARENT_DEATH_SIGNAL, 9, 0, 0, 0)  # whoever asks is gone: so is this process
    if libc.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0):
        return []
    header = struct.pack("Ii", 0x20080522, 0)  # version 3 of capset: three sets of 64 bits, all empty
    libc.capset(header, bytes(24))
    held = [("landlock", _restrict_files(libc, readable)), ("seccomp", _filter_calls(libc))]
    return [name for name, holds in held if holds]


def _filter_calls(libc: ctypes.CDLL) -> bool:
    if platform.machine() not in MACHINES:
        return False
    column, architecture = MACHINES[platform.machine()]
    refuse = (RETURN, 0, 0, ERROR | errno.EPERM)
    program = [(LOAD, 0, 0, 4), (EQUAL, 1, 0, architecture), refuse, (LOAD, 0, 0, 0)]
    program += [(AT_LEAST, 0, 1, FIRST_X32), refuse]
    for numbers in REFUSED.values():
        if numbers[column] is not None:
            program += [(EQUAL, 0, 1, numbers[column]), refuse]
    program += [(EQUAL, 0, 1, CLONE3[column]), (RETURN, 0, 0, ERROR | errno.ENOSYS)]  # then libc takes clone
    argument = [16 + 8 * i for i in range(4)]  # where the low half of an argument lies
    allow = (RETURN, 0, 0, ALLOW)
    program += [(EQUAL, 0, 4, CLONE[column]), (LOAD, 0, 0, argument[0]), (ANY_BIT, 0, 1, CLONE_THREAD), allow, refuse]
    program += [(EQUAL, 0, 4, PRLIMIT[column]), (LOAD, 0, 0, argument[0]), (EQUAL, 0, 1, 0), allow, refuse]
    program += [(EQUAL, 0, 4, MMAP[column]), (LOAD, 0, 0, argument[3]), (AND, 0, 0, SHARED_ANONYMOUS)]
    program += [(EQUAL, 0, 1, SHARED_ANONYMOUS), refuse, allow]
    code = b"".join(struct.pack("HBBI", *line) for line in program)
    return libc.prctl(SECCOMP, 2, ctypes.byref(_Filter(len(program), code)), 0, 0) == 0


def _restrict_files(libc: ctypes.CDLL, readable: Iterable[Path]) -> bool:
    create, add, restrict = LANDLOCK
    version = libc.syscall(create, None, 0, 1)
    if version < 1:
        return False
    rights = (1 << {1: 13, 2: 14, 3: 15, 4: 15}.get(version, 16)) - 1
    rules = struct.pack("QQQ", rights, 0b11, 0b11)[: 8 if version < 4 else 16 if version < 6 else 24]
    rule_set = libc.syscall(create, rules, ctypes.c_size_t(len(rules)), 0)
    if rule_set < 0:
        return False
    allowed = [(path, READ if path.is_dir() else FILE_READ) for path in readable]
    for path, right in [*allowed, (Path(os.devnull), FILE_WRITE)]:
        if path.exists():
            place = os.open(path, os.O_PATH | os.O_CLOEXEC)
            libc.syscall(add, rule_set, 1, struct.pack("=Qi", right, place), 0)
            os.close(place)
    held = libc.syscall(restrict, rule_set, 0) == 0
    os.close(rule_set)
    return held
