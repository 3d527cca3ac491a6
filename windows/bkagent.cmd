@echo off
rem Starts bkagent.pyz, which lies beside this file, with the newest Python that the launcher "py" knows, or with "python".
setlocal
where /q py && (set "BKAGENT_START=py -3") || (set "BKAGENT_START=python")
%BKAGENT_START% -I -S "%~dp0bkagent.pyz" %*
exit /b %ERRORLEVEL%
