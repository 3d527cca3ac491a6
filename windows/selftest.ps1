#Requires -Version 5.1
<#
.SYNOPSIS
Tries on this Windows what bkagent promises there and its own tests cannot see, and writes one JSON report.

.DESCRIPTION
Everything happens below a new temporary folder and on 127.0.0.1: a control plane of bkagent, an agent, and a job for
each check. Nothing of this machine is changed, unless -WithService asks for a service that is removed again. It takes
two to four minutes. The report has paths and the names of accounts in it, and no token.

.PARAMETER Program
bkagent.pyz. By default that of the installation, or the one beside this script.

.PARAMETER Python
The python.exe to run it with; by default that of the installation, or `py -3`.

.PARAMETER Report
Where to write the report.

.PARAMETER WithService
Also installs a service under an account of its own, runs a job in it and removes it. Needs an administrator.

.PARAMETER Keep
Leaves the temporary folder, with all logs.

.EXAMPLE
powershell -ExecutionPolicy Bypass -File selftest.ps1 -Report report.json
#>
[CmdletBinding()]
param(
    [string] $Program = '',
    [string] $Python = '',
    [string] $Report = 'bkagent-selftest.json',
    [switch] $WithService,
    [switch] $Keep
)

Set-StrictMode -Version 3.0
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'

$PatienceSeconds = 90
$ServiceName = 'bkagent-selftest'
$Umlauts = 'gr' + [char]0xFC + [char]0xDF + 'e' # this file is ASCII, so that every version reads it alike
$WaitForBreak = @'
import pathlib, signal, sys, time
def note(number, frame):
    pathlib.Path(sys.argv[1]).write_text("broken")
    sys.exit(0)
signal.signal(signal.SIGBREAK, note)
print("ready", flush=True)
while True:
    time.sleep(0.1)
'@
$StartChild = @'
import pathlib, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-I", "-S", "-c", "import time; time.sleep(600)"])
pathlib.Path(sys.argv[1]).write_text(str(child.pid))
print("ready", flush=True)
time.sleep(600)
'@
$WriteDeep = @'
import os
folder = os.path.join(os.getcwd(), *["a" * 60] * 6)
os.makedirs("\\\\?\\" + folder)
with open("\\\\?\\" + os.path.join(folder, "deep.txt"), "w") as file:
    file.write("deep")
print("length", len(folder))
'@
$AskJobApi = @'
$name = $env:BUILDKITE_AGENT_JOB_API_SOCKET -replace '^\\\\\.\\pipe\\', ''
$pipe = New-Object IO.Pipes.NamedPipeClientStream -ArgumentList '.', $name, 'InOut'
$pipe.Connect(10000)
$lines = 'GET /api/current-job/v0/env HTTP/1.1', 'Host: job', "Authorization: Bearer $env:BUILDKITE_AGENT_JOB_API_TOKEN"
$request = ($lines + 'Connection: close', '', '') -join "`r`n"
$bytes = [Text.Encoding]::ASCII.GetBytes($request)
$pipe.Write($bytes, 0, $bytes.Length)
$reader = New-Object IO.StreamReader -ArgumentList $pipe
'pipe says ' + $reader.ReadLine()
'@

function Write-Note([string] $Text) {
    [Console]::Error.WriteLine("selftest.ps1: $Text")
}

function Get-FullPath([string] $Path) {
    $ExecutionContext.SessionState.Path.GetUnresolvedProviderPathFromPSPath($Path)
}

function Test-Administrator {
    $identity = [Security.Principal.WindowsIdentity]::GetCurrent()
    $principal = New-Object -TypeName Security.Principal.WindowsPrincipal -ArgumentList $identity
    $principal.IsInRole([Security.Principal.WindowsBuiltInRole]::Administrator)
}

# --- The programs under test ---

function Find-Program {
    $candidates = @($Program)
    if (-not $Program) {
        $installed = 'bkagent\bin\bkagent.pyz'
        $candidates = @("$env:ProgramFiles\$installed", "$env:LOCALAPPDATA\Programs\$installed")
        $candidates += @("$PSScriptRoot\bkagent.pyz", "$PSScriptRoot\..\dist\bkagent.pyz")
    }
    foreach ($path in $candidates) {
        if (Test-Path -LiteralPath $path -PathType Leaf) { return Get-FullPath $path }
    }
    throw 'bkagent.pyz is not installed: name it with -Program'
}

function Find-Python([string] $ProgramPath) {
    if ($Python) { return Get-FullPath $Python }
    $bin = Split-Path -Parent $ProgramPath
    if (Test-Path -LiteralPath "$bin\bkagent.python") { return (Get-Content -LiteralPath "$bin\bkagent.python" -TotalCount 1).Trim() }
    foreach ($path in @("$bin\..\python\python.exe", "$bin\python\python.exe")) {
        if (Test-Path -LiteralPath $path) { return Get-FullPath $path }
    }
    $path = & py -3 -I -S -c 'import sys; print(sys.executable)'
    if (-not $path) { throw 'there is no Python: name one with -Python' }
    $path
}

# Starts bkagent in the background; what it prints goes to NAME.log and NAME.err of the temporary folder.
function Invoke-Background([string] $Name, [string[]] $Words) {
    $quoted = @('-I', '-S', $script:ProgramPath) + $Words | ForEach-Object { if ($_ -match '[\s;&()]') { '"' + $_ + '"' } else { $_ } }
    $arguments = @{
        FilePath = $script:PythonPath; ArgumentList = $quoted -join ' '; WorkingDirectory = $script:Root
        RedirectStandardOutput = "$script:Root\$Name.log"; RedirectStandardError = "$script:Root\$Name.err"
        PassThru = $true; NoNewWindow = $true
    }
    Start-Process @arguments
}

function Invoke-Agent([string] $Name) {
    $words = @('start', '--endpoint', "$script:Url/v3", '--token', "file://$script:Root\data\tokens\agent", '--name', $Name, '--no-color')
    $words += @('--build-path', "$script:Root\builds", '--state-path', "$script:Root\state", '--hooks-path', "$script:Root\hooks")
    Invoke-Background $Name ($words + @('--skip-checkout', '--cancel-grace-period', '15'))
}

# Returns what $Question returns, as soon as that is something.
function Wait-Until([scriptblock] $Question, [string] $Failure) {
    $deadline = (Get-Date).AddSeconds($PatienceSeconds)
    while ((Get-Date) -lt $deadline) {
        $answer = & $Question
        if ($answer) { return $answer }
        Start-Sleep -Milliseconds 200
    }
    throw "$Failure after $PatienceSeconds s"
}

# --- Builds ---

function Invoke-Api([string] $Method, [string] $Path, [object] $Document = $null) {
    $arguments = @{
        Uri = "$script:Url/v2/organizations/local/pipelines/selftest/builds$Path"; Method = $Method
        Headers = @{ Authorization = "Bearer $script:ApiToken" }; UseBasicParsing = $true
    }
    if ($null -ne $Document) {
        $arguments.Body = [Text.Encoding]::UTF8.GetBytes((ConvertTo-Json -InputObject $Document -Depth 8))
        $arguments.ContentType = 'application/json'
    }
    $content = Invoke-WebRequest @arguments
    # Of bytes, since Windows PowerShell takes JSON for Latin-1.
    ConvertFrom-Json -InputObject ([Text.Encoding]::UTF8.GetString($content.RawContentStream.ToArray()))
}

function Submit-Build([string[]] $Lines, [hashtable] $Step = @{}) {
    $document = @{ branch = 'main'; commit = 'HEAD'; repository = 'none'; pipeline = @{ steps = @($Step + @{ command = $Lines -join "`n" }) } }
    (Invoke-Api 'POST' '' $document).number
}

function Get-Log([object] $Build) {
    [string] (Invoke-Api 'GET' "/$($Build.number)/jobs/$($Build.jobs[0].id)/log").content
}

# Waits until the build has ended; returns its state, exit status and log.
function Wait-Build([int] $Number) {
    $build = Wait-Until {
        $now = Invoke-Api 'GET' "/$Number"
        if ($now.state -in @('passed', 'failed', 'canceled')) { $now }
    } "build $Number has not ended"
    @{ State = $build.state; ExitStatus = $build.jobs[0].exit_status; Log = (Get-Log $build) }
}

function Wait-Printed([int] $Number, [string] $Text) {
    $null = Wait-Until {
        $now = Invoke-Api 'GET' "/$Number"
        $now.jobs[0].started_at -and (Get-Log $now).Contains($Text)
    } "build $Number has not printed '$Text'"
}

function Invoke-Build([string[]] $Lines, [hashtable] $Step = @{}) {
    Wait-Build (Submit-Build $Lines $Step)
}

function Confirm-That([bool] $Holds, [string] $Otherwise) {
    if (-not $Holds) { throw $Otherwise }
}

# Writes a Python program to the temporary folder; returns the line of a batch file that runs it.
function Write-Program([string] $Name, [string] $Text, [string] $Argument = '') {
    [IO.File]::WriteAllText("$script:Root\$Name.py", $Text)
    "`"$script:PythonPath`" -I -S `"$script:Root\$Name.py`" $Argument"
}

# --- The checks: each returns a detail for the report, or throws what is wrong ---

$Checks = [ordered]@{
    'batch-hook-and-command' = {
        [IO.File]::WriteAllText("$Root\hooks\environment.bat", "@set SELFTEST_BATCH=from batch`r`n")
        $ended = Invoke-Build @('echo [%SELFTEST_BATCH%]', 'exit /b 7')
        Confirm-That ($ended.Log.Contains('[from batch]') -and $ended.ExitStatus -eq 7) $ended.Log
    }
    'powershell-hook' = {
        [IO.File]::WriteAllText("$Root\hooks\pre-command.ps1", "`$env:SELFTEST_POWERSHELL = 'from PowerShell'`r`n")
        try { $ended = Invoke-Build @('echo [%SELFTEST_POWERSHELL%]') } finally { [IO.File]::Delete("$Root\hooks\pre-command.ps1") }
        Confirm-That $ended.Log.Contains('[from PowerShell]') $ended.Log
        'execution policy in force: ' + (Get-ExecutionPolicy)
    }
    'commands-in-a-batch-file' = {
        $ended = Invoke-Build @('buildkite-agent meta-data set selftest kept', 'buildkite-agent meta-data get selftest', 'echo after them')
        Confirm-That ($ended.State -eq 'passed' -and $ended.Log.Contains('after them')) $ended.Log
    }
    'job-api-by-pipe' = {
        [IO.File]::WriteAllText("$Root\ask.ps1", $AskJobApi)
        $ended = Invoke-Build @('echo %BUILDKITE_AGENT_JOB_API_SOCKET%', "powershell -NoProfile -ExecutionPolicy Bypass -File `"$Root\ask.ps1`"")
        Confirm-That ($ended.Log -match 'pipe says HTTP/1\.[01] 200') $ended.Log
    }
    'ctrl-break' = {
        $number = Submit-Build @(Write-Program 'wait' $WaitForBreak "`"$Root\broken.txt`"")
        Wait-Printed $number 'ready'
        $null = Invoke-Api 'PUT' "/$number/cancel"
        $ended = Wait-Build $number
        Confirm-That (Test-Path -LiteralPath "$Root\broken.txt") "the command was not sent CTRL_BREAK: $($ended.Log)"
        "state $($ended.State)"
    }
    'tree-ends-on-cancel' = {
        $number = Submit-Build @(Write-Program 'start' $StartChild "`"$Root\child.txt`"")
        Wait-Printed $number 'ready'
        $child = [int] [IO.File]::ReadAllText("$Root\child.txt")
        $null = Invoke-Api 'PUT' "/$number/cancel"
        $null = Wait-Build $number
        $null = Wait-Until { -not (Get-Process -Id $child -ErrorAction SilentlyContinue) } "process $child of the cancelled job still runs"
    }
    'code-pages' = {
        $lines = @('echo [%SELFTEST_WORD%]', 'chcp 65001 >nul', 'echo {%SELFTEST_WORD%}')
        $ended = Invoke-Build $lines @{ env = @{ SELFTEST_WORD = $Umlauts } }
        $codePages = "console $([Console]::OutputEncoding.CodePage), ANSI $([Globalization.CultureInfo]::CurrentCulture.TextInfo.ANSICodePage)"
        Confirm-That ($ended.Log.Contains("[$Umlauts]") -and $ended.Log.Contains("{$Umlauts}")) "${codePages}: $($ended.Log)"
        $codePages
    }
    'access-rights' = {
        $everybody = @('S-1-1-0', 'S-1-5-11', 'S-1-5-32-545', 'S-1-5-4')
        $open = @()
        foreach ($path in @("$Root\state", "$Root\data\tokens", "$Root\data\tokens\agent", "$Root\data\tokens\api")) {
            foreach ($rule in (Get-Acl -LiteralPath $path).GetAccessRules($true, $true, [Security.Principal.SecurityIdentifier])) {
                $who = $rule.IdentityReference.Value
                if ($rule.AccessControlType -eq 'Allow' -and $everybody -contains $who) { $open += "$path for $who" }
            }
        }
        Confirm-That ($open.Count -eq 0) ('others can reach ' + ($open -join ', '))
    }
    'long-paths' = {
        $ended = Invoke-Build @(Write-Program 'deep' $WriteDeep) @{ artifact_paths = 'a*/**/deep.txt' }
        $enabled = (Get-ItemProperty -LiteralPath 'HKLM:\SYSTEM\CurrentControlSet\Control\FileSystem').PSObject.Properties['LongPathsEnabled']
        Confirm-That ($ended.State -eq 'passed' -and $ended.Log.Contains('Artifact uploads completed')) $ended.Log
        'LongPathsEnabled: ' + $(if ($enabled) { $enabled.Value } else { 'not set' })
    }
    'junctions' = {
        New-Item -ItemType Directory -Path "$Root\outside" | Out-Null
        $lines = @('mkdir sub goal', 'echo content>sub\x.txt', "mklink /J goal\sub `"$Root\outside`"")
        $lines += @('buildkite-agent artifact upload sub\x.txt', 'buildkite-agent artifact download sub\x.txt goal')
        $ended = Invoke-Build $lines
        Confirm-That ($ended.Log.Contains('which is not followed') -and -not (Test-Path -LiteralPath "$Root\outside\x.txt")) $ended.Log
    }
    'artifacts-there-and-back' = {
        $lines = @('mkdir got', 'echo content>plain.txt', 'buildkite-agent artifact upload plain.txt')
        $ended = Invoke-Build ($lines + @('buildkite-agent artifact download plain.txt got', 'type got\plain.txt'))
        Confirm-That ($ended.State -eq 'passed' -and $ended.Log.Contains('content')) $ended.Log
    }
    'scanned-files' = {
        $failures = 0
        foreach ($number in 1..50) {
            Copy-Item -LiteralPath $env:ComSpec -Destination "$Root\scanned.exe" -Force
            try {
                [IO.File]::Move("$Root\scanned.exe", "$Root\renamed$number.exe")
                [IO.File]::Delete("$Root\renamed$number.exe")
            } catch {
                $failures++
                Start-Sleep -Milliseconds 500 # what is left goes with the folder
            }
        }
        "$failures of 50 new programs could not be renamed or removed at once"
    }
    'agent-is-killed' = {
        $number = Submit-Build @('echo begun', 'ping -n 8 127.0.0.1 >nul', 'echo gone on')
        Wait-Printed $number 'begun'
        Stop-Process -Id $script:Agent.Id -Force
        $script:Agent = Invoke-Agent 'second'
        $ended = Wait-Build $number
        Confirm-That ($ended.State -eq 'passed' -and $ended.Log.Contains('gone on')) $ended.Log
    }
    'service' = {
        if (-not $WithService) { return 'skipped: asked for by -WithService' }
        if (-not (Test-Administrator)) { return 'skipped: needs an administrator' }
        $words = @('service', 'install', '--name', $ServiceName, '--run-as', "NT SERVICE\$ServiceName")
        $words += @('--token', "file://$Root\data\tokens\agent", '--', '--endpoint', "$Url/v3")
        $words += @('--tags', 'queue=service', '--skip-checkout')
        Invoke-Program $words
        try {
            Invoke-Program @('service', 'start', '--name', $ServiceName)
            $ended = Invoke-Build @('echo as %USERNAME%', 'whoami') @{ agents = @('queue=service') }
            Invoke-Program @('service', 'status', '--name', $ServiceName)
            Invoke-Program @('service', 'stop', '--name', $ServiceName)
        } finally {
            & sc.exe stop $ServiceName | Out-Null
            Invoke-Program @('service', 'remove', '--name', $ServiceName)
        }
        Confirm-That ($ended.State -eq 'passed' -and $ended.Log -match [regex]::Escape($ServiceName)) $ended.Log
    }
}

function Invoke-Program([string[]] $Words) {
    & $script:PythonPath -I -S $script:ProgramPath @Words | Out-Host
    Confirm-That ($LASTEXITCODE -eq 0) "'bkagent $($Words[0..1] -join ' ')' ended with $LASTEXITCODE"
}

function Invoke-Check([string] $Name, [scriptblock] $Check) {
    $began = Get-Date
    $result = 'passed'
    try {
        $detail = [string] (& $Check | Select-Object -Last 1)
        if ($detail.StartsWith('skipped: ')) { $result = 'skipped' }
    } catch {
        $result, $detail = 'failed', $_.Exception.Message
    }
    if ($detail.Length -gt 4000) { $detail = $detail.Substring($detail.Length - 4000) }
    Write-Note "${Name}: $result$(if ($detail) { ', ' + ($detail -split "`n")[0].Trim() })"
    [ordered]@{ name = $Name; result = $result; detail = $detail; seconds = [Math]::Round(((Get-Date) - $began).TotalSeconds, 1) }
}

# --- What this machine is ---

function Get-Machine {
    $system = Get-CimInstance -ClassName Win32_OperatingSystem
    $policies = [ordered]@{}
    foreach ($policy in Get-ExecutionPolicy -List) { $policies[[string] $policy.Scope] = [string] $policy.ExecutionPolicy }
    $defender = 'unknown'
    if (Get-Command -Name Get-MpComputerStatus -ErrorAction SilentlyContinue) {
        try { $defender = 'real-time protection: ' + (Get-MpComputerStatus).RealTimeProtectionEnabled } catch { $defender = 'not running' }
    }
    [ordered]@{
        windows = $system.Caption; build = $system.BuildNumber; architecture = $env:PROCESSOR_ARCHITECTURE
        powershell = [string] $PSVersionTable.PSVersion; executionPolicies = $policies; defender = $defender
        administrator = Test-Administrator; culture = [Globalization.CultureInfo]::CurrentCulture.Name
        python = [string] (& $script:PythonPath -I -S -c 'import sys; print(sys.version.split()[0], sys.executable)')
        bkagent = [string] (& $script:PythonPath -I -S $script:ProgramPath --version)
    }
}

$ProgramPath = Find-Program
$PythonPath = Find-Python $ProgramPath
$Root = Join-Path ([IO.Path]::GetTempPath()) ('bkagent-selftest-' + [Guid]::NewGuid().ToString('N').Substring(0, 8))
New-Item -ItemType Directory -Path "$Root\hooks" | Out-Null
$Url, $ApiToken, $Server, $Agent, $results = '', '', $null, $null, @()
try {
    $Server = Invoke-Background 'server' @('server', '--data', "$Root\data", '--listen', '127.0.0.1:0')
    $Url = Wait-Until { Get-Content -LiteralPath "$Root\server.log" -TotalCount 1 } 'the control plane does not start'
    $ApiToken = (Get-Content -LiteralPath "$Root\data\tokens\api" -TotalCount 1).Trim()
    $Agent = Invoke-Agent 'first'
    $results = @(foreach ($name in $Checks.Keys) { Invoke-Check $name $Checks[$name] })
} catch {
    $results += [ordered]@{ name = 'start'; result = 'failed'; detail = $_.Exception.Message; seconds = 0 }
    Write-Note "start: failed, $($_.Exception.Message)"
} finally {
    foreach ($process in @($Agent, $Server) | Where-Object { $_ -and -not $_.HasExited }) { Stop-Process -Id $process.Id -Force }
    $document = [ordered]@{ schema = 1; written = (Get-Date).ToUniversalTime().ToString('s') + 'Z'; machine = Get-Machine; checks = $results }
    $reportPath = Get-FullPath $Report
    [IO.File]::WriteAllText($reportPath, (ConvertTo-Json -InputObject $document -Depth 6))
    Write-Note "the report is in $reportPath"
    if ($Keep) { Write-Note "logs are in $Root" } else { & $env:ComSpec /d /c rd /s /q $Root }
}
$failed = @($results | Where-Object { $_.result -eq 'failed' })
exit $failed.Count
