// Writes a tiny model of random weights: write_tiny_model FILE.gguf [llama|qwen2|qwen3|gemma3]
#include <cstring>
#include <fstream>
#include <iostream>

#include "tests/support/tiny_model.h"

int main(int argc, char** argv) {
  cairn::TinyModelOptions options;
  if (argc > 2) {
    for (cairn::ModelFamily family : {cairn::ModelFamily::kLlama, cairn::ModelFamily::kQwen2,
                                      cairn::ModelFamily::kQwen3, cairn::ModelFamily::kGemma3}) {
      if (std::strcmp(argv[2], cairn::NameOf(family)) == 0) options.family = family;
    }
  }
  if (argc < 2) {
    std::cerr << "write_tiny_model FILE.gguf [FAMILY]\n";
    return 2;
  }
  std::ofstream file(argv[1], std::ios::binary);
  file << cairn::TinyModel(options);
  return file.good() ? 0 : 1;
}
