"""An independent float32 forward pass over a GGUF file: what Cairn's arithmetic is compared with.

Shares no code with Cairn: it parses and dequantises the file itself, in NumPy. Families: llama, qwen2, qwen3,
gemma3. Slow and simple on purpose: whole texts, no cache.

    numpy_reference.py MODEL.gguf TOKENS.bin OUT.bin

TOKENS.bin and OUT.bin are described in reference_file.py; random:SEED:COUNT:VOCABULARY stands for a text of random
tokens. For each position it writes the most likely next token,
the log of the sum of exponentials of the logits, and the log-probability of the token that really follows.
"""

import struct
import sys
import time

import numpy as np

import reference_file

# ---------------------------------------------------------------------------------------------------------------
# The file


def read_gguf(path):
    """Returns (metadata, tensors): tensors[name] = (type number, shape outermost first, bytes)."""
    data = np.memmap(path, dtype=np.uint8, mode="r")
    at = 0

    def number(form):
        nonlocal at
        size = struct.calcsize(form)
        (value,) = struct.unpack("<" + form, data[at : at + size].tobytes())
        at += size
        return value

    def text():
        nonlocal at
        size = number("Q")
        value = data[at : at + size].tobytes()
        at += size
        return value.decode("utf-8", "replace")

    forms = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}

    def value(kind):
        nonlocal at
        if kind == 8:
            return text()
        if kind == 9:
            element = number("I")
            count = number("Q")
            if element in forms:  # arrays of numbers are not needed one by one
                size = struct.calcsize(forms[element]) * count
                out = np.frombuffer(data[at : at + size].tobytes(), dtype="<" + np.dtype(forms[element]).str[1:])
                at += size
                return out
            return [value(element) for _ in range(count)]
        return number(forms[kind])

    assert number("I") == 0x46554747, "not a GGUF file"
    assert number("I") in (2, 3)
    tensor_count, value_count = number("Q"), number("Q")
    metadata = {}
    for _ in range(value_count):
        name = text()
        metadata[name] = value(number("I"))
    described = []
    for _ in range(tensor_count):
        name = text()
        shape = [number("Q") for _ in range(number("I"))][::-1]
        described.append((name, shape, number("I"), number("Q")))
    alignment = metadata.get("general.alignment", 32)
    start = (at + alignment - 1) // alignment * alignment
    tensors = {}
    for name, shape, kind, offset in described:
        values, size = BLOCKS[kind]
        count = int(np.prod(shape)) // values * size
        tensors[name] = (kind, shape, data[start + offset : start + offset + count])
    return metadata, tensors


BLOCKS = {0: (1, 4), 1: (1, 2), 30: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34),
          12: (256, 144), 13: (256, 176), 14: (256, 210)}


def halves(raw):
    """Two bytes to float32, shape (..., 1)."""
    return np.ascontiguousarray(raw).view(np.float16).astype(np.float32)


def nibbles(raw):
    """(n, b) bytes to (n, 2b): all low halves, then all high halves."""
    return np.concatenate([raw & 15, raw >> 4], axis=1)


def fifth_bits(raw):
    """(n, 4) bytes, little-endian bit j belongs to value j: (n, 32) of 0 or 16."""
    return np.unpackbits(raw, axis=1, bitorder="little") << 4


def scales_of_k(raw):
    """12 bytes of Q4_K and Q5_K: scales (n, 8) and minima (n, 8), six bits each."""
    first, second, third = raw[:, 0:4], raw[:, 4:8], raw[:, 8:12]
    scale = np.concatenate([first & 63, (third & 15) | (first >> 6) << 4], axis=1)
    minimum = np.concatenate([second & 63, (third >> 4) | (second >> 6) << 4], axis=1)
    return scale.astype(np.float32), minimum.astype(np.float32)


def dequantise(kind, raw):
    """The values of a tensor as one float32 array."""
    raw = np.asarray(raw)
    if kind == 0:
        return raw.view(np.float32)
    if kind == 1:
        return raw.view(np.float16).astype(np.float32)
    if kind == 30:
        return (raw.view(np.uint16).astype(np.uint32) << 16).view(np.float32)
    b = raw.reshape(-1, BLOCKS[kind][1])
    if kind == 8:
        return (halves(b[:, :2]) * b[:, 2:].view(np.int8).astype(np.float32)).reshape(-1)
    if kind == 2:
        return (halves(b[:, :2]) * (nibbles(b[:, 2:]).astype(np.float32) - 8)).reshape(-1)
    if kind == 3:
        return (halves(b[:, :2]) * nibbles(b[:, 4:]) + halves(b[:, 2:4])).reshape(-1)
    if kind == 6:
        codes = (nibbles(b[:, 6:]) | fifth_bits(b[:, 2:6])).astype(np.float32)
        return (halves(b[:, :2]) * (codes - 16)).reshape(-1)
    if kind == 7:
        codes = nibbles(b[:, 8:]) | fifth_bits(b[:, 4:8])
        return (halves(b[:, :2]) * codes + halves(b[:, 2:4])).reshape(-1)
    if kind in (12, 13):
        scale, minimum = scales_of_k(b[:, 4:16])
        low = b[:, -128:].reshape(-1, 4, 32)
        codes = np.stack([low & 15, low >> 4], axis=2).reshape(-1, 8, 32)
        if kind == 13:
            bits = np.stack([(b[:, 16:48] >> g) & 1 for g in range(8)], axis=1)
            codes = codes | (bits << 4)
        out = (halves(b[:, 0:2]) * scale)[:, :, None] * codes - (halves(b[:, 2:4]) * minimum)[:, :, None]
        return out.astype(np.float32).reshape(-1)
    if kind == 14:
        low = b[:, 0:128].reshape(-1, 2, 2, 32)  # (block, half, which 32, j)
        high = b[:, 128:192].reshape(-1, 2, 1, 32)
        scale = b[:, 192:208].view(np.int8).astype(np.float32).reshape(-1, 16, 1)
        codes = np.concatenate(
            [(low & 15) | (np.concatenate([high & 3, high >> 2 & 3], axis=2) << 4),
             (low >> 4) | (np.concatenate([high >> 4 & 3, high >> 6], axis=2) << 4)], axis=2)
        codes = codes.reshape(-1, 16, 16).astype(np.float32) - 32
        return (halves(b[:, 208:210])[:, :, None] * scale * codes).reshape(-1)
    raise ValueError(f"tensor type {kind}")


# ---------------------------------------------------------------------------------------------------------------
# The model


class Model:
    def __init__(self, path):
        self.metadata, self.tensors = read_gguf(path)
        self.family = self.metadata["general.architecture"]
        assert self.family in ("llama", "qwen2", "qwen3", "gemma3"), self.family
        key = lambda name, default=None: self.metadata.get(f"{self.family}.{name}", default)
        self.layers = key("block_count")
        self.width = key("embedding_length")
        self.heads = key("attention.head_count")
        self.kv_heads = key("attention.head_count_kv", self.heads)
        self.head_dim = key("attention.key_length", self.width // self.heads)
        self.epsilon = np.float32(key("attention.layer_norm_rms_epsilon"))
        self.rope_base = key("rope.freq_base", 10000.0)
        self.window = key("attention.sliding_window", 0) if self.family == "gemma3" else 0
        assert key("rope.scaling.type", "none") in ("none", "linear")
        self.rope_scale = key("rope.scaling.factor", 1.0) if key("rope.scaling.type") == "linear" else 1.0
        self.embedding = self.tensor("token_embd.weight")
        self.head = self.tensor("output.weight") if "output.weight" in self.tensors else self.embedding

    def tensor(self, name):
        kind, shape, raw = self.tensors[name]
        return dequantise(kind, raw).reshape(shape)

    def optional(self, name):
        return self.tensor(name) if name in self.tensors else None

    def is_local(self, layer):
        return self.window > 0 and (layer + 1) % 6 != 0  # five local layers, then a global one

    def norm(self, x, weight):
        return x / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + self.epsilon) * weight

    def rope(self, x, layer):
        """x (tokens, heads, head_dim). Llama files hold pairs side by side, the others halves apart."""
        local = self.is_local(layer)
        base = 10000.0 if local else self.rope_base
        scale = 1.0 if local else self.rope_scale
        half = self.head_dim // 2
        frequency = base ** (-np.arange(half, dtype=np.float64) / half) / scale
        if "rope_freqs.weight" in self.tensors:
            frequency = frequency / self.tensor("rope_freqs.weight").astype(np.float64)
        angle = np.arange(x.shape[0], dtype=np.float64)[:, None] * frequency
        cos, sin = np.cos(angle)[:, None, :].astype(np.float32), np.sin(angle)[:, None, :].astype(np.float32)
        out = np.empty_like(x)
        if self.family == "llama":
            a, b = x[..., 0::2], x[..., 1::2]
            out[..., 0::2], out[..., 1::2] = a * cos - b * sin, b * cos + a * sin
        else:
            a, b = x[..., :half], x[..., half:]
            out[..., :half], out[..., half:] = a * cos - b * sin, b * cos + a * sin
        return out

    def attention(self, x, layer):
        p = f"blk.{layer}."
        tokens = x.shape[0]

        def project(name, heads):
            y = x @ self.tensor(p + name + ".weight").T
            bias = self.optional(p + name + ".bias")
            y = y if bias is None else y + bias
            return y.reshape(tokens, heads, self.head_dim)

        q, k, v = project("attn_q", self.heads), project("attn_k", self.kv_heads), project("attn_v", self.kv_heads)
        if self.family in ("qwen3", "gemma3"):
            q = self.norm(q, self.tensor(p + "attn_q_norm.weight"))
            k = self.norm(k, self.tensor(p + "attn_k_norm.weight"))
        q, k = self.rope(q, layer), self.rope(k, layer)
        position = np.arange(tokens)
        seen = position[None, :] <= position[:, None]
        if self.is_local(layer):
            seen &= position[None, :] > position[:, None] - self.window
        out = np.empty((tokens, self.heads, self.head_dim), np.float32)
        for h in range(self.heads):
            kv = h * self.kv_heads // self.heads
            score = q[:, h] @ k[:, kv].T / np.float32(np.sqrt(self.head_dim))
            score = np.where(seen, score, np.float32(-np.inf))
            score = np.exp(score - score.max(axis=1, keepdims=True))
            out[:, h] = (score / score.sum(axis=1, keepdims=True)) @ v[:, kv]
        return out.reshape(tokens, -1) @ self.tensor(p + "attn_output.weight").T

    def feed_forward(self, x, layer):
        p = f"blk.{layer}."
        gate = x @ self.tensor(p + "ffn_gate.weight").T
        if self.family == "gemma3":  # gelu, tanh form
            gate = 0.5 * gate * (1 + np.tanh(np.float32(0.7978845608) * (gate + np.float32(0.044715) * gate**3)))
        else:
            gate = gate / (1 + np.exp(-gate))
        return (gate * (x @ self.tensor(p + "ffn_up.weight").T)) @ self.tensor(p + "ffn_down.weight").T

    def hidden(self, ids):
        """The normed output of the last layer, (tokens, width)."""
        x = self.embedding[ids]
        if self.family == "gemma3":
            x = x * np.float32(np.sqrt(self.width))
        for layer in range(self.layers):
            p = f"blk.{layer}."
            y = self.attention(self.norm(x, self.tensor(p + "attn_norm.weight")), layer)
            if self.family == "gemma3":
                y = self.norm(y, self.tensor(p + "post_attention_norm.weight"))
            x = x + y
            y = self.feed_forward(self.norm(x, self.tensor(p + "ffn_norm.weight")), layer)
            if self.family == "gemma3":
                y = self.norm(y, self.tensor(p + "post_ffw_norm.weight"))
            x = x + y
        return self.norm(x, self.tensor("output_norm.weight"))

    def logits(self, ids):
        return self.hidden(ids) @ self.head.T


def judge(model, ids):
    """A reference_file.Text with what the model makes of these tokens."""
    hidden = model.hidden(ids)
    top = np.empty(len(ids), np.int32)
    total = np.empty(len(ids), np.float32)
    following = np.full(len(ids), np.nan, np.float32)
    for begin in range(0, len(ids), 128):  # the logits of a long text would not fit at once
        logits = hidden[begin : begin + 128] @ model.head.T
        top[begin : begin + 128] = logits.argmax(axis=1)
        largest = logits.max(axis=1)
        part = largest + np.log(np.exp(logits - largest[:, None]).sum(axis=1, dtype=np.float64))
        total[begin : begin + 128] = part
        for i in range(begin, min(begin + 128, len(ids) - 1)):
            following[i] = logits[i - begin, ids[i + 1]] - part[i - begin]
    return reference_file.Text(ids=np.asarray(ids, np.int32), top=top, total=total, following=following)


def main():
    model_path, tokens_path, out_path = sys.argv[1:]
    model = Model(model_path)
    if tokens_path.startswith("random:"):
        seed, count, vocabulary = map(int, tokens_path.split(":")[1:])
        inputs = [("random", np.random.default_rng(seed).integers(0, vocabulary, count, dtype=np.int32))]
    else:
        inputs = reference_file.read_tokens(tokens_path)
    texts = []
    started = time.time()
    for name, ids in inputs:
        texts.append((name, judge(model, ids)))
        print(f"{time.time() - started:7.1f} s  {name}  {len(ids)} tokens", flush=True)
    reference_file.write(out_path, texts)
    print(reference_file.summary(texts))


if __name__ == "__main__":
    main()
