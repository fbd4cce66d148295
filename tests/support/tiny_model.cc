#include "tests/support/tiny_model.h"

#include <cmath>
#include <cstring>
#include <vector>

#include "kvstore/base/check.h"
#include "kvstore/base/prng.h"
#include "tests/support/gguf_writer.h"

namespace cairn {
namespace {

enum TokenKind : int32_t { kNormal = 1, kUnknown = 2, kControl = 3, kUnused = 5, kByte = 6 };

struct Vocabulary {
  std::vector<std::string> tokens;
  std::vector<int32_t> kinds;
  void Add(std::string token, TokenKind kind) {
    tokens.push_back(std::move(token));
    kinds.push_back(kind);
  }
  void FillUp() {
    while (tokens.size() < kTinyVocabulary) {
      Add("<unused" + std::to_string(tokens.size()) + ">", kUnused);
    }
    CAIRN_CHECK_EQ(tokens.size(), size_t{kTinyVocabulary});
  }
};

std::string Utf8(uint32_t code) {  // below 0x800
  if (code < 0x80) return {static_cast<char>(code)};
  return {static_cast<char>(0xc0 | code >> 6), static_cast<char>(0x80 | (code & 63))};
}

// GPT-2's printable stand-in for a byte.
uint32_t StandIn(uint32_t byte) {
  const auto printable = [](uint32_t b) {
    return (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
  };
  if (printable(byte)) return byte;
  uint32_t before = 0;
  for (uint32_t b = 0; b < byte; ++b) before += printable(b) ? 0 : 1;
  return 256 + before;
}

constexpr const char* kChatMl =
    "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + "
    "'<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' "
    "}}{% endif %}";

void AddBytePairTokenizer(GgufWriter& writer) {
  Vocabulary vocabulary;
  vocabulary.Add("<|endoftext|>", kControl);
  vocabulary.Add("<|im_start|>", kControl);
  vocabulary.Add("<|im_end|>", kControl);
  for (uint32_t byte = 0; byte < 256; ++byte) vocabulary.Add(Utf8(StandIn(byte)), kNormal);
  const std::string space = Utf8(StandIn(' '));
  const std::vector<std::pair<std::string, std::string>> merges = {
      {space, "t"}, {"h", "e"}, {space, "a"}, {"i", "n"}, {space + "t", "he"},
      {"r", "e"},   {"o", "n"}, {"in", "g"},  {"n", "d"}, {"e", "r"}};
  std::vector<std::string> lines;
  for (const auto& [left, right] : merges) {
    lines.push_back(left + " " + right);
    vocabulary.Add(left + right, kNormal);
  }
  vocabulary.FillUp();
  writer.AddString("tokenizer.ggml.model", "gpt2");
  writer.AddString("tokenizer.ggml.pre", "smollm");
  writer.AddStrings("tokenizer.ggml.tokens", vocabulary.tokens);
  writer.AddIntegers("tokenizer.ggml.token_type", vocabulary.kinds);
  writer.AddStrings("tokenizer.ggml.merges", lines);
  writer.AddUint32("tokenizer.ggml.bos_token_id", 1);
  writer.AddUint32("tokenizer.ggml.eos_token_id", 2);
  writer.AddBool("tokenizer.ggml.add_bos_token", false);
  writer.AddString("tokenizer.chat_template", kChatMl);
}

void AddSentencePieceTokenizer(GgufWriter& writer) {
  Vocabulary vocabulary;
  vocabulary.Add("<pad>", kControl);
  vocabulary.Add("<eos>", kControl);
  vocabulary.Add("<bos>", kControl);
  vocabulary.Add("<unk>", kUnknown);
  constexpr const char* kHex = "0123456789ABCDEF";
  for (uint32_t byte = 0; byte < 256; ++byte) {
    vocabulary.Add(std::string("<0x") + kHex[byte >> 4] + kHex[byte & 15] + ">", kByte);
  }
  const std::string space = "\xe2\x96\x81";
  for (const char* piece : {"e", "t", "a", "o", "n", "h", "he", "the", "in", "on", "an"}) {
    vocabulary.Add(piece, kNormal);
  }
  vocabulary.Add(space, kNormal);
  vocabulary.Add(space + "t", kNormal);
  vocabulary.Add(space + "the", kNormal);
  vocabulary.FillUp();
  std::vector<float> scores;
  for (size_t i = 0; i < vocabulary.tokens.size(); ++i) scores.push_back(-static_cast<float>(i));
  writer.AddString("tokenizer.ggml.model", "llama");
  writer.AddString("tokenizer.ggml.pre", "default");
  writer.AddStrings("tokenizer.ggml.tokens", vocabulary.tokens);
  writer.AddIntegers("tokenizer.ggml.token_type", vocabulary.kinds);
  writer.AddFloats("tokenizer.ggml.scores", scores);
  writer.AddUint32("tokenizer.ggml.bos_token_id", 2);
  writer.AddUint32("tokenizer.ggml.eos_token_id", 1);
  writer.AddUint32("tokenizer.ggml.unknown_token_id", 3);
  writer.AddBool("tokenizer.ggml.add_bos_token", true);
  writer.AddBool("tokenizer.ggml.add_space_prefix", false);
}

uint32_t GgufNumber(TensorType type) {
  for (uint32_t number = 0; number < 64; ++number) {
    if (TensorTypeFromGguf(number) == type) return number;
  }
  CAIRN_CHECK(false);
  return 0;
}

// Halves and bf16 of small powers of two and small sums of them are exact, so cutting bits is
// enough.
uint16_t HalfOf(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof(bits));
  const uint32_t sign = bits >> 16 & 0x8000;
  const int exponent = static_cast<int>(bits >> 23 & 255) - 112;
  if (exponent <= 0) return static_cast<uint16_t>(sign);  // tiny: zero
  return static_cast<uint16_t>(sign | static_cast<uint32_t>(exponent) << 10 | (bits >> 13 & 0x3ff));
}

template <typename T>
void Append(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

// Random values of about the given size, as the type stores them.
class RandomTensors {
 public:
  RandomTensors(GgufWriter& writer, uint64_t seed) : writer_(writer), prng_(seed) {}

  void Matrix(const std::string& name, uint32_t columns, uint32_t rows, TensorType type) {
    const float size = 1.7f / std::sqrt(static_cast<float>(columns));
    std::string bytes;
    const uint64_t blocks = uint64_t{columns} * rows / InfoOf(type).values;
    for (uint64_t i = 0; i < blocks; ++i) AppendBlock(bytes, type, size);
    writer_.AddTensor(name, {columns, rows}, GgufNumber(type), bytes);
  }
  void Vector(const std::string& name, uint32_t count, float middle, float spread) {
    std::vector<float> values(count);
    for (float& x : values) x = middle + Between(-spread, spread);
    writer_.AddFloatTensor(name, {count}, values);
  }

 private:
  float Between(float low, float high) {
    return low + (high - low) * static_cast<float>(prng_.Uniform());
  }
  void AppendCodes(std::string& out, int bytes) {
    for (int i = 0; i < bytes; ++i) out.push_back(static_cast<char>(prng_.Next() >> 56));
  }
  void AppendBlock(std::string& out, TensorType type, float size) {
    switch (type) {
      case TensorType::kF32:
        return Append(out, Between(-size, size));
      case TensorType::kF16:
        return Append(out, HalfOf(Between(-size, size)));
      case TensorType::kBf16: {
        const float x = Between(-size, size);
        uint16_t half;
        std::memcpy(&half, reinterpret_cast<const char*>(&x) + 2, sizeof(half));
        return Append(out, half);
      }
      case TensorType::kQ8_0:
        Append(out, HalfOf(size / 128 * Between(0.5f, 1.5f)));
        return AppendCodes(out, 32);
      case TensorType::kQ4_0:
        Append(out, HalfOf(size / 8 * Between(0.5f, 1.5f)));
        return AppendCodes(out, 16);
      case TensorType::kQ4_1: {
        const float scale = size / 8 * Between(0.5f, 1.5f);
        Append(out, HalfOf(scale));
        Append(out, HalfOf(scale * Between(-8.5f, -6.5f)));
        return AppendCodes(out, 16);
      }
      default:
        CAIRN_CHECK(false);
    }
  }

  GgufWriter& writer_;
  Prng prng_;
};

void AddLayer(RandomTensors& random, const TinyModelOptions& options, uint32_t layer) {
  const std::string p = "blk." + std::to_string(layer) + ".";
  const uint32_t query = options.heads * options.head_dim;
  const uint32_t kv = options.kv_heads * options.head_dim;
  const bool gemma = options.family == ModelFamily::kGemma3;
  random.Vector(p + "attn_norm.weight", options.width, 1, 0.3f);
  random.Matrix(p + "attn_q.weight", options.width, query, options.weights);
  random.Matrix(p + "attn_k.weight", options.width, kv, options.weights);
  random.Matrix(p + "attn_v.weight", options.width, kv, options.weights);
  random.Matrix(p + "attn_output.weight", query, options.width, options.weights);
  if (options.family == ModelFamily::kQwen2) {
    random.Vector(p + "attn_q.bias", query, 0, 0.5f);
    random.Vector(p + "attn_k.bias", kv, 0, 0.5f);
    random.Vector(p + "attn_v.bias", kv, 0, 0.5f);
  }
  if (gemma || options.family == ModelFamily::kQwen3) {
    random.Vector(p + "attn_q_norm.weight", options.head_dim, 1, 0.3f);
    random.Vector(p + "attn_k_norm.weight", options.head_dim, 1, 0.3f);
  }
  if (gemma) {
    random.Vector(p + "post_attention_norm.weight", options.width, 1, 0.3f);
    random.Vector(p + "post_ffw_norm.weight", options.width, 1, 0.3f);
  }
  random.Vector(p + "ffn_norm.weight", options.width, 1, 0.3f);
  random.Matrix(p + "ffn_gate.weight", options.width, options.feed_forward, options.weights);
  random.Matrix(p + "ffn_up.weight", options.width, options.feed_forward, options.weights);
  random.Matrix(p + "ffn_down.weight", options.feed_forward, options.width, options.weights);
}

}  // namespace

std::string TinyModel(const TinyModelOptions& options) {
  const bool gemma = options.family == ModelFamily::kGemma3;
  const uint32_t layers = options.layers != 0 ? options.layers : gemma ? 7 : 2;
  const std::string family = NameOf(options.family);
  GgufWriter writer;
  writer.AddString("general.architecture", family);
  writer.AddString("general.name", "Tiny " + family);
  writer.AddUint32(family + ".block_count", layers);
  writer.AddUint32(family + ".context_length", options.context_length);
  writer.AddUint32(family + ".embedding_length", options.width);
  writer.AddUint32(family + ".feed_forward_length", options.feed_forward);
  writer.AddUint32(family + ".attention.head_count", options.heads);
  writer.AddUint32(family + ".attention.head_count_kv", options.kv_heads);
  writer.AddUint32(family + ".attention.key_length", options.head_dim);
  writer.AddUint32(family + ".attention.value_length", options.head_dim);
  writer.AddFloat(family + ".attention.layer_norm_rms_epsilon", 1e-5f);
  writer.AddFloat(family + ".rope.freq_base", 10000.0f);
  if (gemma) {
    writer.AddUint32(family + ".attention.sliding_window", options.window);
    AddSentencePieceTokenizer(writer);
  } else {
    AddBytePairTokenizer(writer);
  }
  RandomTensors random(writer, options.seed);
  random.Matrix("token_embd.weight", options.width, kTinyVocabulary, options.weights);
  for (uint32_t layer = 0; layer < layers; ++layer) AddLayer(random, options, layer);
  random.Vector("output_norm.weight", options.width, 1, 0.3f);
  return writer.Finish();
}

}  // namespace cairn
