# SPDX-License-Identifier: BSD-2-Clause
"""Guests that misbehave end themselves and nothing else; what WBINVD costs; what they ask for by hypercall; how
the machine ends."""
from case import VM_FAILED, Case, file, manifest
from guests import DEMO, DEMO_STEPS, DEMO_VM, EDU, LINUX, attach, summary, verdict

HEX = "0x[0-9a-f]+"


def dump(*names):
    return "^dump vm=demo " + " ".join(f"{name}={HEX}" for name in names)


DUMP = (dump("rip", "rflags", "cs-base") + " mode=64 cpl=0$", dump("cr0", "cr3", "cr4", "efer") + "$",
        dump("rax", "rcx", "rdx", "rbx") + "$", dump("rsp", "rbp", "rsi", "rdi") + "$",
        dump("r8", "r9", "r10", "r11") + "$", dump("r12", "r13", "r14", "r15") + "$",
        "^dump vm=demo instruction=[0-9a-f-]+$")


def crash(how, reason, where=(), boot="bios"):
    """A full dump, and then the host's usual end."""
    return Case(f"crash-{how}-{boot}", manifest(f'{DEMO_VM} cmdline="crash={how}"'), boot=boot, status=VM_FAILED,
                expect=DEMO_STEPS + (f"crash how={how}", f"^killed vm=demo cpu=0 reason={reason} ") + where + DUMP +
                (summary("demo", "ignore"),))


def ending(action):
    return Case(f"on-exit-{action}", f"on-exit {action}\n{DEMO_VM}\n", expect=DEMO, ending=action)


# What snoopctl shows inside, and what the core says of it.
CONTROL = (attach(EDU, "linux.snoop", "snoop", "linux", 1), "start vm=linux", "ok step=verdict wbinvd=ignore because=none",
           f"ok step=info device={EDU} default=snoop box=1 wbinvd=ignore nosnoop=yes by=unknown group={EDU} "
           "state=attached ioasid=0", f"^detach {EDU} ioasid=linux.snoop", verdict("linux", "emulate", "box3"),
           attach(EDU, "linux.1", "nosnoop", "linux", 3), f"^detach {EDU} ioasid=linux.1", verdict("linux", "ignore"),
           attach(EDU, "linux.snoop", "snoop", "linux", 1),
           f"ok step=attach device={EDU} format=nosnoop box=3 coherent=0 wbinvd=emulate because=box3 device={EDU} "
           "format=snoop box=1 coherent=1 wbinvd=ignore because=none", '^command vm=linux text="list"$',
           "ok step=command vm linux state=running .* because=none",
           f"^device {EDU} state=attached vm=linux ioasid=linux.snoop box=1", "guest linux failed=0")

NO_MEMORY = ("^dump vm=demo gpa=0xf0000000 access=write$",)
CASES = (
    crash("no-memory", "nested-paging-violation", NO_MEMORY),
    crash("no-memory", "nested-paging-violation", NO_MEMORY, boot="bochs"),
    crash("triple-fault", "triple-fault"),
    # Lines stand for more and more events, and nothing is lost between them.
    Case("wbinvd-100000", manifest(DEMO_VM + ' cmdline="wbinvd=100000"'), expect=DEMO,
         also=("executed=100000 wbinvd=100000 ", r"^summary vm=demo wbinvd=10\d{4} ")),
    # Counted exactly: here the TSC counts instructions.
    Case("instructions-svm", file("measure"), expect=DEMO, wbinvd_limit=220,
         extra=("-icount", "shift=0,sleep=off")),
    Case("snoopctl", file("control"), seconds=240, expect=CONTROL, also=LINUX),
    ending("poweroff"),
    ending("reset"),
    ending("halt"),
    Case("no-serial-port", manifest(DEMO_VM), serial=False),
)
