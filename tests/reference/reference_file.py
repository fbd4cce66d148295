"""The files of the reference: token lists in, judgements out. Little-endian, read by the C++ tests too.

Tokens:  magic "CRTK", u32 texts; each: u32 name bytes, name, u32 tokens, i32 ids[tokens].
Results: magic "CRRS", u32 texts; each: the same, then i32 top[tokens], f32 total[tokens], f32 following[tokens].
  top        the most likely next token after position i
  total      log of the sum of exponentials of the logits at i
  following  log-probability of ids[i + 1] at i; NaN at the last position
"""

import struct
from dataclasses import dataclass

import numpy as np


@dataclass
class Text:
    ids: np.ndarray
    top: np.ndarray
    total: np.ndarray
    following: np.ndarray


def _open(path, magic):
    with open(path, "rb") as file:
        data = file.read()
    assert data[:4] == magic, f"{path} does not start with {magic}"
    at = 8

    def take(count, kind):
        nonlocal at
        out = np.frombuffer(data, kind, count, at)
        at += out.nbytes
        return out

    for _ in range(struct.unpack_from("<I", data, 4)[0]):
        name = bytes(take(int(take(1, "<u4")[0]), "u1")).decode()
        yield name, int(take(1, "<u4")[0]), take


def read_tokens(path):
    return [(name, take(count, "<i4")) for name, count, take in _open(path, b"CRTK")]


def read(path):
    return [(name, Text(take(n, "<i4"), take(n, "<i4"), take(n, "<f4"), take(n, "<f4")))
            for name, n, take in _open(path, b"CRRS")]


def _write(path, magic, texts):
    with open(path, "wb") as file:
        file.write(magic + struct.pack("<I", len(texts)))
        for name, arrays in texts:
            file.write(struct.pack("<I", len(name)) + name.encode() + struct.pack("<I", len(arrays[0])))
            for array in arrays:
                file.write(array.tobytes())


def write_tokens(path, texts):
    _write(path, b"CRTK", [(name, [np.asarray(ids, "<i4")]) for name, ids in texts])


def write(path, texts):
    _write(path, b"CRRS", [(name, [t.ids.astype("<i4"), t.top.astype("<i4"), t.total.astype("<f4"),
                                   t.following.astype("<f4")]) for name, t in texts])


def summary(texts):
    following = np.concatenate([t.following[:-1] for _, t in texts if len(t.ids) > 1])
    return f"{len(texts)} texts, {len(following)} predictions, perplexity {np.exp(-following.mean()):.4f}"
