// A model's words for tests of the front doors: a token is a byte. 256 starts a text, 257 ends it.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "scheduler/ingress/served_model.h"

namespace cairn {

constexpr TokenId kLetterStart = 256;
constexpr TokenId kLetterEnd = 257;
constexpr uint32_t kLetterVocabulary = 258;

class LetterStream : public TokenTextStream {
 public:
  explicit LetterStream(bool skip_special) : skip_special_(skip_special) {}

  void Feed(TokenId token, std::string& out) override {
    if (token >= 256) {
      Finish(out);
      if (!skip_special_) out += token == kLetterStart ? "<s>" : "</s>";
      return;
    }
    const auto byte = static_cast<uint8_t>(token);
    if ((byte & 0xC0) != 0x80) Finish(out);
    held_ += static_cast<char>(byte);
    const auto lead = static_cast<uint8_t>(held_[0]);
    const size_t length = lead < 0xC0 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    if (held_.size() < length) return;
    out += lead >= 0x80 && lead < 0xC0 ? "\xEF\xBF\xBD" : held_;
    held_.clear();
  }
  void Finish(std::string& out) override {
    if (!held_.empty()) out += "\xEF\xBF\xBD";
    held_.clear();
  }

 private:
  bool skip_special_;
  std::string held_;
};

class LetterText : public ModelText {
 public:
  absl::StatusOr<std::vector<TokenId>> Encode(std::string_view text) const override {
    std::vector<TokenId> tokens = {kLetterStart};
    for (const char c : text) tokens.push_back(static_cast<uint8_t>(c));
    return tokens;
  }
  // "role:content|" for every message, then what the tools are called, then "assistant:".
  absl::StatusOr<std::vector<TokenId>> EncodeChat(const ChatInput& chat) const override {
    if (chat_refused_ != nullptr) return absl::FailedPreconditionError(chat_refused_);
    std::string text;
    for (const auto& message : *chat.messages) {
      text +=
          message["role"].get<std::string>() + ":" + message["content"].get<std::string>() + "|";
    }
    if (chat.tools != nullptr) {
      for (const auto& tool : *chat.tools) {
        text += "tool:" + tool["function"]["name"].get<std::string>() + "|";
      }
    }
    if (chat.template_arguments != nullptr) text += chat.template_arguments->dump() + "|";
    if (chat.add_generation_prompt) text += "assistant:";
    return Encode(text);
  }
  std::unique_ptr<TokenTextStream> NewStream(bool skip_special_tokens) const override {
    return std::make_unique<LetterStream>(skip_special_tokens);
  }
  std::string TokenBytes(TokenId token) const override {
    if (token == kLetterStart) return "<s>";
    if (token == kLetterEnd) return "</s>";
    return std::string(1, static_cast<char>(token));
  }
  void RefuseChat(const char* why) { chat_refused_ = why; }

 private:
  const char* chat_refused_ = nullptr;
};

inline std::shared_ptr<ServedModel> LetterModel(uint32_t context_length = 4096) {
  auto model = std::make_shared<ServedModel>();
  model->name = "letters";
  model->created_unix_seconds = 1'700'000'000;
  model->context_length = context_length;
  model->vocabulary_size = kLetterVocabulary;
  model->stop_tokens = {kLetterEnd};
  model->text = std::make_shared<LetterText>();
  return model;
}

inline std::vector<TokenId> Letters(std::string_view text) {
  std::vector<TokenId> tokens;
  for (const char c : text) tokens.push_back(static_cast<uint8_t>(c));
  return tokens;
}

}  // namespace cairn
