# SPDX-License-Identifier: BSD-2-Clause
"""Reads a live interrupt remapping table and what devices and the I/O APIC are programmed with, by the
specification's formats alone (VT-d 5.1, 9.10), and says what is wrong with them. xAPIC mode."""
import collections

PRESENT, ENTRIES = 1, 256
ADDRESS, FORMAT, SHV = 0xfee00000, 1 << 4, 1 << 3

# One source of interrupts. vector and level are None where the entry alone says them.
Message = collections.namedtuple("Message", "source where address data count")
Pin = collections.namedtuple("Pin", "source where entry")


class InterruptWalk:
    """table: the 512 qwords of the unit's table. cpus: by source id, the APIC ids of its owner's CPUs.
    What is wrong collects in problems; who has a live interrupt in sources."""

    def __init__(self, table, cpus):
        self.entries = list(zip(table[::2], table[1::2]))
        self.cpus = cpus
        self.problems, self.sources = [], set()
        self.used = {}
        for index, (low, high) in enumerate(self.entries):
            if low & PRESENT:
                self.check_entry(f"entry {index}", low, high)

    def note(self, text):
        self.problems.append(text)

    def check_entry(self, where, low, high):
        source, destination = high & 0xffff, low >> 40 & 0xff
        if low & ~(0xff << 40 | 0xff << 16 | 1 << 5 | 1 << 4 | PRESENT) or high & ~0xfffff:
            self.note(f"{where}: reserved or unwanted bits in {high:x} {low:x}")
        if high >> 16 & 0xf != 4:
            self.note(f"{where}: source id is not verified in full: {high:x}")
        if source not in self.cpus:
            self.note(f"{where}: source {source:04x} has no owner")
        elif destination not in self.cpus[source]:
            self.note(f"{where}: source {source:04x} interrupts CPU {destination}, which is not its owner's")
        if low >> 16 & 0xff < 16:
            self.note(f"{where}: vector {low >> 16 & 0xff}")

    def refer(self, where, source, index):
        """A live source uses this entry; its low half if it is there and the source's own."""
        low, high = self.entries[index] if index < ENTRIES else (0, 0)
        self.sources.add(source)
        if self.used.setdefault(index, where) != where:
            self.note(f"{where}: entry {index} is also that of {self.used[index]}")
        if not low & PRESENT:
            self.note(f"{where}: entry {index} is not present")
        elif high & 0xffff != source:
            self.note(f"{where}: entry {index} is of source {high & 0xffff:04x}")
        return low

    def check_message(self, message):
        """An enabled MSI, or an MSI-X entry that is not masked."""
        source, where, address, data, count = message
        if address & ~0xfffff != ADDRESS or not address & FORMAT:
            self.note(f"{where}: address 0x{address:x} is not in remappable format")
            return
        if data or bool(address & SHV) != (count > 1) or address & 7:
            self.note(f"{where}: address 0x{address:x} data 0x{data:x} for {count} messages")
        for index in range(count):
            self.refer(f"{where} message {index}", source, (address >> 5 & 0x7fff) + index)

    def check_pin(self, pin):
        """An entry of an I/O APIC, masked or not."""
        if pin.entry & 1 << 16:
            return
        if not pin.entry & 1 << 48:
            self.note(f"{pin.where}: 0x{pin.entry:x} is not in remappable format")
            return
        low = self.refer(pin.where, pin.source, pin.entry >> 49)
        if pin.entry & 0xf00:
            self.note(f"{pin.where}: reserved bits in 0x{pin.entry:x}")
        if (pin.entry ^ low >> 16) & 0xff or (pin.entry >> 15 ^ low >> 4) & 1:
            self.note(f"{pin.where}: vector or trigger mode of 0x{pin.entry:x} is not its entry's, 0x{low:x}")
