"""What the Windows halves of bkagent/system promise that no job shows. Run by a Windows Python.

    python system_checks.py CHECKOUT

prints the name of each check that holds; the first that does not ends it with a traceback.
"""

import ctypes
import os
import subprocess
import sys
import tempfile
import threading
import winreg

sys.path.insert(0, sys.argv[1])

from bkagent import errors
from bkagent.config.launching import self_command
from bkagent.system import (
    boot,
    confined_folder,
    console,
    descriptors,
    durable,
    file_lock,
    host,
    mime_tables,
    private_folder,
    process_group,
    process_start,
    renaming,
    signals,
    tree_removal,
    trusted_path,
    wake,
)

WAIT_S = 30.0
HOLD = """
import sys; sys.path.insert(0, sys.argv[1])
from bkagent.system import file_lock
fd = file_lock.open_lock(sys.argv[2])
print(file_lock.try_lock(fd), flush=True)
sys.stdin.read()
"""
RING = "import sys; sys.path.insert(0, sys.argv[1]); from bkagent.system import wake; wake.Ringer(sys.argv[2]).ring()"


def start(code, *words):
    argv = [sys.executable, "-I", "-c", code, sys.argv[1], *words]
    return subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write(text)
    return path


def check_a_lock_excludes_in_one_process_and_can_be_shared(folder):
    path = os.path.join(folder, "lock")
    first, second = file_lock.open_lock(path), file_lock.open_lock(path)
    assert file_lock.try_lock(first) and not file_lock.try_lock(second) and file_lock.is_held(path)
    os.close(first)
    assert not file_lock.is_held(path) and file_lock.try_lock_shared(second)
    third = file_lock.open_lock(path)
    assert file_lock.try_lock_shared(third)
    os.close(second)
    os.close(third)


def check_a_lock_is_free_when_its_holder_was_killed(folder):
    path = os.path.join(folder, "lock")
    holder = start(HOLD, path)
    assert holder.stdout.readline().strip() == b"True" and file_lock.is_held(path)
    waiter = threading.Thread(target=file_lock.wait_until_free, args=(path,))
    waiter.start()
    process_group.kill(holder.pid)
    holder.communicate()
    waiter.join(WAIT_S)
    assert not waiter.is_alive() and not file_lock.is_held(path)


def check_a_locked_file_can_be_read(folder):
    path = write(os.path.join(folder, "journal"), "content")
    fd = file_lock.open_lock(path)
    assert file_lock.try_lock(fd)
    with open(path) as file:
        assert file.read() == "content"
    os.close(fd)


def check_a_bell_is_heard_from_another_process_and_only_once(folder):
    path = os.path.join(folder, "wake")
    wake.make(path)
    listener = wake.Listener(path)
    assert not listener.wait(0)
    assert start(RING, path).wait(WAIT_S) == 0
    assert listener.wait(WAIT_S) and not listener.wait(0)
    listener.ring()
    assert listener.wait(WAIT_S)
    listener.close()


def check_a_replaced_file_is_whole(folder):
    path = write(os.path.join(folder, "result"), "old and longer")
    durable.replace_file(path, b"new")
    with open(path, "rb") as file:
        assert file.read() == b"new"
    assert os.listdir(folder) == ["result"]
    durable.sync_path(path)
    durable.sync_folder(folder)
    assert durable.free_bytes(path) > 0 and durable.free_bytes(os.path.join(folder, "none", "file")) == 0


def check_the_machine_names_itself(folder):
    assert (host.goos(), host.goarch()) == ("windows", "amd64")
    assert host.hostname() and " version " in host.describe_os(dict(os.environ))
    assert host.user_agent().endswith("(windows; amd64)")


def check_two_processes_name_the_same_boot(folder):
    code = "import sys; sys.path.insert(0, sys.argv[1]); from bkagent.system import boot; print(boot.boot_id())"
    other, _ = start(code).communicate()
    assert boot.boot_id() and other.decode().strip() == boot.boot_id()


def check_a_registered_content_type_counts(folder):
    with winreg.CreateKey(winreg.HKEY_CLASSES_ROOT, ".bkselftest") as key:
        winreg.SetValueEx(key, "Content Type", 0, winreg.REG_SZ, "application/x-selftest")
    assert mime_tables.registered_type("bkselftest") == "application/x-selftest"
    assert mime_tables.registered_type("no-such-extension") == ""


def check_an_account_has_a_private_folder_and_a_temporary_one(folder):
    path = private_folder.make(os.path.join(folder, "state"))
    assert os.path.isdir(path) and private_folder.user_tag({"USERNAME": "J\u00f6rg X"}) == "J\u00f6rg-X"
    assert private_folder.system_temporary() == "C:\\Windows\\Temp"


def check_a_path_is_followed(folder):
    assert os.path.samefile(trusted_path.check(folder), folder)


def make_for_everyone(path):
    """Make a folder in which every user may do everything, as in one that was made at the top of a drive."""
    from bkagent.system import _folder_access_windows as folder_access

    descriptor = ctypes.c_void_p()
    convert = folder_access._advapi32.ConvertStringSecurityDescriptorToSecurityDescriptorW
    assert convert("D:(A;OICI;FA;;;WD)", 1, ctypes.byref(descriptor), None)
    os.mkdir(path)
    assert ctypes.WinDLL("advapi32").SetFileSecurityW(path, 4, descriptor)
    assert folder_access.access_of(path).writers == ["S-1-1-0"]
    return path


def check_a_private_folder_is_for_its_user_alone(folder):
    from bkagent.system import _folder_access_windows as folder_access

    folder = private_folder.make(os.path.join(folder, "own"))  # of which Wine adds to what a folder below it is given
    inherited = os.path.join(folder, "inherited")
    os.mkdir(inherited)
    assert folder_access.access_of(inherited).others
    for path in (inherited, os.path.join(folder, "new"), make_for_everyone(os.path.join(folder, "empty"))):
        private_folder.make(path)
        access = folder_access.access_of(path)
        assert (access.foreign_owner, access.others, access.writers) == ("", [], []), path
        assert not trusted_path.follow(path).is_open
        private_folder.check(path, "folder")
    access = folder_access.access_of(private_folder.make_temporary("x-", folder))
    assert (access.foreign_owner, access.others) == ("", [])


def check_what_is_made_in_a_private_folder_inherits_its_access_list(folder):
    """From the mode 0o700 newer Pythons make a list without the user, which Wine does not show."""
    modes, mkdir = [], os.mkdir
    os.mkdir = lambda path, mode=0o777: (modes.append(mode), mkdir(path, mode))
    try:
        self_command.launcher_folder(private_folder.make(os.path.join(folder, "state")))
    finally:
        os.mkdir = mkdir
    assert len(modes) >= 2 and 0o700 not in modes, modes


def check_a_folder_that_others_can_have_written_to_is_refused(folder):
    path = make_for_everyone(os.path.join(folder, "state"))
    write(os.path.join(path, "code", "planted.py"), "x")
    assert trusted_path.follow(path).is_open
    try:
        private_folder.make(path)
        raise AssertionError("it was taken")
    except errors.ConfigError as problem:
        assert "is not empty, and others (Everyone) can write to it" in str(problem), problem


def check_limits_and_consoles_are_no_obstacle(folder):
    assert descriptors.descriptors_count() > 1000
    console.use_utf8()


def check_a_log_off_ends_no_service_and_an_ending_is_waited_for(folder):
    """By the handlers alone: nothing ends a session here."""
    from bkagent.system import _signals_windows as windows

    handlers, heard, waits = [], threading.Event(), []
    windows._add_handler, windows._wait_for_own_end = handlers.append, lambda: waits.append(1)
    windows._is_in_session_of_services = lambda: is_service
    is_service = True
    signals.catch_endings(lambda name: heard.set())
    signals.outlive_logoffs()
    obey, outlive = handlers
    assert obey(5) and not waits and not heard.is_set() and outlive(5)
    assert not outlive(1) and not outlive(6)
    is_service = False
    assert not outlive(5) and obey(2) and waits == [1]  # a handler that returns lets Windows end the process at once
    assert heard.wait(WAIT_S)
    assert not obey(0) and waits == [1]


def check_the_variables_of_a_process_are_sorted(folder):
    env = {**dict.fromkeys(("zz", "b", "C", "a_b", "A"), "1"), "SYSTEMROOT": os.environ["SYSTEMROOT"]}
    code = "import os; print(*(name for name in os.environ if os.environ[name] == '1'), flush=True)"
    reading, writing = os.pipe()
    argv = [sys.executable, "-I", "-S", "-c", code]
    with open(os.devnull) as nothing:
        child = process_start.start_in_group(argv, env, folder, nothing.fileno(), writing, writing)
    os.close(writing)
    printed = []
    process_start.pump(child, [(reading, printed.append)], 1.0, WAIT_S)
    os.close(reading)
    assert b"".join(printed).split() == [b"A", b"A_B", b"B", b"C", b"ZZ"], printed


def check_output_is_not_carried_half_because_its_process_has_ended(folder):
    """What takes a thread out of its read takes it out of no write to the log."""
    from bkagent.system import _process_pump_windows as windows

    real, carriers, in_sink, broken_off, taken = windows._kernel32, [], [], threading.Event(), []

    class Recorder:
        def __getattr__(self, name):
            return getattr(real, name)

        def CancelSynchronousIo(self, handle):
            if in_sink:
                broken_off.set()
            return real.CancelSynchronousIo(handle)

    def sink(output):
        in_sink.append(1)
        os.close(asking)  # the process ends
        carriers.append(threading.current_thread())
        while not carriers[0]._is_over:
            pass
        broken_off.wait(0.1)
        taken.append(output)
        in_sink.clear()

    windows._kernel32 = Recorder()
    (reading, writing), (asked, asking) = os.pipe(), os.pipe()
    argv = [sys.executable, "-I", "-S", "-c", "import sys; print('x', flush=True); sys.stdin.read()"]
    child = process_start.start_in_group(argv, dict(os.environ), folder, asked, writing, writing)
    process_start.pump(child, [(reading, sink)], 0.0, 0.0)
    for fd in (reading, writing, asked):
        os.close(fd)
    assert b"".join(taken) == b"x\r\n" and not broken_off.is_set(), (taken, broken_off.is_set())


def check_a_drive_of_one_session_is_known(folder):
    from bkagent.system.service import service_account

    define = ctypes.WinDLL("kernel32").DefineDosDeviceW
    assert not service_account.is_mapped_drive("Q:\\file") and not service_account.is_mapped_drive("C:\\Windows")
    assert define(0, "Q:", folder)  # as `subst` does
    try:
        assert service_account.is_mapped_drive("Q:\\file")
    finally:
        define(2, "Q:", None)


def check_files_are_written_below_a_folder_that_cannot_be_moved_meanwhile(folder):
    root = confined_folder.ConfinedFolder(folder)
    with root.new_file(["deep", "er", "file"]) as new:
        new.file.write(b"content")
        try:
            os.rename(os.path.join(folder, "deep"), os.path.join(folder, "moved"))
            raise AssertionError("the folder could be moved")
        except OSError:
            pass
        new.put()
    root.close()
    with open(os.path.join(folder, "deep", "er", "file"), "rb") as file:
        assert file.read() == b"content"


def check_a_part_of_a_file_is_kept_for_one_process_at_a_time(folder):
    root = confined_folder.ConfinedFolder(folder)
    with root.kept_file(["deep", "file"], "file.part") as new:
        new.file.write(b"half")
        assert root.kept_file(["deep", "file"], "file.part") is None
        new.keep()
    with root.kept_file(["deep", "file"], "file.part") as new:
        assert new.file.read() == b"half"
        new.file.write(b" and half")
        new.put()
    with root.read_file(["deep", "file"]) as file:
        assert file.read() == b"half and half"
    assert os.listdir(os.path.join(folder, "deep")) == ["file"]
    os.link(os.path.join(folder, "deep", "file"), os.path.join(folder, "file.part"))
    assert root.kept_file(["file"], "file.part") is None
    for parts in (["deep"], ["deep", "none"], ["none", "file"]):
        try:
            root.read_file(parts)
            raise AssertionError(f"{parts} could be read")
        except OSError:
            pass
    assert not os.path.exists(os.path.join(folder, "none")) and not root.tells_case_apart()
    root.close()


def check_read_only_files_are_removed(folder):
    path = write(os.path.join(folder, "objects", "pack"), "git")
    os.chmod(path, 0o400)
    tree_removal.remove_tree(os.path.join(folder, "objects"))
    assert not os.path.exists(os.path.join(folder, "objects"))


def check_read_only_folders_are_removed(folder):
    path = write(os.path.join(folder, "cache", "module", "file"), "go")
    os.chmod(os.path.dirname(path), 0o500)
    tree_removal.remove_tree(os.path.join(folder, "cache"))
    assert os.listdir(folder) == []


def check_what_an_earlier_removal_had_to_leave_goes_with_the_next(folder):
    write(os.path.join(folder, "checkout.gone-12ab34cd"), "x")
    write(os.path.join(folder, "checkout", "file"), "x")
    tree_removal.remove_tree(os.path.join(folder, "checkout"))
    assert os.listdir(folder) == []


def check_a_file_that_a_scanner_holds_is_replaced_when_it_is_free(folder):
    path = write(os.path.join(folder, "result"), "old")
    held, pauses = os.open(path, os.O_RDONLY), []
    renaming.sleep = lambda pause_s: (pauses.append(pause_s), os.close(held))
    durable.replace_file(path, b"new")
    with open(path) as file:
        assert file.read() == "new" and len(pauses) == 1 and os.listdir(folder) == ["result"]


if __name__ == "__main__":
    for name, check in [item for item in globals().items() if item[0].startswith("check_")]:
        with tempfile.TemporaryDirectory() as own:
            check(own)
        print(name[len("check_") :], flush=True)
