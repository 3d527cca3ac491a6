"""git's commands as argument vectors: a function for each, with the reason for every unusual flag.

`flags` are words that a user configured. `--` ends the options wherever git takes one, so that a repository, a remote
or a path of a hostile job is never read as an option. Where git takes none (`checkout`, `rev-parse`), the caller
checks the reference with `references.is_well_formed` first.
"""

from typing import List, Sequence

# Where the tip of a branch is kept while a commit's place on it is looked up.
VERIFICATION_REF = "refs/buildkite-agent/commit-verification-branch-tip"
ALL_TAGS = "+refs/tags/*:refs/tags/*"
NO_BLOBS = "--filter=blob:none"


def _git(git_dir: str) -> List[str]:
    return ["git", "--git-dir", git_dir] if git_dir else ["git"]


def with_settings(argv: Sequence[str], settings: Sequence[str]) -> List[str]:
    """Return a command with NAME=VALUE settings that hold for it alone."""
    words = [argv[0]]
    for setting in settings:
        words += ["-c", setting]
    return [*words, *argv[1:]]


def clone(flags: Sequence[str], repository: str, folder: str = ".") -> List[str]:
    """Clone into `folder`, by default the working directory, which may exist but must be empty."""
    return ["git", "clone", *flags, "--", repository, folder]


def clone_mirror(flags: Sequence[str], repository: str, folder: str) -> List[str]:
    """Clone all refs, bare; later fetches update them in place."""
    return ["git", "clone", "--mirror", *flags, "--", repository, folder]


def fetch(flags: Sequence[str], refspecs: Sequence[str], git_dir: str = "") -> List[str]:
    """Fetch from `origin`."""
    return [*_git(git_dir), "fetch", *flags, "--", "origin", *refspecs]


def fetch_from(address: str, flags: Sequence[str], refspecs: Sequence[str], git_dir: str) -> List[str]:
    """Fetch from an address that is not a remote of the repository."""
    return [*_git(git_dir), "fetch", *flags, "--", address, *refspecs]


def fetch_default(git_dir: str) -> List[str]:
    """Fetch the refspecs of the repository's configuration: for a mirror, everything."""
    return [*_git(git_dir), "fetch", "origin"]


def fetch_refspec() -> List[str]:
    """Print the refspec that a plain fetch from `origin` uses."""
    return ["git", "config", "remote.origin.fetch"]


def checkout(flags: Sequence[str], *revision: str) -> List[str]:
    """Check out `revision`. A detached HEAD is intended, so git's advice about it is off."""
    return ["git", "-c", "advice.detachedHead=false", "checkout", *flags, *revision]


def clean(flags: Sequence[str]) -> List[str]:
    """Remove what is not tracked (by default -ffxdq: nested repositories and ignored files too)."""
    return ["git", "clean", *flags]


def in_submodules(command: str) -> List[str]:
    """Run a shell command in each submodule, nested ones too."""
    return ["git", "submodule", "foreach", "--recursive", command]


def submodules_at_branches() -> List[str]:
    """Print the path of each submodule, a line each, that is not at its commit, but has a branch of that name."""
    is_fit = 'test "$(git rev-parse HEAD)" = "$sha1" || ! git show-ref --verify --quiet "refs/heads/$sha1"'
    command = f'{{ {is_fit}; }} || echo "${{displaypath:-$sm_path}}"'
    return ["git", "submodule", "--quiet", "foreach", "--recursive", command]


def sync_submodules() -> List[str]:
    """Copy the URLs of `.gitmodules` to the configuration of a clone that has older ones."""
    return ["git", "submodule", "sync", "--recursive"]


def submodule_urls() -> List[str]:
    """Print `submodule.<name>.url` and the URL, a line each, ended by NUL: names may hold anything else."""
    return ["git", "config", "--file", ".gitmodules", "--null", "--get-regexp", r"submodule\..+\.url"]


def update_submodules(settings: Sequence[str], reference: str = "", dissociate: bool = False) -> List[str]:
    """Check submodules out. `settings` are NAME=VALUE for `-c`; `reference` is a mirror to borrow objects from."""
    words = with_settings(["git", "submodule", "update", "--init", "--recursive", "--force"], settings)
    if reference:
        words += ["--reference", reference]
        if dissociate:
            words.append("--dissociate")
    return words


def origin_urls(git_dir: str = "") -> List[str]:
    """Print the configured URLs of `origin`, one a line, before any `insteadOf` is applied."""
    return [*_git(git_dir), "config", "--get-all", "remote.origin.url"]


def origin_of_file(path: str) -> List[str]:
    """Print the URL of `origin` that a configuration has, also that of a repository which git does not take for one."""
    return ["git", "config", "--file", path, "--get", "remote.origin.url"]


def origin_url(git_dir: str = "") -> List[str]:
    """Print the one URL that git fetches from, where several are configured."""
    return [*_git(git_dir), "remote", "get-url", "origin"]


def set_origin(repository: str, git_dir: str = "") -> List[str]:
    """Point `origin` to `repository`."""
    end_of_options = ["--"] if repository.startswith("-") else []
    return [*_git(git_dir), "remote", "set-url", *end_of_options, "origin", repository]


def prune_origin(git_dir: str = "") -> List[str]:
    """Forget the branches that `origin` no longer has."""
    return [*_git(git_dir), "remote", "prune", "origin"]


def verify_pack(index: str) -> List[str]:
    """Check each object of a pack, given by its index."""
    return ["git", "verify-pack", "--", index]


def settings_of_file(path: str) -> List[str]:
    """Print each setting of a file, without those it includes: the name, a line break, the value, NUL."""
    return ["git", "config", "--file", path, "--null", "--list"]


def local_setting(*arguments: str) -> List[str]:
    """Read or change the configuration of the repository alone, as `arguments` of `git config` say."""
    return ["git", "config", "--local", *arguments]


def resolve(reference: str, git_dir: str = "") -> List[str]:
    """Print the object that `reference` names."""
    return [*_git(git_dir), "rev-parse", reference]


def resolve_commit(commit: str, git_dir: str = "") -> List[str]:
    """Print `commit` if the repository has it; fail if it is missing or not a commit, whatever files there are."""
    return [*_git(git_dir), "rev-parse", "--verify", commit + "^{commit}"]


def show_commit(reference: str) -> List[str]:
    """Print a commit as it is stored: its parents, one a line, come before an empty line."""
    return ["git", "cat-file", "commit", reference]


def is_ancestor(commit: str, tip: str) -> List[str]:
    """Exit 0 if `commit` is `tip` or before it, 1 if it is not; anything else means that git could not tell."""
    return ["git", "merge-base", "--is-ancestor", commit, tip]


def is_shallow() -> List[str]:
    """Print `true` if the history is shallow."""
    return ["git", "rev-parse", "--is-shallow-repository"]


def delete_ref(name: str) -> List[str]:
    """Delete a ref whatever its value."""
    return ["git", "update-ref", "-d", name]


def repack() -> List[str]:
    """Copy every object that is borrowed from a mirror (-a) and drop the packs that this replaces (-d)."""
    return ["git", "repack", "-a", "-d"]


def check_objects(git_dir: str) -> List[str]:
    """Check a repository whose origin has changed."""
    return [*_git(git_dir), "fsck"]


def collect_garbage(git_dir: str) -> List[str]:
    """Drop what only the former origin had."""
    return [*_git(git_dir), "gc"]


def describe_commit(commit: str) -> List[str]:
    """Print a commit in the form that the control plane reads: the message is indented by four blanks.

    `commit` must not start with a dash: older versions of git take no end of the options here. No pager and no colour,
    whatever the configuration says; -s leaves the diff of a merge out.
    """
    form = "commit %H%nabbrev-commit %h%nAuthor: %an <%ae>%n%n%w(0,4,4)%B"
    return ["git", "--no-pager", "log", "-1", commit, "-s", "--no-color", "--format=" + form]
