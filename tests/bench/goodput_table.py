#!/usr/bin/env python3
"""Turns the lines of goodput_bench into the tables of docs/numbers/routing.md.

usage: goodput_table.py FILE.jsonl          the centre, and cells that differ from it in one thing
       goodput_table.py FILE.jsonl --all    every cell (docs/numbers/routing-cells.md)
"""
import collections
import json
import sys

AXES = ("workers", "staleness_s", "schedulers", "kv_tokens")
CENTRES = {"agents": (4, 1.0, 3, 4000000), None: (16, 1.0, 3, 1198080)}
FIRST = ["dual-hash", "e2", "e2,ask=0,ahead=4096", "min-ttft", "dualmap"]


def mean(values):
    return sum(values) / len(values)


def spread(rows):
    rates = [row["goodput"] for row in rows]
    digits = 1 if max(rates) < 100 else 0
    if len(rates) == 1:
        return f"{rates[0]:.{digits}f}"
    return f"{mean(rates):.{digits}f} ({min(rates):.{digits}f}-{max(rates):.{digits}f})"


def table(cells, title):
    """Rows are clusters, columns policies."""
    policies = sorted({policy for cell in cells.values() for policy in cell})
    policies = [p for p in FIRST if p in policies] + [p for p in policies if p not in FIRST]
    print(f"\n### {title}\n")
    print("| workers, staleness, schedulers, KV tokens | seeds | bound | "
          + " | ".join(policies) + " | of bound | best rival |")
    print("|---|---:|---:|" + "---:|" * (len(policies) + 2))
    for key in sorted(cells):
        cell = cells[key]
        rates = rates_of(cell)
        best = max(rates.values())
        entries = []
        for policy in policies:
            text = spread(cell[policy]) if policy in cell else ""
            entries.append(f"**{text}**" if text and rates[policy] == best else text)
        own = cell.get("dual-hash")
        bound = mean([row["bound"] for row in next(iter(cell.values()))])
        of_bound = f"{100 * rates['dual-hash'] / bound:.0f} %" if own else ""
        rivals = [rate for policy, rate in rates.items() if not policy.startswith("dual-hash")]
        ratio = f"{rates['dual-hash'] / max(rivals):.2f}" if own and rivals else ""
        seeds = max(len(rows) for rows in cell.values())
        where = f"{key[0]}, {key[1]:g} s, {key[2]}, {key[3] / 1e6:.1f} M" + (key[4] and "; " + key[4])
        print(f"| {where} | {seeds} | {bound:.1f} | "
              + " | ".join(entries) + f" | {of_bound} | {ratio} |")


def rates_of(cell):
    return {policy: mean([row["goodput"] for row in rows]) for policy, rows in cell.items()}


def summary(tables):
    """In how many cells the default is the best, and how far behind it is elsewhere."""
    print("\n| | workers | cells | best | within the seeds' spread of it | behind | least, mean, most of the best rival "
          "| least, mean, most of the bound |")
    print("|---|---:|---:|---:|---:|---:|---|---|")
    groups = collections.defaultdict(list)
    for title, cells in tables.items():
        for key, cell in cells.items():
            if "dual-hash" in cell and len(cell) > 2:
                groups[title, key[0]].append(cell)
    for (title, workers), cells in sorted(groups.items()):
        best = near = 0
        ratios, parts = [], []
        for cell in cells:
            rates = rates_of(cell)
            own = rates["dual-hash"]
            rival = max((p for p in rates if not p.startswith("dual-hash")), key=rates.get)
            ratios.append(own / rates[rival])
            parts.append(100 * own / mean([row["bound"] for row in cell["dual-hash"]]))
            spreads = [max(r["goodput"] for r in cell[p]) - min(r["goodput"] for r in cell[p]) for p in ("dual-hash", rival)]
            best += own >= rates[rival]
            near += 0 < rates[rival] - own <= max(spreads)
        print(f"| {title} | {workers} | {len(cells)} | {best} | {near} | {len(cells) - best - near} | "
              f"{min(ratios):.2f}, {mean(ratios):.2f}, {max(ratios):.2f} | "
              f"{min(parts):.0f}, {mean(parts):.0f}, {max(parts):.0f} % |")


def details(cells, title):
    print(f"\n### {title}\n")
    print("| policy | goodput | hit share | of the hit bound | busiest worker / mean | "
          "TTFT p50 | p90 | p99 |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    for policy, rows in sorted(cells.items(), key=lambda item: -mean([r["goodput"] for r in item[1]])):
        hit, of = mean([r["hit"] for r in rows]), mean([r["hit"] / r["hit_bound"] for r in rows])
        print(f"| {policy} | {spread(rows)} | {hit:.3f} | {100 * of:.0f} % | "
              f"{mean([r['imbalance'] for r in rows]):.2f} | "
              + " | ".join(f"{mean([r[f'ttft_{p}_s'] for r in rows]):.1f} s"
                           for p in ("p50", "p90", "p99")) + " |")


def run_table(runs, title):
    """Runs at one rate: what policies hit, and keep, there."""
    print(f"\n### {title}\n")
    print("| rate | policy | seeds | hit share | attainment | busiest worker / mean |")
    print("|---:|---|---:|---:|---:|---:|")
    for (rate, policy), rows in sorted(runs.items()):
        print(f"| {rate:g} | {policy} | {len(rows)} | {mean([r['hit'] for r in rows]):.3f} | "
              f"{mean([r['attainment'] for r in rows]):.2f} | "
              f"{mean([r['imbalance'] for r in rows]):.2f} |")


def title_of(row):
    return f"{row['trace']}{' (tuning part)' if row['tuning'] else ''}, {row['profile']}"


def key_of(row):
    """A row of the table: the axes, and what else is unusual about the cell."""
    unusual = []
    requests = row["requests"] * row["workers"] // 16
    if requests > 4000 and row["workers"] <= 16:
        unusual.append(f"{requests:,} requests")
    if row.get("outputs"):
        unusual.append(f"answers decoded, TTFT {row['ttft_s']:g} s, TPOT {1000 * row['tpot_s']:g} ms")
    if row.get("overhead_ms"):
        unusual.append(f"{row['overhead_ms']:g} ms more a step")
    if row.get("fetch_gbps"):
        unusual.append(f"fetching at {row['fetch_gbps']:g} GB/s")
    return tuple(row[axis] for axis in AXES) + (", ".join(unusual),)


def centre_of(trace):
    return CENTRES.get(trace, CENTRES[None])


def is_near(key, centre):
    """Differs from the centre in one of the axes at most, or is a cell of its own kind."""
    return bool(key[4]) or sum(a != b for a, b in zip(key, centre)) <= 1


def main():
    tables = collections.defaultdict(lambda: collections.defaultdict(dict))
    runs = collections.defaultdict(lambda: collections.defaultdict(list))
    centres = {}
    for line in open(sys.argv[1]):
        row = json.loads(line)
        title = title_of(row)
        if "goodput" in row:
            tables[title][key_of(row)].setdefault(row["policy"], []).append(row)
            centres[title] = centre_of(row["trace"])
        else:
            runs[title][row["rate"], row["policy"]].append(row)
    if "--all" in sys.argv:
        for title, cells in sorted(tables.items()):
            table(cells, title)
        return
    summary(tables)
    for title, cells in sorted(tables.items()):
        near = {key: cell for key, cell in cells.items() if is_near(key, centres[title])} or cells
        table(near, title)
        centre = cells.get(centres[title] + ("",)) or next(iter(cells.values()))
        details(centre, f"{title}: the centre's runs at their goodput")
    for title, cells in sorted(runs.items()):
        run_table(cells, f"{title}: at one rate")


if __name__ == "__main__":
    main()
