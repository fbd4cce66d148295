#include "scheduler/ingress/openai_answer.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "kvstore/base/check.h"
#include "scheduler/ingress/json_text.h"
#include "scheduler/ingress/status_map.h"
#include "scheduler/operator/text_cat.h"

namespace cairn {
namespace {

std::string_view ReasonName(FinishReason reason) {
  return reason == FinishReason::kLength ? "\"length\"" : "\"stop\"";
}

uint64_t CountCharacters(std::string_view text) {
  return static_cast<uint64_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<uint8_t>(c) & 0xC0) != 0x80; }));
}

void AppendSeparated(std::string& list) {
  if (!list.empty()) list += ',';
}

}  // namespace

OpenAiAnswer::OpenAiAnswer(const OpenAiCall& call, std::shared_ptr<const ServedModel> model,
                           std::string_view id, int64_t created_unix_seconds)
    : endpoint_(call.endpoint),
      model_(std::move(model)),
      choices_per_prompt_(call.options.choices),
      wants_logprobs_(call.wants_logprobs),
      stream_usage_(call.stream_usage),
      unfinished_(call.choices()) {
  const std::shared_ptr<const TextRules> rules = RulesOf(call);
  choices_.reserve(call.choices());
  for (size_t i = 0; i < call.choices(); ++i) {
    choices_.emplace_back(ChoiceText(rules, *model_->text));
  }
  const auto head = [&](std::string_view object) {
    return TextCat("{\"id\":\"", chat() ? "chatcmpl-" : "cmpl-", id, "\",\"object\":\"", object,
                   "\",\"created\":", created_unix_seconds, ",\"model\":", JsonString(model_->name),
                   ",");
  };
  usage_head_ = TextCat("data: ", head(chat() ? "chat.completion.chunk" : "text_completion"));
  event_head_ =
      TextCat(usage_head_, stream_usage_ ? "\"usage\":null," : "", "\"choices\":[{\"index\":");
  whole_head_ = TextCat(head(chat() ? "chat.completion" : "text_completion"), "\"choices\":[");
}

OpenAiAnswer::Choice& OpenAiAnswer::At(size_t prompt, uint32_t choice) {
  const size_t index = prompt * choices_per_prompt_ + choice;
  CAIRN_CHECK_LT(choice, choices_per_prompt_);
  CAIRN_CHECK_LT(index, choices_.size());
  return choices_[index];
}

void OpenAiAnswer::PrefillDone(size_t, const PromptUsage& usage) {
  usage_.prompt_tokens += usage.prompt_tokens;
  usage_.cached_device_tokens += usage.cached_device_tokens;
  usage_.cached_dram_tokens += usage.cached_dram_tokens;
}

OpenAiAnswer::TokenOutcome OpenAiAnswer::AddToken(size_t prompt, uint32_t index,
                                                  const SampledToken& token) {
  Choice& choice = At(prompt, index);
  if (choice.finish) return TokenOutcome::kGoesOn;  // on its way when a stop string was found
  ++usage_.completion_tokens;
  if (wants_logprobs_) {
    if (chat())
      AddChatLogprob(choice, token);
    else
      AddCompletionLogprob(choice, token);
  }
  if (!choice.reader.Feed(token.token, choice.text)) return TokenOutcome::kGoesOn;
  Finish(choice, FinishReason::kStop);
  return TokenOutcome::kStopStringFound;
}

void OpenAiAnswer::EndChoice(size_t prompt, uint32_t index, FinishReason reason,
                             const std::string& message) {
  Choice& choice = At(prompt, index);
  if (choice.finish) return;
  if (choice.reader.Finish(choice.text)) reason = FinishReason::kStop;
  if (reason == FinishReason::kFailed && failure_.ok()) {
    failure_ = absl::InternalError(message.empty() ? "the engine could not go on" : message);
  }
  if (reason == FinishReason::kExpired && failure_.ok()) {
    failure_ = DeadlinePassed(message);
  }
  if (reason == FinishReason::kCancelled && failure_.ok()) {
    failure_ = absl::CancelledError(message.empty() ? "the request was cancelled" : message);
  }
  Finish(choice, reason);
}

void OpenAiAnswer::Finish(Choice& choice, FinishReason reason) {
  choice.finish = reason;
  --unfinished_;
}

std::vector<FinishReason> OpenAiAnswer::finish_reasons() const {
  std::vector<FinishReason> reasons;
  for (const Choice& choice : choices_) {
    reasons.push_back(choice.finish.value_or(FinishReason::kCancelled));
  }
  return reasons;
}

// ---- log-probabilities ----

void OpenAiAnswer::AppendTokenLogprob(TokenId token, float logprob, std::string& out) const {
  const std::string bytes = model_->text->TokenBytes(token);
  out += "{\"token\":";
  AppendJsonString(bytes, out);
  out += ",\"logprob\":";
  AppendJsonFloat(logprob, out);
  out += ",\"bytes\":";
  AppendJsonBytes(bytes, out);
}

void OpenAiAnswer::AddChatLogprob(Choice& choice, const SampledToken& token) {
  std::string& out = choice.logprobs;
  AppendSeparated(out);
  AppendTokenLogprob(token.token, token.logprob, out);
  out += ",\"top_logprobs\":[";
  for (size_t i = 0; i < token.top_logprobs.size(); ++i) {
    if (i > 0) out += ',';
    AppendTokenLogprob(token.top_logprobs[i].token, token.top_logprobs[i].logprob, out);
    out += '}';
  }
  out += "]}";
}

// OpenAI's older answers name tokens by text alone; bytes that are no text are spelt out.
std::string OpenAiAnswer::TokenLabel(TokenId token) const {
  const std::string bytes = model_->text->TokenBytes(token);
  if (IsUtf8(bytes)) return bytes;
  std::string label = "bytes:";
  for (const char byte : bytes) {
    fmt::format_to(std::back_inserter(label), "\\x{:02x}", static_cast<uint8_t>(byte));
  }
  return label;
}

void OpenAiAnswer::AddCompletionLogprob(Choice& choice, const SampledToken& token) {
  for (std::string* list :
       {&choice.logprobs, &choice.token_logprobs, &choice.top_logprobs, &choice.text_offsets}) {
    AppendSeparated(*list);
  }
  const std::string label = TokenLabel(token.token);
  AppendJsonString(label, choice.logprobs);
  AppendJsonFloat(token.logprob, choice.token_logprobs);
  choice.top_logprobs += '{';
  bool chosen_seen = false;
  for (const TokenLogprob& top : token.top_logprobs) {
    AppendJsonString(TokenLabel(top.token), choice.top_logprobs);
    choice.top_logprobs += ':';
    AppendJsonFloat(top.logprob, choice.top_logprobs);
    choice.top_logprobs += ',';
    chosen_seen = chosen_seen || top.token == token.token;
  }
  if (chosen_seen) {
    choice.top_logprobs.back() = '}';
  } else {
    AppendJsonString(label, choice.top_logprobs);
    choice.top_logprobs += ':';
    AppendJsonFloat(token.logprob, choice.top_logprobs);
    choice.top_logprobs += '}';
  }
  TextAppend(&choice.text_offsets, choice.characters);
  choice.characters += CountCharacters(model_->text->TokenBytes(token.token));
}

void OpenAiAnswer::AppendLogprobs(Choice& choice, std::string& out) const {
  if (!wants_logprobs_) {
    out += "null";
  } else if (chat()) {
    TextAppend(&out, "{\"content\":[", choice.logprobs, "],\"refusal\":null}");
  } else {
    TextAppend(&out, "{\"tokens\":[", choice.logprobs, "],\"token_logprobs\":[",
               choice.token_logprobs, "],\"top_logprobs\":[", choice.top_logprobs,
               "],\"text_offset\":[", choice.text_offsets, "]}");
  }
  choice.logprobs.clear();
  choice.token_logprobs.clear();
  choice.top_logprobs.clear();
  choice.text_offsets.clear();
}

// ---- events ----

void OpenAiAnswer::AppendEvent(size_t index, Choice& choice, std::string& out) {
  out += event_head_;
  fmt::format_to(std::back_inserter(out), "{}", index);
  if (!chat()) {
    out += ",\"text\":\"";
    AppendJsonEscaped(choice.text, out);
    out += "\",\"logprobs\":";
  } else if (choice.text.empty() && choice.logprobs.empty()) {
    out += ",\"delta\":{},\"logprobs\":";
  } else {
    out += ",\"delta\":{\"content\":\"";
    AppendJsonEscaped(choice.text, out);
    out += "\"},\"logprobs\":";
  }
  choice.text.clear();
  if (choice.logprobs.empty())
    out += "null";
  else
    AppendLogprobs(choice, out);
  out += ",\"finish_reason\":";
  out += choice.finish ? ReasonName(*choice.finish) : "null";
  out += "}]}\n\n";
  choice.finish_taken = choice.finish.has_value();
}

void OpenAiAnswer::TakeEvents(std::string& out) {
  for (size_t i = 0; i < choices_.size(); ++i) {
    Choice& choice = choices_[i];
    if (chat() && !choice.role_taken) {
      TextAppend(&out, event_head_, i,
                 ",\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"logprobs\":null,"
                 "\"finish_reason\":null}]}\n\n");
      choice.role_taken = true;
    }
    const bool failed = choice.finish && *choice.finish != FinishReason::kStop &&
                        *choice.finish != FinishReason::kLength;
    const bool news = !choice.text.empty() || !choice.logprobs.empty() ||
                      (choice.finish && !choice.finish_taken && !failed);
    if (news && !choice.finish_taken) AppendEvent(i, choice, out);
  }
}

void OpenAiAnswer::TakeLastEvents(std::string& out) {
  if (!failure_.ok()) {
    TextAppend(&out, "data: ", ErrorBody(failure_), "\n\n");
  } else if (stream_usage_) {
    TextAppend(&out, usage_head_, "\"choices\":[],");
    AppendUsage(out);
    out += "}\n\n";
  }
  out += "data: [DONE]\n\n";
}

void OpenAiAnswer::AppendUsage(std::string& out) const {
  fmt::format_to(std::back_inserter(out),
                 "\"usage\":{{\"prompt_tokens\":{},\"completion_tokens\":{},\"total_tokens\":{},"
                 "\"prompt_tokens_details\":{{\"cached_tokens\":{},\"cached_device_tokens\":{},"
                 "\"cached_dram_tokens\":{}}}}}",
                 usage_.prompt_tokens, usage_.completion_tokens,
                 usage_.prompt_tokens + usage_.completion_tokens, usage_.cached_tokens(),
                 usage_.cached_device_tokens, usage_.cached_dram_tokens);
}

std::string OpenAiAnswer::TakeWhole() {
  CAIRN_CHECK(complete() && failure_.ok());
  std::string out = std::move(whole_head_);
  for (size_t i = 0; i < choices_.size(); ++i) {
    Choice& choice = choices_[i];
    TextAppend(&out, i > 0 ? "," : "", "{\"index\":", i);
    out += chat() ? ",\"message\":{\"role\":\"assistant\",\"content\":" : ",\"text\":";
    AppendJsonString(choice.text, out);
    if (chat()) out += ",\"refusal\":null}";
    out += ",\"logprobs\":";
    AppendLogprobs(choice, out);
    TextAppend(&out, ",\"finish_reason\":", ReasonName(*choice.finish), "}");
  }
  out += "],";
  AppendUsage(out);
  out += '}';
  return out;
}

}  // namespace cairn
