"""The installed package: a JSON file that is opened from the desktop comes up in Treekeep."""

import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import Desktop, Program, wait_for  # noqa: E402


class Started(Program):
    """A program that somebody else started."""

    def __init__(self, desktop, pid):
        self.desktop, self.pid = desktop, pid
        self.process = type("Process", (), {"pid": pid, "poll": lambda self: None})()
        self.root = wait_for("the program on the accessibility bus", self._find_application)


def treekeeps():
    found = subprocess.run(["pgrep", "-x", "treekeep"], capture_output=True, text=True).stdout.split()
    return [int(pid) for pid in found]


def check(desktop, command, path):
    before = set(treekeeps())
    opener = subprocess.Popen([*command, path], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    pid = wait_for(f"{command} to start the program", lambda: next(iter(set(treekeeps()) - before), None))
    program = Started(desktop, pid)
    program.get(f"{os.path.basename(path)}: object, 1 member")
    program.get('name: "double click"')
    os.kill(pid, 9)
    opener.wait()


def main():
    folder = tempfile.mkdtemp(prefix="treekeep-click-")
    os.environ["HOME"] = folder
    os.environ["XDG_CURRENT_DESKTOP"] = "X-Generic"
    path = os.path.join(folder, "a file with spaces.json")
    with open(path, "w") as file:
        file.write('{"name": "double click"}')
    kind = subprocess.run(["xdg-mime", "query", "filetype", path], capture_output=True, text=True, check=True).stdout.strip()
    assert kind == "application/json", kind
    subprocess.run(["update-desktop-database", "/usr/share/applications"], check=True)
    chosen = subprocess.run(["gio", "mime", "application/json"], capture_output=True, text=True, check=True).stdout
    assert re.search(r"treekeep\.desktop", chosen), chosen
    subprocess.run(["gio", "mime", "application/json", "treekeep.desktop"], check=True, stdout=subprocess.DEVNULL)
    desktop = Desktop()
    try:
        for command in (["gio", "open"], ["xdg-open"]):
            check(desktop, command, path)
            print(f"ok    {' '.join(command)}")
    finally:
        desktop.close()
        shutil.rmtree(folder, ignore_errors=True)
    print("2 passed, 0 failed")


if __name__ == "__main__":
    main()
