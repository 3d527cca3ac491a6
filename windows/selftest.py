"""Tries on this Windows what bkagent promises there and its own tests cannot see, and writes one JSON report.

    python selftest.py --program bkagent.pyz --report report.json [--with-service] [--keep]

selftest.ps1 starts it, with the Python of the installation. Everything happens below a new temporary folder and on
127.0.0.1: a control plane of bkagent, an agent, and jobs for each check. The exit status is the number of checks that
failed. Needs Python 3.8 and nothing else.
"""

import argparse
import base64
import ctypes
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import time
import urllib.request
import winreg
from ctypes import wintypes

assert sys.platform == "win32"

PATIENCE_S = 90.0
SERVICE = "bkagent-selftest"
QUEUE_OF_SERVICE = "queue=service"
QUEUE_OF_POWERSHELL = "queue=powershell"
LETTERS = "gr\xfc\xdfe"
LONGEST_DETAIL = 4000
SKIPPED = "skipped: "
NO_POWERSHELL = "there is no Windows PowerShell"
# Everyone, authenticated users, users, who is logged on here: as access lists spell them, with or without a number.
EVERYBODY = {"WD": "everyone", "AU": "authenticated users", "BU": "users", "IU": "interactive users"}
POWERSHELL = ["powershell", "-NoProfile", "-NonInteractive", "-ExecutionPolicy", "Bypass"]

WAIT_FOR_BREAK = """
import pathlib, signal, sys, time
def note(number, frame):
    pathlib.Path(sys.argv[1]).write_text("broken")
    sys.exit(0)
signal.signal(signal.SIGBREAK, note)
print("ready", flush=True)
while True:
    time.sleep(0.1)
"""
START_CHILD = """
import pathlib, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-I", "-S", "-c", "import time; time.sleep(600)"])
pathlib.Path(sys.argv[1]).write_text(str(child.pid))
print("ready", flush=True)
time.sleep(600)
"""
WRITE_DEEP = r"""
import os
folder = os.path.join(os.getcwd(), *["a" * 60] * 6)
os.makedirs("\\\\?\\" + folder)
with open("\\\\?\\" + os.path.join(folder, "deep.txt"), "w") as file:
    file.write("deep")
print("length", len(folder))
"""
ASK_JOB_API = r"""
$name = $env:BUILDKITE_AGENT_JOB_API_SOCKET.Substring('\\.\pipe\'.Length)
$pipe = New-Object System.IO.Pipes.NamedPipeClientStream('.', $name, 'InOut')
$pipe.Connect(10000)
$request = "GET /api/current-job/v0/env HTTP/1.0`r`n" +
    "Authorization: Bearer $env:BUILDKITE_AGENT_JOB_API_TOKEN`r`n`r`n"
$bytes = [Text.Encoding]::UTF8.GetBytes($request)
$pipe.Write($bytes, 0, $bytes.Length)
$answer = (New-Object System.IO.StreamReader($pipe)).ReadToEnd()
$pipe.Dispose()
$document = ($answer -split "`r`n`r`n", 2)[1] | ConvertFrom-Json
"pipe says $(($answer -split "`r`n")[0]), pipeline $($document.env.BUILDKITE_PIPELINE_SLUG)"
"""
ASK_POWERSHELL = r"""
$policies = (Get-ExecutionPolicy -List | ForEach-Object { "$($_.Scope)=$($_.ExecutionPolicy)" }) -join ' '
$scanner = 'unknown'
$ErrorActionPreference = 'Stop'
try { $scanner = "real-time protection: $((Get-MpComputerStatus).RealTimeProtectionEnabled)" } catch {}
"$($PSVersionTable.PSVersion)|$policies|$scanner"
"""


class CheckFailed(Exception):
    """What a check saw instead of what it should."""


class Build:
    """A build that has ended: `state`, the `exit_status` of its job, and the job's `log`."""

    def __init__(self, state, exit_status, log):
        self.state, self.exit_status, self.log = state, exit_status, log


class Trial:
    """The control plane, the agents and the folder of one run."""

    def __init__(self, python, program, with_service):
        self.python, self.program, self.with_service = python, program, with_service
        self.root = tempfile.mkdtemp(prefix="bkagent-selftest-")
        self.url, self.token, self.agent, self.powershell = "", "", None, {}
        self._processes, self._builds = [], []
        # Windows PowerShell does not find its own modules by the variable of a newer one, which may have started us.
        os.environ.pop("PSModulePath", None)
        os.environ.pop("BUILDKITE_AGENT_TOKEN", None)
        os.mkdir(self.path("hooks"))
        self.powershell = powershell_facts()

    def start(self):
        """Start the control plane and the agent that the checks use."""
        self._run_beside("server", "server", "--data", self.path("data"), "--listen", "127.0.0.1:0")
        self.url = wait_until(lambda: first_line(self.path("server.log")), "the control plane does not start")
        self.token = first_line(self.path("data", "tokens", "api"))
        self.agent = self.start_agent("first", "--hooks-path", self.path("hooks"))

    def path(self, *names):
        """Return a path below the temporary folder."""
        return os.path.join(self.root, *names)

    def write(self, text, *names):
        """Write a file below the temporary folder, with the ends of lines that Windows has; return its path."""
        with open(self.path(*names), "w", encoding="utf-8", newline="\r\n") as file:
            file.write(text)
        return self.path(*names)

    def command(self, *words):
        """Return the argv of a command of bkagent."""
        return [self.python, "-I", "-S", self.program, *words]

    def run(self, *words):
        """Run a command of bkagent to its end. Raises CheckFailed with what it said."""
        ended = subprocess.run(self.command(*words), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        if ended.returncode:
            raise CheckFailed(f"'bkagent {' '.join(words[:2])}' ended with {ended.returncode}: {text_of(ended.stdout)}")

    def start_agent(self, name, *words):
        """Start an agent; what it prints goes to NAME.log and NAME.err."""
        return self._run_beside(
            name, "start", "--endpoint", self.url + "/v3", "--token", "file://" + self.agent_token, "--name", name,
            "--no-color", "--build-path", self.path("builds"), "--state-path", self.path("state"), "--skip-checkout",
            "--cancel-grace-period", "15", *words,
        )  # fmt: skip

    @property
    def agent_token(self):
        """Return the file with the token that registers agents."""
        return self.path("data", "tokens", "agent")

    def python_line(self, name, code, argument=""):
        """Return the line of a batch file that runs this Python program."""
        return f'"{self.python}" -I -S "{self.write(code, name + ".py")}" {argument}'

    def submit(self, *lines, **step):
        """Create a build with one step; return its number."""
        steps = [{**step, "command": "\n".join(lines)}]
        document = {"branch": "main", "commit": "HEAD", "repository": "none", "pipeline": {"steps": steps}}
        number = self._api("POST", "", document)["number"]
        self._builds.append(number)
        return number

    def build(self, *lines, **step):
        """Run a build with one step to its end."""
        return self.wait(self.submit(*lines, **step))

    def wait(self, number):
        """Wait until a build has ended and return it."""
        build = wait_until(lambda: self._ended(number), f"build {number} has not ended")
        self._builds.remove(number)
        return Build(build["state"], build["jobs"][0]["exit_status"], self._log(build))

    def wait_printed(self, number, text):
        """Wait until the job of a build has printed a text."""

        def has_printed():
            build = self._api("GET", f"/{number}")
            return build["jobs"][0]["started_at"] and text in self._log(build)

        wait_until(has_printed, f"build {number} has not printed '{text}'")

    def cancel(self, number):
        """Cancel a build."""
        self._api("PUT", f"/{number}/cancel")

    def cancel_unfinished(self):
        """Cancel what a failed check has left, which keeps the agent from the next check."""
        for number in list(self._builds):
            try:
                self.cancel(number)
                self.wait(number)
            except (CheckFailed, OSError):
                self._builds.remove(number)

    def close(self, keeps_folder):
        """End all processes; remove the temporary folder."""
        for process in self._processes:
            process.kill()
            process.wait()
        if not keeps_folder:
            remove_tree(self.root)

    def _run_beside(self, name, *words):
        with open(self.path(name + ".log"), "wb") as output, open(self.path(name + ".err"), "wb") as errors:
            process = subprocess.Popen(
                self.command(*words), cwd=self.root, stdin=subprocess.DEVNULL, stdout=output, stderr=errors
            )
        self._processes.append(process)
        return process

    def _api(self, method, path, document=None):
        request = urllib.request.Request(
            f"{self.url}/v2/organizations/local/pipelines/selftest/builds{path}", method=method,
            data=None if document is None else json.dumps(document).encode(),
            headers={"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"},
        )  # fmt: skip
        without_proxy = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with without_proxy.open(request, timeout=30) as answer:
            return json.load(answer)

    def _ended(self, number):
        build = self._api("GET", f"/{number}")
        return build if build["state"] in ("passed", "failed", "canceled") else None

    def _log(self, build):
        log = self._api("GET", f"/{build['number']}/jobs/{build['jobs'][0]['id']}/log")["content"] or ""
        return re.sub(r"\x1b_bk;t=\d+\x07|\x1b\[[\d;]*m", "", log).replace("\r\n", "\n")  # times and colours


def wait_until(question, failure):
    """Return what the question returns, as soon as that is something. Raises CheckFailed."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        answer = question()
        if answer:
            return answer
        time.sleep(0.2)
    raise CheckFailed(f"{failure} after {PATIENCE_S:g} s")


def require(holds, otherwise):
    """Raise CheckFailed unless it holds."""
    if not holds:
        raise CheckFailed(otherwise)


def first_line(path):
    """Return the first line of a file, once it is whole."""
    with open(path, encoding="utf-8") as file:
        line = file.readline()
    return line.strip() if line.endswith("\n") else ""


def text_of(output):
    """Return what a program printed as text."""
    return output.decode("utf-8", "replace").replace("\r\n", "\n").strip()


def remove_tree(folder):
    """Remove a folder with paths of any length, with files that are marked read-only, and of junctions these alone."""

    def retry(function, path, _):
        try:
            os.chmod(path, stat.S_IWRITE)
            function(path)
        except OSError as error:
            note(f"cannot remove {path}: {error}")

    shutil.rmtree("\\\\?\\" + folder, onerror=retry)


def note(text):
    """Tell whoever runs this."""
    sys.stderr.write(f"selftest: {text}\n")
    sys.stderr.flush()


# --- The checks: each returns a detail for the report, or raises CheckFailed ---


def check_batch_hook_and_command(trial):
    trial.write("@set SELFTEST_BATCH=from batch\n", "hooks", "environment.bat")
    ended = trial.build("echo [%SELFTEST_BATCH%]", "exit /b 7")
    require("[from batch]" in ended.log and ended.exit_status == 7, ended.log)
    return ""


def check_powershell_hook(trial):
    if not trial.powershell:
        return SKIPPED + NO_POWERSHELL
    hook = trial.write("$env:SELFTEST_POWERSHELL = 'from PowerShell'\n", "hooks", "pre-command.ps1")
    try:
        ended = trial.build("echo [%SELFTEST_POWERSHELL%]")
    finally:
        os.unlink(hook)
    require("[from PowerShell]" in ended.log, ended.log)
    return ""


def check_powershell_commands(trial):
    if not trial.powershell:
        return SKIPPED + NO_POWERSHELL
    agent = trial.start_agent("powershell", "--shell", "powershell -Command", "--tags", QUEUE_OF_POWERSHELL)
    ask = "$kept = buildkite-agent meta-data get shell"
    try:
        ended = trial.build(
            "buildkite-agent meta-data set shell kept", ask, 'echo "[$kept]"', "exit 7", agents=[QUEUE_OF_POWERSHELL]
        )
    finally:
        agent.kill()
    require("[kept]" in ended.log and ended.exit_status == 7, f"exit status {ended.exit_status}: {ended.log}")
    return ""


def check_commands_in_a_batch_file(trial):
    ended = trial.build(
        "buildkite-agent meta-data set selftest kept", "buildkite-agent meta-data get selftest", "echo after them"
    )
    require(ended.state == "passed" and re.search("^keptafter them", ended.log, re.MULTILINE), ended.log)
    return ""


def check_job_api_by_pipe(trial):
    if not trial.powershell:
        return SKIPPED + NO_POWERSHELL
    ended = trial.build(f'{subprocess.list2cmdline(POWERSHELL)} -File "{trial.write(ASK_JOB_API, "ask.ps1")}"')
    require(re.search(r"pipe says HTTP/1\.[01] 200.*, pipeline selftest", ended.log), ended.log)
    return ""


def check_ctrl_break(trial):
    number = trial.submit(trial.python_line("wait", WAIT_FOR_BREAK, f'"{trial.path("broken.txt")}"'))
    trial.wait_printed(number, "ready")
    trial.cancel(number)
    ended = trial.wait(number)
    require(os.path.exists(trial.path("broken.txt")), f"the command was not sent CTRL_BREAK: {ended.log}")
    return f"state {ended.state}"


def check_tree_ends_on_cancel(trial):
    number = trial.submit(trial.python_line("start", START_CHILD, f'"{trial.path("child.txt")}"'))
    trial.wait_printed(number, "ready")
    with open(trial.path("child.txt")) as file:
        child = int(file.read())
    require(is_running(child), f"process {child} does not run")
    trial.cancel(number)
    trial.wait(number)
    wait_until(lambda: not is_running(child), f"process {child} of the cancelled job still runs")
    return ""


def check_code_pages(trial):
    ended = trial.build(
        "echo [%SELFTEST_WORD%]", "chcp 65001 >nul", "echo {%SELFTEST_WORD%}", env={"SELFTEST_WORD": LETTERS}
    )
    require(f"[{LETTERS}]" in ended.log and f"{{{LETTERS}}}" in ended.log, ended.log)
    return ""


def check_access_rights(trial):
    names = [("state",), ("data", "tokens"), ("data", "tokens", "agent"), ("data", "tokens", "api")]
    reachable = [f"{path} for {who}" for path in (trial.path(*words) for words in names) for who in open_for(path)]
    require(not reachable, "others can reach " + ", ".join(reachable))
    return ""


def check_long_paths(trial):
    ended = trial.build(trial.python_line("deep", WRITE_DEEP), artifact_paths="a*/**/deep.txt")
    require(ended.state == "passed" and "Artifact uploads completed" in ended.log, ended.log)
    enabled = registry_value(r"SYSTEM\CurrentControlSet\Control\FileSystem", "LongPathsEnabled")
    return f"LongPathsEnabled: {enabled}"


def check_junctions(trial):
    os.mkdir(trial.path("outside"))
    ended = trial.build(
        "mkdir sub goal", "echo content>sub\\x.txt", f'mklink /J goal\\sub "{trial.path("outside")}"',
        "buildkite-agent artifact upload sub\\x.txt", "buildkite-agent artifact download sub\\x.txt goal",
    )  # fmt: skip
    is_safe = not os.listdir(trial.path("outside"))
    require("which is not followed" in ended.log and is_safe, ended.log)
    return ""


def check_artifacts_there_and_back(trial):
    ended = trial.build(
        "mkdir got", "echo content>plain.txt", "buildkite-agent artifact upload plain.txt",
        "buildkite-agent artifact download plain.txt got", "type got\\plain.txt",
    )  # fmt: skip
    require(ended.state == "passed" and re.search("^content", ended.log, re.MULTILINE), ended.log)
    return ""


def check_scanned_files(trial):
    failures, tries = 0, 50
    for number in range(tries):
        fresh, renamed = trial.path("scanned.exe"), trial.path(f"renamed{number}.exe")
        try:
            shutil.copyfile(os.environ["COMSPEC"], fresh)
            os.rename(fresh, renamed)
            os.unlink(renamed)
        except OSError:
            failures += 1
            time.sleep(0.5)  # what is left goes with the folder
    return f"{failures} of {tries} new programs could not be renamed or removed at once"


def check_agent_is_killed(trial):
    number = trial.submit("echo begun", "ping -n 8 127.0.0.1 >nul", "echo gone on")
    trial.wait_printed(number, "\nbegun")
    trial.agent.kill()
    trial.agent = trial.start_agent("second", "--hooks-path", trial.path("hooks"))
    ended = trial.wait(number)
    require(ended.state == "passed" and re.search("^gone on", ended.log, re.MULTILINE), ended.log)
    return ""


def check_service(trial):
    if not trial.with_service:
        return SKIPPED + "asked for by -WithService"
    if not ctypes.windll.shell32.IsUserAnAdmin():
        return SKIPPED + "needs an administrator"
    named = ("--name", SERVICE)
    account = ("--run-as", f"NT SERVICE\\{SERVICE}", "--token", "file://" + trial.agent_token)
    start_words = ("--endpoint", trial.url + "/v3", "--tags", QUEUE_OF_SERVICE, "--skip-checkout")
    trial.run("service", "install", *named, *account, "--", *start_words)
    try:
        trial.run("service", "start", *named)
        ended = trial.build("echo as %USERNAME%", "whoami", agents=[QUEUE_OF_SERVICE])
        trial.run("service", "status", *named)
    finally:
        for verb in ("stop", "remove"):
            try:
                trial.run("service", verb, *named)
            except CheckFailed as error:
                note(str(error))
        remove_tree(os.path.join(os.environ["PROGRAMDATA"], "bkagent", SERVICE))
    who = ended.log.strip().splitlines()[-1]
    require(ended.state == "passed" and SERVICE in who.lower(), f"the job ran as {who}: {ended.log}")
    return f"the job ran as {who}"


CHECKS = (
    check_batch_hook_and_command, check_powershell_hook, check_powershell_commands, check_commands_in_a_batch_file,
    check_job_api_by_pipe, check_ctrl_break, check_tree_ends_on_cancel, check_code_pages, check_access_rights,
    check_long_paths, check_junctions, check_artifacts_there_and_back, check_scanned_files, check_agent_is_killed,
    check_service,
)  # fmt: skip


def name_of(check):
    """Return the name of a check in the report, such as `ctrl-break`."""
    return check.__name__[len("check_") :].replace("_", "-")


def run_check(check, trial):
    """Return the entry of a check in the report."""
    began, result = time.monotonic(), "passed"
    try:
        detail = check(trial)
        if detail.startswith(SKIPPED):
            result, detail = "skipped", detail[len(SKIPPED) :]
    except Exception as error:  # a defect of a check is reported, too, and must not keep the others from running
        result, detail = "failed", str(error) if isinstance(error, CheckFailed) else repr(error)
        trial.cancel_unfinished()
    note(f"{name_of(check)}: {result}" + (f", {detail.strip().splitlines()[-1]}" if detail.strip() else ""))
    return {
        "name": name_of(check), "result": result, "detail": detail[-LONGEST_DETAIL:],
        "seconds": round(time.monotonic() - began, 1),
    }  # fmt: skip


# --- What this machine is ---


def is_running(process_id):
    """Return whether a process runs."""
    synchronize, timeout = 0x100000, 0x102
    kernel32 = ctypes.WinDLL("kernel32")
    kernel32.OpenProcess.restype = wintypes.HANDLE
    kernel32.WaitForSingleObject.argtypes = (wintypes.HANDLE, wintypes.DWORD)
    kernel32.CloseHandle.argtypes = (wintypes.HANDLE,)
    handle = kernel32.OpenProcess(synchronize, False, process_id)
    if not handle:
        return False
    try:
        return kernel32.WaitForSingleObject(handle, 0) == timeout
    finally:
        kernel32.CloseHandle(handle)


def access_list(path):
    """Return who may do what with a file or folder, in the language of security descriptors. Raises OSError."""
    file_object, of_access, revision = 1, 4, 1
    advapi32, kernel32 = ctypes.WinDLL("advapi32"), ctypes.WinDLL("kernel32")
    descriptor, text = ctypes.c_void_p(), wintypes.LPWSTR()
    code = advapi32.GetNamedSecurityInfoW(
        ctypes.c_wchar_p(path), file_object, of_access, None, None, None, None, ctypes.byref(descriptor)
    )
    if code:
        raise ctypes.WinError(code)
    try:
        advapi32.ConvertSecurityDescriptorToStringSecurityDescriptorW(
            descriptor, revision, of_access, ctypes.byref(text), None
        )
        return text.value or ""
    finally:
        kernel32.LocalFree(text)
        kernel32.LocalFree(descriptor)


def open_for(path):
    """Return the groups that everybody is in and that have any access to a file or folder."""
    allowed = re.findall(r"\(A;[^;)]*;[^;)]*;[^;)]*;[^;)]*;([^;)]*)\)", access_list(path))
    return sorted({EVERYBODY[who] for who in allowed if who in EVERYBODY})


def registry_value(key, name):
    """Return a value of the machine's registry, "not set" without one."""
    try:
        with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, key) as opened:
            return winreg.QueryValueEx(opened, name)[0]
    except OSError:
        return "not set"


def powershell_facts():
    """Return the version of Windows PowerShell, its policies and Windows' own scanner; {} where there is none."""
    code = base64.b64encode(ASK_POWERSHELL.encode("utf-16-le")).decode()
    try:
        ended = subprocess.run(
            [*POWERSHELL, "-EncodedCommand", code], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, timeout=PATIENCE_S, check=False,
        )  # fmt: skip
        version, policies, scanner = text_of(ended.stdout).splitlines()[-1].split("|")
    except (OSError, ValueError, IndexError, subprocess.TimeoutExpired):
        return {}
    return {"version": version, "executionPolicies": policies, "defender": scanner}


def machine_facts(trial):
    """Return what the report says of this machine."""
    kernel32 = ctypes.windll.kernel32
    windows = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion"
    version = sys.getwindowsversion()
    said = subprocess.run(trial.command("--version"), stdout=subprocess.PIPE, check=False)
    return {
        "windows": f"{registry_value(windows, 'ProductName')} {registry_value(windows, 'DisplayVersion')}",
        "build": f"{version.major}.{version.minor}.{version.build}.{registry_value(windows, 'UBR')}",
        "architecture": os.environ.get("PROCESSOR_ARCHITECTURE", ""),
        "codePages": {
            "ansi": kernel32.GetACP(), "oem": kernel32.GetOEMCP(), "console": kernel32.GetConsoleOutputCP(),
        },
        "administrator": bool(ctypes.windll.shell32.IsUserAnAdmin()),
        "python": f"{sys.version.split()[0]} {sys.executable}", "bkagent": text_of(said.stdout),
        "powershell": trial.powershell or NO_POWERSHELL,
    }  # fmt: skip


def main():
    """Run all checks and write the report; return how many failed."""
    parser = argparse.ArgumentParser(description="Tries on this Windows what bkagent promises there.")
    parser.add_argument("--program", required=True, help="bkagent.pyz")
    parser.add_argument("--report", default="bkagent-selftest.json", help="where to write the report")
    parser.add_argument("--with-service", action="store_true", help="also install a service, and remove it again")
    parser.add_argument("--keep", action="store_true", help="leave the temporary folder, with all logs")
    words = parser.parse_args()
    trial = Trial(sys.executable, os.path.abspath(words.program), words.with_service)
    results = []
    try:
        trial.start()
        for check in CHECKS:
            results.append(run_check(check, trial))
    except Exception as error:
        note(f"start: failed, {error!r}")
        results.append({"name": "start", "result": "failed", "detail": repr(error), "seconds": 0})
    finally:
        written = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        report = {"schema": 1, "written": written, "machine": machine_facts(trial), "checks": results}
        with open(words.report, "w", encoding="utf-8") as file:
            json.dump(report, file, indent=2)
        note(f"the report is in {os.path.abspath(words.report)}")
        trial.close(words.keep)
        if words.keep:
            note(f"logs are in {trial.root}")
    return sum(entry["result"] == "failed" for entry in results)


if __name__ == "__main__":
    sys.exit(main())
