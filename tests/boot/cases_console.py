# SPDX-License-Identifier: BSD-2-Clause
"""An operator at the serial console: what is typed, what is answered, and what comes of it in the VMs."""
from case import Case, manifest
from cases_smp import EDU_B, SECOND_EDU, vm
from guests import EDU, attach, says, verdict
from inspect_machine import bus_masters, quit_machine, stopped, vtd_tables

LOOPS = "crash how=loop"
TAB, UP = "\t", "\x1b[A"


def types(text):
    def probe(emulator):
        emulator.type(text)
        return []
    return probe


def session(*steps):
    """Each is what to wait for, then a line to type; the last line ends the machine."""
    return tuple((pattern, types(line + "\r")) for pattern, line in steps)


CASES = (
    Case("console", manifest("ioasid tight snoop", "ioasid loose nosnoop", vm("a", "0", "crash=loop"),
                             vm("b", "1", "crash=loop"), f"device {EDU} vm=a ioasid=tight"),
         smp="3", extra=SECOND_EDU, seconds=240, ending="quit", weak=("rule_audit",),  # one is typed
         expect=("^console cpu=2$", "^start vm=a ", "^> list$", "^vm b state=running cpu-mask=0x2 ",
                 fr"^device {EDU} state=attached vm=a ", f"^> attach {EDU_B} loose vm=b$", verdict("b", "emulate", "box3"),
                 attach(EDU_B, "loose", "nosnoop", "b", 3), f"^device {EDU_B} .*wbinvd=emulate because=box3$",
                 "^error command=bogus word=\"bogus\" reason=unknown-word$", "^audit tables=.* findings=0$",
                 "^verdict vm=a wbinvd=ignore ", "^stop vm=a$", fr"^detach {EDU} ioasid=tight vm=a$",
                 "^start vm=a ", says("a", LOOPS)),
         never=("^finding ",),
         probes=session(
             (says("b", LOOPS), "list"),
             (f"^device {EDU_B} state=free", f"att{TAB}{EDU_B} loo{TAB}vm=b"),
             (f"^device {EDU_B} format=nosnoop box=3 coherent=0 ", "why b")) + (
             (f"^why {EDU_B} ioasid=loose format=nosnoop box=3 authorises=yes$", stopped(vtd_tables, bus_masters)),
             (None, types("walk loose 0x200000\r"))) + session(
             (r"^walk level=\d .* page=0x\w+ r=1 w=1 snp=0$", "walk tight 0x200000"),
             (r"^walk level=\d .* page=0x\w+ r=1 w=1 snp=1$", f"detach {EDU_B}"),
             (f"^device {EDU_B} state=free", "bogus"),
             ("^error command=bogus", "audit"),
             ("^audit tables=.* findings=0$", "verdict"),
             ("^verdict vm=b wbinvd=ignore .* since-ms=", UP * 3 + "\x01X\x04"),  # the last but two, as `Xogus`
             ("^error command=Xogus", "stats"),
             ("^stats cpu=2 apic-id=2 vm=none ", "stop a"),
             ("^summary vm=a ", "stop a"),
             ('^error command=stop word="a" reason=not-running$', "start a"),
             (says("a", LOOPS), "restart b"),
             ("^start vm=b ", "list"),
             ("^vm a state=running", "stop a"),
             ("^summary vm=a ", "stop b"),
             ("^summary vm=b ", "help")) + (("^help help: this$", quit_machine),)),
)
