// A complete model of a few kilobytes with random weights, written as GGUF: for tests that need a
// model to run and not a model that is good. It has a real tokenizer (byte-level BPE for the llama
// and qwen families, SentencePiece-style for gemma3) and, except for gemma3, a ChatML template.
#pragma once

#include <filesystem>
#include <string>

#include "tests/support/scratch_folder.h"
#include "worker/model/model_config.h"
#include "worker/model/tensor_type.h"

namespace cairn {

struct TinyModelOptions {
  ModelFamily family = ModelFamily::kLlama;
  TensorType weights = TensorType::kQ4_1;  // of the matrices: F32, F16, BF16, Q8_0, Q4_0, Q4_1
  uint32_t layers = 0;                     // 0: 2, or 7 for gemma3 so that one of them is full
  uint32_t width = 64;
  uint32_t heads = 4;
  uint32_t kv_heads = 2;
  uint32_t head_dim = 16;
  uint32_t feed_forward = 128;
  uint32_t context_length = 2048;
  uint32_t window = 40;  // gemma3
  uint64_t seed = 1;
};

inline constexpr uint32_t kTinyVocabulary = 320;

// The bytes of the file. The same options give the same bytes.
std::string TinyModel(const TinyModelOptions& options);

// The file itself, in a folder of its own that goes with the object.
class TinyModelFile {
 public:
  explicit TinyModelFile(const TinyModelOptions& options = {})
      : path_(folder_.Write("tiny.gguf", TinyModel(options))) {}
  const std::filesystem::path& path() const { return path_; }

 private:
  ScratchFolder folder_;
  std::filesystem::path path_;
};

}  // namespace cairn
