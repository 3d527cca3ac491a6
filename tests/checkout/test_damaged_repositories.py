"""Faults that power cuts, killed gits and renamed branches leave in a checkout or a mirror: the next job heals them."""

import os
import shutil
import subprocess
import sys

import pytest

from bkagent.checkout.checkout_folder import enter
from bkagent.checkout.run import check_out
from bkagent.errors import JobFailed
from bkagent.git.location import mirror_folder

LONG_AGO = 1_000_000_000


def write(path, data=b""):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if os.path.exists(path):
        os.unlink(path)  # a local clone shares its files with what it is a clone of
    with open(path, "wb") as file:
        file.write(data)


def leave_lock(git_dir, *names):
    path = os.path.join(git_dir, *names)
    write(path)
    os.utime(path, (LONG_AGO, LONG_AGO))


def files_of(git_dir, ending):
    folder = os.path.join(git_dir, "objects", "pack")
    return [os.path.join(folder, name) for name in sorted(os.listdir(folder)) if name.endswith(ending)]


def loose_objects(git_dir):
    objects = os.path.join(git_dir, "objects")
    return [
        os.path.join(objects, two, name)
        for two in sorted(os.listdir(objects)) if len(two) == 2
        for name in sorted(os.listdir(os.path.join(objects, two)))
    ]  # fmt: skip


def cut(paths, keep_bytes):
    assert paths
    for path in paths:
        with open(path, "rb") as file:
            data = file.read()
        write(path, data[:keep_bytes])


def scribble(paths):
    """Change the middle of each file."""
    assert paths
    for path in paths:
        with open(path, "rb") as file:
            data = bytearray(file.read())
        middle = len(data) // 2
        data[middle : middle + 8] = bytes(byte ^ 0x5A for byte in data[middle : middle + 8])
        write(path, bytes(data))


def refs_of(git_dir):
    """Return the folder of refs that a fetch of branches writes to, within a mirror or a checkout."""
    heads = os.path.join(git_dir, "refs", "remotes", "origin")
    return heads if os.path.isdir(heads) else os.path.join(git_dir, "refs", "heads")


def all_refs(git_dir, text):
    write(os.path.join(refs_of(git_dir), "main"), text)


def borrow_from_nowhere(git_dir):
    path = os.path.join(git_dir, "objects", "info", "alternates")
    write(path, b"/nonexistent/objects\n")
    for name in files_of(git_dir, ".pack") + files_of(git_dir, ".idx"):
        os.unlink(name)


LOCKS = {
    **{
        name: lambda git_dir, name=name: leave_lock(git_dir, name)
        for name in ("packed-refs.lock", "config.lock", "HEAD.lock", "index.lock", "shallow.lock")
    },
    "a branch's lock": lambda git_dir: leave_lock(refs_of(git_dir), "main.lock"),
}
# What is done to the git folder of a checkout or a mirror whose objects are packed or loose.
FAULTS = {
    "an empty HEAD": lambda git_dir: write(os.path.join(git_dir, "HEAD")),
    "no HEAD": lambda git_dir: os.unlink(os.path.join(git_dir, "HEAD")),
    "HEAD of zeros": lambda git_dir: write(os.path.join(git_dir, "HEAD"), b"\0" * 41),
    "an empty config": lambda git_dir: write(os.path.join(git_dir, "config")),
    "config of zeros": lambda git_dir: write(os.path.join(git_dir, "config"), b"\0" * 100),
    "a cut config": lambda git_dir: cut([os.path.join(git_dir, "config")], 30),
    "no config": lambda git_dir: os.unlink(os.path.join(git_dir, "config")),
    "an empty branch": lambda git_dir: all_refs(git_dir, b""),
    "a branch of zeros": lambda git_dir: all_refs(git_dir, b"\0" * 41),
    "a branch without its commit": lambda git_dir: all_refs(git_dir, b"12" * 20 + b"\n"),
    "packed-refs of zeros": lambda git_dir: write(os.path.join(git_dir, "packed-refs"), b"\0" * 100),
    "cut packed-refs": lambda git_dir: write(
        os.path.join(git_dir, "packed-refs"), b"# pack-refs with: peeled fully-peeled sorted\n1212"
    ),
    "an empty pack": lambda git_dir: cut(files_of(git_dir, ".pack"), 0),
    "a cut pack": lambda git_dir: cut(files_of(git_dir, ".pack"), 100),
    "a scribbled pack": lambda git_dir: scribble(files_of(git_dir, ".pack")),
    "no pack": lambda git_dir: [os.unlink(path) for path in files_of(git_dir, ".pack")],
    "an empty idx": lambda git_dir: cut(files_of(git_dir, ".idx"), 0),
    "a cut idx": lambda git_dir: cut(files_of(git_dir, ".idx"), 900),
    "no idx": lambda git_dir: [os.unlink(path) for path in files_of(git_dir, ".idx")],
}
GONE = {
    "no objects": lambda git_dir: shutil.rmtree(os.path.join(git_dir, "objects")),
    "no refs": lambda git_dir: shutil.rmtree(os.path.join(git_dir, "refs")),
    "missing alternates": borrow_from_nowhere,
}
LOOSE = {
    "empty loose objects": lambda git_dir: cut(loose_objects(git_dir), 0),
    "cut loose objects": lambda git_dir: cut(loose_objects(git_dir), 12),
    "scribbled loose objects": lambda git_dir: scribble(loose_objects(git_dir)),
}
IN_CHECKOUTS = {
    "an empty index": lambda git_dir: write(os.path.join(git_dir, "index")),
    "a cut index": lambda git_dir: cut([os.path.join(git_dir, "index")], 40),
    "a scribbled index": lambda git_dir: scribble([os.path.join(git_dir, "index")]),
    "an index of zeros": lambda git_dir: write(os.path.join(git_dir, "index"), b"\0" * 200),
    "a cut shallow": lambda git_dir: write(os.path.join(git_dir, "shallow"), b"1212"),
}


@pytest.fixture
def patient(job):
    """A job that does not wait between its attempts."""
    start = job.start

    def start_without_waits(**variables):
        session, settings = start(**variables)
        session.cancellation.wait = lambda seconds: False
        return session, settings

    job.start = start_without_waits
    return job


def explode(git_dir, env):
    """Turn the packs of a repository into loose objects."""
    for path in files_of(git_dir, ".pack"):
        aside = git_dir + ".pack"
        shutil.move(path, aside)
        for name in files_of(git_dir, ".idx") + files_of(git_dir, ".rev"):
            os.unlink(name)
        with open(aside, "rb") as pack:
            subprocess.run(["git", "--git-dir", git_dir, "unpack-objects", "-q"], stdin=pack, env=env, check=True)


def heals(job, upstream, inject, git_dir, asked):
    """Say what a job does wrong after a fault, "" where it has what it asks for in a repository that is whole."""
    inject(git_dir)
    text = os.urandom(8).hex()
    fresh = upstream.add_commits("Later", **{"README.md": text})
    job.log.bytes = b""
    try:
        job.check_out(COMMIT=asked or fresh)
        assert job.git("rev-parse", "HEAD") == fresh
        assert job.read("README.md") == text
        job.git("fsck", "--full", "--strict")
        if git_dir != os.path.join(job.folder, ".git"):
            job.git("--git-dir", git_dir, "fsck", "--full", "--strict")
    except (JobFailed, AssertionError, subprocess.CalledProcessError) as problem:
        return repr(problem)
    return ""


def unhealed(job, upstream, env, git_dir, faults, asked):
    """Inject one fault after the other, each in a repository whose objects lie in a pack, or none."""
    left = {}
    for name, inject in faults.items():
        subprocess.run(["git", "--git-dir", git_dir, "repack", "-q", "-a", "-d"], env=env, check=True)
        if name in LOOSE:
            explode(git_dir, env)
        problem = heals(job, upstream, inject, git_dir, asked)
        if problem:
            left[name] = [problem, *job.log.own[-4:]]
            shutil.rmtree(git_dir)
            job.check_out()
    return left


def leave_every_lock(git_dir):
    for leave in LOCKS.values():
        leave(git_dir)


def faults_of(place, is_every):
    """Return faults of a checkout or of a mirror: each, or all locks at once and half of the ways to damage a file.

    The halves are such that each fault is in one of the two, and each file in both.
    """
    if is_every:
        faults = {**LOCKS, **FAULTS, **LOOSE}
    else:
        ways = list({**FAULTS, **LOOSE}.items())
        faults = {"every lock": leave_every_lock, **dict(ways[1::2] if place == "checkout" else ways[0::2])}
    return {**faults, **GONE, **(IN_CHECKOUTS if place == "checkout" else {})}


ASKED = pytest.mark.parametrize(
    "asked, is_every",
    [
        pytest.param("HEAD", False, id="branch"), pytest.param("HEAD", True, id="branch-every", marks=pytest.mark.soak),
        pytest.param("", True, id="commit-every", marks=pytest.mark.soak),
    ],
)  # fmt: skip


@ASKED
def test_each_fault_of_a_checkout_is_healed_by_the_next_job(patient, upstream, env, asked, is_every):
    patient.check_out()
    git_dir = os.path.join(patient.folder, ".git")
    assert unhealed(patient, upstream, env, git_dir, faults_of("checkout", is_every), asked) == {}


@pytest.fixture
def mirrored(patient, tmp_path, env, upstream):
    """A job that borrows from a mirror. A clone of a path would share the files of the repository itself."""
    env["BUILDKITE_GIT_MIRRORS_PATH"] = str(tmp_path / "mirrors")
    env["BUILDKITE_REPO"] = "file://" + upstream.path
    patient.mirror = str(tmp_path / "mirrors" / mirror_folder("file://" + upstream.path))
    return patient


@ASKED
def test_each_fault_of_a_mirror_is_healed_by_the_next_job(mirrored, upstream, env, asked, is_every):
    mirrored.check_out()
    assert unhealed(mirrored, upstream, env, mirrored.mirror, faults_of("mirror", is_every), asked) == {}
    above = os.path.dirname(mirrored.mirror)
    assert [name for name in os.listdir(above) if not name.startswith(os.path.basename(mirrored.mirror))] == []


def test_a_mirror_whose_clone_was_killed_is_made_anew(mirrored, upstream):
    os.makedirs(os.path.join(mirrored.mirror, "objects", "pack"))
    assert heals(mirrored, upstream, lambda git_dir: None, mirrored.mirror, "HEAD") == ""


@pytest.mark.parametrize("is_first", [True, False], ids=["fresh", "reused"])
def test_a_mirror_that_has_the_commit_but_not_its_files_is_made_anew(mirrored, upstream, env, is_first):
    mirrored.check_out()
    fresh = upstream.commit("Later", **{"README.md": "later"})
    mirrored.check_out(COMMIT=fresh)
    if is_first:
        shutil.rmtree(mirrored.folder)
    explode(mirrored.mirror, env)
    blob = upstream.git("rev-parse", "HEAD:README.md")
    write(os.path.join(mirrored.mirror, "objects", blob[:2], blob[2:]))
    if not is_first:
        os.unlink(os.path.join(mirrored.folder, "README.md"))
    mirrored.log.bytes = b""
    mirrored.check_out(COMMIT=fresh)
    assert mirrored.read("README.md") == "later"
    assert any(
        "is damaged (checkouts that borrow from it fail); creating it again" in line for line in mirrored.log.own
    )


def test_a_damaged_mirror_that_may_not_be_updated_is_done_without(mirrored, upstream):
    mirrored.check_out()
    shutil.rmtree(mirrored.folder)
    FAULTS["an empty pack"](mirrored.mirror)
    mirrored.check_out(GIT_MIRRORS_SKIP_UPDATE="true")
    assert mirrored.git("rev-parse", "HEAD") == upstream.first
    assert mirrored.session.env["BUILDKITE_REPO_MIRROR"] == ""
    assert any("is damaged and not used; remove it, or let a job update it" in line for line in mirrored.log.own)


@pytest.mark.parametrize("is_packed", [True, False], ids=["packed", "loose"])
def test_what_another_checkout_borrows_outlives_a_new_mirror(mirrored, upstream, env, is_packed):
    upstream.git("checkout", "-q", "-b", "passing")
    passing = upstream.commit("Passing", passing="p")
    upstream.git("checkout", "-q", "main")
    mirrored.check_out(COMMIT=passing, BRANCH="passing")
    other = mirrored.folder + "-other"
    os.rename(mirrored.folder, other)
    upstream.git("branch", "-q", "-D", "passing")
    upstream.git("reflog", "expire", "--expire=now", "--all")
    upstream.git("gc", "-q", "--prune=now")
    if is_packed:
        subprocess.run(["git", "--git-dir", mirrored.mirror, "repack", "-q", "-a", "-d"], env=env, check=True)
    else:
        explode(mirrored.mirror, env)
    assert heals(mirrored, upstream, FAULTS["an empty HEAD"], mirrored.mirror, "HEAD") == ""
    assert any("is damaged" in line for line in mirrored.log.own)
    for command in (["fsck", "--full"], ["checkout", "-q", "-f", passing], ["status", "--porcelain"]):
        subprocess.run(["git", *command], cwd=other, env=env, check=True)


def test_a_checkout_that_borrowed_from_a_lost_mirror_heals(mirrored, upstream):
    mirrored.check_out()
    assert heals(mirrored, upstream, shutil.rmtree, mirrored.mirror, "HEAD") == ""


def test_a_damaged_mirror_of_a_submodule_is_made_anew(mirrored, upstream, make_repository, env):
    library = make_repository("lib")
    library.commit("Lib", **{"lib.txt": "lib"})
    upstream.git("submodule", "--quiet", "add", library.path, "lib")
    with_library = upstream.commit("Add lib")
    mirrored.check_out(COMMIT=with_library)
    mirror = os.path.join(os.path.dirname(mirrored.mirror), mirror_folder(library.path))
    subprocess.run(["git", "--git-dir", mirror, "repack", "-q", "-a", "-d"], env=env, check=True)
    faults = {**FAULTS, **LOCKS}
    for name in ("an empty HEAD", "an empty pack", "packed-refs.lock", "a branch without its commit"):
        library.commit("More", **{"lib.txt": name})
        upstream.git("submodule", "--quiet", "foreach", "git pull -q")
        commit = upstream.commit("Newer lib")
        faults[name](mirror)
        mirrored.check_out(COMMIT=commit)
        assert mirrored.read("lib/lib.txt") == name
        subprocess.run(["git", "--git-dir", mirror, "repack", "-q", "-a", "-d"], env=env, check=True)


# A branch in the way of another: from, to, and whether the first lies in packed-refs.
RENAMES = [
    ("topic", "topic/one", False), ("topic", "topic/one", True), ("topic/one", "topic", False),
    ("topic/one", "topic", True), ("topic/one/two", "topic/one", False),
]  # fmt: skip


@pytest.mark.parametrize(
    "where, kind",
    [
        ("checkout", "heads"), ("mirror", "heads"), ("both", "tags"),
        pytest.param("both", "heads", marks=pytest.mark.soak),  # what the others show one by one
    ],
)  # fmt: skip
def test_a_branch_may_take_the_place_of_one_that_is_gone(mirrored, upstream, env, where, kind):
    if where == "checkout":
        env.pop("BUILDKITE_GIT_MIRRORS_PATH")
    for number, (former, later, is_packed) in enumerate(RENAMES):
        first = upstream.add_commits(f"Former {number}", branch="side", side=former)
        upstream.git("update-ref", f"refs/{kind}/{former}", first)
        mirrored.check_out(COMMIT="HEAD", BRANCH="side")
        mirrored.check_out(COMMIT="HEAD", BRANCH=former, TAG=former if kind == "tags" else "")
        if is_packed:
            for git_dir in (os.path.join(mirrored.folder, ".git"), mirrored.mirror):
                if os.path.isdir(git_dir):
                    subprocess.run(["git", "--git-dir", git_dir, "pack-refs", "--all"], env=env, check=True)
        if where == "mirror":
            shutil.rmtree(mirrored.folder)
        upstream.git("update-ref", "-d", f"refs/{kind}/{former}")
        fresh = upstream.add_commits(f"Later {number}", branch="side", base="side", side=later)
        upstream.git("update-ref", f"refs/{kind}/{later}", fresh)
        mirrored.log.bytes = b""
        mirrored.check_out(COMMIT="HEAD", BRANCH=later, TAG=later if kind == "tags" else "")
        assert mirrored.git("rev-parse", "HEAD") == fresh
        assert not any("Removing" in line or "creating it again" in line for line in mirrored.log.own)
        for gone in (f"refs/{kind}/{later}", "refs/heads/side"):
            upstream.git("update-ref", "-d", gone)


class Holder:
    """A living process that has a file open, as a git at work does."""

    def __init__(self, path):
        argv = ["sh", "-c", 'exec 3>"$1"; echo; read answer', "-", path]
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.process.stdout.readline()
        os.utime(path, (LONG_AGO, LONG_AGO))

    def end(self):
        self.process.communicate(b"\n")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux shows who has a file open")
@pytest.mark.parametrize("where", ["checkout", "mirror"])
def test_a_lock_of_a_living_process_stays(mirrored, upstream, where):
    mirrored.check_out()
    git_dir = mirrored.mirror if where == "mirror" else os.path.join(mirrored.folder, ".git")
    lock = os.path.join(refs_of(git_dir), "main.lock")
    upstream.commit("Later", **{"README.md": "later"})
    holder = Holder(lock)
    try:
        with pytest.raises(JobFailed) as failed:
            mirrored.check_out(COMMIT="HEAD", CHECKOUT_ATTEMPTS="2")
    finally:
        holder.end()
    assert str(failed.value).endswith(f'process {holder.process.pid} (sh) may hold "{lock}"; kill it if it hangs')
    assert os.path.exists(lock)
    assert not any("Removing" in line for line in mirrored.log.own)
    mirrored.check_out(COMMIT="HEAD")
    assert mirrored.read("README.md") == "later" and not os.path.exists(lock)


def test_a_young_lock_of_a_mirror_is_waited_for(mirrored, upstream):
    mirrored.check_out()
    lock = os.path.join(refs_of(mirrored.mirror), "main.lock")
    upstream.commit("Later", **{"README.md": "later"})
    write(lock)
    session, settings = mirrored.start(COMMIT="HEAD")
    session.cancellation.wait = lambda seconds: os.utime(lock, (LONG_AGO, LONG_AGO))
    enter(session)
    check_out(session, settings, mirrored.left.append)
    assert mirrored.read("README.md") == "later"
    waited, removed = (line for line in mirrored.log.own if lock in line)
    assert waited == f'# Waiting for the lock "{lock}" to be released'
    assert removed == f'# Removing the lock "{lock}", left by a git process that has ended'


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux shows who has a file open")
def test_a_lock_that_a_living_process_takes_meanwhile_stays(mirrored, upstream):
    mirrored.check_out()
    lock = os.path.join(refs_of(mirrored.mirror), "main.lock")
    upstream.commit("Later", **{"README.md": "later"})
    write(lock)
    session, settings = mirrored.start(COMMIT="HEAD", CHECKOUT_ATTEMPTS="1")
    holders = []
    session.cancellation.wait = lambda seconds: holders.append(Holder(lock)) if not holders else None
    enter(session)
    try:
        with pytest.raises(JobFailed) as failed:
            check_out(session, settings, mirrored.left.append)
    finally:
        for holder in holders:
            holder.end()
    assert str(failed.value).endswith(f'process {holder.process.pid} (sh) may hold "{lock}"; kill it if it hangs')
    assert os.path.exists(lock)


def test_what_a_remote_says_of_its_own_repository_renews_nothing(mirrored, upstream):
    mirrored.check_out()
    explode(upstream.path + "/.git", mirrored.env)
    upstream.commit("Later", **{"README.md": "later"})
    commit = upstream.git("rev-parse", "HEAD")
    tree = upstream.git("rev-parse", "HEAD^{tree}")
    write(os.path.join(upstream.path, ".git", "objects", tree[:2], tree[2:]))
    before = os.stat(mirrored.mirror).st_ino
    with pytest.raises(JobFailed):
        mirrored.check_out(COMMIT=commit, CHECKOUT_ATTEMPTS="2")
    assert os.stat(mirrored.mirror).st_ino == before
