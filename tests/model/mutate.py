#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""make mutate: takes each flush, fence, wait and invalidation out of the driver, one at a time, and expects
a test to fail. The mutants are found in the sources; the last line says how many there were, and how many
were caught. ONLY=REGEX in the environment: of those that it finds."""
import concurrent.futures
import dataclasses
import filecmp
import glob
import os
import queue
import re
import shutil
import subprocess
import sys

SOURCES = ["core/ats.c", "core/device_control.c", "core/ioasid.c", "core/mailbox.c", "core/publish.c", "core/vcpu.c", "core/vm.c", "core/vm_memory.c",
           *sorted(glob.glob("core/pagetable*.c")), *sorted(glob.glob("vtd/*.c"))]
ROOMS = ("lib", "core", "vtd", "vmx", "boot", "tests")
WORK = "build/mutate"
WORKERS = 2
CFLAGS = "-std=gnu11 -O1 -w -I."  # a mutant may leave something unused
SECONDS = 60  # of one test; one that hangs is a failure, too

# What is taken out: calls of these names.
CALLS = re.compile(r"\b(?:backend->)?(cache_\w+|vtd_unit_wait|await\w*|\w*invalidate\w*|\w*announce\w*"
                   r"|vtd_flush_write_buffer|tell\w*|pt_release|flush_for|count_device|device_quiesce|detach_rids"
                   r"|rmrr_unmap|reset_faults|vm_flush_caches|\w*refresh|retype_ram|set_memory_type|set_verdict"
                   r"|mailbox_ask|mailbox_kick|insist|empty_tlb|vtd_block|vtd_(?:allow|add|remove)_tlb|ats_st\w+|disable|revive)\(")
LISTED = re.compile(r"^\t+\w+\[count\+\+\] = flush.*;\n", re.M)  # one of several invalidations
FLUSHED = re.compile(r"\b(publish_entries|publish_pair)\(")  # by their last argument
DRAINED = re.compile(r"\bvtd_flush_iotlb\(")                 # the same
RELEASED = re.compile(r"\b(pt_release|pt_list_free|page_free)\(")
ASKED = re.compile(r"ASK_\w+|BIT\(cpu_this\(\)->index\)")    # one of several, of other CPUs
# Where memory or a device enters tables, or leaves them.
EDGES = re.compile(r"^.*\b(?:attach_rids|detach_rids|vtd_map|vtd_unmap|block)\(.*\n", re.M)
NEUTRAL = {"err_t": "E_OK", "bool": "true", "void": "(void)0"}


@dataclasses.dataclass
class Mutant:
    path: str
    line: int
    what: str
    text: str  # of the whole file
    source: str  # the line

    def __str__(self):
        return f"{self.path}:{self.line} {self.what}"


def closing(text, start):
    """The index of the parenthesis that closes the one before start."""
    depth = 1
    for i in range(start, len(text)):
        depth += {"(": 1, ")": -1}.get(text[i], 0)
        if depth == 0:
            return i
    raise ValueError("no closing parenthesis")


def last_argument(text, start, end):
    """Where the last argument of the call whose arguments are text[start:end] begins."""
    depth = 0
    for i in range(end - 1, start, -1):
        depth += {")": 1, "(": -1}.get(text[i], 0)
        if depth == 0 and text[i] == ",":
            return i + 1
    return start


def return_type(name, headers):
    found = re.search(rf"^\s*(?:static )?(\w+) {name}\(", headers, re.M) or \
        re.search(rf"\b(\w+) \(\*{name}\)\(", headers)
    return found.group(1)


def calls(text, pattern):
    """(match, index of the closing parenthesis) of each call, not of definitions or comments."""
    for match in pattern.finditer(text):
        line_start = text.rfind("\n", 0, match.start()) + 1
        if text[line_start] == "\t" and not re.match(r"\s*(/\*|\*)", text[line_start:]):
            yield match, closing(text, match.end())


def removed(path, text, declarations):
    for match, end in calls(text, CALLS):
        neutral = NEUTRAL[return_type(match.group(1), declarations + text)]
        yield match, f"without {match.group(1)}", text[:match.start()] + neutral + text[end + 1:]


def left_out(_path, text, _declarations):
    for match in LISTED.finditer(text):
        yield match, "not in the list", text[:match.start()] + "(void)0;\n" + text[match.end():]


def changed_arguments(_path, text, _declarations):
    for pattern, value, what in ((FLUSHED, " false", "unflushed"), (DRAINED, " 0", "without drain")):
        for match, end in calls(text, pattern):
            at = last_argument(text, match.end(), end)
            if text[at:end] != value:
                yield match, f"{match.group(1) if match.groups() else 'iotlb'} {what}", \
                    text[:at] + value + text[end:]


def unasked(_path, text, _declarations):
    """A CPU that is left out, or something that it is not asked for."""
    for match in ASKED.finditer(text):
        for before, after in ((" | ", ""), ("", " | ")):
            start, end = match.start() - len(before), match.end() + len(after)
            if text[start:end] == before + match.group() + after:
                yield match, f"without {match.group()}", text[:start] + text[end:]
                break


def swapped(_path, text, _declarations):
    """Two stores of one entry each, in the other order."""
    for match in re.finditer(r"^(\t+publish_\w+\([^;]*, 1, \w+\);.*\n){2}", text, re.M):
        first, second = match.group().splitlines(True)
        yield match, "stores swapped", text[:match.start()] + second + first + text[match.end():]


def released_early(_path, text, _declarations):
    """Pages go back before the invalidation that the function asks for."""
    for match, end in calls(text, RELEASED):
        body = text.rfind("\n{\n", 0, match.start())
        earlier = [call for call, _ in calls(text[:match.start()], CALLS) if call.start() > body
                   and not RELEASED.match(call.group())]
        used = set(re.findall(r"\w+", text[match.end():end]))
        looped = set(re.findall(r"for_each_\w+ \((\w+)", text[body:match.start()]))
        if earlier and not used & looped:
            start = text.rfind("\n", 0, earlier[0].start()) + 1
            yield match, f"{match.group(1)} first", \
                text[:start] + "\t" + text[match.start():end + 1] + ";\n" + text[start:match.start()] + \
                "(void)0" + text[end + 1:]


def misplaced(_path, text, _declarations):
    """What belongs before memory or a device enters tables happens after, and the reverse (R11, R17)."""
    for match in re.finditer(r"^\t(flush_for|count_device)\(.*\n", text, re.M):
        body, end = text.rfind("\n{\n", 0, match.start()), text.find("\n}\n", match.start()) + 1
        edge = EDGES.search(text[body:end])
        if not edge:
            continue
        rest = text[:match.start()] + text[match.end():]
        at = body + edge.start()
        if at > match.start():
            at = body + edge.end() - len(match.group())
        yield match, f"{match.group(1)} on the other side", rest[:at] + match.group() + rest[at:]


def mutants(path, declarations):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    for generate in (removed, left_out, changed_arguments, unasked, swapped, released_early, misplaced):
        for match, what, mutated in generate(path, text, declarations):
            line = text.count("\n", 0, match.start() + 1) + 1
            yield Mutant(path, line, what, mutated, text.split("\n")[line - 1])


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def copy_changed(source, target):
    """Its time is that of now, so that what was made of a mutant that was here is made again."""
    if not os.path.exists(target) or not filecmp.cmp(source, target, shallow=False):
        shutil.copyfile(source, target)
        shutil.copymode(source, target)


class Worker:
    """A copy of the sources in which one mutant at a time lives."""

    def __init__(self, number, tests):
        self.tree = f"{WORK}/{number}"
        self.tests = [test.replace("build/", "out/", 1) for test in tests]
        os.makedirs(self.tree, exist_ok=True)
        for room in ROOMS:
            shutil.copytree(room, f"{self.tree}/{room}", dirs_exist_ok=True, copy_function=copy_changed)

    def times(self):
        """When each test was linked."""
        paths = [f"{self.tree}/{test}" for test in self.tests]
        return [os.stat(path).st_mtime_ns if os.path.exists(path) else 0 for path in paths]

    def build(self):
        """The tests that are not what they were."""
        before = self.times()
        subprocess.run(["make", "-s", "-f", "tests/host/tests.mk", "B=out", f"HOST_CFLAGS={CFLAGS}",
                        f"MODEL_CFLAGS={CFLAGS} -fsanitize=thread", *self.tests],
                       cwd=self.tree, check=True, capture_output=True, text=True)
        return [test for test, then, now in zip(self.tests, before, self.times()) if then != now]

    def run(self, tests):
        """The first test that fails, or None."""
        for test in tests:
            try:
                status = subprocess.run([f"./{test}"], cwd=self.tree, timeout=SECONDS, check=False,
                                        capture_output=True).returncode
            except subprocess.TimeoutExpired:
                status = "time-out"
            if status:
                return os.path.basename(test)
        return None

    def try_mutant(self, mutant):
        path = f"{self.tree}/{mutant.path}"
        with open(path, encoding="utf-8") as file:
            text = file.read()
        try:
            write(path, mutant.text)
            return self.run(self.build())
        finally:
            write(path, text)


def main():
    declarations = ""
    for path in glob.glob("core/*.h") + glob.glob("vtd/*.h"):
        with open(path, encoding="utf-8") as file:
            declarations += file.read()
    found = [m for path in SOURCES for m in mutants(path, declarations)
             if re.search(os.environ.get("ONLY", ""), str(m))]
    idle = queue.Queue()
    for number in range(WORKERS):
        idle.put(Worker(number, sys.argv[1:]))

    def judge(mutant):
        worker = idle.get()
        try:
            by = worker.try_mutant(mutant)
        except subprocess.CalledProcessError as error:
            by = None
            print(f"error {mutant}: {error.stderr}")
        finally:
            idle.put(worker)
        print(f"{'caught' if by else 'MISSED'} {mutant}{f' by={by}' if by else ': ' + mutant.source.strip()}",
              flush=True)
        return bool(by)

    worker = idle.get()
    worker.build()
    if worker.run(worker.tests):
        print("error a test fails without any mutation")
        return 1
    idle.put(worker)
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        caught = sum(pool.map(judge, found))
    print(f"{len(found)} mutations, {caught} caught")
    return 0 if caught == len(found) else 1


if __name__ == "__main__":
    sys.exit(main())
