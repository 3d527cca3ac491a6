"""The bill of materials, `dist/bkagent.cdx.json`: what the archive consists of, as CycloneDX 1.5.

It names no time and no machine, so that the same commit gives the same bytes.
Source: https://cyclonedx.org/docs/1.5/json/
"""

import json

import launcher_stub

NAME = "bkagent.cdx.json"


def text(version: str, archive_sha256: str) -> str:
    """Return the document for an archive: bkagent itself, and the launcher stub inside it."""
    stub = {
        "type": "file",
        "bom-ref": "launcher-stub",
        "name": launcher_stub.FILE,
        "author": "Vinay Sajip",
        "description": "Launcher of console scripts on Windows from distlib, as pip vendors it; unchanged.",
        "hashes": [_sha256(launcher_stub.SHA256)],
        "licenses": [{"license": {"id": "BSD-2-Clause"}}],
        "externalReferences": [{"type": "vcs", "url": launcher_stub.SOURCE}],
    }
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": "bkagent",
                "name": "bkagent",
                "version": version,
                "hashes": [_sha256(archive_sha256)],
                "licenses": [{"license": {"id": "MIT"}}],
            }
        },
        "components": [stub],
        "dependencies": [{"ref": "bkagent", "dependsOn": ["launcher-stub"]}, {"ref": "launcher-stub"}],
    }
    return json.dumps(document, indent=2) + "\n"


def _sha256(digest: str) -> "dict[str, str]":
    return {"alg": "SHA-256", "content": digest}
