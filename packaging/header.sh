#!/bin/sh
# bkagent: a Buildkite agent in one file. What follows this script is a zip archive of Python code.
# Answers --version itself; else starts the code, which is unpacked once and then found here by its hash.
if [ "$#" = 1 ]; then
  case "$1" in --version | -version | -v) echo '@VERSION@'; exit 0 ;; esac
fi
run='import sys; sys.path.insert(0, sys.argv.pop(1)); from bkagent.cli.main import run; run(sys.argv.pop(1))'
for code in "${0%/*}/../lib/bkagent/code/@HASH@" "${HOME:-/nonexistent}/.buildkite-agent/bkagent/code/@HASH@"; do
  if [ -r "$code/python" ] && [ -O "$code" -o ! -w "$code" ] && read -r python < "$code/python" && [ -x "$python" ]; then
    exec "$python" -I -S -c "$run" "$code" "$0" "$@"
  fi
done
for python in "${BKAGENT_PYTHON:-python3}" python3.14 python3.13 python3.12 python3.11 python3.10 python3.9 python3.8 /usr/local/bin/python3 /usr/bin/python3; do
  python=$(command -v "$python") || continue
  "$python" -I -S -c 'import sys; sys.exit(sys.version_info < (3, 8))' 2>/dev/null || continue
  exec "$python" -I -S -c 'import sys; sys.path.insert(0, sys.argv[1]); from archive_entry import run; run()' "$0" "$@"
done
echo "bkagent needs Python 3.8 or newer, and there is none on PATH (name one with BKAGENT_PYTHON)" >&2
exit 127
