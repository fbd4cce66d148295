// Hugging Face's tokenizer.json: BPE with a byte-level pre-tokenizer (GPT-2's line) or with byte
// fallback (SentencePiece's). What we know, we translate into the words of GGUF; the rest is
// refused.
#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "worker/model/vocabulary_source.h"

namespace cairn {
namespace {

using Json = nlohmann::json;

constexpr char kSpaceMark[] = "\xe2\x96\x81";
constexpr size_t kTokensMax = size_t{1} << 22;

constexpr char kLlama3Pattern[] =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr char kQwen2Pattern[] =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr char kQwen35Pattern[] =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

absl::Status Invalid(std::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("tokenizer.json: ", std::string(what)));
}
absl::Status Unknown(std::string_view what, const Json& value) {
  std::string text = value.dump(-1, ' ', true, Json::error_handler_t::replace);
  if (text.size() > 300) text = text.substr(0, 300) + "...";
  return absl::UnimplementedError(
      absl::StrCat("tokenizer.json: this ", std::string(what), " is not supported: ", text));
}

const Json& Member(const Json& object, const char* name) {
  static const Json kNull;
  if (!object.is_object()) return kNull;
  const auto it = object.find(name);
  return it == object.end() ? kNull : *it;
}
bool Flag(const Json& object, const char* name, bool otherwise) {
  const Json& value = Member(object, name);
  return value.is_boolean() ? value.get<bool>() : otherwise;
}
std::string Word(const Json& object, const char* name) {
  const Json& value = Member(object, name);
  return value.is_string() ? value.get<std::string>() : std::string();
}

// The steps of a Sequence, or the one step there is.
std::vector<const Json*> StepsOf(const Json& value, const char* list) {
  std::vector<const Json*> steps;
  if (value.is_null()) return steps;
  if (Word(value, "type") != "Sequence") return {&value};
  for (const Json& step : Member(value, list)) steps.push_back(&step);
  return steps;
}

absl::StatusOr<std::string> PatternName(const Json& split) {
  const std::string regex = Word(Member(split, "pattern"), "Regex");
  if (Word(split, "behavior") == "Isolated" && !Flag(split, "invert", false)) {
    if (regex == kLlama3Pattern) return "llama-bpe";
    if (regex == kQwen2Pattern) return "qwen2";
    if (regex == kQwen35Pattern) return "qwen35";
  }
  return Unknown("pre-tokenizer", split);
}

// ByteLevel alone is GPT-2's; after Digits it is SmolLM's; after a Split it only maps bytes.
absl::Status ReadPreTokenizer(const Json& root, VocabularyData& data) {
  const Json& pre = Member(root, "pre_tokenizer");
  const std::vector<const Json*> steps = StepsOf(pre, "pretokenizers");
  if (steps.empty() || steps.size() > 2) return Unknown("pre-tokenizer", pre);
  const Json& bytes = *steps.back();
  if (Word(bytes, "type") != "ByteLevel" || Flag(bytes, "add_prefix_space", true)) {
    return Unknown("pre-tokenizer", pre);
  }
  const bool own_pattern = Flag(bytes, "use_regex", true);
  if (steps.size() == 1 && own_pattern) {
    data.pre = "gpt-2";
    return absl::OkStatus();
  }
  if (steps.size() == 2 && own_pattern && Word(*steps[0], "type") == "Digits" &&
      Flag(*steps[0], "individual_digits", false)) {
    data.pre = "smollm";
    return absl::OkStatus();
  }
  if (steps.size() == 2 && !own_pattern && Word(*steps[0], "type") == "Split") {
    absl::StatusOr<std::string> name = PatternName(*steps[0]);
    if (!name.ok()) return name.status();
    data.pre = *name;
    return absl::OkStatus();
  }
  return Unknown("pre-tokenizer", pre);
}

absl::Status ReadNormalizer(const Json& root, VocabularyData& data) {
  const bool byte_level = data.model == "gpt2";
  data.normal_form = TextNormalForm::kNone;
  bool marks_spaces = false;
  for (const Json* step : StepsOf(Member(root, "normalizer"), "normalizers")) {
    const std::string type = Word(*step, "type");
    if (byte_level && type == "NFC") {
      data.normal_form = TextNormalForm::kNfc;
    } else if (!byte_level && type == "Prepend" && Word(*step, "prepend") == kSpaceMark) {
      data.space_prefix = SpacePrefix::kEveryFragment;
    } else if (!byte_level && type == "Replace" && Word(*step, "content") == kSpaceMark &&
               Word(Member(*step, "pattern"), "String") == " ") {
      marks_spaces = true;
    } else {
      return Unknown("normalizer", *step);
    }
  }
  if (byte_level) return ReadPreTokenizer(root, data);
  if (!data.space_prefix) data.space_prefix = SpacePrefix::kNever;
  const Json& pre = Member(root, "pre_tokenizer");
  for (const Json* step : StepsOf(pre, "pretokenizers")) {
    const std::string type = Word(*step, "type");
    // Gemma's split at spaces finds none: the normalizer has turned them into U+2581.
    if (type == "Split" && marks_spaces && Word(Member(*step, "pattern"), "String") == " ")
      continue;
    if (type == "Metaspace" && !marks_spaces && !Flag(*step, "split", true) &&
        Word(*step, "replacement") == kSpaceMark) {
      const std::string scheme = Word(*step, "prepend_scheme");
      if (scheme == "first") data.space_prefix = SpacePrefix::kTextStart;
      if (scheme == "always") data.space_prefix = SpacePrefix::kEveryFragment;
      marks_spaces = true;
      continue;
    }
    return Unknown("pre-tokenizer", pre);
  }
  return marks_spaces ? absl::OkStatus() : Unknown("normalizer", Member(root, "normalizer"));
}

absl::Status PutToken(const std::string& text, const Json& id, TokenType type,
                      VocabularyData& data) {
  if (!id.is_number_unsigned() || id.get<uint64_t>() >= kTokensMax) {
    return Invalid(absl::StrCat("the number of token \"", text, "\" is ", id.dump()));
  }
  const size_t i = id.get<size_t>();
  if (i >= data.tokens.size()) {
    data.tokens.resize(i + 1);
    data.types.resize(i + 1, TokenType::kUnused);
  }
  data.tokens[i] = text;
  data.types[i] = type;
  return absl::OkStatus();
}

bool IsByteToken(const std::string& text) {
  return text.size() == 6 && text.compare(0, 3, "<0x") == 0 && text[5] == '>';
}

absl::Status ReadTokens(const Json& root, VocabularyData& data,
                        absl::flat_hash_set<std::string>& added) {
  const bool fallback = Flag(Member(root, "model"), "byte_fallback", false);
  const Json& vocabulary = Member(Member(root, "model"), "vocab");
  if (!vocabulary.is_object()) return Invalid("model.vocab is not an object");
  for (const auto& [text, id] : vocabulary.items()) {
    const TokenType type = fallback && IsByteToken(text) ? TokenType::kByte : TokenType::kNormal;
    if (absl::Status status = PutToken(text, id, type, data); !status.ok()) return status;
  }
  for (const Json& token : Member(root, "added_tokens")) {
    const std::string text = Word(token, "content");
    if (Flag(token, "lstrip", false) || Flag(token, "rstrip", false) ||
        Flag(token, "single_word", false)) {
      return Unknown("added token", token);
    }
    const bool special = Flag(token, "special", false);
    // Runs of U+2581 are matched by merges, after spaces have become U+2581.
    if (!special && data.model == "llama" && !text.empty() && text.size() % 3 == 0) {
      bool spaces = true;
      for (size_t i = 0; i < text.size(); i += 3) spaces &= text.compare(i, 3, kSpaceMark) == 0;
      if (spaces) continue;
    }
    const TokenType type = special ? TokenType::kControl : TokenType::kUserDefined;
    absl::Status status = PutToken(text, Member(token, "id"), type, data);
    if (!status.ok()) return status;
    added.insert(text);
  }
  return absl::OkStatus();
}

absl::Status ReadMerges(const Json& root, const absl::flat_hash_set<std::string>& added,
                        VocabularyData& data) {
  const Json& merges = Member(Member(root, "model"), "merges");
  if (!merges.is_array()) return Invalid("model.merges is not a list");
  data.merges.reserve(merges.size());
  for (const Json& merge : merges) {
    std::string left, right;
    if (merge.is_string()) {
      const std::string text = merge.get<std::string>();
      const size_t space = text.find(' ');
      left = text.substr(0, space);
      if (space != std::string::npos) right = text.substr(space + 1);
    } else if (merge.is_array() && merge.size() == 2 && merge[0].is_string() &&
               merge[1].is_string()) {
      left = merge[0].get<std::string>();
      right = merge[1].get<std::string>();
    }
    if (left.empty() || right.empty() || left.find(' ') != std::string::npos) {
      return Invalid(absl::StrCat("merge ", data.merges.size(), " is not two tokens"));
    }
    // Added tokens are found before any merge, so what leads to one is never reached.
    if (added.contains(left) || added.contains(right) || added.contains(left + right)) continue;
    data.merges.push_back(left + " " + right);
  }
  return absl::OkStatus();
}

std::optional<TokenId> Find(const VocabularyData& data, const std::string& text) {
  if (text.empty()) return std::nullopt;
  const auto it = std::find(data.tokens.begin(), data.tokens.end(), text);
  if (it == data.tokens.end()) return std::nullopt;
  return static_cast<TokenId>(it - data.tokens.begin());
}

// tokenizer_config.json writes "<s>" or {"content": "<s>", ...}.
std::string TokenName(const Json& config, const char* name) {
  const Json& value = Member(config, name);
  return value.is_object() ? Word(value, "content") : Word(config, name);
}

void ReadEnds(const Json& config, VocabularyData& data) {
  const Json& eos = Member(config, "eos_token_id");
  const auto take = [&](const Json& id) {
    if (!id.is_number_unsigned() || id.get<uint64_t>() >= data.tokens.size()) return;
    const TokenId token = id.get<TokenId>();
    if (!data.eos) data.eos = token;
    data.end_of_generation.push_back(token);
  };
  if (eos.is_array()) {
    for (const Json& id : eos) take(id);
  } else {
    take(eos);
  }
}

// Llama 3 and Gemma begin a text with bos through a template of the post-processor.
void ReadPostProcessor(const Json& root, VocabularyData& data) {
  data.add_bos = false;
  data.add_eos = false;
  for (const Json* step : StepsOf(Member(root, "post_processor"), "processors")) {
    if (Word(*step, "type") != "TemplateProcessing") continue;
    const Json& single = Member(*step, "single");
    if (!single.is_array() || single.empty()) continue;
    const auto names = [&](const Json& item) {
      return Find(data, Word(Member(item, "SpecialToken"), "id"));
    };
    if (const auto first = names(single.front())) {
      data.bos = first;
      data.add_bos = true;
    }
    if (const auto last = names(single.back()); last && single.size() > 1) {
      data.eos = last;
      data.add_eos = true;
    }
  }
}

}  // namespace

absl::StatusOr<VocabularyData> VocabularyOfJson(const TokenizerJson& files) {
  if (files.tokenizer.empty()) return absl::NotFoundError("the folder has no tokenizer.json");
  const auto parse = [](std::string_view text) {
    return Json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  };
  const Json root = parse(files.tokenizer);
  if (!root.is_object()) return Invalid("it is not a JSON object");
  const Json& model = Member(root, "model");
  if (const std::string type = Word(model, "type"); !type.empty() && type != "BPE") {
    return Unknown("model", Json(type));
  }
  VocabularyData data;
  data.model = Flag(model, "byte_fallback", false) ? "llama" : "gpt2";
  data.ignore_merges = Flag(model, "ignore_merges", false);
  if (absl::Status status = ReadNormalizer(root, data); !status.ok()) return status;
  absl::flat_hash_set<std::string> added;
  if (absl::Status status = ReadTokens(root, data, added); !status.ok()) return status;
  if (absl::Status status = ReadMerges(root, added, data); !status.ok()) return status;
  const Json names = parse(files.tokenizer_config);
  data.unk = Find(data, Word(model, "unk_token"));
  data.bos = Find(data, TokenName(names, "bos_token"));
  data.eos = Find(data, TokenName(names, "eos_token"));
  data.pad = Find(data, TokenName(names, "pad_token"));
  ReadPostProcessor(root, data);
  ReadEnds(parse(files.generation_config), data);
  ReadEnds(parse(files.config), data);
  return data;
}

}  // namespace cairn
