#!/usr/bin/env python3
"""Draws SVG charts from the results of run.py, with the standard library alone; plain, and readable on light and on dark pages.

usage: charts.py RESULTS.json FOLDER      run.py calls it after each run

One chart for each workload, named after it, and throughput.svg with the four that are looked at first.
"""
import json
import math
import pathlib
import sys
from xml.sax.saxutils import escape

WIDTH = 720
LABELS = 190     # where bars begin
VALUES = 185     # to the right of the longest bar
ROW = 26
BAR = 16
HEAD = 46
TOGETHER = ("w1", "w2", "w3", "w4")

# The page shows through. Where the reader's system does not say whether it is light or dark, text is of a grey that can be read on both.
STYLE = """
text { font: 13px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; fill: #6e7781 }
.title { font-weight: 600 } .note { font-size: 11px } .value { font-variant-numeric: tabular-nums }
.ours { fill: #1f9d84 } .peer { fill: #8c959f } .floor { fill: #b6bec7 } .line { stroke: #8c959f; stroke-opacity: 0.4 } .range { stroke-width: 4; stroke-linecap: round }
.ours.range { stroke: #1f9d84 } .peer.range { stroke: #8c959f } .dot { stroke: none }
@media (prefers-color-scheme: light) { text { fill: #24292f } .note { fill: #57606a } }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .note { fill: #9aa4ae } .floor { fill: #545d68 } .peer { fill: #768390 } }
"""


def number_text(value):
    if value >= 1_000_000:
        return f"{value / 1e6:.2f} M"
    if value >= 10_000:
        return f"{value / 1e3:.0f} k"
    if value >= 1000:
        return f"{value / 1e3:.1f} k"
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}"


def time_text(microseconds):
    if microseconds >= 1000:
        return f"{microseconds / 1000:.0f} ms" if microseconds >= 10_000 else f"{microseconds / 1000:.1f} ms"
    return f"{microseconds:.0f} us"


def text(x, y, what, kind="", anchor="start"):
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}" text-anchor="{anchor}">{escape(what)}</text>'


def kind_of(name):
    if name.startswith("raw "):
        return "floor"
    return "peer" if name.startswith(("gRPC C++", "Cap'n", "Beast")) else "ours"


def lines_of(words, width):
    """A title broken into lines of so many letters."""
    lines = [""]
    for word in words.split():
        if lines[-1] and len(lines[-1]) + len(word) >= width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def head(found, top):
    """The title and what the numbers are; gives the marks and where to go on."""
    marks = []
    for line in lines_of(found["title"], 95):
        marks.append(text(0, top + 14, line, "title"))
        top += 18
    busy = "" if found["quiet"] else "; the machine was busy, so these are provisional"
    marks.append(text(0, top + 12, f"{'time' if found['unit'] == 'us' else found['unit']}, {found['better']} is better{busy}", "note"))
    return marks, top + 24


def bars(found, top):
    marks, top = head(found, top)
    most = max(median["value"] for median in found["medians"].values()) or 1
    room = WIDTH - LABELS - VALUES
    for name, median in found["medians"].items():
        width = max(1.5, median["value"] / most * room)
        middle = top + ROW / 2
        value = number_text(median["value"])
        if median.get("p50_us") and found["unit"] != "MB/s":
            value += f"  (p99 {time_text(median['p99_us'])})"
        elif "libraries_kib" in median and median["libraries_kib"] >= 1:
            value += f"  (itself {number_text(median['program_kib'])})"
        marks.append(text(LABELS - 10, middle + 4.5, name, "", "end"))
        marks.append(f'<rect x="{LABELS}" y="{middle - BAR / 2:.1f}" width="{width:.1f}" height="{BAR}" rx="2" class="{kind_of(name)}"/>')
        marks.append(text(LABELS + width + 8, middle + 4.5, value + ("" if median["calm"] else " *"), "value"))
        top += ROW
    return marks, top + 12


def ranges(found, top):
    """From p50 over p99 to p99.9 for each load, on a logarithmic axis."""
    marks, top = head(found, top)
    marks.append(text(0, top + 10, "from the median over p99 (dot) to p99.9, at so much of what each one can do in a closed loop", "note"))
    top += 24
    all_of = [at for median in found["medians"].values() for at in median["loads"].values()]
    low = math.floor(math.log10(max(1, min(at["p50_us"] for at in all_of))))
    high = math.ceil(math.log10(max(at["p999_us"] for at in all_of)))
    room = WIDTH - LABELS - VALUES

    def place(value):
        return LABELS + (math.log10(max(1, value)) - low) / (high - low or 1) * room

    begin = top
    for load in next(iter(found["medians"].values()))["loads"]:
        marks.append(text(0, top + 16, f"{load} % load", "title"))
        for name, median in found["medians"].items():
            at = median["loads"][load]
            middle = top + ROW / 2
            kind = "ours" if kind_of(name) == "ours" else "peer"
            marks.append(text(LABELS - 10, middle + 4.5, name, "", "end"))
            marks.append(f'<line x1="{place(at["p50_us"]):.1f}" x2="{place(at["p999_us"]):.1f}" y1="{middle}" y2="{middle}" class="{kind} range"/>')
            marks.append(f'<circle cx="{place(at["p99_us"]):.1f}" cy="{middle}" r="5" class="{kind} dot"/>')
            marks.append(text(WIDTH - VALUES + 12, middle + 4.5, " / ".join(time_text(at[which]) for which in ("p50_us", "p99_us", "p999_us")) + ("" if median["calm"] else " *"), "value"))
            top += ROW
        top += 8
    for power in range(low, high + 1):
        x = place(10**power)
        marks.insert(0, f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{begin}" y2="{top}" class="line"/>')
        marks.append(text(x, top + 14, f"{10**power} us" if power < 3 else f"{10**(power - 3)} ms", "note", "middle"))
    return marks, top + 26


def panel(found, top):
    return ranges(found, top) if found["kind"] == "open" else bars(found, top)


def page(panels, foot):
    marks, top = [], 8
    if not all(found["quiet"] for found in panels):
        foot = [*foot, "* Other work ran on the machine: provisional."]
    for found in panels:
        more, top = panel(found, top)
        marks += more
        top += 10
    for line in foot:
        marks.append(text(0, top + 6, line, "note"))
        top += 15
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-16 0 {WIDTH + 32} {top + 6:.0f}" width="{WIDTH + 32}" height="{top + 6:.0f}" role="img">'
            f"<title>{escape(panels[0]['title'])}</title><style>{STYLE}</style>" + "\n".join(marks) + "</svg>\n")


def draw(results, folder):
    machine, versions, settings = results["machine"], results["versions"], results["settings"]
    kind = "virtual machine" if machine["virtual"] else "machine"
    compiler = versions["compiler"].split(" (")[0] + " " + versions["compiler"].split()[-1]
    foot = lines_of(f"Medians of up to {settings['rounds']} rounds in turns; {'server and client on a core each' if results['pinned'] else 'not pinned'}; {machine['cores']}-core {kind}, {machine['processor']}; "
            f"{compiler} {versions['flags']}; {results['date'][:10]}.", 125)
    found = results["workloads"]
    for name, each in found.items():
        (folder / f"{name}.svg").write_text(page([each], foot), encoding="utf-8")
    together = [found[name] for name in TOGETHER if name in found]
    if len(together) == len(TOGETHER):
        (folder / "throughput.svg").write_text(page(together, foot), encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    draw(json.loads(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8")), pathlib.Path(sys.argv[2]))
