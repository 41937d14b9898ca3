#!/usr/bin/env python3
"""Holds the rule of ARCHITECTURE.md: which folder may include which.

Reads the table "Who may use whom" of ARCHITECTURE.md and every #include under src/whence. Fails on an
include that the table does not allow, on a folder the table does not know, and on a header of ONNX
Runtime outside runtime/, of protobuf outside graph/, of the HTTP library outside remote/ or of SQLite outside store/. It proves first that it can fail.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROW = re.compile(r"^\| `(\w+)` \| ([^|]*)\|")
INCLUDE = re.compile(r'^\s*#include [<"]([^>"]+)[>"]', re.M)

HOMES = {"onnxruntime": "runtime", "protobuf": "graph", ".pb.h": "graph", "httplib": "remote", "sqlite3": "store"}


def allowed_arrows(text):
    """{folder: set of folders it may use} from the Markdown table."""
    arrows = {}
    for line in text.splitlines():
        if row := ROW.match(line):
            arrows[row[1]] = set(re.findall(r"`(\w+)`", row[2]))
    return arrows


def violations(folder, text, arrows):
    if folder not in arrows:
        yield f"folder '{folder}' is not in the table of ARCHITECTURE.md"
        return
    for header in INCLUDE.findall(text):
        parts = header.split("/")
        if parts[0] == "whence" and len(parts) > 2 and parts[1] != folder and parts[1] not in arrows[folder]:
            yield f"{folder} must not use {parts[1]} (#include {header})"
        for library, home in HOMES.items():
            if library in header and folder != home:
                yield f"{folder} includes {header}: only {home} may"


def self_test(arrows):
    assert list(violations("core", '#include "whence/runtime/onnx_model.h"\n', arrows)), "core -> runtime passed"
    assert list(violations("gradients", '#include "whence/graph/graph.h"\n', arrows)), "gradients -> graph passed"
    assert list(violations("cli", "#include <onnxruntime_cxx_api.h>\n", arrows)), "ONNX Runtime passed"
    assert list(violations("runtime", '#include "onnx.pb.h"\n', arrows)), "protobuf passed"
    assert list(violations("core", "#include <httplib.h>\n", arrows)), "the HTTP library passed"
    assert list(violations("clip", "#include <sqlite3.h>\n", arrows)), "SQLite passed"
    assert list(violations("nowhere", "", arrows)), "unknown folder passed"
    assert not list(violations("runtime", '#include "whence/graph/graph.h"\n', arrows)), "runtime -> graph refused"


def main():
    arrows = allowed_arrows((ROOT / "ARCHITECTURE.md").read_text())
    if not arrows:
        sys.exit("ARCHITECTURE.md has no table of folders")
    self_test(arrows)
    found = []
    for path in sorted((ROOT / "src/whence").rglob("*")):
        if path.suffix in {".h", ".cpp"} and len(path.relative_to(ROOT).parts) > 3:
            folder = path.relative_to(ROOT / "src/whence").parts[0]
            found += [f"{path.relative_to(ROOT)}: {v}" for v in violations(folder, path.read_text(), arrows)]
    print("\n".join(found) or f"{len(arrows)} folders keep to the table")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
