#!/usr/bin/env python3
"""Turns the lines of goodput_bench into the tables of docs/numbers/routing.md.

usage: goodput_table.py FILE.jsonl > tables.md
"""
import collections
import json
import sys

AXES = ("workers", "staleness_s", "schedulers", "kv_tokens")
FIRST = ["dual-hash", "e2", "e2,exploit=30", "min-ttft", "dualmap"]


def mean(values):
    return sum(values) / len(values)


def spread(rows):
    rates = [row["goodput"] for row in rows]
    digits = 1 if max(rates) < 100 else 0
    # Several schedulers that ask nobody, as they once all did.
    mark = "" if all(row["schedulers"] == 1 or row.get("asks") for row in rows) else "†"
    if len(rates) == 1:
        return f"{rates[0]:.{digits}f}{mark}"
    return f"{mean(rates):.{digits}f} ({min(rates):.{digits}f}-{max(rates):.{digits}f}){mark}"


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
        rates = {policy: mean([row["goodput"] for row in rows]) for policy, rows in cell.items()}
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


def main():
    tables = collections.defaultdict(lambda: collections.defaultdict(dict))
    runs = collections.defaultdict(lambda: collections.defaultdict(list))
    for line in open(sys.argv[1]):
        row = json.loads(line)
        if "goodput" in row:
            tables[title_of(row)][key_of(row)].setdefault(row["policy"], []).append(row)
        else:
            runs[title_of(row)][row["rate"], row["policy"]].append(row)
    for title, cells in sorted(tables.items()):
        table(cells, title)
        centre = cells.get((16, 1.0, 3, 1198080, "")) or next(iter(cells.values()))
        details(centre, f"{title}: the centre's runs at their goodput")
    for title, cells in sorted(runs.items()):
        run_table(cells, f"{title}: at one rate")


if __name__ == "__main__":
    main()
