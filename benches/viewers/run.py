#!/usr/bin/env python3
"""How long until a JSON file can be looked at, and with how much memory: Treekeep, jless, jq, and vanilla-jsoneditor in Chromium.

    cargo build --release && npm install --prefix benches/viewers && benches/viewers/run.py FILE...

Each program runs in a process of its own, they take turns, and medians are printed. What is waited for: `treekeep check` says what it
has read; `jq empty` ends; jless shows its first screen in a terminal; the window of Treekeep, under Xvfb, paints the whole tree (and before it
the first rows); vanilla-jsoneditor, with the text already in the page, paints the first tree. Memory is the peak of the process, in
the browser that of the page's process alone. What is not installed is left out.
"""

import json
import os
import pty
import re
import select
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from fcntl import ioctl
from pathlib import Path

HERE = Path(__file__).resolve().parent
TREEKEEP = os.environ.get("TREEKEEP", str(HERE.parent.parent / "target/release/treekeep"))
ROUNDS = int(os.environ.get("ROUNDS", "5"))
LIMIT = 300


def peak_bytes(pid):
    return int(re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1]) * 1024


def whole(*command):
    """A process from start to end."""
    begun = time.perf_counter()
    pid = os.posix_spawnp(command[0], command, os.environ, file_actions=[(os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0)])
    _, status, usage = os.wait4(pid, 0)
    seconds = time.perf_counter() - begun
    assert status == 0, (command, status)
    return seconds, usage.ru_maxrss * 1024


def first_line(*command):
    """A process from start to the first line that it prints; its memory until its end."""
    begun = time.perf_counter()
    reader, writer = os.pipe()
    actions = [(os.POSIX_SPAWN_DUP2, writer, 1), (os.POSIX_SPAWN_CLOSE, reader)]
    pid = os.posix_spawnp(command[0], command, os.environ, file_actions=actions)
    os.close(writer)
    with open(reader, "rb", buffering=0) as lines:
        line = lines.read(4096)
        seconds = time.perf_counter() - begun
    _, status, usage = os.wait4(pid, 0)
    assert status == 0 and line.endswith(b"\n"), (command, status, line)
    return seconds, usage.ru_maxrss * 1024


def jless(file):
    """The first screen in a terminal of 120 × 40."""
    begun = time.perf_counter()
    pid, terminal = pty.fork()
    if pid == 0:
        ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        os.environ["TERM"] = "xterm-256color"
        os.execlp("jless", "jless", file)
    screen = b""
    try:
        # The last line of the screen is the status, with the file's name.
        while os.path.basename(file).encode() not in screen:
            assert select.select([terminal], [], [], LIMIT)[0], "jless shows nothing"
            screen += os.read(terminal, 65536)
        return time.perf_counter() - begun, peak_bytes(pid)
    finally:
        os.kill(pid, 9)
        os.waitpid(pid, 0)
        os.close(terminal)


def window(file, screen, state):
    """First rows and whole tree of Treekeep's window."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("WAYLAND_")}
    environment |= {"DISPLAY": screen, "XDG_STATE_HOME": state, "XDG_CONFIG_HOME": state, "RUST_LOG": "treekeep=debug"}
    begun = time.perf_counter()
    program = subprocess.Popen([TREEKEEP, file], env=environment, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    painted = {}
    try:
        for line in program.stderr:
            if "painted: " in line:
                painted[line.split("painted: ")[1].strip()] = time.perf_counter() - begun
            if "tree" in painted:
                break
        return painted.get("first rows", painted["tree"]), painted["tree"], peak_bytes(program.pid)
    finally:
        program.kill()
        program.wait()


def browser(file):
    output = subprocess.run(["node", HERE / "browser.mjs", file], capture_output=True, text=True, timeout=LIMIT)
    assert output.returncode == 0, output.stderr
    found = json.loads(output.stdout)
    return found["seconds"], found["renderer"]


def programs(screen, state):
    """What can be run here: a name, and what gives (seconds, bytes), perhaps with the seconds to the first rows before."""
    yield "treekeep check", lambda file: first_line(TREEKEEP, "check", file)
    if screen:
        yield "treekeep, window", lambda file: window(file, screen, state)
    if shutil.which("jless"):
        yield "jless", jless
    if shutil.which("jq"):
        yield "jq empty", lambda file: whole("jq", "empty", file)
    if (HERE / "node_modules").exists() and shutil.which("node"):
        yield "vanilla-jsoneditor", browser


def main(files):
    server, screen = None, None
    if shutil.which("Xvfb"):
        server = subprocess.Popen(
            ["Xvfb", "-displayfd", "1", "-screen", "0", "1920x1080x24", "-nolisten", "tcp"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )
        screen = ":" + server.stdout.readline().strip()
    try:
        with tempfile.TemporaryDirectory() as state:
            print(f"{'file':<28} {'program':<20} {'first rows, s':>13} {'seconds':>8} {'ratio':>7} {'memory/file':>12}")
            for file in files:
                file = os.path.abspath(file)
                found = {name: [] for name, _ in programs(screen, state)}
                for _ in range(ROUNDS):
                    for name, run in programs(screen, state):
                        found[name].append(run(file))
                first = None
                for name, runs in found.items():
                    *rows, seconds, memory = (statistics.median(values) for values in zip(*runs))
                    first = first or seconds
                    rows = f"{rows[0]:.3f}" if rows else ""
                    size = os.path.getsize(file)
                    print(f"{os.path.basename(file):<28} {name:<20} {rows:>13} {seconds:>8.3f} {seconds / first:>6.1f}x {memory / size:>11.2f}x")
    finally:
        if server:
            server.kill()
            server.wait()


if __name__ == "__main__":
    main(sys.argv[1:])
