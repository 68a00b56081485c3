# SPDX-License-Identifier: BSD-2-Clause
"""A boot test: a machine, a manifest, and what the log must show. Patterns are regular expressions that
match a part of a line."""
import collections
import dataclasses
import re

OK, VM_FAILED, NOT_STARTED, PANIC = 0, 1, 2, 3  # statuses of the core's last line

BOXES = {("snoop", "1"): 1, ("snoop", "2"): 1, ("nosnoop", "3"): 0, ("nosnoop", "4"): 1,
         ("unprotected", "3"): 0, ("unprotected", "4"): 1}  # coherent=, by format= and box=


def manifest(*lines):
    """A manifest whose end QEMU and Bochs both see; every attach and detach is audited (R24)."""
    return "\n".join(("on-exit qemu",) + lines + ("audit always",)) + "\n"


def file(name):
    """A manifest of the tree."""
    with open(f"manifests/{name}.cfg", encoding="utf-8") as text:
        return text.read() + "audit always\n"


@dataclasses.dataclass
class Case:
    name: str
    manifest: object = None          # text or bytes; None: there is none
    files: dict = dataclasses.field(default_factory=dict)  # by name: bytes, or what gives them
    # the machine
    boot: str = "bios"               # or uefi, bochs
    iommu: str = ""
    smp: str = "1"
    memory: str = "1G"
    accel: str = "tcg"
    extra: tuple = ()                # more arguments of QEMU
    serial: bool = True
    debug: bool = False              # QEMU waits for the debugger before its first instruction
    seconds: int = 90
    # what must come of it
    expect: tuple = ()               # lines in this order
    also: tuple = ()                 # lines anywhere
    never: tuple = ()
    status: int = OK
    ending: str = "qemu"             # or poweroff, reset, halt: what the manifest says; quit: a probe ends it
    probes: tuple = ()               # (pattern, function): when such a line comes
    wbinvd_limit: int = None         # instructions that an ignored one may take, as the demo measures
    weak: tuple = ()                 # names of rules below that do not hold here, on purpose

    def exit_status(self):
        """Of the emulator; None if it does not end by itself."""
        return {"qemu": self.status * 2 + 1, "poweroff": 0, "reset": 0, "halt": None, "quit": 0}[self.ending]


def pairs(line):
    """The key=value pairs of a line."""
    return dict(re.findall(r'(\S+?)=("[^"]*"|\S+)', line))


def of_event(lines, event):
    return [line for line in lines if line.startswith(event + " ")]


# --- rules that hold for every run ------------------------------------------------------------------
def rule_no_panic(_case, lines):
    for line in of_event(lines, "panic"):
        yield line


def rule_audit(case, lines):
    """R24, after every change."""
    for line in of_event(lines, "finding"):
        yield line
    changes = len(of_event(lines, "attach") + of_event(lines, "detach") + of_event(lines, "quarantine"))
    audits = len(of_event(lines, "audit"))
    if "audit always" in str(case.manifest) and audits != changes:
        yield f"{changes} changes, {audits} audits"


def rule_guest_is_well(_case, lines):
    for line in lines:
        if re.search(r"\bfailed step=|\bfailed=[1-9]", line):
            yield line


def rule_no_reserved_bit(_case, lines):
    """SNP never stands in a table that may not hold it (R5)."""
    for line in of_event(lines, "fault"):
        if pairs(line).get("reason") == "0xc":
            yield line


def rule_last_line(case, lines):
    if case.serial and case.ending != "quit" and not any(line == f"end status={case.status}" for line in lines[-2:]):
        ends = of_event(lines, "end")
        yield f"the last line is not end status={case.status} but {(ends or lines or ['none'])[-1]!r}"


def rule_nothing_started(case, lines):
    """One clear line says why, and no VM has run."""
    if case.status != NOT_STARTED or not case.serial:
        return
    errors = of_event(lines, "error")
    if len(errors) != 1:
        yield f"{len(errors)} lines begin with error: {errors}"
    elif "reason=" not in errors[0]:
        yield f"no reason in {errors[0]!r}"
    for line in of_event(lines, "start"):
        yield line


def rule_counts(_case, lines):
    """What the wbinvd lines stand for is what the summaries of VMs and their CPUs count, verdict by verdict;
    nothing is served otherwise. A VM that is started again counts anew."""
    counted = collections.Counter()
    for line in lines:
        event, _, rest = line.partition(" ")
        if event not in ("start", "wbinvd", "summary"):
            continue
        fields = pairs(rest)
        name, cpu = fields["vm"], fields.get("cpu")
        if event == "start":
            counted = collections.Counter({key: count for key, count in counted.items() if key[0] != name})
        elif event == "wbinvd":
            for of in (cpu, None):
                counted[name, of, fields["verdict"]] += int(fields["count"])
        else:
            logged = tuple(counted[name, cpu, verdict] for verdict in ("emulate", "ignore"))
            summed = int(fields["emulated"]), int(fields["ignored"])
            if logged != summed or sum(summed) != int(fields["wbinvd"]):
                yield f"{line!r}, but the lines before say emulate, ignore = {logged}"


def rule_faults(_case, lines):
    """What the fault lines stand for is what the summaries count."""
    logged = sum(int(pairs(line)["count"]) for line in of_event(lines, "fault") if "count=" in line)
    summed = sum(int(pairs(line).get("faults", 0)) for line in of_event(lines, "summary"))
    if logged != summed:
        yield f"the summaries count {summed} faults, the lines {logged}"


def rule_matrix(_case, lines):
    """Format, box and coherence agree (R8), and an attach that asks for emulation comes after it (R11)."""
    verdict = {}
    for line in lines:
        fields = pairs(line)
        if line.startswith("verdict "):
            verdict[fields["vm"]] = fields["wbinvd"]
        elif line.startswith("attach "):
            if BOXES.get((fields["format"], fields["box"])) != int(fields["coherent"]):
                yield line
            if fields["coherent"] == "0" and verdict.get(fields["vm"]) != "emulate":
                yield f"no verdict before {line!r}"


def rule_wbinvd_limit(case, lines):
    found = re.findall(r"measure what=wbinvd ticks=(\d+)", "\n".join(lines))
    if case.wbinvd_limit and not 0 < int((found or [0])[-1]) <= case.wbinvd_limit:
        yield f"an ignored WBINVD takes {found} instructions; {case.wbinvd_limit} are allowed"


RULES = (rule_no_panic, rule_audit, rule_guest_is_well, rule_no_reserved_bit, rule_last_line, rule_nothing_started,
         rule_counts, rule_faults, rule_matrix, rule_wbinvd_limit)


# --- judging one run --------------------------------------------------------------------------------
def missing(case, lines):
    """Patterns that no line matched."""
    at = 0
    for pattern in case.expect:
        found = [number for number in range(at, len(lines)) if re.search(pattern, lines[number])]
        if found:
            at = found[0] + 1
        else:
            yield pattern
    for pattern in case.also:
        if not any(re.search(pattern, line) for line in lines):
            yield pattern


def judge(case, lines, exit_status):
    """What is wrong with a run, as texts; nothing if all is well."""
    for pattern in missing(case, lines):
        yield f"no line {pattern!r}"
    for pattern in case.never:
        for line in lines:
            if re.search(pattern, line):
                yield f"line {line!r}"
    for rule in RULES:
        if rule.__name__ not in case.weak:
            yield from rule(case, lines)
    if case.boot != "bochs" and exit_status != case.exit_status():
        yield f"exit status {exit_status}, not {case.exit_status()}"
