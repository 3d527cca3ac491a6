#Requires -Version 5.1
<#
.SYNOPSIS
Tries on this Windows what bkagent promises there and its own tests cannot see, and writes one JSON report.

.DESCRIPTION
Runs selftest.py, which lies beside this script, with the Python and the archive of the installation. Everything happens
below a new temporary folder and on 127.0.0.1. Nothing of this machine is changed, unless -WithService asks for a service
that is removed again. It takes two to four minutes. The report has paths and names of accounts in it, and no token.

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

# From the folder of the console: that of the process, which .NET takes, is another one.
function Get-FullPath([string] $Path) {
    $ExecutionContext.SessionState.Path.GetUnresolvedProviderPathFromPSPath($Path)
}

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

# Returns the command line of the Python, of one word or two.
function Find-Python([string] $ProgramPath) {
    if ($Python) { return @(Get-FullPath $Python) }
    $bin = Split-Path -Parent $ProgramPath
    $note = "$bin\bkagent.python" # in the encoding of consoles, as cmd.exe reads it
    if (Test-Path -LiteralPath $note) { return @((Get-Content -LiteralPath $note -TotalCount 1 -Encoding Oem).Trim()) }
    foreach ($path in @("$bin\..\python\python.exe", "$bin\python\python.exe")) {
        if (Test-Path -LiteralPath $path) { return @(Get-FullPath $path) }
    }
    if (Get-Command -Name py -CommandType Application -ErrorAction SilentlyContinue) { return @('py', '-3') }
    throw 'there is no Python: name one with -Python'
}

try {
    $programPath = Find-Program
    $pythonLine = @(Find-Python $programPath)
} catch {
    [Console]::Error.WriteLine("selftest.ps1: $($_.Exception.Message)")
    exit 1
}
$words = @($pythonLine | Select-Object -Skip 1) + @('-I', '-S', "$PSScriptRoot\selftest.py", '--program', $programPath)
$words += @('--report', (Get-FullPath $Report))
if ($WithService) { $words += '--with-service' }
if ($Keep) { $words += '--keep' }
$ErrorActionPreference = 'Continue' # what a program writes to stderr is no error, and in some hosts would end this
& $pythonLine[0] @words
exit $LASTEXITCODE
