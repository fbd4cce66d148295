#include "worker/model/vocabulary_source.h"

#include <fstream>
#include <sstream>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace cairn {
namespace {

constexpr char kPrefix[] = "tokenizer.ggml.";

absl::StatusOr<std::optional<TokenId>> TokenIdOf(const Metadata& metadata, const char* name) {
  const auto value = metadata.Unsigned(absl::StrCat(kPrefix, name));
  if (!value.ok()) return value.status();
  if (!*value) return std::optional<TokenId>();
  // Some writers say "none" with the largest number.
  if (**value == 0xffffffffu) return std::optional<TokenId>();
  if (**value > 0x7fffffffu) {
    return absl::InvalidArgumentError(
        absl::StrCat(kPrefix, name, " is ", **value, ", which is no token"));
  }
  return std::optional<TokenId>(static_cast<TokenId>(**value));
}

absl::Status ReadIds(const Metadata& metadata, VocabularyData& data) {
  const std::pair<const char*, std::optional<TokenId>*> ids[] = {{"bos_token_id", &data.bos},
                                                                 {"eos_token_id", &data.eos},
                                                                 {"eot_token_id", &data.eot},
                                                                 {"unknown_token_id", &data.unk},
                                                                 {"padding_token_id", &data.pad}};
  for (const auto& [name, place] : ids) {
    const auto id = TokenIdOf(metadata, name);
    if (!id.ok()) return id.status();
    *place = *id;
  }
  const auto eom = TokenIdOf(metadata, "eom_token_id");
  if (!eom.ok()) return eom.status();
  if (*eom) data.end_of_generation.push_back(**eom);
  return absl::OkStatus();
}

absl::Status ReadFlags(const Metadata& metadata, VocabularyData& data) {
  const auto add_bos = metadata.Bool("tokenizer.ggml.add_bos_token");
  if (!add_bos.ok()) return add_bos.status();
  data.add_bos = *add_bos;
  const auto add_eos = metadata.Bool("tokenizer.ggml.add_eos_token");
  if (!add_eos.ok()) return add_eos.status();
  data.add_eos = *add_eos;
  const auto prefix = metadata.Bool("tokenizer.ggml.add_space_prefix");
  if (!prefix.ok()) return prefix.status();
  if (*prefix) data.space_prefix = **prefix ? SpacePrefix::kEveryFragment : SpacePrefix::kNever;
  return absl::OkStatus();
}

// A file of the folder, or nothing. Model folders hold tokenizers of tens of megabytes.
absl::StatusOr<std::string> ReadSmallFile(const std::filesystem::path& path) {
  constexpr uintmax_t kBytesMax = uintmax_t{256} << 20;
  std::error_code error;
  const uintmax_t bytes = std::filesystem::file_size(path, error);
  if (error) return std::string();
  if (bytes > kBytesMax) {
    return absl::InvalidArgumentError(
        absl::StrCat(path.string(), ": ", bytes, " bytes; at most ", kBytesMax, " are read"));
  }
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return std::move(text).str();
}

}  // namespace

absl::StatusOr<VocabularyData> VocabularyOfGguf(const Metadata& metadata) {
  VocabularyData data;
  const auto model = metadata.String("tokenizer.ggml.model");
  if (!model.ok()) return model.status();
  if (!*model) return absl::NotFoundError("the file has no tokenizer (tokenizer.ggml.model)");
  data.model = std::string(**model);
  const auto pre = metadata.String("tokenizer.ggml.pre");
  if (!pre.ok()) return pre.status();
  if (*pre) data.pre = std::string(**pre);
  const auto tokens = metadata.Strings("tokenizer.ggml.tokens");
  if (!tokens.ok()) return tokens.status();
  if (*tokens) data.tokens.assign((*tokens)->begin(), (*tokens)->end());
  const auto scores = metadata.Floats("tokenizer.ggml.scores");
  if (!scores.ok()) return scores.status();
  if (*scores) data.scores = **scores;
  const auto types = metadata.Integers("tokenizer.ggml.token_type");
  if (!types.ok()) return types.status();
  if (*types) {
    data.types.reserve((*types)->size());
    for (const int64_t type : **types) {
      // An impossible type stays impossible: whoever makes sense of it names the token.
      data.types.push_back(static_cast<TokenType>(type < 0 || type > 100 ? 0 : type));
    }
  }
  const auto merges = metadata.Strings("tokenizer.ggml.merges");
  if (!merges.ok()) return merges.status();
  if (*merges) data.merges.assign((*merges)->begin(), (*merges)->end());
  if (absl::Status status = ReadIds(metadata, data); !status.ok()) return status;
  if (absl::Status status = ReadFlags(metadata, data); !status.ok()) return status;
  return data;
}

absl::StatusOr<VocabularyData> ReadVocabulary(const WeightFile& file) {
  absl::StatusOr<VocabularyData> data;
  if (file.kind() == WeightFileKind::kGguf) {
    data = VocabularyOfGguf(file.metadata());
  } else {
    std::string texts[3];
    const char* names[3] = {"tokenizer.json", "tokenizer_config.json", "generation_config.json"};
    for (int i = 0; i < 3; ++i) {
      absl::StatusOr<std::string> text = ReadSmallFile(file.path() / names[i]);
      if (!text.ok()) return text.status();
      texts[i] = *std::move(text);
    }
    data = VocabularyOfJson({texts[0], texts[1], texts[2], file.config_json()});
  }
  if (data.ok()) return data;
  return absl::Status(data.status().code(),
                      absl::StrCat(file.path().string(), ": ", data.status().message()));
}

}  // namespace cairn
