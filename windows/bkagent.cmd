@echo off
rem Starts bkagent.pyz, which lies beside this file. The Python that runs it is the first of these:
rem   the one that BKAGENT_PYTHON names; the one that install.ps1 has noted in bkagent.python, beside this file;
rem   python\python.exe beside this file, or beside its folder; the newest that the launcher "py" knows; "python".
rem No parentheses below: arguments that have some would end the block.
setlocal EnableExtensions DisableDelayedExpansion
if defined BKAGENT_PYTHON goto named
if not exist "%~dp0bkagent.python" goto bundled
set /p BKAGENT_PYTHON=<"%~dp0bkagent.python"
if exist "%BKAGENT_PYTHON%" goto named
echo %~nx0: %~dp0bkagent.python names a Python that is not there: %BKAGENT_PYTHON%; install.ps1 -Python names another>&2
exit /b 127
:named
"%BKAGENT_PYTHON%" -I -S "%~dp0bkagent.pyz" %*
exit /b %ERRORLEVEL%
:bundled
if not exist "%~dp0..\python\python.exe" goto beside
"%~dp0..\python\python.exe" -I -S "%~dp0bkagent.pyz" %*
exit /b %ERRORLEVEL%
:beside
if not exist "%~dp0python\python.exe" goto launcher
"%~dp0python\python.exe" -I -S "%~dp0bkagent.pyz" %*
exit /b %ERRORLEVEL%
:launcher
py -3 -I -S -c "import sys; sys.exit(sys.version_info < (3, 8))" >nul 2>nul || goto path
py -3 -I -S "%~dp0bkagent.pyz" %*
exit /b %ERRORLEVEL%
:path
rem A Windows without Python has a "python", too, which only opens the Store.
python -I -S -c "import sys; sys.exit(sys.version_info < (3, 8))" >nul 2>nul || goto missing
python -I -S "%~dp0bkagent.pyz" %*
exit /b %ERRORLEVEL%
:missing
echo %~n0 needs Python 3.8 or newer, and there is none: see README.md for a Python beside this file>&2
exit /b 127
