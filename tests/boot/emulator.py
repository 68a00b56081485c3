# SPDX-License-Identifier: BSD-2-Clause
"""A running emulator: its serial lines as they come, its exit, and QEMU's monitor and debug stub."""
import json
import os
import re
import select
import socket
import subprocess
import time

SLICE = 1.0   # seconds after which a silent emulator is looked at again
GRACE = 5.0   # seconds from the core's last line to the emulator's exit

CONSOLE_CODES = re.compile(r".*\r\x1b\[K|\x1b\[[0-9;=?]*[A-Za-z]|\r")  # an erased prompt, too
LAST_LINE = re.compile(r"^end status=\d+$")


class Timeout(Exception):
    """Something did not happen in time; the text says what."""


class Emulator:
    """Starts a command. Its serial port is its standard output, or the fifo. What it says else goes to
    messages. All that came through the serial port so far is in lines and in the file log."""

    def __init__(self, command, log, messages, seconds, fifo=None):
        self.lines, self.partial = [], b""
        self.deadline = time.monotonic() + seconds
        self.monitor = self.debugger = None
        self.log, self.messages = open(log, "wb"), open(messages, "wb")
        output = self.messages if fifo else subprocess.PIPE
        self.serial = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK) if fifo else None
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=output, stderr=self.messages, bufsize=0)
        if not fifo:
            self.serial = self.process.stdout.fileno()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        for part in (self.monitor, self.debugger, self.log, self.messages):
            if part:
                part.close()

    def _read(self, deadline):
        """Takes what has come; waits for it if need be. False at the end of the emulator."""
        left = deadline - time.monotonic()
        if left <= 0:
            raise Timeout
        ready, _, _ = select.select([self.serial], [], [], min(left, SLICE))
        data = os.read(self.serial, 65536) if ready else b""
        self.log.write(data)
        self.log.flush()
        *lines, self.partial = (self.partial + data).split(b"\n")
        self.lines += [CONSOLE_CODES.sub("", line.decode(errors="replace")) for line in lines]
        return bool(data) or (not ready and self.process.poll() is None)

    def wait_line(self, pattern, start=0):
        """Until a line from number start on matches; returns the number of the next one."""
        seen = start
        while True:
            for number in range(seen, len(self.lines)):
                if re.search(pattern, self.lines[number]):
                    return number + 1
            seen = len(self.lines)
            try:
                if not self._read(self.deadline):
                    raise Timeout(f"the machine ended without a line {pattern!r}")
            except Timeout as late:
                raise Timeout(str(late) or f"no line {pattern!r} in time") from None

    def type(self, text):
        """At the serial port of QEMU."""
        self.process.stdin.write(text.encode())

    def drain(self):
        """Takes what has come already, of a machine that stands still."""
        while select.select([self.serial], [], [], 0)[0] and self._read(self.deadline):
            pass

    def wait_halt(self):
        """Until every CPU has halted for good, after the core's last line."""
        self.wait_line(LAST_LINE.pattern)
        while not self.monitor.is_halted():
            if time.monotonic() > self.deadline:
                raise Timeout("the machine did not halt in time")

    def wait_end(self):
        """Until the emulator has exited; returns its exit status, None if it only halted after the last
        line."""
        deadline, last_line = self.deadline, False
        try:
            while self._read(deadline):
                if not last_line and any(map(LAST_LINE.match, self.lines[-8:])):
                    last_line, deadline = True, min(deadline, time.monotonic() + GRACE)
            return self.process.wait(max(deadline - time.monotonic(), 1))
        except (Timeout, subprocess.TimeoutExpired):
            if last_line:
                return None
            raise Timeout("the machine did not end in time") from None


def connect(path, seconds=10):
    """A Unix socket that the emulator is about to open."""
    deadline = time.monotonic() + seconds
    while True:
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(30)
        try:
            connection.connect(path)
            return connection
        except (FileNotFoundError, ConnectionRefusedError):
            connection.close()
            if time.monotonic() > deadline:
                raise Timeout(f"no socket {path}") from None
            time.sleep(0.02)


class Monitor:
    """QEMU's monitor: the machine from outside. Addresses are physical."""

    def __init__(self, path, scratch):
        self.connection = connect(path)
        self.stream = self.connection.makefile("rwb")
        self.scratch = scratch
        self.stream.readline()  # the greeting
        self.execute("qmp_capabilities")

    def close(self):
        self.stream.close()
        self.connection.close()

    def execute(self, command, **arguments):
        self.stream.write(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
        self.stream.flush()
        while True:
            answer = json.loads(self.stream.readline())
            if "error" in answer:
                raise RuntimeError(f"{command}: {answer['error']['desc']}")
            if "return" in answer:
                return answer["return"]

    def ask(self, line):
        """A command of the human monitor; its answer as text."""
        return self.execute("human-monitor-command", **{"command-line": line})

    def stop(self):
        self.execute("stop")

    def cont(self):
        self.execute("cont")

    def read_memory(self, address, size):
        self.execute("pmemsave", val=address, size=size, filename=self.scratch)
        with open(self.scratch, "rb") as file:
            return file.read()

    def read_register(self, address, letter="g"):
        """A device's register of 4 ("w") or 8 ("g") bytes."""
        return int(self.ask(f"xp /1{letter}x 0x{address:x}").split(": ")[1], 16)

    def cpu_registers(self):
        """Names and values of the registers that the first CPU has now."""
        found = re.findall(r"\b(\w+)\s*=\s*([0-9a-f]+)\b", self.ask("info registers"))
        return {name: int(value, 16) for name, value in found}

    def is_halted(self):
        """Whether every CPU is, with interrupts off."""
        cpus = re.findall(r"RFL=([0-9a-f]+)[^\n]*HLT=([01])", self.ask("info registers -a"))
        return bool(cpus) and all(halted == "1" and not int(flags, 16) & 1 << 9 for flags, halted in cpus)

    def functions(self):
        """All PCI functions, as bdf numbers."""
        found = re.findall(r"Bus +(\d+), device +(\d+), function +(\d+)", self.ask("info pci"))
        return [int(bus) << 8 | int(device) << 3 | int(function) for bus, device, function in found]

    def read_config(self, bdf, offset):
        """Four bytes of configuration space, by the ports; the address port keeps its value."""
        def port(number):
            return int(self.ask(f"i /wx 0x{number:x}").split("=")[1], 16)

        before = port(0xcf8)
        self.ask(f"o /w 0xcf8 0x{1 << 31 | bdf << 8 | offset:x}")
        value = port(0xcfc)
        self.ask(f"o /w 0xcf8 0x{before:x}")
        return value


class Debugger:
    """QEMU's debug stub. Connecting to it stops the machine."""

    def __init__(self, path, running=False):
        self.path = path
        self.connection = connect(path)
        if running:
            self._packet()  # says that it has stopped
        self.ask("?")

    def close(self):
        self.connection.close()

    def _packet(self):
        data = b""
        while b"#" not in data[:-2]:
            data += self.connection.recv(4096)
        self.connection.sendall(b"+")
        return data[data.index(b"$") + 1:data.rindex(b"#")].decode()

    def ask(self, packet):
        self.connection.sendall(b"$%s#%02x" % (packet.encode(), sum(packet.encode()) & 0xff))
        return self._packet()

    def run_to(self, address):
        """Runs the machine until a CPU is about to execute what is at this virtual address."""
        self.ask(f"Z0,{address:x},1")
        reply = self.ask("c")
        self.ask(f"z0,{address:x},1")
        if not reply.startswith("T05"):
            raise Timeout(f"stopped with {reply} before 0x{address:x}")

    def write_memory(self, address, data):
        """Physical memory."""
        self.ask("Qqemu.PhyMemMode:1")
        reply = self.ask(f"M{address:x},{len(data):x}:{data.hex()}")
        self.ask("Qqemu.PhyMemMode:0")
        if reply != "OK":
            raise RuntimeError(f"memory at 0x{address:x} cannot be written: {reply}")

    def jump(self, address):
        """Sets the CPU's RIP, which QEMU allows to those who have read its description of registers."""
        self.ask("qXfer:features:read:target.xml:0,ffb")
        reply = self.ask(f"P10={address.to_bytes(8, 'little').hex()}")
        if reply != "OK":
            raise RuntimeError(f"RIP cannot be set: {reply}")

    def cont(self):
        """Lets the machine go, for good."""
        self.ask("D")
