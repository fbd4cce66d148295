#include "scheduler/ingress/tokenizer_text.h"

#include <ctime>
#include <utility>

#include "scheduler/tokenizer/token_stream.h"

namespace cairn {
namespace {

class TokenText final : public TokenTextStream {
 public:
  TokenText(std::shared_ptr<const Tokenizer> tokenizer, bool skip_special)
      : tokenizer_(std::move(tokenizer)), stream_(*tokenizer_, {.show_control = !skip_special}) {}
  void Feed(TokenId token, std::string& out) override { out += stream_.Append(token); }
  void Finish(std::string& out) override { out += stream_.Flush(); }

 private:
  std::shared_ptr<const Tokenizer> tokenizer_;
  TokenStream stream_;
};

// Templates that print the date print today's, UTC.
CivilTime Now() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  return {.year = parts.tm_year + 1900,
          .month = parts.tm_mon + 1,
          .day = parts.tm_mday,
          .hour = parts.tm_hour,
          .minute = parts.tm_min,
          .second = parts.tm_sec};
}

class TokenizerText final : public ModelText {
 public:
  TokenizerText(std::shared_ptr<const Tokenizer> tokenizer,
                absl::StatusOr<std::shared_ptr<const ChatTemplate>> chat)
      : tokenizer_(std::move(tokenizer)), chat_(std::move(chat)) {
    const auto name = [&](const char* key, std::optional<TokenId> token) {
      special_tokens_.emplace_back(key, token ? std::string(tokenizer_->PieceOf(*token)) : "");
    };
    name("bos_token", tokenizer_->bos());
    name("eos_token", tokenizer_->eos());
    name("unk_token", tokenizer_->unk());
    name("pad_token", tokenizer_->pad());
  }

  absl::StatusOr<std::vector<TokenId>> Encode(std::string_view text) const override {
    return tokenizer_->Encode(text);
  }

  absl::StatusOr<std::vector<TokenId>> EncodeChat(const ChatInput& chat) const override {
    if (!chat_.ok()) return chat_.status();
    ChatTemplateInput input;
    if (chat.messages != nullptr) input.messages = *chat.messages;
    if (chat.tools != nullptr) input.tools = *chat.tools;
    if (chat.template_arguments != nullptr) input.extra = *chat.template_arguments;
    input.add_generation_prompt = chat.add_generation_prompt;
    input.special_tokens = special_tokens_;
    input.now = Now();
    absl::StatusOr<std::vector<TextSegment>> segments = (*chat_)->Render(input);
    if (!segments.ok()) return segments.status();
    // The template writes the start token itself, if the model wants one.
    return tokenizer_->EncodeSegments(*segments, /*add_bos=*/false);
  }

  std::unique_ptr<TokenTextStream> NewStream(bool skip_special_tokens) const override {
    return std::make_unique<TokenText>(tokenizer_, skip_special_tokens);
  }

  std::string TokenBytes(TokenId token) const override {
    return tokenizer_->Contains(token) ? std::string(tokenizer_->PieceOf(token)) : std::string();
  }

 private:
  const std::shared_ptr<const Tokenizer> tokenizer_;
  const absl::StatusOr<std::shared_ptr<const ChatTemplate>> chat_;
  std::vector<std::pair<std::string, std::string>> special_tokens_;
};

}  // namespace

std::shared_ptr<const ModelText> MakeTokenizerText(
    std::shared_ptr<const Tokenizer> tokenizer,
    absl::StatusOr<std::shared_ptr<const ChatTemplate>> chat) {
  return std::make_shared<TokenizerText>(std::move(tokenizer), std::move(chat));
}

}  // namespace cairn
