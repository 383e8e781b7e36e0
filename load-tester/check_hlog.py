#!/usr/bin/env python3
"""Reads an interval log with HdrHistogram's published Python reader, and compares what it finds with the run's own file.

    load-tester report run.json --hlog run.hlog
    python3 load-tester/check_hlog.py run.json run.hlog [HdrHistogram.jar]

With the Java library's jar, its HistogramLogProcessor reads the log too. Exits with 1 if a percentile differs.
"""
import json
import math
import subprocess
import sys

try:
    from hdrh.histogram import HdrHistogram
    from hdrh.log import HistogramLogReader
except ImportError:
    sys.exit("the published reader is missing: pip install hdrhistogram")

PERCENTILES = {"p50_us": 50, "p90_us": 90, "p95_us": 95, "p99_us": 99, "p999_us": 99.9}
HIGHEST_US = 600_000_000
DIGITS = 3


def python_reader(path):
    """The log's intervals added up by tag: count and percentiles as the Python library has them."""
    lanes = {}
    reader = HistogramLogReader(path, HdrHistogram(1, HIGHEST_US, DIGITS))
    while (interval := reader.get_next_interval_histogram()) is not None:
        lane = lanes.setdefault(interval.get_tag(), HdrHistogram(1, HIGHEST_US, DIGITS))
        lane.add(interval)
    found = {}
    for tag, lane in lanes.items():
        count = lane.get_total_count()
        # The load tester rounds ranks up; this library rounds them to the nearest. A whole rank leaves no choice.
        ranks = {name: math.ceil(count * at / 100 - 1e-9) for name, at in PERCENTILES.items()}
        at = lambda rank: lane.get_value_at_percentile(100 * rank / max(1, count))
        found[tag] = {"count": count} | {name: at(rank) for name, rank in ranks.items()}
    return found


def java_rows(jar, path, tag):
    """(value, how many are at most that) of each line of the table that Java's HistogramLogProcessor prints of a tag."""
    command = ["java", "-cp", jar, "org.HdrHistogram.HistogramLogProcessor", "-i", path]
    command += ["-tag", tag, "-csv", "-outputValueUnitRatio", "1"]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    rows = []
    for line in printed.splitlines():
        cells = line.split(",")
        try:
            rows.append((int(float(cells[0])), int(cells[2])))
        except (ValueError, IndexError):
            continue
    return rows


def check(wrong, what, wanted, found):
    if wanted != found:
        wrong.append(what)
        print(f"{what}: {wanted} in the run, {found} in the log")


def main():
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    with open(sys.argv[1], encoding="utf-8") as file:
        run = json.load(file)
    by_python = python_reader(sys.argv[2])
    wrong = []
    for lane in run["lanes"]:
        tag = lane["transport"]
        # Seconds hold merged records too.
        stored = lane["all_latency"]
        if stored["count"] == 0:
            continue
        before = len(wrong)
        for name in ["count", *PERCENTILES]:
            check(wrong, f"{tag} {name}, Python", stored[name], by_python.get(tag, {}).get(name))
        told = f"{tag}: {stored['count']} values; Python agrees"
        if len(sys.argv) == 4:
            rows = java_rows(sys.argv[3], sys.argv[2], tag)
            check(wrong, f"{tag} count, Java", stored["count"], rows[-1][1] if rows else 0)
            histogram = HdrHistogram.decode(stored["hdr"])
            for value, below in rows:
                wanted = histogram.get_value_at_percentile(100 * below / stored["count"])
                check(wrong, f"{tag} at rank {below}, Java", wanted, value)
            told += f", Java in {len(rows)} percentiles"
        if len(wrong) == before:
            print(told)
    if wrong:
        sys.exit(f"{len(wrong)} figures differ")


if __name__ == "__main__":
    main()
