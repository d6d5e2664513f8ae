"""The main job in a real window: open, edit, save, and meet the versions of others.

Run with `/usr/bin/python3 tests/window/test_main_job.py [NAME…]`; `TREEKEEP` names the binary.
"""

import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import BINARY, Announcements, Ended, Program, run, wait_for  # noqa: E402

TEXT = """{
  "title": "Genesis",
  "heTitle": "בראשית",
  "number": 12.50,
  "authors": ["Ada", "王芳", "x"],
  "meta": {"a": 1}
}
"""


class Case:
    """One test: a folder of its own, and programs that are ended with it."""

    def __init__(self, desktop):
        self.desktop = desktop
        self.folder = tempfile.mkdtemp(prefix="treekeep-test-")
        self.programs = []

    def file(self, name="genesis.json", text=TEXT):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        return path

    def open(self, *arguments, **options):
        program = Program(self.desktop, *arguments, **options)
        self.programs.append(program)
        return program

    def opened(self, path, **options):
        program = self.open(path, **options)
        program.wait_status("Saved")
        return program

    def edited(self, path, **options):
        """A program with one unsaved edit: the title is "Mine"."""
        program = self.opened(path, **options)
        program.edit('title: "Genesis"', "Mine")
        program.wait_status("Edited (1)")
        return program

    def conflicting(self, path, **options):
        """As `edited`, and another program has changed the file: the title is "Theirs", a number is 7."""
        program = self.edited(path, **options)
        other(path, TEXT.replace("Genesis", "Theirs").replace("12.50", "7"))
        program.wait_status("Conflict")
        return program

    def zenity(self, script):
        """A folder for PATH with a `zenity` that does what `script` says."""
        folder = os.path.join(self.folder, "bin")
        os.makedirs(folder, exist_ok=True)
        path = os.path.join(folder, "zenity")
        with open(path, "w") as file:
            file.write("#!/bin/sh\n" + script + "\n")
        os.chmod(path, 0o755)
        return folder + ":/usr/bin:/bin"

    def slow_disk(self):
        """The program on a disk that takes its time for each `fsync` (a save makes eight). The tracer is the child (`-D`), so the process is the program."""
        path = os.path.join(self.folder, "slow")
        with open(path, "w") as file:
            file.write(f"#!/bin/sh\nexec strace -D -f -qq -o /dev/null -e trace=fsync -e inject=fsync:delay_enter=400ms '{BINARY}' \"$@\"\n")
        os.chmod(path, 0o755)
        return path

    def close(self):
        for program in self.programs:
            program.close()
        subprocess.run(["umount", "-l", os.path.join(self.folder, "small")], stderr=subprocess.DEVNULL)
        shutil.rmtree(self.folder, ignore_errors=True)


def read(path):
    with open(path, encoding="utf-8", newline="") as file:
        return file.read()


def other(path, text):
    """Another program writes the file, by a rename as most do."""
    beside = path + ".other"
    with open(beside, "w", encoding="utf-8", newline="") as file:
        file.write(text)
    os.replace(beside, path)


def same(found, expected):
    assert found == expected, f"{found!r} is not {expected!r}"


def test_open_expand_edit_save(case):
    path = case.file()
    program = case.opened(path)
    row = program.row("authors: array, 3 items")
    same(row.description, "level 2, collapsed")
    row.click()
    program.keys("Right")
    program.row('1: "王芳"')
    same(program.row("authors: array, 3 items").description, "level 2, expanded")
    same(program.row("genesis.json: object, 5 members").description, "level 1, expanded")
    program.row("meta: object, 1 member")
    program.edit("number: 12.50", "1e400")
    program.wait_status("Edited (1)")
    same(read(path), TEXT)
    program.keys("ctrl+s")
    program.wait_status("Saved")
    same(read(path), TEXT.replace("12.50", "1e400"))
    same(program.backups(), [TEXT.encode()])


def test_invalid_text_is_refused_and_not_lost(case):
    path = case.file()
    program = case.opened(path)
    program.row("number: 12.50").click(times=2)
    program.get("Value of number")
    program.keys("ctrl+a")
    program.type("12.")
    program.get(re.compile("^Not valid: "))
    program.keys("Return")
    program.get("Value of number")
    program.type("75")
    program.gone(re.compile("^Not valid: "))
    program.keys("Return")
    program.row("number: 12.75")


def test_keys_rename_insert_delete_undo(case):
    path = case.file()
    program = case.opened(path)
    program.row('title: "Genesis"').click()
    program.keys("F2")
    program.get("Key of title")
    program.keys("ctrl+a")
    program.type("name")
    program.keys("Return")
    program.row('name: "Genesis"')
    program.keys("ctrl+d")
    wait_for("the copy", lambda: sum(name == 'name: "Genesis"' for name in program.names()) == 2)
    program.keys("Delete")
    program.row("genesis.json: object, 5 members")
    program.keys("ctrl+z", "ctrl+z", "ctrl+z")
    program.row('title: "Genesis"')
    program.wait_status("Saved")
    program.keys("ctrl+shift+z")
    program.row('name: "Genesis"')
    program.wait_status("Edited (1)")


def test_change_while_clean_is_loaded(case):
    path = case.file()
    program = case.opened(path)
    program.row("authors: array, 3 items").click()
    program.keys("Right", "Down", "Down")
    other(path, TEXT.replace("Genesis", "Exodus").replace("12.50", "3"))
    notice = program.get(re.compile(r"Changed on disk at \d\d:\d\d, loaded\. 2 values differ\."))
    assert not notice.name.startswith("Changed"), "the notice would pass for the status"
    program.row('title: "Exodus"')
    program.wait_status("Saved")
    assert program.row('1: "王芳"').has_state("SELECTED"), "the selection moved"
    program.get("Show").act()
    wait_for("the selection to move", lambda: program.row('title: "Exodus"').has_state("SELECTED"))
    program.get("Undo", "push button").act()
    program.row('title: "Genesis"')
    program.wait_status("Changed on disk")
    same(read(path), TEXT.replace("Genesis", "Exodus").replace("12.50", "3"))
    program.edit('title: "Genesis"', "Mine")
    program.wait_status("Conflict")
    program.keys("ctrl+s")
    program.get("Keep mine")
    program.wait_status("Conflict")
    same(read(path), TEXT.replace("Genesis", "Exodus").replace("12.50", "3"))


def test_conflict_banner_names_both_sides(case):
    path = case.file()
    program = case.conflicting(path)
    banner = program.get(re.compile(r"genesis\.json was changed on disk by another program at \d\d:\d\d .*2 values differ; both versions are safe"))
    assert banner
    for choice in ("Keep mine", "Take theirs", "Save a copy…", "Compare…"):
        program.get(choice)
    program.row('title: "Mine"')


def test_keep_mine(case):
    path = case.file()
    program = case.conflicting(path)
    theirs = read(path)
    program.get("Keep mine").act()
    program.wait_status("Saved")
    same(read(path), TEXT.replace("Genesis", "Mine"))
    assert theirs.encode() in program.backups(), "their version was not kept"
    program.gone("Keep mine")


def test_keep_mine_is_refused_if_theirs_changed_again(case):
    path = case.file()
    program = case.conflicting(path)
    newest = TEXT.replace("Genesis", "Newest")
    os.kill(program.process.pid, 19)  # SIGSTOP: it can't notice
    other(path, newest)
    os.kill(program.process.pid, 18)
    program.get("Keep mine").act()
    time.sleep(1)
    if read(path) == newest:
        program.wait_status("Conflict")
        program.get("Take theirs").act()
        program.row('title: "Newest"')
    else:  # it was noticed before the click: then the newest was shown, and is kept
        assert newest.encode() in program.backups()


def test_take_theirs(case):
    path = case.file()
    program = case.conflicting(path)
    program.get("Take theirs").act()
    program.row('title: "Theirs"')
    program.wait_status("Saved")
    program.keys("ctrl+z")
    program.row('title: "Mine"')
    program.wait_status("Conflict")
    same(read(path), TEXT.replace("Genesis", "Theirs").replace("12.50", "7"))


def test_compare(case):
    path = case.file()
    program = case.conflicting(path)
    program.get("Compare…").act()
    program.get("2 differences")
    program.get("/title")
    program.get("/number")
    program.get('"Mine"')
    program.get('"Theirs"')
    program.get("12.50")
    program.get("7")


def test_save_meets_another_version(case):
    path = case.file()
    program = case.edited(path)
    os.kill(program.process.pid, 19)
    other(path, TEXT.replace("12.50", "7"))
    program.keys("ctrl+s")
    os.kill(program.process.pid, 18)
    program.wait_status("Conflict")
    same(read(path), TEXT.replace("12.50", "7"))
    program.row('title: "Mine"')


def test_deleted_on_disk(case):
    path = case.file()
    program = case.edited(path)
    os.remove(path)
    program.wait_status("Deleted on disk")
    program.row('title: "Mine"')
    program.get("Save again").act()
    program.wait_status("Saved")
    same(read(path), TEXT.replace("Genesis", "Mine"))


def test_half_written_file_never_empties_the_window(case):
    path = case.file()
    program = case.opened(path)
    with open(path, "w", encoding="utf-8") as file:
        file.write(TEXT[:30])
    program.get(re.compile("is not JSON at the moment"))
    program.row('title: "Genesis"')
    with open(path, "w", encoding="utf-8") as file:
        file.write(TEXT.replace("Genesis", "Whole"))
    program.row('title: "Whole"')


def test_full_disk(case):
    small = os.path.join(case.folder, "small")
    os.makedirs(small)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", small], check=True)
    path = os.path.join(small, "genesis.json")
    shutil.copy(case.file(), path)
    program = case.edited(path)
    filler = os.open(os.path.join(small, "filler"), os.O_CREAT | os.O_WRONLY)
    try:
        while True:
            os.write(filler, b"x" * 512)
    except OSError:
        os.close(filler)
    program.keys("ctrl+s")
    program.get(re.compile(r"was not saved\. The disk is full.*unchanged, and your edits are still here"))
    program.wait_status("Edited (1)")
    same(read(path), TEXT)
    os.remove(os.path.join(small, "filler"))
    program.get("Retry").act()
    program.wait_status("Saved")
    same(read(path), TEXT.replace("Genesis", "Mine"))
    same(sorted(os.listdir(small)), ["genesis.json", "genesis.json.lock"])


def test_read_only(case):
    path = case.file()
    os.chmod(path, 0o444)
    program = case.open(path)
    program.wait_status("Read only")
    program.edit('title: "Genesis"', "Mine")
    program.wait_status("Edited (1)")
    program.keys("ctrl+s")
    program.get(re.compile("was not saved. The file is write-protected"))
    same(read(path), TEXT)
    program.get("Save a copy…")


def test_open_by_dialog(case):
    path = case.file()
    program = case.open(search_path=case.zenity(f"echo {path}"))
    program.get("Open…").act()
    program.row('title: "Genesis"')
    program.wait_status("Saved")


def test_open_dialog_is_cancelled(case):
    program = case.open(search_path=case.zenity("exit 1"))
    program.get("Open…").act()
    program.get("Open…").act()
    program.get("Open the sample").act()
    program.row("sample.json: object, 10 members")


def test_without_a_dialog_a_path_is_typed(case):
    path = case.file()
    program = case.open(search_path="/nonexistent")
    program.get("Open…").act()
    program.get("Path of the file")
    program.type(path)
    program.keys("Return")
    program.row('title: "Genesis"')


def test_save_a_copy(case):
    path, copy = case.file(), os.path.join(case.folder, "copy.json")
    program = case.edited(path, search_path=case.zenity(f"echo {copy}"))
    program.keys("ctrl+shift+s")
    program.get(re.compile("A copy was saved as"))
    same(read(copy), TEXT.replace("Genesis", "Mine"))
    same(read(path), TEXT)
    program.wait_status("Edited (1)")


def test_a_new_document_is_saved(case):
    target = os.path.join(case.folder, "new.json")
    program = case.open(search_path=case.zenity(f"echo {target}"))
    program.get("New").act()
    program.row("Untitled: object, 0 members").click()
    program.keys("Insert")
    program.get(re.compile("^Key of"))
    program.keys("ctrl+a")
    program.type("a")
    program.keys("Return")
    program.get("Value of a")
    program.keys("ctrl+a")
    program.type("5")
    program.keys("Return")
    program.row("a: 5")
    program.keys("ctrl+s")
    program.wait_status("Saved")
    same(read(target), '{\n  "a": 5\n}\n')


def test_a_broken_file_is_mended(case):
    path = case.file(text=TEXT.replace('"Genesis"', '"Genesis'))
    program = case.open(path)
    program.get("genesis.json is not JSON")
    program.get(re.compile(r"Line 2, column \d+, byte \d+: "))
    program.get("Text around the problem")
    program.keys("ctrl+a")
    program.type('{"title": 1}')
    program.get("Read again").act()
    program.row("title: 1")
    program.wait_status("Edited (1)")
    program.keys("ctrl+s")
    program.wait_status("Saved")
    same(read(path), '{"title": 1}')


def test_closing_asks(case):
    path = case.file()
    program = case.edited(path)
    program.keys("ctrl+w")
    for choice in ("Save", "Don't save", "Cancel"):
        program.get(choice)
    program.get("Cancel").act()
    program.gone("Don't save")
    program.row('title: "Mine"')
    program.keys("ctrl+w")
    program.get("Save", "push button").act()
    program.ended()
    same(read(path), TEXT.replace("Genesis", "Mine"))


def test_closing_without_saving(case):
    path = case.file()
    program = case.edited(path)
    program.keys("alt+F4")
    program.get("Don't save").act()
    program.ended()
    same(read(path), TEXT)


def test_menus_and_help(case):
    program = case.opened(case.file())
    program.menu("Help", "Keys")
    program.get("Close help").act()
    program.gone("Close help")
    program.menu("View", "Expand everything")
    program.row("a: 1")
    program.menu("Edit", "Change type", "Array")
    program.get("genesis.json: array, 5 items")
    program.menu("Edit", "Undo")
    program.row('title: "Genesis"')


def test_by_keyboard_alone(case):
    path = case.file()
    program = case.opened(path)
    wait_for("the focus to be in the tree", lambda: program.row("genesis.json: object, 5 members").has_state("FOCUSED"))
    program.keys("Down", "Down", "Down", "Down", "Right", "Right", "Down")
    wait_for("the selection", lambda: program.row('1: "王芳"').has_state("SELECTED"))
    program.keys("Return")
    same(program.get("Value of 1", "entry").text(), "王芳")
    program.keys("ctrl+a")
    program.type("Wang")
    program.keys("Return")
    program.wait_status("Edited (1)")
    wait_for("the focus to be back in the tree", lambda: program.row('1: "Wang"').has_state("FOCUSED"))
    program.keys("Left")
    wait_for("the way out", lambda: program.row("authors: array, 3 items").has_state("SELECTED"))
    program.keys("ctrl+s")
    program.wait_status("Saved")
    same(read(path), TEXT.replace("王芳", "Wang"))


def test_screen_reader_is_told_the_place(case):
    announcements = Announcements(case.desktop)
    program = case.opened(case.file())
    same(program.row("genesis.json: object, 5 members").role, "tree item")
    program.row("authors: array, 3 items").click()
    program.keys("Right")
    row = program.row('2: "x"')
    same((row.description, row.attribute("posinset"), row.attribute("setsize")), ("level 3", "3", "3"))
    # The root is a set of its own; its children are not members of that.
    for name, place in (("genesis.json: object, 5 members", ("1", "1")), ("number: 12.50", ("3", "5"))):
        row = program.row(name)
        same((name, row.attribute("posinset"), row.attribute("setsize")), (name, *place))
    program.edit('title: "Genesis"', "Mine")
    wait_for("the status to be announced", lambda: "Edited (1)" in announcements.heard())
    program.keys("ctrl+s")
    wait_for("the status to be announced", lambda: "Saved" in announcements.heard())
    announcements.close()


def test_text_of_other_scripts(case):
    path = case.file()
    program = case.opened(path)
    program.row('heTitle: "בראשית"').click()
    program.keys("Return")
    program.get("Value of heTitle", "entry").set_text("שמות שלום, 出埃及記 \"سفر\" 🌳")
    program.keys("Return")
    program.wait_status("Edited (1)")
    program.keys("ctrl+s")
    program.wait_status("Saved")
    same(read(path), TEXT.replace("בראשית", 'שמות שלום, 出埃及記 \\"سفر\\" 🌳'))


def test_the_text_of_a_value_is_read_and_copied(case):
    text = "one \"two\"\n" + "\n".join(f"line {number}" for number in range(5000))
    path = case.file(text=json.dumps({"text": text, "code": "12"}))
    program = case.opened(path)
    program.keys("Down")
    program.keys("ctrl+t")
    program.get("line 2", "label")
    program.get("line 2", "label").click()
    program.keys("End")
    program.get("line 4999", "label")
    program.keys("Escape")
    program.keys("ctrl+alt+c")
    program.get("Close text").act()
    program.gone("Close text")
    program.keys("ctrl+v")
    program.wait_status("Edited (1)")
    # As JSON it would be a string again.
    program.keys("Down", "ctrl+alt+c", "ctrl+v")
    program.wait_status("Edited (2)")
    program.keys("ctrl+s")
    program.wait_status("Saved")
    same(list(json.loads(read(path)).values()), [text, text, "12", 12])


def test_title_says_what_is_open(case):
    path = case.file()
    program = case.opened(path)
    wait_for("the title", lambda: "genesis.json" in program.title() and "•" not in program.title())
    program.edit('title: "Genesis"', "Mine")
    wait_for("the dot of an edited file", lambda: "genesis.json" in program.title() and "•" in program.title())
    program.keys("ctrl+z")
    wait_for("the dot to go", lambda: "•" not in program.title())


def test_link_stays_and_its_file_is_saved(case):
    path = case.file()
    link = os.path.join(case.folder, "link.json")
    os.symlink("genesis.json", link)
    program = case.edited(link)
    program.keys("ctrl+s")
    program.wait_status("Saved")
    assert os.path.islink(link)
    same(read(path), TEXT.replace("Genesis", "Mine"))


def test_save_waits_for_the_lock(case):
    path = case.file()
    program = case.edited(path)
    with open(path + ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        program.keys("ctrl+s")
        program.wait_status("Saving…")
        program.get(re.compile("lock"))
        same(read(path), TEXT)
    program.wait_status("Saved")
    same(read(path), TEXT.replace("Genesis", "Mine"))


def test_what_is_typed_during_a_save_stays_unsaved(case):
    path = case.file()
    program = case.edited(path, binary=case.slow_disk())
    program.keys("ctrl+s")
    program.wait_status("Saving…")
    program.edit("number: 12.50", "8")
    program.wait_status("Edited (1)")
    same(read(path), TEXT.replace("Genesis", "Mine"))
    program.keys("ctrl+s")
    program.wait_status("Saved")
    same(read(path), TEXT.replace("Genesis", "Mine").replace("12.50", "8"))


def test_closing_waits_for_a_save(case):
    path = case.file()
    program = case.edited(path, binary=case.slow_disk())
    program.keys("ctrl+s")
    program.wait_status("Saving…")
    program.keys("ctrl+w")
    program.get(re.compile("clos", re.I))
    program.wait_status("Saving…")
    program.ended()
    same(program.process.returncode, 0)
    same(read(path), TEXT.replace("Genesis", "Mine"))


def test_change_written_in_place_is_loaded(case):
    path = case.file()
    program = case.opened(path)
    with open(path, "w", encoding="utf-8", newline="") as file:
        file.write(TEXT.replace("Genesis", "Exodus"))
    program.get(re.compile(r"Changed on disk at \d\d:\d\d, loaded\. 1 value differs\."))
    program.row('title: "Exodus"')
    program.wait_status("Saved")


def test_same_content_under_a_new_time_is_no_change(case):
    path = case.file()
    program = case.edited(path)
    other(path, TEXT)
    os.utime(path, (1_000_000_000, 1_000_000_000))
    program.keys("ctrl+s")
    program.wait_status("Saved")
    same(read(path), TEXT.replace("Genesis", "Mine"))
    same(program.backups(), [TEXT.encode()])


def test_two_windows_on_one_file(case):
    path = case.file()
    first, second = case.opened(path), case.opened(path)
    first.front()
    first.edit('title: "Genesis"', "First")
    first.keys("ctrl+s")
    first.wait_status("Saved")
    second.front()  # what is covered is not drawn, and tells nothing new
    second.row('title: "First"')
    second.wait_status("Saved")
    second.edit("number: 12.50", "2")
    first.front()
    first.edit("number: 12.50", "1")
    first.keys("ctrl+s")
    first.wait_status("Saved")
    second.front()
    second.wait_status("Conflict")
    second.get("Take theirs").act()
    second.row("number: 1")
    second.wait_status("Saved")
    same(read(path), TEXT.replace("Genesis", "First").replace("12.50", "1"))


def test_save_a_copy_in_a_conflict(case):
    path, copy = case.file(), os.path.join(case.folder, "copy.json")
    program = case.conflicting(path, search_path=case.zenity(f"echo {copy}"))
    theirs = read(path)
    program.get("Save a copy…").act()
    program.get(re.compile("A copy was saved as"))
    same(read(copy), TEXT.replace("Genesis", "Mine"))
    same(read(path), theirs)
    program.row('title: "Mine"')
    program.wait_status("Conflict")
    program.get("Keep mine")


def test_save_a_copy_is_cancelled(case):
    path, asked = case.file(), os.path.join(case.folder, "asked")
    program = case.edited(path, search_path=case.zenity(f"touch {asked}; exit 1"))
    program.keys("ctrl+shift+s")
    wait_for("the dialog", lambda: os.path.exists(asked))
    program.keys("ctrl+s")
    program.wait_status("Saved")
    same(sorted(os.listdir(case.folder)), ["asked", "bin", "genesis.json", "genesis.json.lock"])


def test_save_a_copy_without_a_dialog(case):
    path, copy = case.file(), os.path.join(case.folder, "copy.json")
    program = case.edited(path, search_path="/nonexistent")
    program.keys("ctrl+shift+s")
    program.get("Path of the file")
    program.get("Write file")
    program.keys("ctrl+a")
    program.type(copy)
    program.keys("Return")
    program.get(re.compile("A copy was saved as"))
    same(read(copy), TEXT.replace("Genesis", "Mine"))
    same(read(path), TEXT)


def test_open_recent(case):
    path = case.file()
    home = os.path.join(case.folder, "home")
    os.mkdir(home)
    program = case.opened(path, folder=home)
    program.keys("ctrl+w")
    program.ended()
    program = case.open(folder=home)
    program.get("genesis.json").act()
    program.row('title: "Genesis"')
    program.wait_status("Saved")


def test_what_is_no_file_is_told(case):
    program = case.open(os.path.join(case.folder, "missing.json"))
    program.get(re.compile("missing.json"))
    program.get("Open…")
    program = case.open(case.folder)
    program.get(re.compile("folder|directory|regular file"))


def test_ten_million_rows(case):
    path = case.file("big.json", "[" + "7," * 9_999_998 + "7]")
    program = case.open(path)
    program.wait_status("Saved", 120)
    tree = program.get("big.json", "tree")
    x, y = tree.centre()
    program.xdotool("mousemove", str(x), str(y))

    def top():
        return min((int(name.split(":")[0]) for name in program.names() if re.match(r"^\d+: 7$", name)), default=None)

    def wheel(button):
        """Turns the wheel by six steps of 40 points: ten rows of 24 points, exactly.

        Three clicks are six steps: winit takes the press and the release of a wheel button that is no axis, as here, for one each.
        """
        before = wait_for("rows", lambda: (top() or 0) + 1) - 1
        program.xdotool("click", "--repeat", "3", "--delay", "30", button)
        wait_for("the wheel to move the rows", lambda: top() not in (None, before))
        settle(top)
        return top() - before

    def at(place):
        settle(top)
        same((place, wheel("5"), wheel("4")), (place, 10, -10))

    program.keys("Page_Down", "Page_Down")
    at("the top")
    bar = program.get("Rows", "scroll bar")
    with program.held(*bar.centre()):
        wait_for("the middle", lambda: 4_900_000 < (top() or 0) < 5_100_000)
    program.xdotool("mousemove", str(x), str(y))
    at("the middle")
    program.keys("End")
    wait_for("the last row", lambda: program.find("9999998: 7"))
    program.keys("Page_Up", "Page_Up", "Page_Up")
    at("the end")
    # A file that was just written is read once more, since its times can't be trusted yet; then there is nothing to do.
    used = []
    while len(used) < 5 and not (used and used[-1] <= 1):
        before = program.cpu_ticks()
        time.sleep(3)
        used.append(program.cpu_ticks() - before)
    assert used[-1] <= 1, f"{used} ticks in 3 s each of doing nothing"


def settle(look):
    """Waits until what is looked at stays the same for a while."""
    last, since = None, time.monotonic()
    end = time.monotonic() + 20
    while time.monotonic() - since < 0.6:
        assert time.monotonic() < end, "it goes on moving"
        try:
            now = look()
        except Ended:
            raise
        except Exception:  # a widget went away while it was looked at
            now = object()
        if now != last:
            last, since = now, time.monotonic()
        time.sleep(0.05)


def one(test):
    """A test with a case of its own, and with a picture and the program's words where it fails."""

    def run_it(desktop):
        case = Case(desktop)
        try:
            test(case)
        except BaseException:
            for program in case.programs:
                program.shot(test.__name__)
                try:
                    print(f"  it printed: {program.output()}\n  names: {program.names()[:80]}", flush=True)
                except Exception as error:
                    print(f"  the program can't be asked: {error}", flush=True)
            raise
        finally:
            case.close()

    return run_it


if __name__ == "__main__":
    # The longest, with ten million rows in a debug build, takes about 15 s.
    run({name: one(test) for name, test in list(globals().items()) if name.startswith("test_")}, limit=180)
