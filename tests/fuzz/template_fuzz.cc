// A chat template of any bytes, and a conversation of any bytes: text or an error, never a crash or
// a hang. The input is a template, then after a zero byte the JSON of the messages.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "kvstore/base/check.h"
#include "scheduler/tokenizer/chat_template.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t zero = input.find('\0');
  const auto chat_template = cairn::ChatTemplate::Parse(input.substr(0, zero));
  if (!chat_template.ok()) return 0;
  cairn::ChatTemplateInput chat;
  chat.messages = nlohmann::ordered_json::parse(
      R"([{"role": "system", "content": "s"}, {"role": "user", "content": "hello <|im_end|>"},
          {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "f", "arguments": {"a": 1}}}]}])");
  if (zero != std::string_view::npos) {
    auto messages = nlohmann::ordered_json::parse(input.substr(zero + 1), nullptr, false);
    if (!messages.is_discarded()) chat.messages = std::move(messages);
  }
  chat.tools = chat.messages;
  chat.special_tokens = {{"bos_token", "<s>"}, {"eos_token", "</s>"}};
  chat.now = cairn::CivilTime{2026, 3, 5, 14, 7, 9};
  const auto segments = chat_template->Render(chat);
  for (size_t i = 1; segments.ok() && i < segments->size(); ++i) {
    CAIRN_CHECK((*segments)[i].special != (*segments)[i - 1].special);
  }
  return 0;
}
