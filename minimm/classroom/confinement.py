"""The limits in which a student's code runs: memory, processor time, files, processes, network.

    promised on                                      Linux    macOS    Windows
    the judge is another process, out of reach       yes      yes      yes
    time for a function; its process group is ended  yes      yes      the process alone
    memory                                           kernel   by looking every 0.1 s     no
    processor time, no file grows                    kernel   kernel   no
    no new process                                   kernel   kernel   what Python reports
    no network, no signals, no other files           kernel   what Python reports        what Python reports

"Kernel" holds whatever the code does. "What Python reports" is `noticing`: it sees Python's own functions, not code that goes
past Python, so on macOS and Windows strangers' files belong into a virtual machine. On Linux without Landlock (before 5.13, or
switched off) files fall back to that, too; `confine` says what holds, and results.json repeats it.
Nowhere promised: that two students' code cannot tell that it runs on the same machine, or how busy that is.
"""

from __future__ import annotations

import os
import site
import sys
import threading
import time
from pathlib import Path

from minimm.classroom import kernel

TOO_MUCH_MEMORY = 86  # exit code
MOST_FILES = 256  # open at once
SYSTEM = ("/usr", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/localtime", "/dev/null", "/dev/zero", "/dev/urandom")
COUNTS = ("/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/sys/devices/system/cpu")  # how many cores, how much memory


def confine(folder: Path, memory_bytes: int, seconds: float) -> list[str]:
    """Set every limit that this system has, for good; returns their names, such as ["limits", "landlock", "seccomp"].

    Args:
        folder: may be read, beside Python, its packages and the system's libraries.
        memory_bytes: of data, in the whole process.
        seconds: of processor time.
    """
    return _limits(memory_bytes, seconds) + kernel.confine([folder, *_python(), *map(Path, SYSTEM + COUNTS)])


def _python() -> list[Path]:
    packages = [site.getusersitepackages(), *site.getsitepackages(), sys.prefix, sys.base_prefix]
    # Of PYTHONPATH and .pth files only what holds installed packages: other entries may be a teacher's own work.
    packages += [path for path in sys.path if Path(path).name in ("site-packages", "dist-packages")]
    return [Path(__file__).resolve().parents[1], *map(Path, packages)]


def _limits(memory_bytes: int, seconds: float) -> list[str]:
    try:
        import resource
    except ImportError:  # Windows
        return []
    limits = {"CORE": 0, "FSIZE": 0, "NOFILE": MOST_FILES, "CPU": int(seconds) + 1}
    if sys.platform.startswith("linux"):
        limits["DATA"] = memory_bytes  # then NumPy raises MemoryError
    else:
        limits["NPROC"] = 0  # on Linux it would count threads, too, and not hold for root; seccomp does better
        threading.Thread(target=_watch_memory, args=(memory_bytes,), daemon=True).start()
    for name, most in limits.items():
        kind = getattr(resource, f"RLIMIT_{name}")
        hardest = resource.getrlimit(kind)[1]
        most = most if hardest == resource.RLIM_INFINITY else min(most, hardest)
        resource.setrlimit(kind, (most, most))
    return ["limits"]


def _watch_memory(most: int) -> None:
    import resource

    while (
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < most
    ):  # in bytes on macOS, which counts but does not enforce
        time.sleep(0.1)
    os._exit(TOO_MUCH_MEMORY)
