# SPDX-License-Identifier: BSD-2-Clause
"""DMAR and MADT for QEMU's -acpitable, which repairs length and checksum of the whole (VT-d 8.1 to 8.4; ACPI
6.5, 5.2.12)."""
import struct

DRHD, RMRR, ATSR = 0, 1, 2
ENDPOINT = 1  # a scope's type


def scope(kind, bus, device, function):
    return struct.pack("<BBHBBBB", kind, 8, 0, 0, bus, device, function)


def structure(kind, body, length=None):
    """length: what the structure says of itself, if that is to be wrong."""
    return struct.pack("<HH", kind, 4 + len(body) if length is None else length) + body


def drhd(base, *scopes, include_all=True):
    body = struct.pack("<BBHQ", include_all, 0, 0, base)
    return structure(DRHD, body + b"".join(scope(*fields) for fields in scopes))


def rmrr(base, limit, *scopes):
    return structure(RMRR, struct.pack("<HHQQ", 0, 0, base, limit) + b"".join(scope(*fields) for fields in scopes))


def use_only(name, file="dmar"):
    """QEMU's arguments for no tables but the case's own file."""
    return "-no-acpi", "-acpitable", f"file=build/tests/boot/{name}/{file}"


def table(signature, body):
    header = struct.pack("<4sIBB6s8sI4sI", signature, 36 + len(body), 1, 0, b"SNOOPV", b"SNOOPVSR", 1, b"SNPV", 1)
    return header + body


def dmar(*structures, width=48):
    return table(b"DMAR", struct.pack("<BB10x", width - 1, 1) + b"".join(structures))


def madt(*apic_ids):
    """Processors that are all enabled."""
    processors = (struct.pack("<BBBBI", 0, 8, number, apic_id, 1) for number, apic_id in enumerate(apic_ids))
    return table(b"APIC", struct.pack("<II", 0xfee00000, 1) + b"".join(processors))
