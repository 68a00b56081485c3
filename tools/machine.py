# SPDX-License-Identifier: BSD-2-Clause
"""The machines Snoopervisor runs on here: a QEMU with an emulated intel-iommu, and a Bochs with VMX.

make run and the boot tests build their command lines from these functions. Paths are relative to the
tree's root.
"""
import os
import re
import shutil
import subprocess

LOADER = "build/snoopervisor.efi"
CORE = "build/snoopervisor.elf"
GUESTS = "build/guests"
DISK = "build/disk.img"
DISK_SIZE = 64 << 20
OVMF = "/usr/share/OVMF/OVMF_%s_4M.fd"

# What TCG does not have of an EPYC; naming it keeps QEMU's warnings off the console.
TCG_CPU = "EPYC," + ",".join(feature + "=off" for feature in (
    "rdseed", "sha-ni", "fxsr-opt", "misalignsse", "3dnowprefetch", "osvw", "topoext", "nrip-save", "xsavec"))
IOMMU_DEFAULT = "intremap=on,snoop-control=on,aw-bits=48"
NVME = "nvme,drive=disk,serial=snoopervisor,addr=04.0"
EDU = "edu,dma_mask=0xffffffffffffffff,addr=05.0"

BOCHSRC = """\
config_interface: textconfig
display_library: rfb, options="timeout=0"
plugin_ctrl: unmapped=1, biosdev=1, speaker=0, extfpuirq=1, parallel=0, serial=1, gameport=0, iodebug=1
memory: guest={megabytes}, host={megabytes}
romimage: file=/usr/share/bochs/BIOS-bochs-latest
vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest
cpu: model=corei7_skylake_x, count={cpus}, ips=50000000, reset_on_triple_fault=0, ignore_bad_msrs=1
ata0-master: type=cdrom, path={directory}/boot.iso, status=inserted
ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
boot: cdrom
clock: sync=none, time0=utc
com1: enabled=1, mode=file, dev={directory}/serial.txt
port_e9_hack: enabled=1
log: {directory}/bochs.log
panic: action=fatal
"""


class Missing(Exception):
    """Something the machine needs is not there; the text says what."""


def guest_files(manifest):
    """The files a manifest names, as (path on the volume, file here). Those beside the manifest come
    before the built ones; what exists nowhere is left out, for the core to report."""
    with open(manifest, encoding="utf-8", errors="replace") as text:
        lines = [line.split("#")[0] for line in text]
    names = re.findall(r'\b(?:image|initrd)="?([^\s"]+)', "\n".join(lines))
    found = {}
    for name in names:
        path = name.replace("\\", "/").lstrip("/")
        for directory in (os.path.dirname(manifest) or ".", GUESTS):
            if os.path.isfile(os.path.join(directory, path)):
                found.setdefault(path, os.path.join(directory, path))
    return list(found.items())


def make_esp(directory, manifest):
    """An EFI system partition as a folder: the loader, the manifest, the files it names."""
    os.makedirs(os.path.join(directory, "EFI/BOOT"))
    shutil.copy(LOADER, os.path.join(directory, "EFI/BOOT/BOOTX64.EFI"))
    if manifest:
        shutil.copy(manifest, os.path.join(directory, "snoopervisor.cfg"))
        for path, source in guest_files(manifest):
            target = os.path.join(directory, path)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            shutil.copy(source, target)


def make_iso(path, manifest):
    """A CD image for BIOS machines: GRUB, the core, the manifest, the files it names."""
    files = [f"{source}={name}" for name, source in guest_files(manifest)]
    if subprocess.run(["tools/iso", path, CORE, manifest] + files, check=False).returncode:
        raise Missing("the CD image could not be made")


def make_disk(path=DISK):
    """The NVMe disk: sparse, empty, kept from run to run."""
    if not os.path.exists(path):
        with open(path, "wb") as disk:
            disk.truncate(DISK_SIZE)
    return path


def check_kvm():
    """ACCEL=kvm needs a machine whose KVM offers virtualization to its guests."""
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        raise Missing("/dev/kvm cannot be opened")
    for module in ("kvm_intel", "kvm_amd"):
        try:
            with open(f"/sys/module/{module}/parameters/nested", encoding="ascii") as nested:
                if nested.read().strip() in ("1", "Y"):
                    return
        except FileNotFoundError:
            continue
        raise Missing(f"nested virtualization is off: modprobe {module} nested=1")
    raise Missing("neither kvm_intel nor kvm_amd is loaded")


def boot_by_uefi(esp):
    """QEMU's arguments to boot an EFI system partition under OVMF."""
    return ["-drive", "if=pflash,format=raw,readonly=on,file=" + OVMF % "CODE",
            "-drive", "if=pflash,format=raw,snapshot=on,file=" + OVMF % "VARS",
            "-drive", f"if=none,id=esp,format=raw,file=fat:rw:{esp}", "-device", "ide-hd,drive=esp,bootindex=0"]


def boot_by_bios(iso):
    """QEMU's arguments to boot a CD image under SeaBIOS."""
    return ["-drive", f"if=none,id=cd,format=raw,media=cdrom,file={iso}", "-device", "ide-cd,drive=cd,bootindex=0"]


def qemu_command(boot, serial_log=None, accel="tcg", smp="1", mem="1G", iommu="", disk=DISK, extra=()):
    """boot: of boot_by_uefi or boot_by_bios. iommu: properties of intel-iommu that override the defaults,
    or "none" for a machine without."""
    if accel == "kvm":
        check_kvm()
    elif accel != "tcg":
        raise Missing(f"ACCEL={accel} is not known; tcg and kvm are")
    console = "stdio,id=console" + (f",logfile={serial_log}" if serial_log else "")
    command = [
        "qemu-system-x86_64", "-accel", accel, "-smp", smp, "-m", mem,
        "-M", "q35,kernel-irqchip=split" if accel == "kvm" else "q35",
        "-cpu", "host" if accel == "kvm" else TCG_CPU,
        "-display", "none", "-nodefaults", "-no-reboot", "-net", "none",
        "-chardev", console, "-serial", "chardev:console", *boot,
    ]
    if iommu != "none":
        command += ["-device", ",".join(filter(None, ["intel-iommu", IOMMU_DEFAULT, iommu]))]
    if disk:
        command += ["-drive", f"if=none,id=disk,format=raw,file={disk}", "-device", NVME]
    command += ["-device", EDU, "-device", "isa-debug-exit,iobase=0xf4,iosize=4"]
    return command + list(extra)


def make_bochs(directory, manifest, smp="1", megabytes=512):
    """Fills a directory with CD image and configuration; returns the command."""
    make_iso(f"{directory}/boot.iso", manifest)
    with open(f"{directory}/bochsrc", "w", encoding="ascii") as rc:
        rc.write(BOCHSRC.format(directory=directory, cpus=smp, megabytes=megabytes))
    with open(f"{directory}/rc", "w", encoding="ascii") as rc:
        rc.write("c\n")  # the debugger's "continue"
    return ["bochs", "-q", "-f", f"{directory}/bochsrc", "-rc", f"{directory}/rc"]


def end_status(serial):
    """The status in the core's last line, or None if it never said one."""
    found = re.findall(rb"^(?:.*\r\x1b\[K)?end status=(\d+)\r?$", serial, re.MULTILINE)
    return int(found[-1]) if found else None
