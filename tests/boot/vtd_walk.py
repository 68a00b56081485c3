# SPDX-License-Identifier: BSD-2-Clause
"""Reads live VT-d tables from outside the machine, by the specification's formats alone (VT-d 9.1, 9.3,
9.8; in scalable mode 9.2, 9.4 to 9.6), and says what is wrong with them."""
import collections
import struct

PAGE = 4096
ADDRESS = (1 << 52) - PAGE
MSI = (0xfee00000, 0xfef00000)

READ, WRITE, LARGE, SNP = 1 << 0, 1 << 1, 1 << 7, 1 << 11
LEAF_BITS, TABLE_BITS = READ | WRITE | SNP, READ | WRITE

SECOND_STAGE, PGSNP = 2, 1 << 24  # of a PASID entry

Context = collections.namedtuple("Context", "bdf words")
Leaf = collections.namedtuple("Leaf", "iova pa size snoop at")  # at: where the entry is


def bdf_text(bdf):
    return f"{bdf >> 8:02x}:{bdf >> 3 & 31:02x}.{bdf & 7}"


def overlaps(start, size, region):
    return start < region[1] and region[0] < start + size


class Walk:
    """One unit's tables. read_page(pa) gives 4096 bytes; image is where the hypervisor is, (start, end);
    what is wrong collects in problems, how many pages of second-stage tables were read in tables."""

    def __init__(self, read_page, image, scalable=False):
        self.read_page, self.image, self.scalable = read_page, image, scalable
        self.problems, self.tables = [], 0

    def note(self, text):
        self.problems.append(text)

    def qwords(self, pa):
        return struct.unpack("<512Q", self.read_page(pa))

    def table(self, pa, where):
        """Entries of a table; every table is in the hypervisor's own memory."""
        if not overlaps(pa, PAGE, self.image):
            self.note(f"{where}: table at 0x{pa:x} is outside the hypervisor")
            return None
        return self.qwords(pa)

    def contexts(self, root_pa):
        """The context entries that are present. In scalable mode a bus has two tables, of larger entries."""
        root, size = self.table(root_pa, "root table") or (), 4 if self.scalable else 2
        for index, entry in enumerate(root):
            bus, second = divmod(index, 2)
            if entry & 0xffe or entry and second and not self.scalable:
                self.note(f"bus {bus:02x}: reserved bits in root entry {entry:x}")
            elif entry & 1:
                words = self.table(entry & ADDRESS, f"bus {bus:02x}") or ()
                for at in range(0, len(words), size):
                    if words[at] & 1:
                        yield Context(bus << 8 | second << 7 | at // size, words[at:at + size])

    def leaves(self, pa, level, iova, where):
        """The leaves below a table; level 1 holds 4 KiB leaves."""
        self.tables += 1
        for index, entry in enumerate(self.table(pa, where) or ()):
            if not entry & (READ | WRITE):
                continue
            at, size = iova + index * (PAGE << 9 * (level - 1)), PAGE << 9 * (level - 1)
            is_leaf = level == 1 or entry & LARGE
            if is_leaf and level > 3:
                self.note(f"{where}: iova 0x{at:x}: leaf at level {level}")
            elif is_leaf:
                self.check_bits(entry, LEAF_BITS | (LARGE if level > 1 else 0), at, where)
                yield Leaf(at, entry & ADDRESS, size, bool(entry & SNP), pa + 8 * index)
            else:
                self.check_bits(entry, TABLE_BITS, at, where)
                yield from self.leaves(entry & ADDRESS, level - 1, at, where)

    def check_bits(self, entry, allowed, iova, where):
        unknown = entry & ~(allowed | ADDRESS)
        if unknown:
            what = "SNP in a non-leaf" if unknown == SNP else f"bits 0x{unknown:x}"
            self.note(f"{where}: iova 0x{iova:x}: {what} in entry 0x{entry:x}")

    def check_leaf(self, leaf, snoop, where):
        at = f"{where}: leaf iova 0x{leaf.iova:x} size 0x{leaf.size:x} pa 0x{leaf.pa:x}"
        if leaf.snoop != snoop:
            self.note(f"{at} {'without' if snoop else 'with'} SNP")
        if leaf.pa % leaf.size:
            self.note(f"{at} is not aligned")
        if overlaps(leaf.pa, leaf.size, self.image):
            self.note(f"{at} maps the hypervisor")
        if overlaps(leaf.iova, leaf.size, MSI) or overlaps(leaf.pa, leaf.size, MSI):
            self.note(f"{at} maps interrupt messages")

    def space_of(self, context, widths, snoop, tlb, where):
        """The second-stage table that an entry leads to, its domain id, its levels; None where it is no good."""
        if self.scalable:
            words = self.pasid_entry(context, tlb, where)
            width, translation, domain = words[0] >> 2 & 7, (words[0] >> 6 & 7) - SECOND_STAGE, words[1] & 0xffff
            reserved = words[0] & 0xe22 or words[1] & ~(0xffff | PGSNP) or any(words[2:])
            if bool(words[1] & PGSNP) != snoop:
                self.note(f"{where}: PASID entry {'without' if snoop else 'with'} PGSNP")
        else:
            words = context.words
            width, translation, domain = words[1] & 7, (words[0] >> 2 & 3) - tlb, words[1] >> 8 & 0xffff
            reserved = words[0] & 0xff0 or words[1] & ~0xffff7f
        if reserved:
            self.note(f"{where}: reserved bits in context entry {[f'{word:x}' for word in words]}")
        if translation:
            self.note(f"{where}: translation type {translation + tlb}, device TLB {'on' if tlb else 'off'}")
        elif not widths >> width & 1:
            self.note(f"{where}: address width {width} is not the unit's")
        else:
            return words[0] & ADDRESS, domain, width + 2
        return None

    def pasid_entry(self, context, tlb, where):
        """The one that requests without PASID use, which is the only one. Bit 2: device TLB enable."""
        if context.words[0] & 0xffe != tlb << 2 or any(context.words[1:]):
            self.note(f"{where}: reserved bits in scalable context entry")
        directory = self.table(context.words[0] & ADDRESS, f"{where}: PASID directory") or (0,)
        entries = (self.table(directory[0] & ADDRESS, f"{where}: PASID table") if directory[0] & 1 else 0) or (0,) * 8
        if directory[0] & 0xfff != 1 or not entries[0] & 1 or any(directory[1:]) or any(entries[8:]):
            self.note(f"{where}: more or less than one PASID")
        return entries[:8]

    def check(self, root_pa, widths, attached, tlbs=()):
        """widths: CAP.SAGAW. attached: by bdf, (IOASID's name, is its format snoop). tlbs: those of them that may
        have a device TLB.
        Returns the leaves of each IOASID."""
        spaces, found = {}, {}
        for context in self.contexts(root_pa):
            where = bdf_text(context.bdf)
            found[context.bdf] = context
            if context.bdf not in attached:
                self.note(f"{where}: context entry of a device that nobody owns")
                continue
            name, snoop = attached[context.bdf]
            space = self.space_of(context, widths, snoop, context.bdf in tlbs, where)
            if space and name not in spaces:
                spaces[name] = space, list(self.leaves(space[0], space[2], 0, where))
                for leaf in spaces[name][1]:
                    self.check_leaf(leaf, snoop, where)
            elif space and spaces[name][0] != space:
                self.note(f"{where}: its table, domain and levels are not those of {name}")
        for bdf in attached.keys() - found.keys():
            self.note(f"{bdf_text(bdf)}: attached without a context entry")
        for which, what in enumerate(("table", "domain id")):
            if len({space[which] for space, _ in spaces.values()}) < len(spaces):
                self.note(f"two IOASIDs have the same {what}")
        return {name: leaves for name, (_, leaves) in spaces.items()}
