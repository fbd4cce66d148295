// `cairn model inspect MODEL`: what is in a model file, and what it will cost to serve it.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/model/weight_file.h"

namespace cairn {

void AddModelInspect(CLI::App& model);

// What `inspect` shows. Where the file is no model that Cairn runs, `refusal` says why and only
// what can be known is filled in.
struct ModelReport {
  std::string path;
  std::string format;  // "GGUF" or "safetensors"
  std::string architecture;
  std::string name;
  std::string refusal;  // empty: Cairn runs it
  uint64_t parameters = 0;
  uint64_t tensor_bytes = 0;
  std::vector<std::pair<std::string, uint64_t>> sizes;  // "layers", 30 and so on
  uint64_t kv_bytes_per_token = 0;                      // in bf16
  std::string tokenizer;                                // "gpt2 (smollm)", or empty
  uint64_t vocabulary = 0;
  bool has_chat_template = false;
  struct TypeUse {
    uint64_t tensors = 0;
    uint64_t bytes = 0;
  };
  std::map<std::string, TypeUse> types;  // by the type's name
};

ModelReport InspectModel(const WeightFile& file);

}  // namespace cairn
