#!/bin/sh
# bkagent: a Buildkite agent in one file. What follows this script is a zip archive of Python code.
# Answers --version itself; else starts the code, which is unpacked once and then found here by its hash.
if [ "$#" = 1 ]; then
  case "$1" in --version | -version | -v) echo '@VERSION@'; exit 0 ;; esac
fi
# A page of help that is exactly what the code would print (packaging/help_pages.py); that asks a terminal for its width.
__bk_page=
case "$*" in --help | help | *' --help')
  __bk_name=${0##*/}
  if [ "${__bk_name%.pyz}:${HOME:+set}:${COLUMNS-}" = bkagent:set: ] && ! [ -t 1 ] &&
      [ -e /proc/self/fd/1 ] && [ -e /bin/bash ]; then
    IFS=_
    __bk_page="$*"
    unset IFS
    __bk_page=${__bk_page%--help} __bk_page=${__bk_page%_} __bk_page=${__bk_page:-help}
    for __bk_word; do
      case $__bk_word in '' | *[!a-z-]*) __bk_page= ;; esac
    done
  fi ;;
esac
# Sets __bk_code to the real path of bkagent/code/@HASH@ in a folder, and says whether only root and this user can change
# what is there. The rule is that of bkagent/system/trusted_path.py, which looks itself where this cannot tell.
__bk_find_trusted() {
  __bk_listing=$(
    exec 2>/dev/null
    CDPATH='' cd -P -- "$1" || exit 1
    path=${PWD%/}/bkagent/code/@HASH@
    case $path in *[[:space:]]*) exit 1 ;; esac
    printf '%s\n' "$path"
    set -- /
    while [ -n "$path" ]; do
      set -- "$@" "$path"
      path=${path%/*}
    done
    LC_ALL=C exec ls -ldn "$@"
  ) || return 1
  set -f
  IFS='
'
  for __bk_line in $__bk_listing; do
    case $__bk_line in
      /*) __bk_code=$__bk_line; continue ;;
      d????-??-*) ;;
      d????????[tT]*) [ "$__bk_code" != "/${__bk_line#* /}" ] || return 1 ;;
      *) return 1 ;;
    esac
    IFS=' '
    set -- $__bk_line
    [ "$3" = 0 ] || [ -O "/${__bk_line#* /}" ] || return 1
  done
}
# @STARTED_WITH@
__bk_run='import sys; sys.path.insert(0, sys.argv.pop(1)); from bkagent.cli.main import run; run(sys.argv.pop(1))'
for __bk_folder in "${0%/*}/../lib" "${HOME:-/nonexistent}/.buildkite-agent"; do
  [ -r "$__bk_folder/bkagent/code/@HASH@/python" ] && __bk_find_trusted "$__bk_folder" || continue
  if [ "$__bk_page" ] && [ -r "$__bk_code/bkagent/help/$__bk_page" ] && command -v cat >/dev/null; then
    exec cat "$__bk_code/bkagent/help/$__bk_page"
  fi
  if read -r __bk_python < "$__bk_code/python" && [ -x "$__bk_python" ]; then
    exec "$__bk_python" -I -S -c "$__bk_run" "$__bk_code" "$0" "$@"
  fi
done
# @FIND_PYTHON@
__bk_name=${0##*/}
echo "${__bk_name%.pyz} needs Python 3.8 or newer with zlib, and there is none on PATH (name one with BKAGENT_PYTHON)" >&2
exit 127
