# SPDX-License-Identifier: BSD-2-Clause
"""Manifests and files that are no good: one clear line with place and reason, and no VM has run."""
from case import NOT_STARTED, Case, manifest
from guests import DEMO_VM as VM

ONE_MIB = (b"#" * 63 + b"\n") * (1 << 14)


def error(text):
    return (r"^error manifest=\\?snoopervisor\.cfg " + text + "$",)


# name, the lines behind on-exit, what is said about them
WORDS = (
    ("unknown-command", ["polizei kernel"], 'line=2 word="polizei" reason=unknown-word'),
    ("unknown-policy", ["policy gentle"], 'line=2 word="gentle" reason=unknown-word'),
    ("unknown-format", ["ioasid a coherent"], 'line=2 word="coherent" reason=unknown-word'),
    ("unknown-key", [VM + " colour=red"], 'line=2 word="colour=red" reason=unknown-word'),
    ("word-too-much", ["policy kernel now"], 'line=2 word="now" reason=unknown-word'),
    ("word-missing", ["", "ioasid a"], 'line=3 word="" reason=missing-word'),
    ("duplicate-ioasid", ["ioasid a snoop", "ioasid a snoop"], 'line=3 word="a" reason=duplicate'),
    ("duplicate-vm", [VM, VM], 'line=3 word="demo" reason=duplicate'),
    ("duplicate-key", [VM + " cpus=0"], 'line=2 word="cpus=0" reason=duplicate'),
    ("duplicate-device", [VM, "device 00:05.0 vm=demo", "device 00:05.0 vm=demo"],
     'line=4 word="00:05.0" reason=duplicate'),
    ("number-overflow", [r"vm a cpus=0 image=\demo.elf memory=18446744073709551616"],
     'line=2 word="memory=18446744073709551616" reason=bad-number'),
    ("size-overflow", [r"vm a cpus=0 image=\demo.elf memory=17179869184G"],
     'line=2 word="memory=17179869184G" reason=bad-number'),
    ("number-with-letters", [r"vm a cpus=zero image=\demo.elf memory=64M"],
     'line=2 word="cpus=zero" reason=bad-number'),
    ("quote", [VM + ' cmdline="wbinvd=1'], r'line=2 word="cmdline=.wbinvd=1" reason=unterminated-quote'),
    ("name-too-long", ["ioasid " + "a" * 200 + " snoop"], r'line=2 word="a{64}" reason=too-long'),
    ("bdf-out-of-range", [VM, "device 00:20.0 vm=demo"], 'line=3 word="00:20.0" reason=bad-bdf'),
    ("bdf-malformed", [VM, "device 0:5.0 vm=demo"], 'line=3 word="0:5.0" reason=bad-bdf'),
    ("no-such-device", [VM, "device 00:1e.7 vm=demo"], 'line=3 word="00:1e.7" reason=no-such-device'),
    ("no-such-vm", ["device 00:05.0 vm=demo"], 'line=2 word="vm=demo" reason=no-such-vm'),
    ("no-such-ioasid", [VM, "device 00:05.0 vm=demo ioasid=lab"], 'line=3 word="ioasid=lab" reason=no-such-ioasid'),
    ("ioasid-without-vm", ["ioasid a snoop", "device 00:05.0 ioasid=a"], 'line=3 word="" reason=missing-word'),
    ("nosnoop-word", [VM, "device 00:05.0 vm=demo nosnoop=perhaps"],
     'line=3 word="nosnoop=perhaps" reason=unknown-word'),
    ("on-exit-word", ["on-exit never"], 'line=2 word="never" reason=unknown-word'),
    ("two-platform-vms", [r"vm a cpus=0 memory=rest image=\demo.elf", r"vm b cpus=0 memory=rest image=\demo.elf"],
     'line=3 word="memory=rest" reason=two-platform-vms'),
    ("too-little-memory", [r"vm a cpus=0 memory=4K image=\demo.elf"],
     'line=2 word="memory=4K" reason=out-of-range'),
)

# what is only seen when the manifest has been read whole, or when the VM is built
WHOLE = (
    ("no-vm", ["policy kernel"], "reason=no-such-vm"),
    ("no-cpu", [r"vm a memory=64M image=\demo.elf"], "line=2 .*reason=missing-word"),
    ("no-memory-given", [r"vm a cpus=0 image=\demo.elf"], "line=2 .*reason=missing-word"),
    ("no-image", ["vm a cpus=0 memory=64M"], "line=2 .*reason=missing-word"),
    ("absent-cpu", [r"vm a cpus=7 memory=64M image=\demo.elf"], "line=2 .*reason=no-such-cpu"),
    ("cpu-taken", [VM, r"vm b cpus=0 memory=64M image=\demo.elf"], "line=3 .*reason=cpu-taken"),
    ("too-much-memory", [r"vm a cpus=0 memory=64G image=\demo.elf"], "line=2 vm=a .*reason=no-memory"),
    ("missing-image", [r"vm a cpus=0 memory=64M image=\nothing.elf"],
     r"line=2 vm=a file=\\nothing\.elf reason=not-found"),
    ("missing-initrd", [r"vm a cpus=0 memory=256M image=\vmlinuz initrd=\nothing.gz"],
     r"line=2 vm=a file=\\nothing\.gz reason=not-found"),
)


def bad_manifest(name, lines, text):
    return Case("manifest-" + name, manifest(*lines), status=NOT_STARTED, expect=error(text))


def part_of(name, divisor=1):
    """The first part of a built guest, read when the case runs."""
    def read():
        with open(f"build/guests/{name}", "rb") as file:
            data = file.read()
        return data[:len(data) // divisor]
    return read


def bad_image(name, data, reason, memory="64M"):
    """The image is a file of the case's own."""
    return Case("image-" + name, manifest(fr"vm a cpus=0 memory={memory} image=\image"), {"image": data},
                status=NOT_STARTED, expect=error(fr"line=2 vm=a file=\\image reason={reason}"))


IMAGES = (
    bad_image("empty", b"", r"\S+"),
    bad_image("garbage", b"snoop" * 1000, "bad-signature"),
    bad_image("elf-truncated", part_of("demo.elf", 2), "truncated"),
    bad_image("elf-header-cut", part_of("demo.elf", 500), r"\S+"),
    bad_image("elf-outside-memory", part_of("demo.elf"), "no-memory", memory="1M"),
    bad_image("bzimage-truncated", part_of("vmlinuz", 2), "truncated", memory="256M"),
    bad_image("bzimage-setup-only", part_of("vmlinuz", 20000), r"\S+", memory="256M"),
)

# --- what a manifest may look like all the same -----------------------------------------------------
CRLF = manifest("# comment", "", "policy kernel # and more", VM).replace("\n", "\r\n").encode()
GOOD = (
    Case("manifest-crlf", CRLF, expect=("start vm=demo", "demo failed=0")),
    Case("manifest-63-kib", manifest(*["#" * 62] * 1007, VM), expect=("start vm=demo", "demo failed=0")),
    Case("manifest-no-last-line-break", manifest(VM).rstrip("\n"), expect=("start vm=demo", "demo failed=0")),
)

FILES = (
    Case("manifest-blank", "\n \n", status=NOT_STARTED, ending="halt", expect=error("reason=no-such-vm")),
    Case("manifest-empty", "", status=NOT_STARTED, ending="halt", expect=error(r"reason=\S+")),
    Case("manifest-absent", None, boot="uefi", status=NOT_STARTED, ending="halt", expect=error("reason=not-found")),
    Case("manifest-1-mib", manifest().encode() + ONE_MIB, status=NOT_STARTED, expect=error("reason=too-long")),
    Case("manifest-1-mib-uefi", manifest().encode() + ONE_MIB, boot="uefi", status=NOT_STARTED,
         expect=error("reason=too-long")),
    Case("manifest-bytes", b"on-exit qemu\n" + bytes(range(1, 9)) + b"\x00\x7f\xff\n", status=NOT_STARTED,
         expect=error("line=2 word=.* reason=unknown-word")),
    Case("image-absent-uefi", manifest(r"vm a cpus=0 memory=64M image=\nothing.elf"), boot="uefi",
         status=NOT_STARTED, expect=error(r"line=2 vm=a file=\\nothing\.elf reason=not-found")),
)

CASES = [bad_manifest(*row) for row in WORDS + WHOLE] + list(IMAGES + GOOD + FILES)
