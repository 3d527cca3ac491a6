"""What git's messages say about the local repository: locked, with conflicting refs, or damaged.

The words are those of git 2.17 to 2.51 in English, of lines that no remote sent and no name is the most of. Source:
git's lockfile.c, config.c, refs.c, refs/files-backend.c, refs/packed-backend.c, packfile.c, object-file.c,
read-cache.c, shallow.c, commit-graph.c, builtin/fetch.c, builtin/index-pack.c, unpack-trees.c.
"""

import re

# Another git holds a file, or was killed while it did.
LOCKED = re.compile(rb"\.lock': File exists|could not lock config file .*: File exists")
# A branch a/b cannot be made where there is a branch a, and the other way round.
IN_THE_WAY = re.compile(
    rb"conflicting branches|exists; cannot create|still refs under|blocking reference|refname conflict"
    rb"|cannot process '.*' and '.*' at the same time"
)
# A line each: objects and packs; the index; refs; what is borrowed, and where history is cut off; the whole.
_DAMAGE = rb"""
is corrupt\b|corrupt loose object|object file .* is empty|garbage at end of loose object|hash mismatch for
fatal: bad object|bad tree object|bad object header|bad packed object|inflate: data|header for .* too long
unable to (?:unpack|find|parse|read|get)(?: commit| object| tree| sha1 file| blob)?(?: of)? \(?'?ID
unable to (?:unpack|parse) (?:header|contents|type|ID)|unable to read tree|unable to read sha1 file|failed to read blob
ould not (?:read|parse)(?: commit| object| tree| tag| blob)? '?ID|could not find object at offset
missing (?:blob|tree|commit|tag|delta base)|Failed to traverse parents|revision walk setup failed
did not send all necessary objects|cannot read existing object|SHA1 COLLISION|unresolved deltas
failed to (?:read|unpack|validate|apply) (?:object|tree|delta|compressed)|delta data unpack-initial failed
packfile .*(?:index|accessed|match|claims|changed|mapped|signature|version|short|regular)|not a GIT packfile
far too short to be a packfile|of packfile \((?:truncated|broken)|\((?:corrupt|truncated) index\?\)
(?:error|fatal): (?:wrong|non-monotonic) index|index file .* is (?:too small|version)
(?:error|fatal): (?:commit-graph|multi-pack-index)
index file corrupt|index file smaller|bad index|bad signature|unordered stage entries|unknown index entry
malformed name field in the index|broken index|multiple stage entries|index uses .* extension
(?:unterminated|unexpected) line in .*packed-refs|packed refname|reference broken|ignoring broken ref
does not point to a valid object|unable to resolve reference
unable to normalize alternate|objects/info/alternates|reference repository '.*' is not a local
bad shallow line|shallow file has changed
fatal: not a git repository
"""
DAMAGED = re.compile(b"|".join(_DAMAGE.split(b"\n")[1:-1]).replace(b"ID", rb"[0-9a-f]{40,64}"))
# What the far side reports about its own repository, and lines with names that others may have chosen.
OF_OTHERS = re.compile(rb"\s*remote: |fatal: (?:remote error|invalid refspec|[Cc]ouldn't find remote ref)| [*=] \[")
