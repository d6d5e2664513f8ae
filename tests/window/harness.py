"""Drives the real program in a real window: Xvfb, a session bus with AT-SPI, and the accessible names that screen readers use.

A `Desktop` is one Xvfb with one session bus; a `Program` is Treekeep on it with folders of its own. Everything waits for a
condition, with a limit; nothing sleeps and hopes. A missing tool is a failure, never a skipped test.

What arrives of egui's accessibility here (AccessKit's adapter for AT-SPI):
- roles by the names `tree`, `tree item`, `push button`, `label`, `entry` (a text field), `dialog` (a modal), `menu` (the menu bar);
- names, descriptions, the states focused, selected and editable, the attributes `posinset` and `setsize`; not the level, and not expanded;
- a live region as the event `object:announcement` with the label's text;
- the action `click` of buttons and rows, and a whole new text for a text field; taking the focus does nothing.
`python3 tests/window/harness.py FILE` prints all that of the window on a file.
"""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BINARY = os.environ.get("TREEKEEP", os.path.join(ROOT, "target", "debug", "treekeep"))
SHOTS = os.path.join(ROOT, "target", "window-shots")
LIMIT = float(os.environ.get("WINDOW_TEST_LIMIT", "20"))
STATUSES = ("Saved", "Edited", "Saving…", "Changed on disk", "Conflict", "Deleted on disk", "Read only")
TOOLS = ("Xvfb", "xdotool", "openbox", "dbus-daemon", "dbus-send", "import", "strace")

# A session bus that starts no service by itself. With the system's own configuration a desktop portal that happens to be installed
# would be started, and a file dialog of the system would appear where the tests want `zenity`.
BUS = """<busconfig>
  <type>session</type>
  <listen>unix:tmpdir=/tmp</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"""


class Ended(AssertionError):
    """The program is gone, so there is nothing to wait for."""


class TooLate(BaseException):
    """A test took too long. Not an `Exception`, so that no wait takes it for a widget that is not there yet."""


def wait_for(what, condition, limit=LIMIT):
    """Waits until `condition()` gives something, and gives that."""
    end = time.monotonic() + limit
    error = None
    while True:
        try:
            found = condition()
            if found:
                return found
        except Ended:
            raise
        except Exception as problem:  # widgets come and go while they are looked at
            error = problem
        if time.monotonic() > end:
            raise AssertionError(f"waited {limit:.0f} s in vain for {what}" + (f" ({error})" if error else ""))
        time.sleep(0.05)


class Desktop:
    """A display, a little larger than a new window with its frame, and a session bus. One for all tests of a run."""

    def __init__(self):
        missing = [tool for tool in TOOLS if shutil.which(tool) is None]
        if missing:
            raise AssertionError(f"these tools are missing: {', '.join(missing)}")
        self.folder = tempfile.mkdtemp(prefix="treekeep-desktop-")
        self.children = []
        read, write = os.pipe()
        self._start(["Xvfb", "-displayfd", str(write), "-screen", "0", "1300x840x24", "-nolisten", "tcp"], pass_fds=[write])
        os.close(write)
        with os.fdopen(read) as number:
            os.environ["DISPLAY"] = ":" + number.readline().strip()
        configuration = os.path.join(self.folder, "bus.conf")
        with open(configuration, "w") as file:
            file.write(BUS)
        bus = subprocess.Popen(
            ["dbus-daemon", "--config-file", configuration, "--nofork", "--print-address"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self.children.append(bus)
        os.environ["DBUS_SESSION_BUS_ADDRESS"] = bus.stdout.readline().strip()
        os.environ["XDG_RUNTIME_DIR"] = self.folder
        # Where the desktop's settings are installed, the bus asks them, and nobody answers here.
        os.environ["GSETTINGS_BACKEND"] = "memory"
        os.environ.pop("WAYLAND_DISPLAY", None)
        os.environ.pop("AT_SPI_BUS_ADDRESS", None)
        os.environ.pop("XAUTHORITY", None)
        self._start(["openbox"])
        wait_for("the window manager", lambda: subprocess.run(["xdotool", "get_num_desktops"], capture_output=True).returncode == 0)
        launcher = next(
            (path for path in ("/usr/libexec/at-spi-bus-launcher", "/usr/lib/at-spi2-core/at-spi-bus-launcher") if os.path.exists(path)), None
        )
        if launcher is None:
            raise AssertionError("at-spi-bus-launcher is missing")
        self._start([launcher, "--launch-immediately"])
        # AccessKit wakes up when a screen reader is there.
        self.dbus_set("IsEnabled")
        self.dbus_set("ScreenReaderEnabled")
        import gi

        gi.require_version("Atspi", "2.0")
        from gi.repository import Atspi

        self.atspi = Atspi
        Atspi.init()
        wait_for("the accessibility bus", lambda: Atspi.get_desktop(0))

    def _start(self, command, **options):
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)
        self.children.append(child)
        return child

    def dbus_set(self, name):
        command = [
            "dbus-send", "--session", "--print-reply", "--dest=org.a11y.Bus", "/org/a11y/bus",
            "org.freedesktop.DBus.Properties.Set", "string:org.a11y.Status", f"string:{name}", "variant:boolean:true",
        ]
        wait_for("org.a11y.Bus", lambda: subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0)

    def close(self):
        for child in reversed(self.children):
            child.terminate()
        for child in self.children:
            try:
                child.wait(5)
            except subprocess.TimeoutExpired:
                child.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


class Widget:
    """One accessible."""

    def __init__(self, program, accessible):
        self.program, self.accessible = program, accessible

    @property
    def name(self):
        return self.accessible.get_name() or ""

    @property
    def description(self):
        return self.accessible.get_description() or ""

    @property
    def role(self):
        return self.accessible.get_role_name()

    def has_state(self, name):
        states = self.accessible.get_state_set()
        return states.contains(getattr(self.program.desktop.atspi.StateType, name))

    def point(self, across, down):
        """A point of the widget on the screen, in parts of its width and height."""
        atspi = self.program.desktop.atspi
        box = self.accessible.get_component_iface().get_extents(atspi.CoordType.SCREEN)
        return box.x + int(box.width * across), box.y + int(box.height * down)

    def centre(self):
        return self.point(0.5, 0.5)

    def act(self):
        """The default action, as a screen reader does it."""
        action = self.accessible.get_action_iface()
        if action is None or action.get_n_actions() == 0:
            raise AssertionError(f"{self.name!r} has no action")
        action.do_action(0)

    def attribute(self, name):
        """An attribute, such as `posinset`, the position among the rows with the same parent."""
        return (self.accessible.get_attributes() or {}).get(name)

    def text(self):
        """What stands in a text field."""
        return self.accessible.get_text_iface().get_text(0, -1)

    def set_text(self, text):
        """A new text for a text field, as a screen reader gives it. The way for scripts that no keyboard layout at hand can type."""
        assert self.accessible.get_editable_text_iface().set_text_contents(text), f"{self.name!r} takes no text"

    def click(self, times=1, button=1):
        x, y = self.centre()
        self.program.xdotool("mousemove", str(x), str(y), "click", "--repeat", str(times), "--delay", "60", str(button))


class Program:
    """Treekeep on a desktop, with home and state of its own."""

    def __init__(self, desktop, *arguments, search_path=None, binary=BINARY, environment=None, folder=None):
        self.desktop = desktop
        self.folder = folder or tempfile.mkdtemp(prefix="treekeep-home-")
        variables = dict(os.environ)
        variables.update(
            HOME=self.folder,
            XDG_STATE_HOME=os.path.join(self.folder, "state"),
            XDG_CONFIG_HOME=os.path.join(self.folder, "config"),
            XDG_DATA_HOME=os.path.join(self.folder, "data"),
            XDG_CACHE_HOME=os.path.join(self.folder, "cache"),
            RUST_BACKTRACE="1",
        )
        if search_path is not None:
            variables["PATH"] = search_path
        variables.update(environment or {})
        self.log_path = os.path.join(self.folder, "log")
        self.log = open(self.log_path, "w")
        self.process = subprocess.Popen([binary, *arguments], env=variables, stdout=self.log, stderr=self.log)
        try:
            self._show()
        except BaseException:
            self.shot("start")
            self.close()
            raise

    def _show(self):
        self.window = wait_for("the window", self._find_window)
        self.front()
        self.xdotool("windowmove", "--sync", self.window, "0", "0")
        self.root = wait_for("the program on the accessibility bus", self._find_application)

    def alive(self):
        """Fails at once if the program has ended: a return code below zero is the signal that ended it."""
        if self.process.poll() is not None:
            raise Ended(f"the program ended with {self.process.returncode}: {self.output()}")

    def output(self):
        """What the program printed."""
        with open(self.log_path, errors="replace") as file:
            return file.read()[-4000:]

    def title(self):
        """The title of the window."""
        return subprocess.run(["xdotool", "getwindowname", self.window], capture_output=True, text=True).stdout.rstrip("\n")

    def _find_window(self):
        self.alive()
        found = subprocess.run(
            ["xdotool", "search", "--onlyvisible", "--pid", str(self.process.pid)], capture_output=True, text=True
        ).stdout.split()
        return found[0] if found else None

    def _find_window_now(self):
        """Whether there is a window still; also of a program that has ended."""
        return subprocess.run(
            ["xdotool", "search", "--onlyvisible", "--pid", str(self.process.pid)], capture_output=True, text=True
        ).stdout.split()

    def _find_application(self):
        desktop = self.desktop.atspi.get_desktop(0)
        for number in range(desktop.get_child_count()):
            child = desktop.get_child_at_index(number)
            if child is not None and "treekeep" in (child.get_name() or "").lower() and child.get_process_id() == self.process.pid:
                return child
        return None

    def xdotool(self, *arguments):
        subprocess.run(["xdotool", *arguments], check=True, stdout=subprocess.DEVNULL)

    def front(self):
        """Brings the window to the front, for the keyboard and the mouse."""
        self.xdotool("windowactivate", "--sync", self.window)

    @contextlib.contextmanager
    def held(self, x, y):
        """The mouse button held down at a point of the screen: a press and a release in one frame may mean nothing."""
        self.xdotool("mousemove", str(x), str(y), "mousedown", "1")
        try:
            yield
        finally:
            self.xdotool("mouseup", "1")

    def keys(self, *names):
        for name in names:
            self.xdotool("key", "--clearmodifiers", name)

    def type(self, text):
        self.xdotool("type", "--delay", "15", text)

    def widgets(self):
        """All widgets of the window."""
        self.alive()
        waiting = [self.root]
        while waiting:
            accessible = waiting.pop()
            if accessible is None:
                continue
            yield Widget(self, accessible)
            for number in reversed(range(accessible.get_child_count())):
                waiting.append(accessible.get_child_at_index(number))

    def find(self, name, role=None):
        """The widget of that name (a text, or a compiled pattern), or nothing."""
        matches = name.search if isinstance(name, re.Pattern) else lambda text: text == name
        return next((w for w in self.widgets() if matches(w.name) and (role is None or w.role == role)), None)

    def get(self, name, role=None, limit=LIMIT):
        return wait_for(repr(name), lambda: self.find(name, role), limit)

    def gone(self, name, limit=LIMIT):
        wait_for(f"{name!r} to go", lambda: self.find(name) is None, limit)

    def names(self):
        return [widget.name for widget in self.widgets() if widget.name]

    def status(self):
        try:
            return next((name for name in self.names() if name.startswith(STATUSES)), None)
        except Ended:
            raise
        except Exception:  # a widget went away while it was looked at
            return None

    def wait_status(self, expected, limit=LIMIT):
        seen = []

        def is_it():
            now = self.status()
            if now and now not in seen:
                seen.append(now)
            return now is not None and now.startswith(expected)

        try:
            wait_for(f"the status {expected!r}", is_it, limit)
        except AssertionError as error:
            raise AssertionError(f"{error}; the statuses were {seen}") from error

    def menu(self, *labels):
        for label in labels:
            self.get(label if isinstance(label, re.Pattern) else re.compile("^" + re.escape(label))).act()

    def row(self, name):
        return self.get(name)

    def edit(self, row, text):
        """Edits a value in its row, as a person does: double click, type over it, Enter."""
        for last in (False, True):
            self.row(row).click(times=2)
            try:
                wait_for("the field in the row", lambda: next((w for w in self.widgets() if w.name.startswith("Value of")), None), 20 if last else 2)
                break
            except AssertionError:
                # Between two clicks a font may have been loaded for longer than a double click may take.
                if last:
                    raise
        self.keys("ctrl+a")
        self.type(text)
        self.keys("Return")
        wait_for("the field to close", lambda: not any(w.name.startswith("Value of") for w in self.widgets()))

    def cpu_ticks(self):
        fields = open(f"/proc/{self.process.pid}/stat").read().rsplit(")", 1)[1].split()
        return int(fields[11]) + int(fields[12])

    def shot(self, name):
        os.makedirs(SHOTS, exist_ok=True)
        subprocess.run(["import", "-window", "root", os.path.join(SHOTS, f"{name}.png")], check=False)

    def backups(self):
        """The bytes of all kept versions."""
        found = []
        for folder, _, files in os.walk(os.path.join(self.folder, "state", "treekeep", "backups")):
            found += [open(os.path.join(folder, file), "rb").read() for file in files if file.endswith(".json")]
        return found

    def ended(self, limit=LIMIT):
        return wait_for("the program to end", lambda: self.process.poll() is not None, limit)

    def close(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)


class Announcements:
    """What a screen reader is told without asking: the texts of live regions, as they change."""

    def __init__(self, desktop):
        import gi

        gi.require_version("GLib", "2.0")
        from gi.repository import GLib

        self.context, self.texts = GLib.MainContext.default(), []
        self.listener = desktop.atspi.EventListener.new(lambda event: self.texts.append(str(event.any_data)))
        self.listener.register("object:announcement")

    def heard(self):
        """All texts until now."""
        while self.context.pending():
            self.context.iteration(False)
        return self.texts

    def close(self):
        self.listener.deregister("object:announcement")


def run(cases, limit):
    """Runs functions by their names on one desktop, each with a time limit in seconds, and ends the process.

    `cases` gives for each name a function that takes the desktop; what it raises is the failure.
    """

    def too_late(*_):
        raise TooLate(f"it took longer than {limit} s")

    def stopped(*_):
        raise SystemExit(1)

    signal.signal(signal.SIGALRM, too_late)
    signal.signal(signal.SIGTERM, stopped)
    wanted = sys.argv[1:]
    unknown = [name for name in wanted if name not in cases]
    if unknown:
        sys.exit(f"no such test: {', '.join(unknown)}")
    passed, failed = 0, []
    desktop = Desktop()
    try:
        for name, case in cases.items():
            if wanted and name not in wanted:
                continue
            begun = time.monotonic()
            signal.alarm(limit)
            try:
                case(desktop)
                passed += 1
                print(f"ok    {name} ({time.monotonic() - begun:.1f} s)", flush=True)
            except (Exception, TooLate):
                failed.append(name)
                print(f"FAIL  {name}\n{traceback.format_exc()}", flush=True)
            finally:
                signal.alarm(0)
    finally:
        desktop.close()
    if failed:
        print(f"failed: {' '.join(failed)}; pictures are in {SHOTS}")
    print(f"{passed} passed, {len(failed)} failed")
    sys.exit(1 if failed or not passed else 0)


if __name__ == "__main__":
    desktop = Desktop()
    try:
        program = Program(desktop, *sys.argv[1:])
        wait_for("the status", program.status)
        for widget in program.widgets():
            states = [state.value_nick for state in widget.accessible.get_state_set().get_states()]
            print(widget.role, repr(widget.name), repr(widget.description), " ".join(states), widget.accessible.get_attributes() or "")
        program.close()
    finally:
        desktop.close()
