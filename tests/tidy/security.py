"""Checks deploy/SECURITY.md: every test that it names is in ctest's list, every file is there, no line is without.

Usage: security.py SOURCE BUILD. A name is ctest's own; behind a colon stands a test within it: `Class.method` or
`method` of tests/FOLDER/NAME_test.py, or the text of one of tests/FOLDER/NAME.test.mjs."""

import pathlib
import re
import subprocess
import sys

source, build = map(pathlib.Path, sys.argv[1:])


def listed():
    text = subprocess.run(["ctest", "-N"], cwd=build, check=True, capture_output=True, text=True).stdout
    return set(re.findall(r"^ *Test +#\d+: (\S+)", text, re.M))


def is_within(test, part):
    """Whether `part` is a test of the file behind ctest's `test`, as deploy.security."""
    folder, name = test.split(".", 1)
    scripts = source / "tests" / folder
    for file in (scripts / f"{name}.test.mjs", scripts / f"{name}_test.py"):
        if not file.exists():
            continue
        text = file.read_text()
        if file.suffix == ".mjs":
            return f'test("{part}"' in text
        *classes, method = part.split(".")
        return f"    def {method}(self" in text and all(re.search(rf"^class {name}\b", text, re.M) for name in classes)
    return False


def breaches():
    tests = listed()
    rows = 0
    for number, line in enumerate((source / "deploy/SECURITY.md").read_text().splitlines(), 1):
        if not line.startswith("|") or line.startswith(("|---", "| what holds |")):
            continue
        rows += 1
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) != 3:
            yield f"line {number} has {len(cells)} cells, not 3"
            continue
        places, names = (re.findall(r"`([^`]+)`", cell) for cell in cells[1:])
        if not places or not names:
            yield f"line {number} names no file or no test"
        for place in places:
            if not (source / place).exists():
                yield f"line {number}: {place} is not there"
        for name in names:
            test, _, part = name.partition(":")
            if test not in tests:
                yield f"line {number}: ctest has no test {test}"
            elif part and not is_within(test, part):
                yield f"line {number}: {test} has no test '{part}'"
    if rows < 30:
        yield f"only {rows} lines were found"


found = list(breaches())
for breach in found:
    print(f"deploy/SECURITY.md: {breach}")
sys.exit(1 if found else 0)
