# SPDX-License-Identifier: BSD-2-Clause
"""DMAR tables for QEMU's -acpitable, which repairs length and checksum of the whole (VT-d 8.1 to 8.4)."""
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


def use_only(name):
    """QEMU's arguments for no tables but the case's own file `dmar`."""
    return "-no-acpi", "-acpitable", f"file=build/tests/boot/{name}/dmar"


def dmar(*structures, width=48):
    body = struct.pack("<BB10x", width - 1, 1) + b"".join(structures)
    header = struct.pack("<4sIBB6s8sI4sI", b"DMAR", 36 + len(body), 1, 0, b"SNOOPV", b"SNOOPVSR", 1, b"SNPV", 1)
    return header + body
