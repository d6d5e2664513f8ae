"""The installed package: a JSON file that is opened from the desktop comes up in Treekeep.

Run with `/usr/bin/python3 tests/window/test_double_click.py [NAME…]` where the package is installed.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import Program, run, wait_for  # noqa: E402

# What a file may be called, and what must reach the program unchanged through a file address and the `Exec` line.
NAMES = ("a file with spaces.json", "שלום 世界 100% of 'it' \"#1\" & more?.json", "-dash.json")


class Started(Program):
    """A program that somebody else started."""

    def __init__(self, desktop, pid):
        self.desktop, self.pid = desktop, pid
        self.log_path = os.devnull
        self.process = type("Process", (), {"pid": pid, "poll": lambda self: None})()
        self.root = wait_for("the program on the accessibility bus", self._find_application)


def treekeeps():
    """The processes of that name on this display; other people's stay out of it."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/comm") as comm, open(f"/proc/{pid}/environ", "rb") as environ:
                if comm.read().strip() == "treekeep" and f"DISPLAY={os.environ['DISPLAY']}".encode() in environ.read().split(b"\0"):
                    found.append(int(pid))
        except OSError:  # it has ended
            continue
    return found


def output(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def home():
    """A home in which nothing was ever chosen."""
    folder = tempfile.mkdtemp(prefix="treekeep-click-")
    os.environ.update(HOME=folder, XDG_CURRENT_DESKTOP="X-Generic")
    for name in ("CONFIG", "DATA", "STATE", "CACHE"):
        os.environ[f"XDG_{name}_HOME"] = os.path.join(folder, name.lower())
    return folder


def opened_by(*command):
    def test(desktop):
        folder = home()
        started = []
        try:
            # Where another viewer of JSON is installed, the person chooses Treekeep once.
            output("xdg-mime", "default", "treekeep.desktop", "application/json")
            for name in NAMES:
                path = os.path.join(folder, name)
                with open(path, "w") as file:
                    file.write('{"name": "double click"}')
                opener = subprocess.Popen([*command, path], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                pid = wait_for(f"{command} to open {name!r}", lambda: next(iter(set(treekeeps()) - set(started)), None))
                started.append(pid)
                program = Started(desktop, pid)
                try:
                    program.get(f"{name}: object, 1 member")
                    program.get('name: "double click"')
                except BaseException:
                    program.shot(" ".join(command))
                    raise
                os.kill(pid, signal.SIGKILL)
                opener.wait(10)
        finally:
            for pid in treekeeps():
                os.kill(pid, signal.SIGKILL)
            shutil.rmtree(folder, ignore_errors=True)

    return test


def the_kind_is_known(_desktop):
    folder = home()
    try:
        path = os.path.join(folder, "a.json")
        with open(path, "w") as file:
            file.write("[]")
        kind = output("xdg-mime", "query", "filetype", path)
        assert kind == "application/json", kind
        offered = output("gio", "mime", "application/json")
        assert "treekeep.desktop" in offered, offered
        # What `dpkg` and the menus look at.
        for file in (
            "/usr/bin/treekeep",
            "/usr/share/applications/treekeep.desktop",
            "/usr/share/icons/hicolor/scalable/apps/treekeep.svg",
            "/usr/share/metainfo/treekeep.metainfo.xml",
        ):
            assert os.path.exists(file), f"{file} is missing"
        assert output("treekeep", "--version").startswith("treekeep ")
        output("xdg-mime", "default", "treekeep.desktop", "application/json")
        default = output("xdg-mime", "query", "default", "application/json")
        assert default == "treekeep.desktop", default
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    run({"kind": the_kind_is_known, "gio": opened_by("gio", "open"), "xdg-open": opened_by("xdg-open")}, limit=120)
