"""The graphs of the builds that something happens in, kept in memory. Hold the store's lock while using them."""

from __future__ import annotations

from collections import OrderedDict
from typing import Sequence

from bkagent.controlplane.plane.ledger import Ledger
from bkagent.controlplane.plane.steps import Steps
from bkagent.controlplane.records import Job
from bkagent.controlplane.scheduling.graph.build_graph import BuildGraph
from bkagent.controlplane.scheduling.nodes import StepNode
from bkagent.controlplane.store import jobs

MOST_KEPT = 40_000  # steps and jobs, together some tens of megabytes


class BuildGraphs:
    """A cache of the graphs used last. A graph that is not kept is made from the store, in full."""

    def __init__(self, ledger: Ledger, steps: Steps) -> None:
        self._ledger, self._steps = ledger, steps
        self._graphs: "OrderedDict[str, BuildGraph]" = OrderedDict()
        self._size = 0
        ledger.watch_jobs(self)

    def get(self, build_id: str) -> BuildGraph:
        """Return the graph of a build as its jobs are now."""
        graph = self._graphs.get(build_id)
        if graph is None:
            graph = BuildGraph(self._steps.nodes(build_id), jobs.first_start(self._ledger.db, build_id))
            self._graphs[build_id] = graph
            self._size += len(graph)
            while self._size > MOST_KEPT and len(self._graphs) > 1:
                self.forget(next(iter(self._graphs)))
        self._graphs.move_to_end(build_id)
        return graph

    def add_steps(self, build_id: str, nodes: Sequence[StepNode]) -> None:
        """Add steps to a build's graph. Where that is not to be done without a look at all, the graph is made anew."""
        graph = self._graphs.get(build_id)
        if graph is None or not nodes:
            return
        size = len(graph)
        if graph.add_steps(nodes):
            self._size += len(graph) - size
        else:
            self.forget(build_id)

    def job_changed(self, job: Job) -> None:
        """Tell a job's graph how it is now."""
        graph = self._graphs.get(job.build_id)
        if graph is None:
            return
        size = len(graph)
        if graph.note(job):
            self._size += len(graph) - size
        else:
            self.forget(job.build_id)

    def forget(self, build_id: str) -> None:
        """Keep the graph of a build no more ("": those of all)."""
        if build_id:
            graph = self._graphs.pop(build_id, None)
            self._size -= 0 if graph is None else len(graph)
        else:
            self._graphs.clear()
            self._size = 0
