# SPDX-License-Identifier: BSD-2-Clause
"""What is checked from outside while a machine stands still: VT-d tables, interrupts, bus mastering, the
hypervisor's own page tables. Each function takes the emulator and returns what is wrong, as texts."""
import re
import struct
import subprocess
import time

from emulator import Debugger
from host_walk import check_host
from intr_walk import InterruptWalk, Message, Pin
from vtd_walk import SNP, Walk, bdf_text

UNIT = 0xfed90000  # where QEMU has its intel-iommu
CAP, GSTS, RTADDR, IRTA = 0x08, 0x1c, 0x20, 0xb8
RTADDR_SCALABLE = 1 << 10
GSTS_TES, GSTS_IRES, GSTS_CFIS = 1 << 31, 1 << 25, 1 << 23
IOAPIC_SOURCE = 0xff00  # QEMU's, in the scope of its unit

COMMAND, BUS_MASTER = 0x04, 1 << 2
HEADER_TYPE_DWORD, BUS_NUMBERS = 0x0c, 0x18
BAR, CAP_POINTER, MSI, MSIX = 0x10, 0x34, 0x05, 0x11
EXPRESS, PCIE_TO_PCI = 0x10, 7
ECAM, EXTENDED, ATS, ATS_ENABLE = 0xb0000000, 0x100, 0x0f, 1 << 31  # enable: of the dword at 4

IMAGE_SIZE = 16 << 20
HYPERVISOR = 0xffffffff80000000  # its virtual addresses
UNMAPPED = 0x123450
SYMBOLS = "build/snoopervisor.debug"

ATTACH = re.compile(r"^(attach|detach) (\S+) ioasid=(\S+)(?: format=(\S+))?(?:.*(ats=yes))?")


def bdf_number(text):
    bus, device, function = re.split("[:.]", text)
    return int(bus, 16) << 8 | int(device, 16) << 3 | int(function)


def attach_lines(lines):
    """By bdf, (IOASID's name, its format, "ats=yes" or None), of what is attached as the log tells it."""
    attached = {}
    for match in filter(None, map(ATTACH.match, lines)):
        event, bdf, *rest = match.groups()
        if event == "attach":
            attached[bdf_number(bdf)] = tuple(rest)
        else:
            attached.pop(bdf_number(bdf), None)
    return attached


def attached_devices(lines):
    """By bdf, (IOASID's name, its format)."""
    return {bdf: rest[:2] for bdf, rest in attach_lines(lines).items()}


def aliases(monitor, bdf):
    """The requester ids that a PCIe-to-PCI bridge above a function may give to its requests."""
    for bridge in monitor.functions():
        numbers = monitor.read_config(bridge, BUS_NUMBERS)
        first, last = numbers >> 8 & 0xff, numbers >> 16 & 0xff
        if monitor.read_config(bridge, HEADER_TYPE_DWORD) >> 16 & 0x7f != 1 or not first <= bdf >> 8 <= last:
            continue
        at = capabilities(monitor, bridge).get(EXPRESS)
        if not at or monitor.read_config(bridge, at) >> 20 & 0xf == PCIE_TO_PCI:
            yield from (bridge, first << 8)


def image_range(lines):
    start = int(re.search(r"image=(0x[0-9a-f]+)", "\n".join(lines)).group(1), 16)
    return start, start + IMAGE_SIZE


def vtd_tables(emulator):
    """The unit translates, by tables that are right; what each IOASID maps is left in emulator.spaces."""
    monitor = emulator.monitor
    root = monitor.read_register(UNIT + RTADDR)
    mode = root & 0xfff
    walk = Walk(lambda pa: monitor.read_memory(pa, 4096), image_range(emulator.lines), mode == RTADDR_SCALABLE)
    attached = {bdf: (ioasid, form == "snoop") for bdf, (ioasid, form) in attached_devices(emulator.lines).items()}
    attached.update({alias: space for bdf, space in attached.items() for alias in aliases(monitor, bdf)})
    if not monitor.read_register(UNIT + GSTS, "w") & GSTS_TES:
        walk.note("translation is off")
    if mode not in (0, RTADDR_SCALABLE):
        walk.note(f"root table address 0x{root:x}: neither legacy nor scalable mode")
    widths = monitor.read_register(UNIT + CAP) >> 8 & 0x1f
    tlbs = {bdf for bdf, rest in attach_lines(emulator.lines).items() if rest[2]}
    emulator.spaces = walk.check(root & ~0xfff, widths, attached, tlbs)
    emulator.tables = walk.tables
    return walk.problems


def capabilities(monitor, bdf):
    """Offsets by id."""
    found, at = {}, monitor.read_config(bdf, CAP_POINTER) & 0xfc
    while at:
        head = monitor.read_config(bdf, at)
        found[head & 0xff] = at
        at = head >> 8 & 0xfc
    return found


def ats_enables(emulator):
    """ATS is on in those functions that the log says it of, and in no other."""
    monitor, problems = emulator.monitor, []
    trusted = {bdf for bdf, rest in attach_lines(emulator.lines).items() if rest[2]}
    for bdf in monitor.functions():
        at, enabled = EXTENDED, False
        while at:
            head, control = (monitor.read_register(ECAM + (bdf << 12) + at + i, "w") for i in (0, 4))
            enabled |= head & 0xffff == ATS and bool(control & ATS_ENABLE)
            at = head >> 20 if head != 0xffffffff else 0
        if enabled != (bdf in trusted):
            problems.append(f"{bdf_text(bdf)}: ATS is {'on' if enabled else 'off'}")
    return problems


def msi_messages(monitor, bdf, at):
    """What an enabled MSI capability sends."""
    head, low, middle, last = (monitor.read_config(bdf, at + 4 * i) for i in range(4))
    wide = head & 1 << 23
    address, data = (low | middle << 32, last) if wide else (low, middle)
    if head & 1 << 16:
        yield Message(bdf, f"{bdf_text(bdf)} msi", address, data & 0xffff, 1 << (head >> 20 & 7))


def msix_messages(monitor, bdf, at):
    """Entries that are not masked."""
    count = (monitor.read_config(bdf, at) >> 16 & 0x7ff) + 1
    where = monitor.read_config(bdf, at + 4)
    bar = BAR + 4 * (where & 7)
    base = monitor.read_config(bdf, bar)
    if base & 4:
        base |= monitor.read_config(bdf, bar + 4) << 32
    table = monitor.read_memory((base & ~0xf) + (where & ~7), 16 * count)
    for i, (address, data, control) in enumerate(struct.iter_unpack("<QII", table)):
        if not control & 1:
            yield Message(bdf, f"{bdf_text(bdf)} msix {i}", address, data, 1)


def source_cpus(emulator):
    """By source id, the APIC ids of its owner's CPUs, as the log tells it; the I/O APIC is the platform VM's."""
    text = "\n".join(emulator.lines)
    apic_ids = {int(cpu): int(apic_id) for cpu, apic_id in re.findall(r"^cpu (\d+) apic-id=(\d+)", text, re.M)}
    cpus = {vm: {apic_ids[int(cpu)] for cpu in re.findall(r"\d+", rest)}
            for vm, rest in re.findall(r"^start vm=(\S+) cpus?=([\d,]+)", text, re.M)}
    owners = {bdf_number(bdf): vm for bdf, vm in re.findall(r"^attach (\S+) .* vm=(\S+)", text, re.M)}
    return {**{bdf: cpus.get(vm, set()) for bdf, vm in owners.items()}, IOAPIC_SOURCE: cpus.get("linux", set())}


def interrupts(emulator):
    """R22: the unit remaps, and what is programmed uses entries of its own; who has a live interrupt is left
    in emulator.sources."""
    monitor, problems = emulator.monitor, []
    if monitor.read_register(UNIT + GSTS, "w") & (GSTS_IRES | GSTS_CFIS) != GSTS_IRES:
        problems.append("interrupt remapping is off, or compatibility format passes")
    table = monitor.read_register(UNIT + IRTA)
    if table & 0xfff != 7:
        return problems + [f"interrupt table address 0x{table:x}"]
    walk = InterruptWalk(struct.unpack("<512Q", monitor.read_memory(table & ~0xfff, 4096)), source_cpus(emulator))
    for pin, entry in re.findall(r"pin (\d+) +0x([0-9a-f]{16})", monitor.ask("info pic")):
        walk.check_pin(Pin(IOAPIC_SOURCE, f"pin {pin}", int(entry, 16)))
    for bdf in monitor.functions():
        found = capabilities(monitor, bdf)
        for kind, messages in ((MSI, msi_messages), (MSIX, msix_messages)):
            for message in messages(monitor, bdf, found[kind]) if kind in found else ():
                walk.check_message(message)
    emulator.sources = walk.sources
    return problems + walk.problems


def pending_vectors(emulator, apic_id):
    """What waits in a local APIC."""
    text = emulator.monitor.ask(f"info lapic {apic_id}")
    return [int(vector) for vector in re.findall(r"\d+", re.search(r"^IRR(.*)$", text, re.M).group(1))]


def bus_masters(emulator):
    """R21: who nobody owns cannot master the bus, nor a bridge with nobody behind it; one that has
    somebody can."""
    monitor, problems = emulator.monitor, []
    attached = attached_devices(emulator.lines)
    for bdf in monitor.functions():
        masters = monitor.read_config(bdf, COMMAND) & BUS_MASTER
        bridge = monitor.read_config(bdf, HEADER_TYPE_DWORD) >> 16 & 0x7f == 1
        if bridge:
            numbers = monitor.read_config(bdf, BUS_NUMBERS)
            first, last = numbers >> 8 & 0xff, numbers >> 16 & 0xff
            used = any(first <= device >> 8 <= last for device in attached)
            if used != bool(masters):
                problems.append(f"bridge {bdf_text(bdf)}: bus mastering {'on' if masters else 'off'}, "
                                f"devices behind it: {'some' if used else 'none'}")
        elif masters and bdf not in attached:
            problems.append(f"{bdf_text(bdf)} masters the bus, and nobody owns it")
    return problems


def no_bus_masters(emulator):
    """Not even those that have an owner."""
    return [f"{bdf_text(bdf)} masters the bus" for bdf in emulator.monitor.functions()
            if emulator.monitor.read_config(bdf, COMMAND) & BUS_MASTER]


def cannot_master(*bdfs):
    """Not these."""
    return lambda emulator: [problem for problem in no_bus_masters(emulator) if problem.split()[0] in bdfs]


def symbols():
    """Addresses by name."""
    listing = subprocess.run(["nm", SYMBOLS], capture_output=True, text=True, check=True).stdout
    return {name: int(address, 16) for address, _, name in map(str.split, listing.splitlines())}


def host_tables(emulator):
    """Runs to the handler of exits, where the CPU is on the hypervisor's tables, and walks those."""
    names = symbols()
    emulator.debugger.run_to(names["exit_handle"])
    emulator.drain()
    problems = check_host(emulator.monitor, names, image_range(emulator.lines)[0])
    emulator.debugger.cont()
    return problems


def nested_roots(image, start):
    """Of the VMs' nested tables, by the VMCBs that lie in the hypervisor's memory (APM volume 2, appendix B)."""
    for page in range(0, len(image), 4096):
        vmrun_intercept, asid, nested, root = (struct.unpack_from("<Q", image, page + offset)[0]
                                               for offset in (0x10, 0x58, 0x90, 0xb0))
        if vmrun_intercept & 1 and asid & 0xffffffff and nested & 1 and root in range(start, start + len(image), 4096):
            yield root


def count_nested(image, start, table, level=4):
    """Tables and leaves below a table (APM volume 2, 5.3)."""
    tables, leaves = 1, 0
    for entry in struct.unpack_from("<512Q", image, table - start):
        if entry & 1 and (level == 1 or entry & 1 << 7):
            leaves += 1
        elif entry & 1:
            below = count_nested(image, start, entry & (1 << 52) - 4096, level - 1)
            tables, leaves = tables + below[0], leaves + below[1]
    return tables, leaves


def audit_agrees(emulator):
    """Runs to the first exit of the first VM. What the last audit has counted, and that it found nothing, is what a
    look from outside finds (R24)."""
    emulator.debugger.run_to(symbols()["exit_handle"])
    emulator.drain()
    problems = vtd_tables(emulator)
    start, end = image_range(emulator.lines)
    image = emulator.monitor.read_memory(start, end - start)
    counts = [count_nested(image, start, root) for root in set(nested_roots(image, start))]
    counts += [(emulator.tables, sum(len(leaves) for leaves in emulator.spaces.values()))]
    tables, leaves = map(sum, zip(*counts))
    said = [line for line in emulator.lines if line.startswith("audit ")][-1:]
    agree = said == [f"audit tables={tables} leaves={leaves} findings=0"] and not problems and len(counts) > 1
    print(f"audit-qemu tables={tables} leaves={leaves} agree={'yes' if agree else 'no'}", flush=True)
    emulator.debugger.cont()
    return problems + ([] if agree else [f"{said} of what has {tables} tables and {leaves} leaves: {counts}"])


def plant_snoop(emulator):
    """Runs to where the first VM is about to start, and sets SNP in all leaves that its devices see."""
    emulator.debugger.run_to(symbols()["vm_run"])
    emulator.drain()
    problems = vtd_tables(emulator)
    for leaf in (leaf for leaves in emulator.spaces.values() for leaf in leaves):
        entry = emulator.monitor.read_memory(leaf.at, 8)
        emulator.debugger.write_memory(leaf.at, bytes([entry[0], entry[1] | SNP >> 8]) + entry[2:])
    emulator.debugger.cont()
    return problems


def break_exit_handler(emulator):
    """Makes the hypervisor execute what it has not mapped, after some exits."""
    handler = symbols()["exit_handle"]
    for _ in range(100):
        emulator.debugger.run_to(handler)
    emulator.debugger.jump(UNMAPPED)
    emulator.debugger.cont()
    return []


def let_go(emulator):
    """The machine runs without the debugger."""
    emulator.debugger.cont()
    emulator.debugger.close()
    return []


def break_running(emulator):
    """The same in a machine that has been let go, wherever it is."""
    emulator.debugger = Debugger(emulator.debugger.path, running=True)
    return break_exit_handler(emulator)


def all_cpus_stopped(emulator):
    """Each halts in the hypervisor, now or as soon as it has sent its last line."""
    while True:
        cpus = re.findall(r"RIP=([0-9a-f]+) .*HLT=(\d)", emulator.monitor.ask("info registers -a"))
        running = [rip for rip, halted in cpus if halted != "1" or int(rip, 16) < HYPERVISOR]
        if cpus and not running:
            return []
        if time.monotonic() > emulator.deadline:
            return [f"a CPU is at 0x{rip}" for rip in running] or ["no CPU"]
        emulator.monitor.cont()
        time.sleep(0.05)
        emulator.monitor.stop()
        emulator.drain()


def panic_told_once(emulator):
    """One panic, one replay, one end; what is replayed has been said before."""
    lines = emulator.lines
    replay = [number for number, line in enumerate(lines) if line.startswith("panic log-replay ")]
    before, behind = lines[:replay[0]], lines[replay[0] + 1:] if replay else []
    ends = [line for line in lines if line.startswith("end status=")]
    if not replay or sum(line.startswith("panic exception=") for line in before) != 1:
        return ["the panic is not told once"]
    new = [line for line in behind if line not in before + lines[replay[0]:replay[0] + 1] + ends]
    return [f"{line!r} after the panic" for line in new] + ([] if len(ends) == 1 else [f"ends: {ends}"])


def quit_machine(emulator):
    emulator.monitor.execute("quit")
    return []


def stopped(*checks):
    """A probe that stops the machine, looks at it, and lets it go on."""
    def probe(emulator):
        emulator.monitor.stop()
        emulator.drain()
        problems = [problem for check in checks for problem in check(emulator)]
        emulator.monitor.cont()
        return problems
    return probe
