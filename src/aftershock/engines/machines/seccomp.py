"""The system calls that no machine may make.  A list of what is refused, each with its reason; the rest is allowed.

It stands behind the user namespace and the capabilities, which refuse most of these already: one wall more between
a machine and a flaw in the kernel.  What servers and systemd use freely (mount, ptrace, setns) is not listed where
the capabilities govern it.
"""

from typing import Any

CLONE_NEWUSER = 0x10000000
EPERM, ENOSYS = 1, 38

DENIED = {
    # The kernel and its modules are the host's.
    "init_module": "loads code into the host's kernel",
    "finit_module": "loads code into the host's kernel",
    "delete_module": "takes code out of the host's kernel",
    "create_module": "loads code into the host's kernel (of old)",
    "kexec_load": "replaces the host's kernel",
    "kexec_file_load": "replaces the host's kernel",
    "iopl": "reaches the host's hardware",
    "ioperm": "reaches the host's hardware",
    "pciconfig_read": "reaches the host's hardware",
    "pciconfig_write": "reaches the host's hardware",
    # Ways around the machine's own view of files and processes.
    "open_by_handle_at": "opens files outside the machine's root by number",
    "kcmp": "tells addresses within the kernel apart",
    "process_madvise": "changes another process's memory",
    "lookup_dcookie": "tells paths outside the machine's root",
    # Large parts of the kernel with a long history of flaws, which no server needs.
    "bpf": "runs programs in the host's kernel",
    "perf_event_open": "measures the whole host",
    "userfaultfd": "stops the kernel in the middle of its work: the favourite tool of exploits",
    "vmsplice": "shares pages with the kernel; several flaws rested on it",
    "io_uring_setup": "is a second door to most system calls, past this very list",
    "io_uring_enter": "belongs to io_uring_setup",
    "io_uring_register": "belongs to io_uring_setup",
    "fanotify_init": "watches whole file systems",
    "move_pages": "moves other processes' memory",
    "migrate_pages": "moves other processes' memory",
    "mbind": "decides about the host's memory banks",
    "set_mempolicy": "decides about the host's memory banks",
    # Keyrings are not divided by namespaces well enough.
    "add_key": "keeps keys in the kernel, where other machines could meet them",
    "request_key": "starts a program of the host's",
    "keyctl": "reads keys of the host's",
    # One clock, one accounting, one swap for the whole host.
    "settimeofday": "sets the host's clock",
    "clock_settime": "sets the host's clock",
    "clock_settime64": "sets the host's clock",
    "clock_adjtime": "bends the host's clock; reading it is adjtimex",
    "stime": "sets the host's clock",
    "acct": "writes down every process of the host",
    "swapon": "decides about the host's swap",
    "swapoff": "decides about the host's swap",
    "quotactl": "decides about the host's disk quotas",
    "quotactl_fd": "decides about the host's disk quotas",
    "syslog": "reads the host's kernel log",
    "vhangup": "hangs up a terminal under others",
    "nfsservctl": "is gone from the kernel",
    "_sysctl": "is gone from the kernel",
    "sysfs": "is of no use since Linux 2.6",
    "uselib": "is of no use since libc5",
    "ustat": "is of no use since Linux 2.6",
}


def _refuse(names: list[str], errno: int = EPERM, **more: Any) -> dict[str, Any]:
    return {"names": names, "action": "SCMP_ACT_ERRNO", "errnoRet": errno, **more}


_NEW_USER_NAMESPACE = [
    {"index": 0, "value": CLONE_NEWUSER, "valueTwo": CLONE_NEWUSER, "op": "SCMP_CMP_MASKED_EQ"},
]

PROFILE: dict[str, Any] = {
    "defaultAction": "SCMP_ACT_ALLOW",
    "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
    "syscalls": [
        _refuse(sorted(DENIED)),
        # A user namespace would give any user every capability within it, and with them most of the kernel to try.
        _refuse(["unshare"], args=_NEW_USER_NAMESPACE),
        _refuse(["clone"], args=_NEW_USER_NAMESPACE),
        # Its flags lie in memory, where no filter sees them.  ENOSYS makes the C library fall back on clone.
        _refuse(["clone3"], ENOSYS),
    ],
}
