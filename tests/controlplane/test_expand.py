"""Steps become jobs: parallelism, matrix, conditions, branches, what is refused."""

from __future__ import annotations

import pytest

from bkagent.controlplane.errors import Rejected
from bkagent.controlplane.records import NewBuild
from bkagent.controlplane.scheduling import branches, matrix, unsupported
from bkagent.pipeline.errors import PipelineError
from bkagent.pipeline.model import steps_reader


@pytest.mark.parametrize(
    ("patterns", "branch", "expected"),
    [
        ((), "main", True),
        (("main",), "main", True),
        (("main",), "mainly", False),
        (("release/*",), "release/1/2", True),
        (("*-fix",), "a-fix", True),
        (("a*a",), "a", False),
        (("*x*y*",), "axbyc", True),
        (("*x*y*",), "aybxc", False),
        (("!main",), "main", False),
        (("!main",), "other", True),
        (("feature/*", "!feature/old"), "feature/old", False),
        (("feature/*", "!feature/old"), "feature/new", True),
        (("feature/*", "!feature/old"), "main", False),
        (("a.b",), "axb", False),
        (("*a" * 30,), "a" * 29, False),
    ],
)
def test_branches(patterns, branch, expected):
    assert branches.matches(patterns, branch) is expected


def test_parallel_jobs_are_numbered(world):
    world.build([{"command": "x", "label": "%n %N of %t %T", "parallelism": 2}])
    labels = [(job.label, job.parallel_index, job.parallel_total) for job in world.jobs()]
    assert labels == [("0 1 of 2 2", 0, 2), ("1 2 of 2 2", 1, 2)]


def test_no_parallel_jobs_is_a_job_that_does_not_run(world):
    world.build([{"command": "x", "key": "x", "parallelism": 0}, {"command": "y", "key": "y"}])
    assert world.states == {"x": "broken", "y": "scheduled"}
    assert world.job("x").broken_reason == "parallelism_zero"


def test_a_matrix_makes_a_job_of_each_combination(world):
    setup = {"os": ["linux", "mac"], "n": [1, 2]}
    adjustments = [
        {"with": {"os": "mac", "n": 2}, "skip": "broken there"},
        {"with": {"os": "bsd", "n": 3}, "soft_fail": True},
    ]
    world.build(
        [
            {
                "command": "run {{matrix.os}} {{ matrix.n }}",
                "label": "{{matrix.os}}",
                "env": {"OS": "{{matrix.os}}"},
                "agents": {"os": "{{matrix.os}}"},
                "plugins": [{"docker#v1": {"image": "x-{{matrix.os}}"}}],
                "matrix": {"setup": setup, "adjustments": adjustments},
            }
        ]
    )
    jobs = world.jobs()
    assert [job.command for job in jobs] == ["run linux 1", "run linux 2", "run mac 1", "run mac 2", "run bsd 3"]
    assert [job.state for job in jobs] == ["scheduled", "scheduled", "scheduled", "skipped", "scheduled"]
    assert [job.soft_fail_any for job in jobs] == [False, False, False, False, True]
    assert jobs[0].matrix == {"os": "linux", "n": "1"}
    assert jobs[0].env == {"OS": "linux"}
    assert jobs[0].agent_query_rules == ("os=linux",)
    assert jobs[0].plugins == ({"docker#v1": {"image": "x-linux"}},)


@pytest.mark.parametrize(
    ("setup", "adjustments", "expected"),
    [
        # The product is there for its names alone; what it holds is skipped whole.
        ({"a": ["x", "y"], "p": ["none"]},
         [{"with": {"a": "x", "p": "64"}}, {"with": {"p": "none"}, "skip": True}],
         {"x none": "skipped", "y none": "skipped", "x 64": "runs"}),
        ({"a": ["x", "y"], "p": ["1", "2"]}, [{"with": {"a": "y"}, "skip": "no y"}],
         {"x 1": "runs", "x 2": "runs", "y 1": "skipped", "y 2": "skipped"}),
        # Before or behind it in the list: it is for what others add too.
        ({"a": ["x"], "p": [1]}, [{"with": {"p": 2}, "skip": True}, {"with": {"a": "z", "p": 2}}],
         {"x 1": "runs", "z 2": "skipped"}),
        ({"a": ["x", "y"], "p": [1]}, [{"with": {"p": 1}, "soft_fail": True}], {"x 1": "soft", "y 1": "soft"}),
        ({"a": ["x", "y"], "p": [1]},
         [{"with": {"a": "x"}, "soft_fail": True}, {"with": {"a": "x", "p": 1}, "soft_fail": False}],
         {"x 1": "runs", "y 1": "runs"}),
        # What one skips stays skipped; what says nothing of failures leaves them.
        ({"a": ["x"], "p": [1]}, [{"with": {"p": 1}, "skip": True}, {"with": {"a": "x", "p": 1}}], {"x 1": "skipped"}),
        ({"a": ["x"], "p": [1]}, [{"with": {"p": 1}, "soft_fail": True}, {"with": {"a": "x", "p": 1}}],
         {"x 1": "soft"}),
        ({"a": ["x"], "p": [1]}, [{"with": {"p": 5}, "skip": True}], {"x 1": "runs"}),
        ({"a": [], "p": []}, [{"with": {"a": "x", "p": 1}}, {"with": {"a": "y", "p": True}}],
         {"x 1": "runs", "y true": "runs"}),
    ],
)  # fmt: skip
def test_an_adjustment_is_for_every_combination_that_it_suits(world, setup, adjustments, expected):
    world.build([{"command": "{{matrix.a}} {{matrix.p}}", "matrix": {"setup": setup, "adjustments": adjustments}}])
    words = {True: "soft", False: "runs"}
    assert {
        job.command: "skipped" if job.state == "skipped" else words[job.soft_fail_any] for job in world.jobs()
    } == expected


@pytest.mark.parametrize(
    ("adjustment", "words"),
    [
        ({"with": {"p": "5"}, "soft_fail": True}, r'step 1 \("M"\): adjustment 1 of the matrix.*must also name a'),
        ({"with": {"p": "5"}}, "must also name a"),
        ({"with": {"b": "x"}, "skip": True}, "with must name the dimensions of setup"),
        ({"with": {}, "skip": True}, "with must name the dimensions of setup"),
        ({"skip": True}, "with must name the dimensions of setup"),
        ({"with": {"p": []}, "skip": True}, "with.p of matrix.adjustments must be a string.* not a list"),
        ({"with": {"p": None}, "skip": True}, "with.p of matrix.adjustments must be a string.* not null"),
    ],
)
def test_an_adjustment_that_suits_nothing_is_refused(world, adjustment, words):
    matrix_of_step = {"setup": {"a": ["x"], "p": ["1"]}, "adjustments": [adjustment]}
    with pytest.raises(Rejected, match=words):
        world.build([{"command": "c", "label": "M", "matrix": matrix_of_step}])


@pytest.mark.parametrize(
    ("matrix_of_step", "sentence"),
    [
        (["x", {"b": "c"}], "matrix must hold strings, numbers or booleans, not a mapping"),
        ({"setup": ["x", None]}, "matrix.setup must hold strings, numbers or booleans, not null"),
        ({"setup": {"a": ["x"], "p": [["y"]]}}, "matrix.setup.p must hold strings, numbers or booleans, not a list"),
    ],
)
def test_an_element_that_is_no_plain_value_is_refused_by_its_dimension(world, matrix_of_step, sentence):
    with pytest.raises(Rejected, match=f"step 1: {sentence}$"):
        world.build([{"command": "c", "matrix": matrix_of_step}])


def test_a_plain_matrix_has_one_unnamed_dimension():
    assert matrix.fill("{{matrix}}-{{ matrix }}", {"": "a"}) == "a-a"
    with pytest.raises(PipelineError, match="matrix.b"):
        matrix.fill("{{matrix.b}}", {"": "a"})


def test_an_unknown_dimension_is_refused_by_step(world):
    with pytest.raises(Rejected, match=r'step 1 \("X"\).*matrix\.os'):
        world.build([{"command": "echo {{matrix.os}}", "label": "X", "matrix": ["a"]}])


@pytest.mark.parametrize(
    ("condition", "runs"),
    [
        ("build.branch == 'main'", True),
        ("build.branch != 'main'", False),
        ("build.message =~ /skip/", True),
        ("build.env('MODE') == 'full'", True),
        ("build.env('OTHER') == null", True),
        ("pipeline.slug == 'demo' && build.number == 1", True),
        ("build.pull_request.id == null", True),
        ("build.author.name == 'Ada'", True),
        ("build.source == 'api'", True),
        ("build.env('DOC') == 'yes'", True),
    ],
)
def test_conditions_see_the_build(world, condition, runs):
    world.build(
        {"env": {"DOC": "yes"}, "steps": [{"command": "x", "key": "x", "if": condition}]},
        message="please skip", env={"MODE": "full"}, author={"name": "Ada"},
    )  # fmt: skip
    job = world.job("x")
    assert (job.state, job.broken_reason) == (("scheduled", "") if runs else ("broken", "conditional_failed"))


def test_a_wrong_condition_refuses_the_build_by_step(world):
    with pytest.raises(Rejected, match="step 2.*build.nothing"):
        world.build([{"command": "a"}, {"command": "b", "if": "build.nothing == 1"}])
    assert world.plane.builds.find() == []


def test_a_branch_that_does_not_match_is_named(world):
    world.build([{"command": "x", "key": "x", "branches": "release/*"}], branch="main")
    assert (world.job("x").state, world.job("x").broken_reason) == ("broken", "branch_mismatch")


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ([{"trigger": "other", "label": "T"}], 'step 1 ("T"): trigger steps'),
        ([{"command": "a", "secrets": ["KEY"]}], "step 1: secrets"),
        ([{"group": "g", "steps": [{"trigger": "other"}]}], 'step 1 of group "g"'),
        ([{"command": "a", "key": "k"}, {"command": "b", "key": "k"}], '"k" has already been used'),
        ([{"command": "a", "key": "k", "depends_on": "k"}], "forms a cycle"),
        ([{"command": "a", "concurrency": 1}], "concurrency_group"),
        ([{"nothing": 1}], "missing command"),
        ([{"command": "a", "parallelism": 501}], "500"),
        ([{"command": "a", "parallelism": 300}, {"command": "b", "parallelism": 300}], "500 jobs"),
        ([{"command": "a", "matrix": {"setup": {"a": list(range(8)), "b": list(range(8))}}}], "50 jobs"),
        ("text", "a mapping or a list"),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_runs(world, steps, words):
    with pytest.raises(Rejected) as caught:
        world.plane.builds.create(NewBuild("demo", steps, repository="/repo"))
    assert words in str(caught.value)
    assert world.plane.builds.find() == []


def test_unsupported_lists_everything():
    document = {"secrets": ["A"], "steps": [{"trigger": "x"}, {"command": "y", "secrets": {"B": "b"}}]}
    assert len(unsupported.refusals(steps_reader.read(document))) == 3
    assert unsupported.refusals(steps_reader.read({"steps": [{"command": "y"}, "wait"]})) == []


def test_defaults_of_the_document_are_for_steps_without_their_own(world):
    world.build(
        {
            "agents": {"queue": "big"},
            "priority": 3,
            "steps": [
                {"command": "a", "key": "a"},
                {"command": "b", "key": "b", "agents": ["os=linux"], "priority": -1},
            ],
        }
    )
    assert (world.job("a").agent_query_rules, world.job("a").priority) == (("queue=big",), 3)
    assert (world.job("b").agent_query_rules, world.job("b").priority) == (("os=linux",), -1)


@pytest.mark.parametrize("slug", ["", "a/b", "..", "a b", "é", "-a", "a" * 101, "a\n"])
def test_a_pipeline_needs_a_plain_name(world, slug):
    with pytest.raises(Rejected, match="is not a valid pipeline name"):
        world.plane.builds.create(NewBuild(slug, [{"command": "a"}], repository="/repo"))


def test_a_build_needs_something_to_check_out(world):
    with pytest.raises(Rejected, match="repository"):
        world.plane.builds.create(NewBuild("demo", [{"command": "a"}]))
