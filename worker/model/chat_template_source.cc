#include "worker/model/chat_template_source.h"

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>

#include "absl/strings/str_cat.h"

namespace cairn {
namespace {

constexpr size_t kBytesMax = size_t{16} << 20;  // a tokenizer_config.json lists added tokens too

absl::StatusOr<std::string> NoTemplate(const WeightFile& file) {
  return absl::NotFoundError(absl::StrCat(file.path().string(), " has no chat template"));
}

std::optional<std::string> ReadText(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return std::nullopt;
  std::string text(kBytesMax, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(in.gcount()));
  return text;
}

absl::StatusOr<std::string> OfTokenizerConfig(const WeightFile& file, const std::string& text) {
  const auto config = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!config.is_object() || !config.contains("chat_template")) return NoTemplate(file);
  const auto& chat = config["chat_template"];
  if (chat.is_string()) return chat.get<std::string>();
  if (chat.is_array()) {  // [{"name": "default", "template": "..."}, ...]
    for (const auto& one : chat) {
      if (one.is_object() && one.value("name", "") == "default" && one.contains("template") &&
          one["template"].is_string()) {
        return one["template"].get<std::string>();
      }
    }
  }
  return absl::InvalidArgumentError(
      absl::StrCat((file.path() / "tokenizer_config.json").string(),
                   ": chat_template is neither text nor a list with a "
                   "\"default\" one"));
}

}  // namespace

absl::StatusOr<std::string> ReadChatTemplate(const WeightFile& file) {
  if (file.kind() == WeightFileKind::kGguf) {
    absl::StatusOr<std::optional<std::string_view>> text =
        file.metadata().String("tokenizer.chat_template");
    if (!text.ok()) return text.status();
    if (!text->has_value()) return NoTemplate(file);
    return std::string(**text);
  }
  if (std::optional<std::string> text = ReadText(file.path() / "chat_template.jinja")) return *text;
  if (std::optional<std::string> text = ReadText(file.path() / "tokenizer_config.json")) {
    return OfTokenizerConfig(file, *text);
  }
  return NoTemplate(file);
}

}  // namespace cairn
