// Writes the tiny model as a GGUF file: write_tiny_model OUT.gguf [llama|qwen2|qwen3|gemma3]
// With a family: in bf16, as tests/reference/tiny-FAMILY.results were made from, by
//   python3 tests/reference/numpy_reference.py OUT.gguf random:1:200:320 OUT.results
#include <cstdio>
#include <cstring>
#include <fstream>
#include <utility>

#include "tests/support/tiny_model.h"

namespace cairn {
namespace {

int Write(const char* path, const TinyModelOptions& options) {
  std::ofstream out(path, std::ios::binary);
  out << TinyModel(options);
  return out ? 0 : 1;
}

int Main(int argc, char** argv) {
  if (argc == 2) return Write(argv[1], {});
  for (const ModelFamily family :
       {ModelFamily::kLlama, ModelFamily::kQwen2, ModelFamily::kQwen3, ModelFamily::kGemma3}) {
    if (argc != 3 || std::strcmp(argv[2], NameOf(family)) != 0) continue;
    return Write(argv[1], {.family = family, .weights = TensorType::kBf16});
  }
  std::fprintf(stderr, "usage: %s OUT.gguf [llama|qwen2|qwen3|gemma3]\n", argv[0]);
  return 2;
}

}  // namespace
}  // namespace cairn

int main(int argc, char** argv) { return cairn::Main(argc, argv); }
