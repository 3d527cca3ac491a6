#!/bin/sh
# Runs the tests: makes a private virtual environment, installs pytest, pytest-xdist and shiv into it, builds the archive,
# runs pytest on all processors. One `-n 0` among the arguments makes it run the tests one after another.
#
#   sh tests/run.sh [--tier NAME] [pytest's arguments]
#
# Tiers: `main` (the default), `soak` (longer random runs), `all` (both), `raced`: each test that ever failed by a race, 200
# times on a busy machine, and `windows`: Windows programs under Wine, on the bed that tests/windows/bed.sh makes.
# Any test can be tried as those of `raced` are: `sh tests/run.sh --repeat 200 --busy 4 PATH::NAME`.
# PYTHON names the interpreter, by default python3.
set -eu
top=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cd "$top"
tier=main
if [ "${1:-}" = --tier ]; then
    tier=${2:?"--tier needs a name: main, soak, all, raced or windows"}
    shift 2
fi
case $tier in
    main) marks='not soak and not windows' ;;
    soak) marks='soak and not windows' ;;
    all) marks='not windows' ;;
    raced) marks='raced' ;;
    windows) marks='windows' ;;
    *) echo "tests/run.sh: there is no tier '$tier'; the tiers are main, soak, all, raced and windows" >&2; exit 1 ;;
esac
python=${PYTHON:-python3}
version=$("$python" -I -S -c 'import sys; print("%d.%d" % sys.version_info[:2])')
venv=$top/.venv/$version
if [ ! -f "$venv/ready-2" ]; then
    rm -rf "$venv"
    "$python" -m venv "$venv" || {
        echo "tests/run.sh: '$python -m venv' does not work here; on Debian and Ubuntu install python3-venv" >&2
        exit 1
    }
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check pytest pytest-xdist shiv distlib
    : >"$venv/ready-2"
fi
# An independent implementation, which tests/jose compares signatures with; those tests are skipped without it.
if [ ! -f "$venv/cryptography-asked-for" ]; then
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check cryptography ||
        echo "tests/run.sh: cannot be had: cryptography"
    : >"$venv/cryptography-asked-for"
fi
# Once, since processes under test write no bytecode: each of them would compile what it loads.
"$venv/bin/python" -m compileall -q bkagent
# The tests as well, which pytest rewrites as it compiles them: each worker would do that for itself. It takes no longer
# than the build beside it.
unset PYTHONDONTWRITEBYTECODE
"$venv/bin/python" -m pytest --collect-only -n 0 -m "$marks" "$@" >/dev/null 2>&1 &
compiling=$!
"$venv/bin/python" packaging/tasks.py build
wait "$compiling" || true # what cannot be collected is reported by the run itself
# A job's own variables must not steer the processes that the tests start.
for name in $(env | sed -n 's/^\(BUILDKITE[A-Z0-9_]*\)=.*/\1/p'); do
    unset "$name"
done
# Most tests wait for processes most of the time, so two workers a processor, and one more, are not too many.
processors=$("$python" -I -S -c 'import os; print(os.cpu_count() or 1)')
workers=$((2 * processors + 1))
if [ "$tier" = raced ]; then
    # Their files alone: all others 200 times over would fill the memory before they are deselected.
    set -- --repeat 200 --busy $((2 * processors)) "$@" $(grep -rl --include='test_*.py' 'mark\.raced' tests)
fi
if [ "$tier" = windows ]; then
    # Without a bed each test is skipped, and says why.
    PYTHON=$venv/bin/python sh tests/windows/bed.sh || true
    workers=2 # each has a Windows of its own, which takes a processor
    case " $* " in *' tests/'*) ;; *) set -- "$@" tests/windows ;; esac
    set -- -rs "$@"
fi
exec "$venv/bin/python" -m pytest -n "$workers" --dist worksteal -m "$marks" "$@"
