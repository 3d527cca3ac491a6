#Requires -Version 5.1
<#
.SYNOPSIS
Installs bkagent for this machine or this user, and on request as a service; -Uninstall removes it.

.DESCRIPTION
An administrator installs for the machine, below Program Files, everyone else for themselves. README.md beside this
script goes through it step by step. It needs bkagent.cmd beside it, and no network unless an address is given.

.PARAMETER Archive
bkagent.pyz, as a file or as an http(s) address. By default the file beside this script, or in the folder dist above.

.PARAMETER Sha256
What the archive's SHA-256 has to be. By default it is looked up in SHA256SUMS beside the archive, which an address
must have if this is not given.

.PARAMETER Folder
Where to install to. By default bkagent in Program Files, or in Programs of the user's local application data.

.PARAMETER Python
The python.exe to use, from now on. By default the one that an earlier installation was given, the one in the folder
python of the installation, or the newest that is installed.

.PARAMETER PythonZip
The embeddable package of python.org (python-3.13.1-embed-amd64.zip, say), as a file or as an address. It is unpacked
into the folder python of the installation, for a machine that has no Python.

.PARAMETER PythonZipSha256
What the SHA-256 of that package has to be. An address requires it.

.PARAMETER NoPath
Leaves PATH as it is.

.PARAMETER Service
Installs the agent as a service, by `bkagent service install`, which asks for the token.

.PARAMETER ServiceName
The name of the service.

.PARAMETER RunAs
The account of the service, required with -Service: "NT SERVICE\bkagent" is an account for this service alone.

.PARAMETER Config
The configuration file of the service.

.PARAMETER Uninstall
Removes the services of this installation, its files and its part of PATH. Configuration, builds, logs, and state folders
that are in use or have jobs that were not delivered to the control plane stay; the script says where.

.EXAMPLE
powershell -ExecutionPolicy Bypass -File install.ps1

.EXAMPLE
powershell -ExecutionPolicy Bypass -File install.ps1 -PythonZip python-3.13.1-embed-amd64.zip -Service -RunAs "NT SERVICE\bkagent"
#>
[CmdletBinding(DefaultParameterSetName = 'Install')]
param(
    [Parameter(ParameterSetName = 'Install', Position = 0)] [string] $Archive = '',
    [Parameter(ParameterSetName = 'Install')] [string] $Sha256 = '',
    [string] $Folder = '',
    [string] $Python = '',
    [Parameter(ParameterSetName = 'Install')] [string] $PythonZip = '',
    [Parameter(ParameterSetName = 'Install')] [string] $PythonZipSha256 = '',
    [Parameter(ParameterSetName = 'Install')] [switch] $NoPath,
    [Parameter(ParameterSetName = 'Install')] [switch] $Service,
    [Parameter(ParameterSetName = 'Install')] [string] $ServiceName = 'bkagent',
    [Parameter(ParameterSetName = 'Install')] [string] $RunAs = '',
    [Parameter(ParameterSetName = 'Install')] [string] $Config = '',
    [Parameter(ParameterSetName = 'Uninstall', Mandatory = $true)] [switch] $Uninstall
)

Set-StrictMode -Version 3.0
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue' # downloads take minutes with a progress bar
$PSNativeCommandUseErrorActionPreference = $false # of newer versions: exit statuses are looked at below

# Python code in single quotes alone: Windows PowerShell loses double quotes in arguments.
$CheckPython = 'import ctypes, sqlite3, ssl, sys; sys.exit(sys.version_info < (3, 8))'
$NamePython = 'import sys; print(ascii(getattr(sys, ''_base_executable'', '''') or sys.executable)[1:-1])'
$UnpackForAll = 'import sys; sys.path.insert(0, sys.argv[1]); import archive_entry; archive_entry.install(sys.argv[1])'
$UnpackedMark = 'unpacked-by-bkagent'

function Write-Note([string] $Text) {
    [Console]::Error.WriteLine("install.ps1: $Text")
}

function Test-Administrator {
    $identity = [Security.Principal.WindowsIdentity]::GetCurrent()
    $principal = New-Object -TypeName Security.Principal.WindowsPrincipal -ArgumentList $identity
    $principal.IsInRole([Security.Principal.WindowsBuiltInRole]::Administrator)
}

# From the folder of the console: that of the process, which .NET takes, is another one.
function Get-FullPath([string] $Path) {
    $ExecutionContext.SessionState.Path.GetUnresolvedProviderPathFromPSPath($Path)
}

function Test-Below([string] $Path, [string] $Parent) {
    $Path.StartsWith($Parent.TrimEnd('\') + '\', [StringComparison]::OrdinalIgnoreCase)
}

function Test-Address([string] $Text) {
    $Text -match '^https?://'
}

function Get-DefaultFolder {
    if (Test-Administrator) { Join-Path $env:ProgramFiles 'bkagent' } else { Join-Path $env:LOCALAPPDATA 'Programs\bkagent' }
}

# Runs a program with its output on the console; an exit status other than 0 is an error.
function Invoke-Checked([string] $Program, [string[]] $Words, [string] $Failure) {
    $ErrorActionPreference = 'Continue' # or a line on stderr would end this script in a remote session
    & $Program @Words | Out-Host
    if ($LASTEXITCODE -ne 0) { throw "$Failure (exit status $LASTEXITCODE)" }
}

# Runs a program without its output; returns whether it ended with 0.
function Test-Run([string] $Program, [string[]] $Words) {
    $ErrorActionPreference = 'Continue'
    & $Program @Words | Out-Null
    $LASTEXITCODE -eq 0
}

# --- What is installed ---

# Copies a file, or fetches it from an address; returns the path of the copy.
function Receive-File([string] $Source, [string] $Target) {
    if (Test-Address $Source) {
        # 0 leaves it to Windows, which knows newer ones; else Windows PowerShell may know no more than TLS 1.0.
        $protocols = [Net.ServicePointManager]::SecurityProtocol
        if ([int] $protocols) { [Net.ServicePointManager]::SecurityProtocol = $protocols -bor [Net.SecurityProtocolType]::Tls12 }
        Invoke-WebRequest -Uri $Source -OutFile $Target -UseBasicParsing
    } else {
        if (-not (Test-Path -LiteralPath $Source -PathType Leaf)) { throw "$Source does not exist" }
        Copy-Item -LiteralPath $Source -Destination $Target
    }
    Unblock-File -LiteralPath $Target
    $Target
}

function Confirm-Hash([string] $Path, [string] $Expected, [string] $Name) {
    $actual = (Get-FileHash -LiteralPath $Path -Algorithm SHA256).Hash
    if ($actual -ne $Expected.Trim()) { throw "$Name has the SHA-256 $($actual.ToLowerInvariant()), not $Expected; nothing was installed" }
}

# Returns the checksum of SHA256SUMS beside the archive, '' where there is none.
function Find-Hash([string] $Source, [string] $Work) {
    if (Test-Address $Source) {
        $sums = Join-Path $Work 'SHA256SUMS'
        try { $null = Receive-File ($Source.Substring(0, $Source.LastIndexOf('/')) + '/SHA256SUMS') $sums } catch { return '' }
    } else {
        $sums = Join-Path (Split-Path -Parent (Get-FullPath $Source)) 'SHA256SUMS'
        if (-not (Test-Path -LiteralPath $sums -PathType Leaf)) { return '' }
    }
    foreach ($line in Get-Content -LiteralPath $sums) {
        if ($line -match '^([0-9a-fA-F]{64}) [ *]bkagent\.pyz\s*$') { return $Matches[1] }
    }
    throw "the SHA256SUMS beside $Source does not name bkagent.pyz"
}

function Receive-Archive([string] $Work) {
    $source = $Archive
    if (-not $source) {
        $candidates = @((Join-Path $PSScriptRoot 'bkagent.pyz'), (Join-Path $PSScriptRoot '..\dist\bkagent.pyz'))
        $source = $candidates | Where-Object { Test-Path -LiteralPath $_ -PathType Leaf } | Select-Object -First 1
        if (-not $source) { throw 'there is no bkagent.pyz beside this script: name the file or its address with -Archive' }
    }
    $copy = Receive-File $source (Join-Path $Work 'bkagent.pyz')
    $expected = if ($Sha256) { $Sha256 } else { Find-Hash $source $Work }
    if ($expected) {
        Confirm-Hash $copy $expected $source
    } elseif (Test-Address $source) {
        throw "there is no SHA256SUMS beside ${source}: give the checksum with -Sha256; nothing was installed"
    } else {
        Write-Note "there is no SHA256SUMS beside ${source}: its checksum is not verified"
    }
    $copy
}

# --- The Python that runs it ---

function Test-Python([string] $Path) {
    $ErrorActionPreference = 'Continue' # or what a program writes to stderr would end this script
    try { & $Path -I -S -c $CheckPython 2>$null | Out-Null } catch { return $false }
    $LASTEXITCODE -eq 0
}

# Asks a launcher, or a virtual environment's python.exe, which Python it starts; '' if it starts none that will do.
function Resolve-Python([string] $Program, [string[]] $Words = @()) {
    $ErrorActionPreference = 'Continue'
    try { $lines = @(& $Program @Words -I -S -c $NamePython 2>$null) } catch { return '' }
    if ($LASTEXITCODE -ne 0 -or $lines.Count -eq 0) { return '' }
    $path = [regex]::Unescape($lines[0])
    if (Test-Python $path) { $path } else { '' }
}

function Find-InstalledPython {
    if (Get-Command -Name py -CommandType Application -ErrorAction SilentlyContinue) {
        $path = Resolve-Python 'py' @('-3')
        if ($path) { return $path }
    }
    # The python.exe of WindowsApps is the Store's: no service can start it, and without a Python it opens the Store.
    $programs = @(Get-Command -Name python -CommandType Application -All -ErrorAction SilentlyContinue)
    foreach ($program in $programs | Where-Object { $_.Source -like '*.exe' -and $_.Source -notlike '*\WindowsApps\*' }) {
        $path = Resolve-Python $program.Source
        if ($path) { return $path }
    }
    ''
}

function Expand-Python([string] $Work) {
    if ((Test-Address $PythonZip) -and -not $PythonZipSha256) { throw "give the checksum of $PythonZip with -PythonZipSha256" }
    $goal = Join-Path $Folder 'python'
    $old = Join-Path $Folder 'python.old'
    if ((Test-Path -LiteralPath $goal) -and -not (Test-Path -LiteralPath (Join-Path $goal $UnpackedMark))) {
        throw "$goal was not made by this script; use it with -Python, or remove it"
    }
    $zip = Receive-File $PythonZip (Join-Path $Work 'python.zip')
    if ($PythonZipSha256) { Confirm-Hash $zip $PythonZipSha256 $PythonZip }
    $fresh = Join-Path $Folder 'python.new'
    Clear-Tree $fresh
    Expand-Archive -LiteralPath $zip -DestinationPath $fresh
    if (-not (Test-Python (Join-Path $fresh 'python.exe'))) {
        Clear-Tree $fresh
        throw "$PythonZip has no python.exe of 3.8 or newer that runs on this machine"
    }
    New-Item -ItemType File -Path (Join-Path $fresh $UnpackedMark) | Out-Null
    Clear-Tree $old
    # Windows renames no folder whose files are in use, so that an agent which runs keeps its Python whole.
    if (Test-Path -LiteralPath $goal) {
        try { [IO.Directory]::Move($goal, $old) } catch {
            Clear-Tree $fresh
            throw "$goal is in use: stop the agents of this installation first, or install without -PythonZip, which keeps that Python"
        }
    }
    [IO.Directory]::Move($fresh, $goal)
    Clear-Tree $old
    Join-Path $goal 'python.exe'
}

# Returns the path of the Python to use. One that -Python names is noted for bkagent.cmd.
function Select-Python([string] $Work) {
    $note = Join-Path $Folder 'bin\bkagent.python'
    if ($Python) {
        $path = Get-FullPath $Python
        if (-not (Test-Python $path)) { throw "$path is not a Python 3.8 or newer with ctypes, sqlite3 and ssl" }
        return $path
    }
    if ($PythonZip) {
        $path = Expand-Python $Work
        if (Test-Path -LiteralPath $note) { Remove-Item -LiteralPath $note }
        return $path
    }
    $noted = if (Test-Path -LiteralPath $note) { [IO.File]::ReadAllText($note, (Get-ConsoleEncoding)).Trim() } else { '' }
    foreach ($path in @($noted, (Join-Path $Folder 'python\python.exe'))) {
        if ($path -and (Test-Path -LiteralPath $path) -and (Test-Python $path)) { return $path }
    }
    $path = Find-InstalledPython
    if (-not $path) {
        throw 'there is no Python 3.8 or newer: install one for all users, or give the embeddable package of python.org with -PythonZip'
    }
    $path
}

# Of the console, by which cmd.exe reads files.
function Get-ConsoleEncoding {
    [Text.Encoding]::GetEncoding([Globalization.CultureInfo]::CurrentCulture.TextInfo.OEMCodePage)
}

# --- Folders and PATH ---

# Makes the folder of the installation. Below the root of a drive, everybody may change what is in a new folder.
function Initialize-Folder {
    if (Test-Path -LiteralPath $Folder) {
        $isSafe = Test-Below $Folder $env:ProgramFiles
        if ((Test-Administrator) -and -not $isSafe -and -not (Test-Path -LiteralPath (Join-Path $Folder 'bin\bkagent.pyz'))) {
            Write-Note "$Folder exists and keeps its access rights: whoever may change it can change what the agent runs"
        }
        return
    }
    New-Item -ItemType Directory -Path $Folder | Out-Null
    if (Test-Administrator) {
        $words = @($Folder, '/inheritance:r', '/grant:r', '*S-1-5-32-544:(OI)(CI)F', '*S-1-5-18:(OI)(CI)F', '*S-1-5-32-545:(OI)(CI)RX', '/q')
        Invoke-Checked 'icacls.exe' $words "the access rights of $Folder cannot be set"
    }
}

# Removes a folder and all below it, and of links in it the links alone, which Remove-Item of old versions does not.
# Paths may be long, and the quotes keep an & in one from ending the command.
function Clear-Tree([string] $Path) {
    if (Test-Path -LiteralPath $Path) { & $env:ComSpec /d /c rd /s /q "`"\\?\$Path`"" | Out-Null }
}

function Clear-IfEmpty([string] $Path) {
    if ((Test-Path -LiteralPath $Path) -and -not (Get-ChildItem -LiteralPath $Path -Force)) { Remove-Item -LiteralPath $Path }
}

# Calls $Change with the folders of PATH; what it returns is the new PATH. Variables in it stay unexpanded.
function Edit-Path([scriptblock] $Change) {
    $key = if (Test-Administrator) {
        [Microsoft.Win32.Registry]::LocalMachine.OpenSubKey('SYSTEM\CurrentControlSet\Control\Session Manager\Environment', $true)
    } else {
        [Microsoft.Win32.Registry]::CurrentUser.OpenSubKey('Environment', $true)
    }
    try {
        $text = [string] $key.GetValue('Path', '', [Microsoft.Win32.RegistryValueOptions]::DoNotExpandEnvironmentNames)
        $folders = @($text.Split(';') | Where-Object { $_ })
        $changed = @(& $Change $folders) -join ';'
        if ($changed -eq ($folders -join ';')) { return }
        $key.SetValue('Path', $changed, [Microsoft.Win32.RegistryValueKind]::ExpandString)
    } finally {
        $key.Dispose()
    }
    # Windows tells its programs of a change that is made so, and of none that is made in the registry.
    [Environment]::SetEnvironmentVariable('BKAGENT_INSTALLED', $null, 'User')
}

# --- Install ---

function Install-Program {
    $command = Join-Path $PSScriptRoot 'bkagent.cmd'
    if (-not (Test-Path -LiteralPath $command)) { throw "$command is missing: copy the whole folder windows" }
    if ($Service -and -not $RunAs) {
        throw "-Service needs -RunAs, the account of the service; 'NT SERVICE\$ServiceName' is one for this service alone"
    }
    if ($Service -and -not (Test-Administrator)) { throw '-Service needs a console that runs as administrator' }
    $work = Join-Path ([IO.Path]::GetTempPath()) ("bkagent-" + [Guid]::NewGuid().ToString('N'))
    New-Item -ItemType Directory -Path $work | Out-Null
    try {
        $copy = Receive-Archive $work
        Initialize-Folder
        $pythonPath = Select-Python $work
        if ((Test-Administrator) -and (Test-Below $pythonPath (Split-Path -Parent $env:USERPROFILE))) {
            Write-Note "$pythonPath is in the profile of one user: others and services cannot run it; -Python names another"
        }
        $program = Install-Archive $copy $command $pythonPath
    } finally {
        Clear-Tree $work
        Clear-IfEmpty $Folder
    }
    if (-not $NoPath) { Edit-Path { param($Folders) if ($Folders -contains "$Folder\bin") { $Folders } else { $Folders; "$Folder\bin" } } }
    $version = & $pythonPath -I -S $program --version
    $call = if ($NoPath) { "$Folder\bin\bkagent.cmd" } else { 'bkagent, in a new console' }
    Write-Note "installed $version in $Folder, with $pythonPath; call it by: $call"
    if ($Service) {
        $words = @('-I', '-S', $program, 'service', 'install', '--name', $ServiceName, '--run-as', $RunAs)
        if ($Config) { $words += @('--config', (Get-FullPath $Config)) }
        Invoke-Checked $pythonPath $words 'bkagent is installed, and its service is not'
    }
}

# Puts the archive into the folder, under its name once it has run here; returns its path.
function Install-Archive([string] $Copy, [string] $Command, [string] $PythonPath) {
    $bin = Join-Path $Folder 'bin'
    New-Item -ItemType Directory -Path $bin -Force | Out-Null
    $program = Join-Path $bin 'bkagent.pyz'
    $fresh = "$program.new"
    Copy-Item -LiteralPath $Copy -Destination $fresh -Force
    # Once for all users, before it first runs: else the first start of each of them unpacks a copy of the code.
    if (-not (Test-Run $PythonPath @('-I', '-S', '-c', $UnpackForAll, $fresh))) {
        Write-Note 'each user gets a copy of the code, since it cannot be unpacked for all of them'
    }
    if (-not (Test-Run $PythonPath @('-I', '-S', $fresh, '--version'))) {
        Remove-Item -LiteralPath $fresh
        throw 'the archive does not start on this machine; what was installed before is unchanged'
    }
    Move-Item -LiteralPath $fresh -Destination $program -Force
    Copy-Item -LiteralPath $Command -Destination (Join-Path $bin 'bkagent.cmd') -Force
    if ($Python) { [IO.File]::WriteAllText((Join-Path $bin 'bkagent.python'), "$PythonPath`r`n", (Get-ConsoleEncoding)) }
    $program
}

# --- Uninstall ---

function Uninstall-Program {
    $program = Join-Path $Folder 'bin\bkagent.pyz'
    if (-not (Test-Path -LiteralPath $program)) { throw "there is no bkagent in $Folder; name its folder with -Folder" }
    Uninstall-Service $program
    $parts = @("$Folder\bin\", "$Folder\lib\bkagent\", "$Folder\python\")
    $running = @(Find-Process $parts)
    if ($running) { throw "it is still running (process $($running.ProcessId -join ', ')): end that first; nothing was removed" }
    Edit-Path { param($Folders) $Folders | Where-Object { $_ -ne "$Folder\bin" } }
    foreach ($name in @('bkagent.pyz', 'bkagent.cmd', 'bkagent.python')) {
        $path = Join-Path $Folder "bin\$name"
        if (Test-Path -LiteralPath $path) { Remove-Item -LiteralPath $path -Force }
    }
    Clear-Tree (Join-Path $Folder 'lib\bkagent')
    if (Test-Path -LiteralPath (Join-Path $Folder "python\$UnpackedMark")) { Clear-Tree (Join-Path $Folder 'python') }
    foreach ($name in @('python.old', 'python.new')) { Clear-Tree (Join-Path $Folder $name) }
    foreach ($path in @((Join-Path $Folder 'bin'), (Join-Path $Folder 'lib'), $Folder)) { Clear-IfEmpty $path }
    Write-Note "removed bkagent from $Folder"
    Write-Kept
}

# Returns the processes whose command line has one of these texts in it.
function Find-Process([string[]] $Parts) {
    Get-CimInstance -ClassName Win32_Process | Where-Object { $_.ProcessId -ne $PID -and (Test-Mention $_.CommandLine $Parts) }
}

function Test-Mention([string] $Text, [string[]] $Parts) {
    foreach ($part in $Parts) {
        if ($Text -and $Text.IndexOf($part, [StringComparison]::OrdinalIgnoreCase) -ge 0) { return $true }
    }
    $false
}

function Uninstall-Service([string] $Program) {
    $services = @(Get-CimInstance -ClassName Win32_Service | Where-Object { Test-Mention $_.PathName @($Program) })
    if (-not $services) { return }
    if (-not (Test-Administrator)) { throw "its services ($($services.Name -join ', ')) can only be removed by an administrator" }
    $pythonPath = Select-Python ''
    foreach ($installed in $services) {
        $name = $installed.Name
        if ($installed.State -ne 'Stopped') {
            Write-Note "stopping the service ${name}: its running jobs may end first"
            $words = @('-I', '-S', $Program, 'service', 'stop', '--name', $name)
            Invoke-Checked $pythonPath $words "the service $name does not stop"
        }
        $words = @('-I', '-S', $Program, 'service', 'remove', '--name', $name)
        Invoke-Checked $pythonPath $words "the service $name cannot be removed"
    }
}

# Removes state that nobody needs, and names what stays: builds, logs, and jobs that are not delivered.
function Write-Kept {
    $own = Join-Path $env:USERPROFILE '.buildkite-agent\bkagent'
    if (Find-Process @('bkagent.pyz', $own)) {
        Write-Note "kept ${own}: another bkagent runs"
    } else {
        Clear-State $own
    }
    $shared = Join-Path $env:ProgramData 'bkagent'
    if ((Test-Administrator) -and (Test-Path -LiteralPath $shared)) {
        foreach ($data in Get-ChildItem -LiteralPath $shared -Directory) {
            # The folders have the names of their services; one that is still there is of another installation.
            if (-not (Get-Service -Name $data.Name -ErrorAction SilentlyContinue)) { Clear-State (Join-Path $data.FullName 'state') }
        }
    }
    foreach ($path in @($Folder, $shared) | Where-Object { Test-Path -LiteralPath $_ }) {
        Write-Note "kept what else is in ${path}: configuration, builds and logs are yours to remove"
    }
    Write-Note 'configuration files and builds in other folders are as they were'
}

# Removes a state folder, unless jobs of it have not been delivered.
function Clear-State([string] $State) {
    $folders = @(@('spool', 'kept') | ForEach-Object { Join-Path $State $_ } | Where-Object { Test-Path -LiteralPath $_ })
    $jobs = @($folders | ForEach-Object { Get-ChildItem -LiteralPath $_ -Force })
    if ($jobs) {
        Write-Note "kept ${State}: $($jobs.Count) jobs there have not been delivered; an agent that has this state folder delivers them"
    } else {
        Clear-Tree $State
    }
}

try {
    if (-not $Folder) { $Folder = Get-DefaultFolder }
    $Folder = (Get-FullPath $Folder).TrimEnd('\')
    if ($Uninstall) { Uninstall-Program } else { Install-Program }
    exit 0
} catch {
    Write-Note $_.Exception.Message
    exit 1
}
