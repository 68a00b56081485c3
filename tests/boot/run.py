#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Boot tests: tests/boot/run.py [-v] [-j N] [-l] [WORD...] runs the cases whose names hold one of the
words. One line a case; the serial log of each is kept in build/tests/boot/NAME.log."""
import argparse
import concurrent.futures
import os
import shutil
import sys
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "tools"))
sys.dont_write_bytecode = True

import cases_bochs  # noqa: E402
import cases_coherency  # noqa: E402
import cases_console  # noqa: E402
import cases_faults  # noqa: E402
import cases_firmware  # noqa: E402
import cases_guest  # noqa: E402
import cases_hostile  # noqa: E402
import cases_isolation  # noqa: E402
import cases_manifest  # noqa: E402
import cases_rounds  # noqa: E402
import cases_smp  # noqa: E402
import host_walk_test  # noqa: E402
import intr_walk_test  # noqa: E402
import machine  # noqa: E402
import vtd_walk_test  # noqa: E402
from case import judge  # noqa: E402
from emulator import Debugger, Emulator, Monitor, Timeout  # noqa: E402

# Those that take longest come first.
MODULES = (cases_bochs, cases_rounds, cases_hostile, cases_faults, cases_smp, cases_coherency, cases_isolation, cases_guest,
           cases_console, cases_firmware, cases_manifest)
OUTPUT = "build/tests/boot"
SHOWN = 8  # of what is wrong with a case
TAIL = 25  # lines of the log that -v shows of a failed case


def prepare(case, directory):
    """Files and command of a machine; its serial port's fifo if it has one."""
    os.makedirs(directory)
    name = None
    for path, data in case.files.items():
        with open(f"{directory}/{path}", "wb") as file:
            file.write(data() if callable(data) else data)
    if case.manifest is not None:
        name = f"{directory}/manifest"
        with open(name, "wb") as file:
            file.write(case.manifest if isinstance(case.manifest, bytes) else case.manifest.encode())
    if case.boot == "bochs":
        os.mkfifo(f"{directory}/serial.txt")
        return machine.make_bochs(directory, name, case.smp), f"{directory}/serial.txt"
    if case.boot == "uefi":
        machine.make_esp(f"{directory}/esp", name)
        boot = machine.boot_by_uefi(f"{directory}/esp")
    else:
        machine.make_iso(f"{directory}/boot.iso", name)
        boot = machine.boot_by_bios(f"{directory}/boot.iso")
    extra = ["-qmp", f"unix:{directory}/qmp,server=on,wait=off", *case.extra]
    if case.debug:
        extra += ["-gdb", f"unix:{directory}/gdb,server=on,wait=off", "-S"]
    command = machine.qemu_command(boot, None, case.accel, case.smp, case.memory, case.iommu,
                                   machine.make_disk(f"{directory}/disk"), extra)
    if not case.serial:
        command[command.index("chardev:console")] = "none"
    return command, None


def drive(case, directory):
    """Runs a machine to its end; what is wrong, as texts."""
    command, fifo = prepare(case, directory)
    problems = []
    with Emulator(command, f"{directory}.log", f"{directory}/messages", case.seconds, fifo) as emulator:
        if case.debug:
            emulator.debugger = Debugger(f"{directory}/gdb")
        if case.probes or case.ending == "halt":
            emulator.monitor = Monitor(f"{directory}/qmp", f"{directory}/memory")
        try:
            seen = 0
            for pattern, probe in case.probes:
                seen = emulator.wait_line(pattern, seen) if pattern else seen
                problems += probe(emulator)
            exit_status = emulator.wait_halt() if case.ending == "halt" else emulator.wait_end()
        except Timeout as late:
            return problems + [str(late)]
        return problems + list(judge(case, emulator.lines, exit_status))


def not_ok(name, problems):
    more = [f"and {len(problems) - SHOWN} more"] if len(problems) > SHOWN else []
    return f"not ok boot {name} reason=" + "\n    ".join(problems[:SHOWN] + more)


def run(case):
    """(ok, not ok or skip; the line that says so)"""
    directory = f"{OUTPUT}/{case.name}"
    start = time.monotonic()
    shutil.rmtree(directory, ignore_errors=True)
    try:
        problems = drive(case, directory)
    except machine.Missing as reason:
        return "skip", f"skip boot {case.name} reason=\"{reason}\""
    except Exception:  # a case must not take the others with it
        problems = [traceback.format_exc()]
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    if problems:
        return "not ok", not_ok(case.name, problems)
    return "ok", f"ok boot {case.name} seconds={time.monotonic() - start:.1f}"


def test_walk(test):
    """A walk is worth nothing before it has found what was planted for it."""
    wrong = test.self_test()
    if wrong:
        return "not ok", not_ok(test.__name__, wrong)
    return "ok", f"ok boot {test.__name__} planted={len(test.PLANTED)}"


def show_tail(name):
    with open(f"{OUTPUT}/{name}.log", encoding="utf-8", errors="replace") as log:
        for line in log.read().splitlines()[-TAIL:]:
            print(f"    | {line}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-v", action="store_true", help="show the end of the log of what fails")
    parser.add_argument("-j", type=int, default=2, help="how many machines at once")
    parser.add_argument("-l", action="store_true", help="list the cases")
    parser.add_argument("words", nargs="*", help="parts of names")
    arguments = parser.parse_args()

    os.chdir(ROOT)
    cases = [case for module in MODULES for case in module.CASES
             if not arguments.words or any(word in case.name for word in arguments.words)]
    if arguments.l:
        print("\n".join(case.name for case in cases))
        return 0
    os.makedirs(OUTPUT, exist_ok=True)
    results = [test_walk(test) for test in (vtd_walk_test, intr_walk_test, host_walk_test)]
    print("\n".join(line for _, line in results), flush=True)
    with concurrent.futures.ThreadPoolExecutor(arguments.j) as pool:
        running = {pool.submit(run, case): case for case in cases}
        for done in concurrent.futures.as_completed(running):
            results.append(done.result())
            print(results[-1][1], flush=True)
            if arguments.v and results[-1][0] == "not ok":
                show_tail(running[done].name)
    passed, failed, skipped = (sum(state == word for state, _ in results) for word in ("ok", "not ok", "skip"))
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
