#!/usr/bin/env python3
"""What run.py makes of measurements and charts.py of results, on measurements made up here. usage: python3 tests/bench/check_tool.py"""
import pathlib
import subprocess
import sys
import tempfile
import time
import unittest
import xml.dom.minidom

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.dont_write_bytecode = True

import charts  # noqa: E402
import processes  # noqa: E402
import run  # noqa: E402
from workloads import WORKLOADS, Contestant, Workload  # noqa: E402

PAIR = Workload("pair", "two <of> them", (Contestant("tenon", "a_server", "a_client"), Contestant("raw asio", "b_server", "b_client")), ratios=(("tenon", "raw asio", 0.7),))


def row(number, contestant, value, disturbed=0.0, **more):
    return {"round": number, "contestant": contestant, "value": value, "disturbed": disturbed, "calm": disturbed <= run.DISTURBED, "p50_us": 10.0, "p99_us": 20.0, **more}


def results(workload, rows):
    found = run.summarised(workload, rows)
    return {"workloads": {workload.name: found}, "quiet": found["quiet"], "machine": {"virtual": True, "cores": 2, "processor": "a & b"}, "versions": {"compiler": "g++ (x) 12", "flags": "-O3"},
            "settings": {"rounds": 3}, "pinned": True, "date": "2026-01-01T00:00:00"}


class Tool(unittest.TestCase):
    def test_the_ratio_is_the_median_of_the_rounds_own_ratios(self):
        rows = [row(1, "tenon", 80), row(1, "raw asio", 100), row(2, "tenon", 9), row(2, "raw asio", 10), row(3, "tenon", 700), row(3, "raw asio", 1000)]
        found = run.summarised(PAIR, rows)
        self.assertAlmostEqual(found["ratios"][0]["ratio"], 0.8)
        self.assertEqual(found["medians"]["tenon"]["value"], 80)
        self.assertTrue(found["quiet"])

    def test_a_disturbed_round_is_left_out_of_medians_and_ratios(self):
        rows = [row(1, "tenon", 80), row(1, "raw asio", 100), row(2, "tenon", 1, disturbed=0.9), row(2, "raw asio", 100), row(3, "tenon", 90), row(3, "raw asio", 100)]
        found = run.summarised(PAIR, rows)
        self.assertEqual(found["medians"]["tenon"], {**found["medians"]["tenon"], "value": 85, "rounds": 2, "calm": True})
        self.assertEqual(found["ratios"][0]["rounds"], 2)
        self.assertAlmostEqual(found["ratios"][0]["ratio"], 0.85)

    def test_of_two_attempts_the_calm_one_counts(self):
        rows = [row(1, "tenon", 1, disturbed=0.9), row(1, "tenon", 80), row(1, "raw asio", 100)]
        self.assertEqual(run.summarised(PAIR, rows)["medians"]["tenon"]["value"], 80)

    def test_without_a_calm_round_all_count_and_it_is_said(self):
        rows = [row(number, name, 50, disturbed=0.5) for number in (1, 2) for name in ("tenon", "raw asio")]
        found = run.summarised(PAIR, rows)
        self.assertFalse(found["quiet"])
        self.assertEqual((found["medians"]["tenon"]["rounds"], found["medians"]["tenon"]["calm"]), (2, False))
        with tempfile.TemporaryDirectory() as folder:
            charts.draw(results(PAIR, rows), pathlib.Path(folder))
            self.assertIn("provisional", (pathlib.Path(folder) / "pair.svg").read_text(encoding="utf-8"))

    def test_charts_are_well_formed_and_the_longest_bar_is_the_largest_value(self):
        rows = [row(1, "tenon", 50), row(1, "raw asio", 100)]
        with tempfile.TemporaryDirectory() as folder:
            charts.draw(results(PAIR, rows), pathlib.Path(folder))
            drawn = xml.dom.minidom.parse(str(pathlib.Path(folder) / "pair.svg"))
        widths = {bar.getAttribute("class"): float(bar.getAttribute("width")) for bar in drawn.getElementsByTagName("rect")}
        self.assertAlmostEqual(widths["ours"] * 2, widths["floor"], delta=0.2)

    def test_latencies_of_an_open_loop_are_drawn_from_left_to_right(self):
        loads = {str(load): {"calls_per_second": 1.0, "p50_us": 10.0, "p99_us": 100.0, "p999_us": 1000.0} for load in run.LOADS}
        rows = [row(1, name, 50, loads=loads) for name in ("tenon", "raw asio")]
        workload = Workload("late", "open", PAIR.contestants, kind="open", unit="us", better="lower")
        with tempfile.TemporaryDirectory() as folder:
            charts.draw(results(workload, rows), pathlib.Path(folder))
            drawn = xml.dom.minidom.parse(str(pathlib.Path(folder) / "late.svg"))
        spans = [line for line in drawn.getElementsByTagName("line") if "range" in line.getAttribute("class")]
        self.assertEqual(len(spans), 2 * len(run.LOADS))
        self.assertTrue(all(float(line.getAttribute("x1")) < float(line.getAttribute("x2")) for line in spans))

    def test_every_ratio_names_contestants_of_its_workload(self):
        for workload in WORKLOADS:
            names = [each.name for each in workload.contestants]
            self.assertEqual(len(names), len(set(names)))
            for above, below, _ in workload.ratios:
                self.assertIn(above, names)
                self.assertIn(below, names)
            self.assertTrue(hasattr(run.Run, workload.kind))

    def test_the_default_set_is_planned_for_less_than_its_limit(self):
        planned = sum(run.planned_seconds(each, 0.8, 0.3) * len(each.contestants) * (each.rounds or 5) for each in WORKLOADS if each.default)
        self.assertLess(planned, run.LIMIT)

    def test_what_other_processes_use_is_seen(self):
        watch = processes.Watch()
        with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as other:
            time.sleep(0.5)
            usage = watch.usage()
            other.kill()
        self.assertGreater(usage["disturbed"], 0.2)


if __name__ == "__main__":
    unittest.main()
