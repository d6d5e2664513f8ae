"""Keeping, in a real window: what a crash left comes back, two windows are merged, kept versions are restored.

Run with `/usr/bin/python3 tests/window/test_keeping.py [NAME…]`; `TREEKEEP` names the binary.
"""

import os
import re
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import BINARY, run, wait_for  # noqa: E402
from test_main_job import TEXT, Case, one, other, read, same  # noqa: E402


def home():
    return tempfile.mkdtemp(prefix="treekeep-home-")


def journals(folder):
    place = os.path.join(folder, "state", "treekeep", "journal")
    return [name for name in os.listdir(place) if name.endswith(".journal")] if os.path.isdir(place) else []


def killed(case, path, place, edits):
    """A program in which edits were made, killed in the middle of them."""
    program = case.open(path, folder=place)
    program.wait_status("Saved")
    for row, text in edits:
        program.edit(row, text)
    program.wait_status(f"Edited ({len(edits)})")
    wait_for("the journal", lambda: journals(place))
    os.kill(program.process.pid, signal.SIGKILL)
    program.process.wait()
    case.programs.remove(program)


def test_a_killed_program_gives_its_edits_back(case):
    path, place = case.file(), home()
    killed(case, path, place, [('title: "Genesis"', "Mine"), ("number: 12.50", "7")])
    same(read(path), TEXT)
    program = case.open(path, folder=place)
    program.get(re.compile(r"Recover 2 unsaved edits of genesis\.json from \d\d:\d\d:\d\d\?"))
    program.get('Change value /title: "Genesis" → "Mine"')
    program.get("Recover").act()
    program.row('title: "Mine"')
    program.row("number: 7")
    program.wait_status("Edited (2)")
    same(read(path), TEXT)
    program.keys("ctrl+s")
    program.wait_status("Saved")
    same(read(path), TEXT.replace("Genesis", "Mine").replace("12.50", "7"))
    program.keys("ctrl+w")
    program.ended()
    same(journals(place), [])


def test_the_start_page_lists_what_was_left(case):
    path, place = case.file(), home()
    killed(case, path, place, [('title: "Genesis"', "Mine")])
    program = case.open(folder=place)
    program.get("Recover genesis.json").act()
    program.get(re.compile("Recover 1 unsaved edit of genesis.json"))
    program.get("Discard").act()
    program.row('title: "Genesis"')
    program.wait_status("Saved")
    wait_for("the journal to be put away", lambda: not journals(place))


def test_a_terminated_program_keeps_its_edits(case):
    path, place = case.file(), home()
    program = case.open(path, folder=place)
    program.wait_status("Saved")
    program.edit('title: "Genesis"', "Mine")
    program.wait_status("Edited (1)")
    wait_for("the journal", lambda: journals(place))
    program.process.send_signal(signal.SIGTERM)
    program.process.wait(20)
    case.programs.remove(program)
    again = case.open(path, folder=place)
    again.get("Recover").act()
    again.row('title: "Mine"')


def test_two_windows_on_one_file_are_merged(case):
    """Both edit and save; the second meets a conflict, merges, and nothing is lost."""
    path = case.file()
    first, second = case.opened(path), case.opened(path)
    second.front()
    second.edit('title: "Genesis"', "Second")
    second.edit("number: 12.50", "2")
    second.wait_status("Edited (2)")
    first.front()
    first.edit("number: 12.50", "1")
    first.edit("heTitle: \"בראשית\"", "Shemot")
    first.keys("ctrl+s")
    first.wait_status("Saved")
    second.front()
    second.wait_status("Conflict")
    second.get("Compare and merge…").act()
    second.get("1 conflict left to choose")
    second.shot("merge")
    second.keys("alt+2")  # theirs, by key
    second.get("1 conflict, all chosen")
    second.get("Use merged").act()
    second.row('title: "Second"')
    second.row("number: 1")
    second.wait_status("Edited (1)")
    second.keys("ctrl+s")
    second.wait_status("Saved")
    same(read(path), TEXT.replace("Genesis", "Second").replace("12.50", "1").replace("בראשית", "Shemot"))
    first.front()
    first.row('title: "Second"')
    first.wait_status("Saved")


def test_an_earlier_version_is_restored(case):
    path = case.file()
    program = case.edited(path)
    program.keys("ctrl+s")
    program.wait_status("Saved")
    program.keys("ctrl+h")
    program.get("1 kept version")
    program.get(re.compile("Compare version of")).act()
    program.get("1 difference")
    program.get(re.compile("Restore version of")).act()
    program.row('title: "Genesis"')
    program.wait_status("Saved")
    same(read(path), TEXT)
    program.keys("ctrl+z")
    program.row('title: "Mine"')
    program.wait_status("Edited (1)")


def test_an_earlier_version_opens_in_a_window_of_its_own(case):
    path = case.file()
    program = case.edited(path)
    program.keys("ctrl+s")
    program.wait_status("Saved")
    program.keys("ctrl+h")
    program.get(re.compile("Open version of")).act()

    def child():
        found = subprocess.run(["pgrep", "-P", str(program.process.pid)], capture_output=True, text=True).stdout.split()
        return found and subprocess.run(["xdotool", "search", "--onlyvisible", "--pid", found[0]], capture_output=True, text=True).stdout.split()

    window = wait_for("the other window", child)[0]
    title = subprocess.run(["xdotool", "getwindowname", window], capture_output=True, text=True).stdout
    assert re.search(r"\d{8}T\d{6}\.\d{3}Z-[0-9a-f]{8}-save\.json", title), title


def test_panels_and_settings(case):
    path = case.file()
    program = case.opened(path)
    program.menu("View", "Statistics")
    program.get("10 values")
    program.menu("View", "Saving")
    program.menu("File", re.compile("Settings"))
    program.get("After so many edits").act()
    program.get("Done").act()
    program.edit('title: "Genesis"', "Mine")
    program.wait_status("Edited (1)")
    settings = os.path.join(program.folder, "config", "treekeep", "settings.json")
    wait_for("the settings", lambda: os.path.exists(settings) and '"autosave_edits": 10' in read(settings))


def test_autosave_saves_after_so_many_edits(case):
    path, place = case.file(), home()
    os.makedirs(os.path.join(place, "config", "treekeep"))
    with open(os.path.join(place, "config", "treekeep", "settings.json"), "w") as file:
        file.write('{"autosave_edits": 2}')
    program = case.open(path, folder=place)
    program.wait_status("Saved")
    program.edit('title: "Genesis"', "Mine")
    program.wait_status("Edited (1)")
    same(read(path), TEXT)
    program.edit("number: 12.50", "7")
    program.wait_status("Saved")
    same(read(path), TEXT.replace("Genesis", "Mine").replace("12.50", "7"))


def test_a_file_with_two_names_is_written_in_place(case):
    path = case.file()
    second = os.path.join(case.folder, "second.json")
    os.link(path, second)
    program = case.edited(path)
    program.keys("ctrl+s")
    program.wait_status("Saved")
    program.get(re.compile("written in place. The file has 2 names"))
    same(read(second), TEXT.replace("Genesis", "Mine"))
    assert os.path.samefile(path, second)


def test_a_save_on_a_hung_disk_is_left_and_recovered(case):
    """The window closes although the save hangs, and the edits are there at the next start."""
    path, place = case.file(), home()
    slow = os.path.join(case.folder, "hung")
    with open(slow, "w") as file:
        file.write(f"#!/bin/sh\nexec strace -D -f -qq -o /dev/null -e trace=renameat2 -e inject=renameat2:delay_enter=12s '{BINARY}' \"$@\"\n")
    os.chmod(slow, 0o755)
    program = case.open(path, folder=place, binary=slow)
    program.wait_status("Saved")
    program.edit('title: "Genesis"', "Mine")
    program.wait_status("Edited (1)")
    wait_for("the journal", lambda: journals(place))
    program.keys("ctrl+s")
    program.wait_status("Saving…")
    program.keys("ctrl+w")
    program.get("Close, recover later").act()
    wait_for("the window to go", lambda: not program._find_window_now())
    program.process.kill()
    program.process.wait()
    case.programs.remove(program)
    again = case.open(path, folder=place)
    again.get("Recover").act()
    again.row('title: "Mine"')


if __name__ == "__main__":
    run({name: one(test) for name, test in list(globals().items()) if name.startswith("test_")}, limit=180)
