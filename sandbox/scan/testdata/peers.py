#!/usr/bin/env python3
"""Counts what picklescan and modelscan report of the files below a directory, by folder.

HALLMARK_SCAN_CORPUS=DIR go test -run CorpusForPeers ./sandbox/scan; pip install picklescan modelscan (or PYTHONPATH to their
sources); peers.py DIR
"""
import collections
import logging
import pathlib
import sys

from modelscan.modelscan import ModelScan
from picklescan.scanner import scan_file_path

logging.disable(logging.CRITICAL)


def by_picklescan(path):
    """It reports an issue; suspicious alone is no issue, which is how its command decides."""
    try:
        return scan_file_path(str(path)).issues_count > 0
    except Exception:  # its command ends with an error, which is no report of the file
        return False


def by_modelscan(path):
    try:
        return ModelScan().scan(path)["summary"]["total_issues"] > 0
    except Exception:
        return False


def main():
    counts = collections.defaultdict(lambda: [0, 0, 0])
    for path in sorted(p for p in pathlib.Path(sys.argv[1]).rglob("*") if p.is_file()):
        row = counts[path.parent.name]
        row[0] += 1
        row[1] += by_picklescan(path)
        row[2] += by_modelscan(path)
    print("| files | number | picklescan | modelscan |")
    print("| --- | ---: | ---: | ---: |")
    for name, row in counts.items():
        print("|", name, "|", " | ".join(map(str, row)), "|")
    print("| all |", " | ".join(str(sum(r[i] for r in counts.values())) for i in range(3)), "|")


if __name__ == "__main__":
    main()
