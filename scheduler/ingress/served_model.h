// A model as the front doors know it: its name, its limits, and its words. Production:
// tokenizer_text puts a tokenizer and a chat template behind ModelText; tests of the front doors
// bring letters.
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "kvstore/base/ids.h"

namespace cairn {

// Tokens of one choice back to text, one after the other.
class TokenTextStream {
 public:
  virtual ~TokenTextStream() = default;
  // Appends the text that is complete with this token; never a part of a character.
  virtual void Feed(TokenId token, std::string& out) = 0;
  // The last token was fed: appends what is left, U+FFFD for half a character.
  virtual void Finish(std::string& out) = 0;
};

// A chat as the client sent it, already checked by openai_request. Null pointers: not given.
struct ChatInput {
  const nlohmann::ordered_json* messages = nullptr;
  const nlohmann::ordered_json* tools = nullptr;
  const nlohmann::ordered_json* template_arguments = nullptr;
  bool add_generation_prompt = true;
};

class ModelText {
 public:
  virtual ~ModelText() = default;
  // With the model's own start token, if it has one. Special tokens written out in `text` are text.
  virtual absl::StatusOr<std::vector<TokenId>> Encode(std::string_view text) const = 0;
  // FailedPrecondition: the model has no usable chat template; the message says why.
  // InvalidArgument: the template refuses these messages.
  virtual absl::StatusOr<std::vector<TokenId>> EncodeChat(const ChatInput& chat) const = 0;
  virtual std::unique_ptr<TokenTextStream> NewStream(bool skip_special_tokens) const = 0;
  // The bytes a token stands for; special tokens by their written form.
  virtual std::string TokenBytes(TokenId token) const = 0;
};

struct ServedModel {
  std::string name;                  // what clients call it
  int64_t created_unix_seconds = 0;  // for /v1/models
  uint32_t context_length = 0;       // prompt and answer together, in tokens
  uint32_t vocabulary_size = 0;
  std::vector<TokenId> stop_tokens;  // end of text and end of turn
  std::shared_ptr<const ModelText> text;
};

}  // namespace cairn
