#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Writes the seeds of the fuzz targets: seeds.py DIRECTORY makes DIRECTORY/TARGET/NAME, small inputs that get far."""
import glob
import os
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "boot"))
import acpi_tables  # noqa: E402 (it lives with the boot tests)

# What QEMU 7.2 makes for -M q35 -device intel-iommu,intremap=on.
QEMU_DMAR = bytes.fromhex(
    "444d415270000000011f424f43485320425850432020202001000000425850430100000"
    "02f010000000000000000000000000000400000000000d9fe00000000030800"
    "0000ff0000010800000000000001080000000001000108000000001f000108000000001f020108000000001f03")


def table(signature, body):
    return struct.pack("<4sIBB6s8sI4sI", signature, 36 + len(body), 1, 0, b"SNOOPV", b"SNOOPVSR", 1, b"SNPV", 1) + body


def scope(kind, bus, *path, enumeration=0):
    return struct.pack("<BBHBB", kind, 6 + 2 * len(path), 0, enumeration, bus) + bytes(sum(path, ()))


def unit(base, *scopes, flags=0, segment=0, size=0):
    return acpi_tables.structure(0, struct.pack("<BBHQ", flags, size, segment, base) + b"".join(scopes))


def region(base, limit, *scopes):
    return acpi_tables.structure(1, struct.pack("<HHQQ", 0, 0, base, limit) + b"".join(scopes))


def dmar():
    endpoint, bridge, ioapic, hpet, namespace = 1, 2, 3, 4, 5
    client = acpi_tables.dmar(  # the shape of a notebook's: graphics behind a unit of its own, the rest behind another
        unit(0xfed90000, scope(endpoint, 0, (2, 0))),
        unit(0xfed91000, scope(ioapic, 0xf0, (0x1f, 0), enumeration=2), scope(hpet, 0, (0x1f, 0)),
             scope(namespace, 0, (0x15, 0), enumeration=1), flags=1),
        region(0x8c800000, 0x8cffffff, scope(endpoint, 0, (2, 0))),
        region(0x8b5e0000, 0x8b5fffff, scope(endpoint, 0, (0x14, 0))),
        acpi_tables.structure(4, b"\0\0\0\1\\_SB.PCI0.I2C0\0"), width=39)
    server = acpi_tables.dmar(  # of a server's: bridges, paths, segments, ATSR, RHSA, SATC
        unit(0xfbffc000, scope(bridge, 0x80, (2, 0)), scope(bridge, 0x80, (3, 0), (0, 0)), segment=1, size=1),
        unit(0xfbffe000, flags=1),
        region(0x7d000000, 0x7d0fffff, scope(endpoint, 0, (0x1c, 0), (0, 0), (4, 1))),
        acpi_tables.structure(2, struct.pack("<BBH", 0, 0, 0) + scope(bridge, 0, (1, 0))),
        acpi_tables.structure(3, struct.pack("<IQI", 0, 0xfbffc000, 1)),
        acpi_tables.structure(5, struct.pack("<BBH", 0, 0, 0) + scope(endpoint, 0, (5, 0))))
    return {"qemu": QEMU_DMAR, "client": client, "server": server, "empty": acpi_tables.dmar()}


def madt():
    header = struct.pack("<II", 0xfee00000, 1)
    lapics = b"".join(struct.pack("<BBBBI", 0, 8, i, i, 1) for i in range(4))
    ioapic = struct.pack("<BBBBII", 1, 12, 0, 0, 0xfec00000, 0)
    override = struct.pack("<BBBBIH", 2, 10, 0, 0, 2, 0)
    nmi = struct.pack("<BBBHB", 4, 6, 0xff, 0, 1)
    address = struct.pack("<BBHQ", 5, 12, 0, 0xfee00000)
    x2apic = struct.pack("<BBHIII", 9, 16, 0, 0x100, 1, 4)
    return {"qemu": table(b"APIC", header + lapics + ioapic + override + nmi),
            "x2apic": table(b"APIC", header + lapics + x2apic + address + ioapic)}


def mcfg():
    def window(base, segment, first, last):
        return struct.pack("<QHBBI", base, segment, first, last, 0)

    return {"one": table(b"MCFG", bytes(8) + window(0xb0000000, 0, 0, 255)),
            "two": table(b"MCFG", bytes(8) + window(0xe0000000, 0, 0, 127) + window(0x1000000000, 1, 128, 255))}


def rsdp():
    first = struct.pack("<8sB6sBI", b"RSD PTR ", 0, b"SNOOPV", 0, 0x7ffe0000)
    second = struct.pack("<8sB6sBIIQB3x", b"RSD PTR ", 0, b"SNOOPV", 2, 0x7ffe0000, 36, 0x7ffe1000, 0)
    return {"revision-0": first, "revision-2": second,
            "rsdt": table(b"RSDT", struct.pack("<4I", 0x7ffe2000, 0x7ffe3000, 0x7ffe2000, 0x7ffe4000)),
            "xsdt": table(b"XSDT", struct.pack("<3Q", 0x7ffe2000, 0x7ffe3000, 0x7ffe2000))}


def fadt():
    old = bytearray(116)
    struct.pack_into("<I", old, 40, 0x7ffe5000)
    struct.pack_into("<I", old, 64, 0x604)
    new = old + bytes(244 - 116)
    struct.pack_into("<I", new, 112, 1 << 10)
    struct.pack_into("<BBBBQB", new, 116, 1, 8, 0, 1, 0xcf9, 0x0f)
    struct.pack_into("<Q", new, 140, 0x7ffe5000)
    struct.pack_into("<BBBBQ", new, 172, 1, 16, 0, 2, 0x604)
    return {"1.0": table(b"FACP", bytes(old[36:])), "5.0": table(b"FACP", bytes(new[36:]))}


def s5():
    def dsdt(package, root=b""):
        return table(b"DSDT", b"\x10\x20\x08" + root + b"_S5_" + package)

    return {"qemu": dsdt(bytes.fromhex("1206040000000000")), "prefix": dsdt(bytes.fromhex("12060202") + b"\x0a\x05\x0a\x05"),
            "word": dsdt(bytes.fromhex("124600040b07000b0700"), b"\\")}


def elf():
    multiboot1 = struct.pack("<IIi", 0x1badb002, 3, -(0x1badb002 + 3))
    magic = b"\x7fELF%c\1\1" + bytes(9)
    narrow = magic % 1 + struct.pack("<HHIIIIIHHHHHH", 2, 3, 1, 0x100000, 52, 0, 0, 52, 32, 2, 0, 0, 0)
    narrow += struct.pack("<8I", 1, 116, 0x100000, 0x100000, 12, 12, 5, 4096)
    narrow += struct.pack("<8I", 1, 128, 0x200000, 0x200000, 0, 4096, 6, 4096)
    wide = magic % 2 + struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, 0x100000, 64, 0, 0, 64, 56, 2, 0, 0, 0)
    wide += struct.pack("<IIQQQQQQ", 1, 5, 176, 0xffffffff80000000, 0x100000, 12, 12, 4096)
    wide += struct.pack("<IIQQQQQQ", 1, 6, 188, 0x200000, 0x200000, 0, 4096, 4096)
    return {"32": narrow + multiboot1, "64": wide + multiboot1}


def bzimage():
    image = bytearray(2 * 512 + 32)  # the fields of a Debian 12 kernel, with a smaller kernel
    for at, form, value in ((0x1f1, "<B", 1), (0x1f4, "<I", 2), (0x1fe, "<H", 0xaa55), (0x200, "<H", 0x6aeb),
                            (0x206, "<H", 0x20f), (0x230, "<I", 0x200000), (0x234, "<B", 1), (0x236, "<H", 0x7f),
                            (0x238, "<I", 2047), (0x258, "<Q", 0x1000000), (0x260, "<I", 0x2ef2000)):
        struct.pack_into(form, image, at, value)
    image[0x202:0x206] = b"HdrS"
    return {"debian": bytes(image)}


def multiboot2():
    def tag(kind, body):
        size = 8 + len(body)
        return struct.pack("<II", kind, size) + body + bytes(-size % 8)

    def information(*tags):
        body = b"".join(tags) + tag(0, b"")
        return struct.pack("<II", 8 + len(body), 0) + body

    ram = struct.pack("<II", 24, 0) + struct.pack("<QQII", 0, 0x9fc00, 1, 0) + struct.pack("<QQII", 0x100000, 1 << 29, 1, 0)
    return {"grub": information(tag(1, b"qemu\0"), tag(3, struct.pack("<II", 0x200000, 0x201000) + b"\\demo.elf\0"),
                                tag(6, ram), tag(14, rsdp()["revision-0"]), tag(15, rsdp()["revision-2"])),
            "empty": information()}


def insn():
    texts = ("0f09", "f30f09", "662e0f09", "480f08", "0fa2", "0f30", "0f01d1", "0f01c1", "0f01d9", "f4", "0f22c0",
             "440f20c0", "0f06", "0f01f0", "0f01742410", "8b0425000000e0", "668b4e10", "880f", "488905f0ffffff",
             "a1000000e000000000", "a3000000e0", "c6450012", "66c70712345678", "48c7842488776655443322ff", "0fb64701",
             "480fbf8400ffffffff", "67660fbe07", "6766f2f33e65480f09")
    return {text: bytes.fromhex(text).ljust(15, b"\x90") for text in texts}


def manifest():
    seeds = {}
    for path in glob.glob("manifests/*.cfg"):
        with open(path, "rb") as file:
            seeds[os.path.basename(path)] = file.read()
    # On the machine of the target: two VMs that start, and every word of the grammar.
    seeds["two"] = (b"policy device\nioasid a nosnoop\nioasid b snoop # c\nvm x cpus=0 memory=1M image=i policy=kernel\n"
                    b"device 00:03.0 vm=x ioasid=a nosnoop=yes\ndevice 00:04.0 nosnoop=block vm=x ioasid=b\n"
                    b"device 00:05.0 nosnoop=no\ndevice 01:00.0 vm=x nosnoop=probe\n")
    seeds["rest"] = (b"unprotected-dma allow\r\non-exit poweroff\nioasid d default\nvm p memory=rest cpus=0 image=\"a b\" "
                     b"initrd=i cmdline=\"x # y\"\ndevice 00:03.0 vm=p ioasid=d\ndevice 01:00.0 vm=p ioasid=d\n")
    return seeds


def console():
    words = ("list", "help", "info 00:03.0", "why first", "verdict", "audit", "walk net 0x1000", "log 3", "faults", "stats",
             "ioasid new snoop", "attach 00:03.0 loose vm=first", "attach 00:04.0 net vm=second", "why first",
             "walk loose 0", "list", "attach 01:00.0 new vm=second", "detach 00:03.0", "device 00:05.0 nosnoop=no",
             "device 00:03.0 nosnoop=block", "attach 00:03.0 net vm=second", "detach 00:04.0", "detach 00:03.0")
    return {"session": "\n".join(words).encode(), "errors": b"lst\ninfo 3\nattach 00:03.0 net\nlist \"\nlog many\n"}


def config_space():
    def access(function, vm, write, size, offset, value=0):
        return struct.pack("<BBHI", function, vm | write << 1 | size << 2, offset, value)

    everything = b"".join(access(f, vm, write, 2, at, 0xffffffff)
                          for f in range(4) for at in (4, 0x10, 0x14, 0x30, 0x44, 0x48, 0x64, 0xd4, 0x168)
                          for vm in (0, 1) for write in (1, 0))
    resets = (access(0, 0, 1, 2, 0x48, 0x8800) + access(0, 0, 1, 1, 4, 7) + access(0, 0, 1, 1, 0xd4, 3) +
              access(0, 0, 1, 1, 0xd4, 0) + access(1, 0, 1, 0, 0xa4, 1) + access(1, 0, 1, 1, 4, 6))
    return {"everything": everything, "resets": resets,
            "msi": access(0, 0, 1, 2, 0x64, 0xfee00000) + access(0, 0, 1, 1, 0x6c, 0x31) + access(0, 0, 1, 1, 0x62, 1),
            "bars": b"".join(access(0, 0, 1, 2, at, 0xffffffff) + access(0, 0, 1, 2, at, 0xfe003000)
                             for at in range(0x10, 0x28, 4)) + access(0, 0, 1, 1, 4, 0x406)}


def hypercall():
    def call(number, rbx=0, rcx=0, rdx=0, rsi=0, rdi=0, cpl=0):
        return struct.pack("<IQQQQBB", number, rbx, rcx, rdx, rsi, rdi, cpl)

    device, page = 0x18, 0x1000
    return {"all": b"".join(call(number) for number in range(15)),
            "devices": call(5, device) + call(11, device) + call(6, 2) + call(10, device, 1) + call(5, device) +
                       call(8, 1, 0x100000, 0, page, 3) + call(8, 1, 0x200000, 2 * page, page, 1) +
                       call(9, 1, 0x100000, 0x200000) + call(9, 1, 0, page) + call(11, device) + call(7, 1) +
                       call(10, device, 0xff) + call(8, 1, 0, 0, page, 3),
            "log": call(2, 0x10, 20) + call(2, 0xff0, 16) + call(2, 0x1f00, 128) + call(2, 0x1ff8, 16) + call(2, 0, 129),
            "counters": b"".join(call(3, which) for which in range(6)) + call(3, 0, cpl=3)}


TARGETS = (rsdp, dmar, madt, mcfg, fadt, s5, elf, bzimage, multiboot2, insn, manifest, console, config_space, hypercall)


def main():
    for target in TARGETS:
        directory = os.path.join(sys.argv[1], target.__name__)
        os.makedirs(directory, exist_ok=True)
        for name, content in target().items():
            with open(os.path.join(directory, name), "wb") as file:
                file.write(content)


if __name__ == "__main__":
    main()
