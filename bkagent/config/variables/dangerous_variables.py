"""Variables that make a program run something else, by kind and with the source of each.

What belongs here is read by what nearly every job runs: a shell, git, ssh, the loader, an interpreter. Each of the
many build tools has variables of its own (MAVEN_OPTS, GRADLE_OPTS, MAKEFLAGS, RUSTC_WRAPPER, npm_config_*); those are
for `--protected-environment-variables`. Variables that choose keys or a proxy, and nothing that runs, are left alone:
SSH_AUTH_SOCK, https_proxy. Shells themselves ignore an IFS that they inherit.
"""

from __future__ import annotations

from typing import Iterable, Tuple

from bkagent.named_tuple import NamedTuple

# Values of editors and pagers for unattended use. None of these runs a program that the job chooses.
NOTHING = frozenset(("", "cat", "true", ":", "/bin/cat", "/usr/bin/cat", "/bin/true", "/usr/bin/true"))


class VariableGroup(NamedTuple):
    """Variables of one kind.

    names       `*` stands for any characters
    is_gits     whether git reads them
    harmless    values that they may have all the same
    """

    kind: str
    source: str
    names: Tuple[str, ...]
    is_gits: bool = False
    harmless: "frozenset[str]" = frozenset()


GROUPS = (
    VariableGroup(
        # GIT_TEST_FSMONITOR is a command line that every git runs when it looks at its index.
        "programs that git runs",
        "git(1), gitcredentials(7), git-difftool(1), git-config(1) core.gitProxy; t/README of git for GIT_TEST_*, its "
        "programs in Perl for GITPERLLIB",
        ("GIT_SSH", "GIT_SSH_COMMAND", "GIT_PROXY_COMMAND", "GIT_ASKPASS", "SSH_ASKPASS", "GIT_EXTERNAL_DIFF",
         "GIT_DIFF_TOOL", "GIT_DIFFTOOL_EXTCMD", "GIT_EXEC_PATH", "GIT_TEST_*", "GITPERLLIB"), is_gits=True,
    ),
    VariableGroup(
        "editors and pagers of git", "git-var(1)",
        ("GIT_EDITOR", "GIT_SEQUENCE_EDITOR", "GIT_PAGER", "EDITOR", "VISUAL", "PAGER"), is_gits=True,
        harmless=NOTHING,
    ),
    VariableGroup(
        "git's configuration and hooks", "git(1), git-config(1), git-init(1), gitattributes(5)",
        ("GIT_CONFIG*", "GIT_TEMPLATE_DIR", "GIT_ATTR_*", "HOME", "XDG_CONFIG_HOME", "USERPROFILE", "HOMEDRIVE",
         "HOMEPATH"), is_gits=True,
    ),
    VariableGroup(
        "the repository, which has a configuration and hooks of its own",
        "git(1), git-replace(1); environment.h of git for GIT_GRAFT_FILE and GIT_SHALLOW_FILE",
        ("GIT_DIR", "GIT_COMMON_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY",
         "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_CEILING_DIRECTORIES", "GIT_DISCOVERY_ACROSS_FILESYSTEM",
         "GIT_REF_STORAGE_FORMAT", "GIT_REFERENCE_BACKEND", "GIT_REPLACE_REF_BASE", "GIT_GRAFT_FILE",
         "GIT_SHALLOW_FILE"), is_gits=True,
    ),
    VariableGroup(
        "git's transports", "git(1), git-config(1) protocol.allow and http.*",
        ("GIT_ALLOW_PROTOCOL", "GIT_PROTOCOL", "GIT_PROTOCOL_FROM_USER", "GIT_SSH_VARIANT", "GIT_SSL_*",
         "GIT_PROXY_SSL_*", "GIT_HTTP_PROXY_AUTHMETHOD"), is_gits=True,
    ),
    VariableGroup(
        "files that git writes, and secrets that it shows there", "git(1); git-lfs-config(5)",
        ("GIT_TRACE*", "GIT_REDIRECT_*", "GIT_CURL_VERBOSE", "GIT_LFS_PROGRESS"), is_gits=True,
    ),
    VariableGroup(
        "shells of the Bourne family", "POSIX sh; bash(1); zsh(1); ksh(1); fish(1)",
        ("BASH_ENV", "ENV", "BASH_FUNC_*", "SHELLOPTS", "BASHOPTS", "PS4", "PROMPT_COMMAND", "BASH_LOADABLES_PATH",
         "CDPATH", "SHELL", "ZDOTDIR", "FPATH", "XDG_CONFIG_DIRS", "XDG_DATA_DIRS"),
    ),
    VariableGroup(
        "shells and programs of Windows", "about_PSModulePath; cmd /?; CreateProcess",
        ("PSModulePath", "PSMODULEPATH", "COMSPEC", "PATHEXT", "SYSTEMROOT", "WINDIR"),
    ),
    VariableGroup(
        "the loader and the libraries of all programs",
        "ld.so(8), rtld(1) of FreeBSD, dyld(1); iconv and tunables of the GNU libc; config(5ssl); krb5.conf(5)",
        ("LD_PRELOAD", "LD_AUDIT", "LD_LIBRARY_PATH", "LD_LIBRARY_PATH_FDS", "LD_LIBRARY_PATH_RPATH", "LD_ORIGIN_PATH",
         "LD_DEBUG", "LD_DEBUG_OUTPUT", "LD_PROFILE", "LD_PROFILE_OUTPUT", "LD_DYNAMIC_WEAK", "LD_LIBMAP",
         "LD_ELF_HINTS_PATH", "LD_LOADFLTR", "LD_32_*", "LD_PRELOAD_FDS", "DYLD_*", "GCONV_PATH", "GETCONF_DIR",
         "GLIBC_TUNABLES", "LOCPATH", "NLSPATH", "OPENSSL_CONF", "OPENSSL_MODULES", "OPENSSL_ENGINES", "KRB5_CONFIG"),
    ),
    VariableGroup(
        "ssh and gpg", "ssh(1), ssh-agent(1), ssh-keygen(1); gpg(1)",
        ("SSH_ASKPASS_REQUIRE", "SSH_SK_HELPER", "SSH_SK_PROVIDER", "SSH_PKCS11_HELPER", "GNUPGHOME"),
    ),
    VariableGroup(
        "editors, pagers and browsers", "bash(1) fc; man(1); sudo(8); systemctl(1); xdg-open(1)",
        ("FCEDIT", "MANPAGER", "SUDO_EDITOR", "SUDO_ASKPASS", "SYSTEMD_EDITOR", "SYSTEMD_PAGER", "BROWSER"),
        harmless=NOTHING,
    ),
    VariableGroup("what less runs", "less(1)", ("LESS", "LESSOPEN", "LESSCLOSE", "LESSEDIT", "LESSKEY*")),
    VariableGroup(
        "Python", "https://docs.python.org/3/using/cmdline.html#environment-variables",
        ("PYTHONSTARTUP", "PYTHONPATH", "PYTHONHOME", "PYTHONPLATLIBDIR", "PYTHONUSERBASE", "PYTHONINSPECT",
         "PYTHONBREAKPOINT", "PYTHONWARNINGS", "PYTHONPYCACHEPREFIX", "PYTHONEXECUTABLE", "PYTHONCASEOK"),
    ),
    VariableGroup("Perl", "perlrun(1)", ("PERL5OPT", "PERL5LIB", "PERLLIB", "PERL5DB", "PERL5SHELL")),
    VariableGroup(
        "Ruby", "ruby(1); gem environment; bundle-config(1)",
        ("RUBYOPT", "RUBYLIB", "RUBYPATH", "RUBYSHELL", "GEM_HOME", "GEM_PATH", "BUNDLE_GEMFILE"),
    ),
    VariableGroup("Node.js", "node(1)", ("NODE_OPTIONS", "NODE_PATH", "NODE_REPL_EXTERNAL_MODULE")),
    VariableGroup(
        "Java", "java(1); JVM Tool Interface, JAVA_TOOL_OPTIONS",
        ("JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS", "JDK_JAVA_OPTIONS", "JDK_JAVAC_OPTIONS", "CLASSPATH"),
    ),
    VariableGroup(
        ".NET", "https://learn.microsoft.com/dotnet/core/tools/dotnet-environment-variables",
        ("DOTNET_STARTUP_HOOKS", "DOTNET_ADDITIONAL_DEPS", "DOTNET_SHARED_STORE", "CORECLR_PROFILER*",
         "CORECLR_ENABLE_PROFILING", "COR_PROFILER*", "COR_ENABLE_PROFILING"),
    ),
    VariableGroup(
        "PHP, Lua, Tcl, R, awk, Erlang", "php(1); lua(1); tclsh(1); Startup of R; gawk(1); erl(1)",
        ("PHPRC", "PHP_INI_SCAN_DIR", "LUA_INIT*", "LUA_PATH*", "LUA_CPATH*", "TCLLIBPATH", "R_PROFILE",
         "R_PROFILE_USER", "R_ENVIRON", "R_ENVIRON_USER", "R_HOME", "R_LIBS", "R_LIBS_USER", "R_LIBS_SITE", "AWKPATH",
         "AWKLIBPATH", "ERL_FLAGS", "ERL_AFLAGS", "ERL_ZFLAGS", "ERL_LIBS", "ELIXIR_ERL_OPTIONS"),
    ),
)  # fmt: skip

GITS = tuple(group for group in GROUPS if group.is_gits)


def is_among(groups: Iterable[VariableGroup], name: str, value: "str | None") -> bool:
    """Return whether setting `name` to `value` is dangerous; None stands for unsetting it, or for any value."""
    return any(
        any(fits(pattern, name) for pattern in group.names) and (value is None or value not in group.harmless)
        for group in groups
    )


def fits(pattern: str, name: str) -> bool:
    """Return whether a whole name fits a pattern, in which `*` stands for any characters."""
    first, *rest = pattern.split("*")
    if not rest:
        return name == pattern
    if not name.startswith(first):
        return False
    at = len(first)
    for piece in rest[:-1]:
        at = name.find(piece, at)
        if at < 0:
            return False
        at += len(piece)
    return name.endswith(rest[-1]) and len(name) - len(rest[-1]) >= at
