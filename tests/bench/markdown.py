"""What annotations and logs cost the server: CPU seconds a megabyte, as a multiple of plain text in the same run.

    python3 tests/bench/markdown.py [KILOBYTES]

Each input of tests/markdown/worst_inputs.py is shown at that size (400 by default) as an annotation or a log of a page
is. Prints the ratio, seconds, and how many bytes a byte becomes, worst first. Nothing is asserted.
"""

import os
import sys
import time
from typing import Callable, List, Tuple

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from bkagent.controlplane.web.ui.annotation_view import FENCES
from bkagent.controlplane.web.ui.log_view import log_view, whole_lines
from bkagent.controlplane.web.ui.terminal.lines import read_lines
from bkagent.markdown.render import to_html
from tests.markdown.worst_inputs import LOGS, PLAIN, PLAIN_LOG, WORST


def show_markdown(text: str) -> str:
    """Show a text as an annotation."""
    return to_html(text, fences=FENCES)


def show_log(text: str) -> str:
    """Show a text as the log of a job's page."""
    return log_view(read_lines(whole_lines(text.encode(), 0)[0]), live=False)


def cost(show: Callable[[str], str], text: str) -> Tuple[float, float]:
    """Return CPU seconds a megabyte, the best of two, and how many characters one becomes."""
    best = float("inf")
    for _ in range(2):
        began = time.process_time()
        shown = show(text)
        best = min(best, time.process_time() - began)
    return best / len(text) * 1e6, len(shown) / len(text)


def main() -> None:
    """Print the two tables."""
    size = int(sys.argv[1] if len(sys.argv) > 1 else 400) * 1000
    for title, show, plain, inputs in (
        ("annotations", show_markdown, PLAIN, WORST),
        ("logs", show_log, PLAIN_LOG, LOGS),
    ):
        plain_s, _ = cost(show, plain(size))
        print(f"{title}, {size // 1000} KB: plain text takes {plain_s:.3f} CPU s a MB")
        rows: List[Tuple[float, float, str]] = [(*cost(show, make(size)), name) for name, make in inputs.items()]
        for seconds, grown, name in sorted(rows, reverse=True):
            print(f"{seconds / plain_s:7.1f} x {seconds:7.3f} s/MB {grown:6.1f} bytes a byte  {name}")


if __name__ == "__main__":
    main()
