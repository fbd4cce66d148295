"""Compares judgements of the same texts: the reference and any others, text by text or in all.

    compare_results.py REFERENCE.results NAME=OTHER.results... [--texts]

Any program that can give the logits of every position can write such a file (reference_file.py): a peer's
figures come from the same texts and the same tokens as ours.
"""

import sys

import numpy as np

import reference_file


def figures(reference, other):
    """(predictions, reference perplexity, perplexity, change, agreement) over pairs of texts."""
    r = np.concatenate([t.following[:-1] for t in reference]).astype(np.float64)
    o = np.concatenate([t.following[:-1] for t in other]).astype(np.float64)
    same = np.concatenate([a.top[:-1] == b.top[:-1] for a, b in zip(reference, other)])
    return len(r), np.exp(-r.mean()), np.exp(-o.mean()), np.exp((r - o).mean()) - 1, same.mean()


def line(name, f):
    print(f"| {name} | {f[0]} | {f[1]:.4f} | {f[2]:.4f} | {100 * f[3]:+.3f} % | {100 * f[4]:.2f} % |")


def main():
    reference = dict(reference_file.read(sys.argv[1]))
    print("| who | predictions | reference perplexity | perplexity | change | agreement |")
    print("|---|---|---|---|---|---|")
    for argument in sys.argv[2:]:
        if argument == "--texts":
            continue
        name, path = argument.split("=", 1)
        other = dict(reference_file.read(path))
        names = [n for n in reference if n in other and len(reference[n].ids) > 1]
        if "--texts" in sys.argv:
            for n in names:
                line(f"{name}: {n}", figures([reference[n]], [other[n]]))
        line(name, figures([reference[n] for n in names], [other[n] for n in names]))


if __name__ == "__main__":
    main()
