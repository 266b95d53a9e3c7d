"""Runs a command on a terminal of its own (a pseudo-terminal).

usage: terminal.py COLUMNS ROWS COMMAND...

Standard input: one JSON object a line, {"type": BYTES in base64}, {"resize": [COLUMNS, ROWS]} or
{"signal": NUMBER}.
Standard output: one JSON object a line, {"data": what was written, in base64}, and at the end {"status": as of
waitpid, "echo": whether the terminal echoes, "lines": whether it edits lines}.
"""
import base64
import fcntl
import json
import os
import select
import signal
import struct
import sys
import termios

columns, rows, command = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]


def resize(fd, columns, rows):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def say(what):
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


master, slave = os.openpty()
resize(master, columns, rows)
child = os.fork()
if child == 0:
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    for fd in (0, 1, 2):
        os.dup2(slave, fd)
    os.closerange(3, 64)
    os.execvp(command[0], command)

signal.signal(signal.SIGCHLD, lambda *_: None)
wake_read, wake_write = os.pipe()
os.set_blocking(wake_write, False)
signal.set_wakeup_fd(wake_write)
sources = [0, master, wake_read]
pending = b""
status = None
while True:
    ready, _, _ = select.select(sources, [], [], 0.2 if status is not None else None)
    if status is not None and master not in ready:
        break
    if master in ready:
        try:
            data = os.read(master, 65536)
        except OSError:
            break
        say({"data": base64.b64encode(data).decode()})
    if wake_read in ready:
        os.read(wake_read, 64)
        pid, ended = os.waitpid(child, os.WNOHANG)
        if pid != 0:
            status = ended
    if 0 in ready:
        more = os.read(0, 65536)
        if not more:
            sources.remove(0)
        pending += more
        while b"\n" in pending:
            line, pending = pending.split(b"\n", 1)
            order = json.loads(line)
            if "type" in order:
                os.write(master, base64.b64decode(order["type"]))
            if "resize" in order:
                resize(master, *order["resize"])
            if "signal" in order:
                os.kill(child, order["signal"])
# The side of the command stays open, so that the terminal is what it left.
flags = termios.tcgetattr(slave)[3]
say({"status": status, "echo": bool(flags & termios.ECHO), "lines": bool(flags & termios.ICANON)})
