#!/bin/sh
# Installs bkagent.pyz as the command `bkagent`.
#
#   sh install.sh [FILE-OR-URL]       or: curl -fsSL URL/install.sh | sh -s -- URL/bkagent.pyz
#
# FILE-OR-URL is the archive, by default bkagent.pyz (or dist/bkagent.pyz) beside this script. If there is a SHA256SUMS
# beside it, the archive must match it. It is installed below PREFIX: by default /usr/local for root, else $HOME/.local.
set -eu

say() { printf 'install.sh: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

fetch() { # URL FILE
    if command -v curl >/dev/null; then
        curl -fsSL "$1" -o "$2"
    elif command -v wget >/dev/null; then
        wget -q "$1" -O "$2"
    else
        die "fetching $1 requires curl or wget"
    fi
}

checksum() { # FILE
    if command -v sha256sum >/dev/null; then
        sha256sum "$1"
    else
        shasum -a 256 "$1"
    fi | cut -d ' ' -f 1
}

here=$(CDPATH='' cd -- "$(dirname -- "$0")" 2>/dev/null && pwd || pwd)
source=${1:-}
if [ -z "$source" ]; then
    for source in "$here/bkagent.pyz" "$here/dist/bkagent.pyz"; do
        [ -f "$source" ] && break
    done
fi
if [ -z "${PREFIX:-}" ]; then
    if [ "$(id -u)" = 0 ]; then PREFIX=/usr/local; else PREFIX=${HOME:?"HOME is not set; choose a folder with PREFIX=..."}/.local; fi
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
case $source in
    http://* | https://*)
        fetch "$source" "$work/bkagent.pyz" || die "cannot fetch $source"
        fetch "${source%/*}/SHA256SUMS" "$work/SHA256SUMS" 2>/dev/null || rm -f "$work/SHA256SUMS"
        ;;
    *)
        [ -f "$source" ] || die "$source does not exist; name the archive: sh install.sh FILE-OR-URL"
        cp "$source" "$work/bkagent.pyz"
        if [ -f "$(dirname -- "$source")/SHA256SUMS" ]; then cp "$(dirname -- "$source")/SHA256SUMS" "$work/SHA256SUMS"; fi
        ;;
esac
if [ -f "$work/SHA256SUMS" ]; then
    expected=$(sed -n 's/^\([0-9a-f]\{64\}\)  *\**bkagent\.pyz$/\1/p' "$work/SHA256SUMS")
    [ "$expected" = "$(checksum "$work/bkagent.pyz")" ] || die "the archive does not match SHA256SUMS; nothing was installed"
else
    say "no SHA256SUMS beside the archive: its checksum is not verified"
fi

mkdir -p "$PREFIX/bin" || die "cannot create $PREFIX/bin; choose another folder with PREFIX=..."
cp "$work/bkagent.pyz" "$PREFIX/bin/.bkagent.new"
chmod 755 "$PREFIX/bin/.bkagent.new"
"$PREFIX/bin/.bkagent.new" --help >/dev/null || { rm -f "$PREFIX/bin/.bkagent.new"; die "the archive does not start on this machine"; }
mv "$PREFIX/bin/.bkagent.new" "$PREFIX/bin/bkagent"
# Unpack the code once for all users; otherwise each user's first start unpacks a copy for that user.
unpacked=
for python in "${BKAGENT_PYTHON:-python3}" python3.14 python3.13 python3.12 python3.11 python3.10 python3.9 python3.8; do
    unpack='import sys; sys.path.insert(0, sys.argv[1]); import archive_entry; archive_entry.install(sys.argv[1])'
    (umask 022; "$python" -I -S -c "$unpack" "$PREFIX/bin/bkagent") 2>/dev/null && unpacked=yes && break
done
[ "$unpacked" ] || say "note: $PREFIX/lib is not writable, or other users can write to it: each user gets a copy of the code"
say "installed $("$PREFIX/bin/bkagent" --version) as $PREFIX/bin/bkagent"
case ":$PATH:" in
    *":$PREFIX/bin:"*) ;;
    *) say "note: $PREFIX/bin is not on PATH" ;;
esac
