// The tokenizer that comes with a model file, as plain data: GGUF's tokenizer.ggml.* values, or the
// tokenizer.json of a safetensors folder.
#pragma once

#include <string_view>

#include "absl/status/statusor.h"
#include "kvstore/base/vocabulary_data.h"
#include "worker/model/metadata.h"
#include "worker/model/weight_file.h"

namespace cairn {

// NOT_FOUND if there is none; INVALID_ARGUMENT that names the value if it is of the wrong type;
// UNIMPLEMENTED that names it if a tokenizer.json asks for what we do not do.
absl::StatusOr<VocabularyData> ReadVocabulary(const WeightFile& file);

absl::StatusOr<VocabularyData> VocabularyOfGguf(const Metadata& metadata);

// The JSON files of a Hugging Face folder; all but the first may be empty.
struct TokenizerJson {
  std::string_view tokenizer;          // tokenizer.json
  std::string_view tokenizer_config;   // tokenizer_config.json: names of bos, eos, unk, pad
  std::string_view generation_config;  // generation_config.json: more end tokens
  std::string_view config;             // config.json: the same, in older folders
};
absl::StatusOr<VocabularyData> VocabularyOfJson(const TokenizerJson& files);

}  // namespace cairn
