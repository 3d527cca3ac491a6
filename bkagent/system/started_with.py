"""The environment that a shell script in front of Python was started with, where shells overwrite variables.

A shell exports PWD, some also OLDPWD, SHLVL and `_`. Linux still shows the environment that the shell was started
with, so the script passes on which of these there were; the code behind it puts them back. Only for commands that show
the environment, give it to jobs or put it into pipelines: the script has to call two programs for it.
"""

VARIABLE = "BKAGENT_STARTED_WITH"  # a line for each of NAMES that there was; \1 stands for a line end in its value
NAMES = ("PWD", "OLDPWD", "SHLVL", "_")

# Lines of a POSIX shell. Where something of it is missing they leave everything as it is.
SCRIPT = """\
case ${1-} in bootstrap | env | local | pipeline | start)
  if [ -r "/proc/$$/environ" ] && BKAGENT_STARTED_WITH=$(
    exec 2>/dev/null
    tr '\\000\\n' '\\n\\001' <"/proc/$$/environ" | LC_ALL=C sed -n '/^PWD=/p;/^OLDPWD=/p;/^SHLVL=/p;/^_=/p'
  ); then export BKAGENT_STARTED_WITH; else unset BKAGENT_STARTED_WITH; fi ;;
esac
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import MutableMapping


def restore(environ: "MutableMapping[str, str]") -> None:
    """Put back what the shell has set over, if it has passed that on."""
    text = environ.pop(VARIABLE, None)
    if text is None:
        return
    for name in NAMES:
        environ.pop(name, None)
    for line in filter(None, text.split("\n")):
        name, _, value = line.partition("=")
        if name in NAMES:  # what comes without the script in front may be a job's, which may not set them all
            environ[name] = value.replace("\1", "\n")
