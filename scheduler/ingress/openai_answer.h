// Tokens to OpenAI's answers: one JSON object, or server-sent events. Pure: events of the request
// go in, bytes come out; no document is built, because this runs once a token beside the engine.
// Tokens that arrive between two takes share one event of their choice.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "kvstore/base/generation.h"
#include "scheduler/ingress/choice_text.h"
#include "scheduler/ingress/openai_request.h"
#include "scheduler/ingress/served_model.h"

namespace cairn {

struct AnswerUsage {
  uint64_t prompt_tokens = 0;
  uint64_t completion_tokens = 0;
  uint64_t cached_device_tokens = 0;
  uint64_t cached_dram_tokens = 0;
  uint64_t cached_tokens() const { return cached_device_tokens + cached_dram_tokens; }
};

class OpenAiAnswer {
 public:
  // `id` without its prefix; `call` is kept, its prompts are not needed any more.
  OpenAiAnswer(const OpenAiCall& call, std::shared_ptr<const ServedModel> model,
               std::string_view id, int64_t created_unix_seconds);

  // `prompt` counts the call's prompts from 0, `choice` those of one prompt.
  void PrefillDone(size_t prompt, const PromptUsage& usage);
  enum class TokenOutcome { kGoesOn, kStopStringFound };
  // kStopStringFound: the choice has its end; the caller stops its generation.
  TokenOutcome AddToken(size_t prompt, uint32_t choice, const SampledToken& token);
  void EndChoice(size_t prompt, uint32_t choice, FinishReason reason, const std::string& message);

  bool complete() const { return unfinished_ == 0; }
  // The first failure of a choice; the answer is then an error.
  const absl::Status& failure() const { return failure_; }
  const AnswerUsage& usage() const { return usage_; }
  // What became of each choice, for the metrics.
  std::vector<FinishReason> finish_reasons() const;

  // The events for all that is new. The first call also brings each choice's role, as OpenAI does.
  void TakeEvents(std::string& out);
  // The last events: usage if asked for, or the failure; and [DONE].
  void TakeLastEvents(std::string& out);
  // The whole answer. REQUIRES: complete, not failed, no events taken.
  std::string TakeWhole();

 private:
  struct Choice {
    explicit Choice(ChoiceText text_of_tokens) : reader(std::move(text_of_tokens)) {}
    ChoiceText reader;
    std::string text;      // not taken yet
    std::string logprobs;  // the same: members of `content`, or of `tokens`
    std::string token_logprobs, top_logprobs, text_offsets;  // completions only
    uint64_t characters = 0;                                 // of all tokens so far
    std::optional<FinishReason> finish;
    bool role_taken = false;
    bool finish_taken = false;
  };

  bool chat() const { return endpoint_ == OpenAiEndpoint::kChat; }
  Choice& At(size_t prompt, uint32_t choice);
  void Finish(Choice& choice, FinishReason reason);
  void AddChatLogprob(Choice& choice, const SampledToken& token);
  void AddCompletionLogprob(Choice& choice, const SampledToken& token);
  void AppendTokenLogprob(TokenId token, float logprob, std::string& out) const;
  std::string TokenLabel(TokenId token) const;
  void AppendLogprobs(Choice& choice, std::string& out) const;
  void AppendEvent(size_t index, Choice& choice, std::string& out);
  void AppendUsage(std::string& out) const;

  OpenAiEndpoint endpoint_;
  std::shared_ptr<const ServedModel> model_;
  uint32_t choices_per_prompt_;
  bool wants_logprobs_;
  bool stream_usage_;
  std::string event_head_;  // "data: {...,"choices":[{"index":"
  std::string usage_head_;  // "data: {...,"
  std::string whole_head_;  // "{...,"choices":["
  std::vector<Choice> choices_;
  size_t unfinished_;
  AnswerUsage usage_;
  absl::Status failure_;
};

}  // namespace cairn
