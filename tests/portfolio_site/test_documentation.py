"""The runbook names the test of every fault, and only tests that there are."""

import re

from tests.workers import REPOSITORY

TEST = re.compile(r"\btest_[a-z0-9_]+")


def test_each_fault_stands_beside_its_test():
    runbook = (REPOSITORY / "docs" / "operations.md").read_text()
    table = runbook.split("## Faults")[1].split("\n## ")[0]
    named = set(TEST.findall(table))
    faults = set()
    for file in (REPOSITORY / "tests" / "faults").glob("test_*.py"):
        faults |= set(re.findall(r"^def (test_\w+)", file.read_text(), re.MULTILINE))
    assert faults <= named, "a fault that the runbook does not know"
    assert named - faults == {"test_people_log_in_without_the_cache"}
