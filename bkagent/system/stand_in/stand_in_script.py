"""How a shell script asks a stand-in to run its command: builtins only, so that it takes two milliseconds.

    folder/server    "PID FD" of the process that reads the queue
    folder/queue     a FIFO: "PID SLOT" of each caller, a line each; "PID" of one that does not wait for an answer
    folder/slotN     made by the caller that has the slot; holds its PID
    folder/answerN   a FIFO: what the caller of that slot is told, a line each; none until a caller has asked

    no               no fork runs the command: the script goes on and runs it itself
    begun            from here on it must not
    exit STATUS      the command has ended
    kill SIGNAL      the command was killed

That the process named by `server` has the queue open is seen in /proc: it lives, and in the same namespace as the
script, to which its PID means the same. Otherwise a script could wait for an answer for ever. The names of variables
are such that no job's variables have them.
"""

# Commands that wait for a lock keep theirs for hours. A caller begins with the one that its PID says, and looks at few:
# those that find none run their commands themselves.
SLOTS, TRIES = 256, 16
STDIN = 8  # where the script keeps its standard input meanwhile: `read` reads nothing but file 0
SERVER, QUEUE, SLOT, ANSWER = "server", "queue", "slot", "answer"

# {folder}: shell words for the folder. Falls through where no fork runs the command.
SCRIPT = """\
__bk_folder={folder} __bk_slot=$(($$ % {slots})) __bk_tries=0 __bk_begun=
if {{ read -r __bk_pid __bk_fd <"$__bk_folder/server"; }} 2>/dev/null &&
    [ "/proc/$__bk_pid/fd/$__bk_fd" -ef "$__bk_folder/queue" ] && [ -e "/proc/$$/fd/0" ]; then
  set -C
  while [ "$__bk_tries" -lt {tries} ]; do
    [ -p "$__bk_folder/answer$__bk_slot" ] || {{ echo "$$" 1<>"$__bk_folder/queue"; break; }}
    if {{ echo "$$" >"$__bk_folder/slot$__bk_slot"; }} 2>/dev/null; then
      echo "$$ $__bk_slot" 1<>"$__bk_folder/queue"
      while read -r __bk_word __bk_value <&9; do
        case $__bk_word in
          begun) __bk_begun=1 ;;
          exit) exit "$__bk_value" ;;
          kill) kill "-$__bk_value" "$$" ;;
          *) break ;;
        esac
      done {stdin}<&0 9<"$__bk_folder/answer$__bk_slot"
      break
    fi
    __bk_slot=$(((__bk_slot + 1) % {slots})) __bk_tries=$((__bk_tries + 1))
  done
  if [ -n "$__bk_begun" ]; then
    echo "${{0##*/}}: fatal: the process that ran this command is gone" >&2
    exit 1
  fi
fi
"""


def script(folder: str) -> str:
    """Return the lines of the script; `folder` is a shell word that is no option, quoted as it has to be."""
    return SCRIPT.format(folder=folder, slots=SLOTS, tries=TRIES, stdin=STDIN)
