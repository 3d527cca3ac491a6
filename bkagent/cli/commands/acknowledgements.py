"""`bkagent acknowledgements`: print whose work is part of this program."""

from bkagent.cli.command import Command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bkagent.cli.command import Call

TEXT = """\
bkagent is its own code (MIT licence, see LICENSE) and uses the standard library of your Python (licence of the Python
Software Foundation). One part is not its own: the programs that jobs call on Windows, buildkite-agent.exe and
bkagent.exe, begin with the launcher of distlib (t64.exe, https://github.com/pypa/distlib), which is unchanged and has
this licence (BSD-2-Clause):

Copyright (C) 2011-2022 Vinay Sajip. All rights reserved.

Redistribution and use in source and binary forms, with or without
modification, are permitted provided that the following conditions are met:

1. Redistributions of source code must retain the above copyright notice,
   this list of conditions and the following disclaimer.
2. Redistributions in binary form must reproduce the above copyright notice,
   this list of conditions and the following disclaimer in the documentation
   and/or other materials provided with the distribution.

THIS SOFTWARE IS PROVIDED BY THE COPYRIGHT HOLDERS AND CONTRIBUTORS "AS IS"
AND ANY EXPRESS OR IMPLIED WARRANTIES, INCLUDING, BUT NOT LIMITED TO, THE
IMPLIED WARRANTIES OF MERCHANTABILITY AND FITNESS FOR A PARTICULAR PURPOSE
ARE DISCLAIMED. IN NO EVENT SHALL THE COPYRIGHT HOLDER OR CONTRIBUTORS BE
LIABLE FOR ANY DIRECT, INDIRECT, INCIDENTAL, SPECIAL, EXEMPLARY, OR
CONSEQUENTIAL DAMAGES (INCLUDING, BUT NOT LIMITED TO, PROCUREMENT OF
SUBSTITUTE GOODS OR SERVICES; LOSS OF USE, DATA, OR PROFITS; OR BUSINESS
INTERRUPTION) HOWEVER CAUSED AND ON ANY THEORY OF LIABILITY, WHETHER IN
CONTRACT, STRICT LIABILITY, OR TORT (INCLUDING NEGLIGENCE OR OTHERWISE)
ARISING IN ANY WAY OUT OF THE USE OF THIS SOFTWARE, EVEN IF ADVISED OF THE
POSSIBILITY OF SUCH DAMAGE.
"""


def run(call: "Call") -> int:
    """Print them."""
    call.out.write(TEXT)
    return 0


COMMAND = Command(
    "acknowledgements",
    run,
    description="Prints the licences of the software that this program contains.",
    example="bkagent acknowledgements",
)
