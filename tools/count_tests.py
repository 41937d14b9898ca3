#!/usr/bin/env python3
"""Names the tests that failed, then prints one last line "N passed, N failed[, N skipped]".

usage: count_tests.py RUNNER:STATUS:FILE ...

FILE holds the results of one runner, as JUnit XML (ctest, pytest) or as lines "ok NAME",
"FAILED NAME", "skipped NAME". STATUS is the runner's exit status: one that failed and blames no
test counts as a failed test itself, so that a crash never reads as success.
Exits with 1 if anything failed or nothing ran.
"""

import pathlib
import sys
import xml.etree.ElementTree as ElementTree

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"
SHOWN_LINES = 30  # of a failed test's output; the end says most


def junit_result(case):
    """(outcome, detail) of one <testcase>."""
    for problem in (*case.iterfind("failure"), *case.iterfind("error")):
        output = case.findtext("system-out") or problem.text or problem.get("message") or ""
        return FAILED, output
    status = case.get("status")  # ctest's; pytest writes none
    skipped = case.find("skipped")
    if status == "disabled":
        return SKIPPED, ""
    if skipped is None:
        return PASSED, ""
    # ctest also says "skipped" of a test whose program is missing; that is no choice of anyone's.
    reason = skipped.get("message") or ""
    if status == "notrun" and not reason.startswith("SKIP_"):
        return FAILED, f"not run: {reason}"
    return SKIPPED, ""


def junit_results(text):
    for case in ElementTree.fromstring(text).iter("testcase"):
        name, group = case.get("name"), case.get("classname")
        yield (name if group in (None, "", name) else f"{group}.{name}"), *junit_result(case)


def line_results(text):
    outcomes = {"ok": PASSED, "FAILED": FAILED, "skipped": SKIPPED}
    for line in text.splitlines():
        word, _, name = line.partition(" ")
        if word in outcomes:
            yield name, outcomes[word], ""


def results_of(runner, status, path):
    """The (name, outcome, detail) of every test of one runner."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
        read = junit_results if path.suffix == ".xml" else line_results
        results = list(read(text))
    except (OSError, ElementTree.ParseError) as error:
        return [(runner, FAILED, f"no results (status {status}): {error}")]
    if status != 0 and all(outcome != FAILED for _, outcome, _ in results):
        results.append((runner, FAILED, f"ended with status {status} and named no failed test"))
    return results


def main(arguments):
    counts = {PASSED: 0, FAILED: 0, SKIPPED: 0}
    for argument in arguments:
        runner, status, path = argument.split(":", 2)
        for name, outcome, detail in results_of(runner, int(status), pathlib.Path(path)):
            counts[outcome] += 1
            if outcome == FAILED:
                lines = detail.splitlines()[-SHOWN_LINES:]
                print(f"FAILED {name}", *(f"    {line}" for line in lines), sep="\n")
    line = f"{counts[PASSED]} passed, {counts[FAILED]} failed"
    print(line + (f", {counts[SKIPPED]} skipped" if counts[SKIPPED] else ""))
    return 1 if counts[FAILED] or not counts[PASSED] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
