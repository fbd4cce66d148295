#include "tests/sim/checker/request_checker.h"

#include <algorithm>
#include <variant>

#include "tests/sim/violation.h"

namespace cairn::sim {

void RequestChecker::OnAssign(const GenerationRequest& request) {
  Record record{.request = request};
  const uint64_t prompt = request.prompt.size();
  const uint64_t context =
      std::min<uint64_t>(options_.worker.context_length,
                         uint64_t{options_.store.device.slots} * options_.store.block_tokens + 1);
  record.refused = prompt == 0 || prompt >= context || request.choices == 0 ||
                   request.choices > options_.worker.choices_max;
  for (TokenId token : request.prompt) {
    record.refused |= token < 0 || token >= static_cast<TokenId>(options_.worker.vocabulary_size);
  }
  record.may_be_refused = open_ >= options_.worker.requests_max;
  record.talks_before = talks_.size();
  if (!record.refused) {
    record.max_tokens =
        static_cast<uint32_t>(std::min<uint64_t>(request.max_tokens, context - prompt));
    Choice choice;
    for (TokenId token : request.prompt) choice.read.Read(choice.read.WordOf(token));
    for (uint32_t i = 0; i < request.choices; ++i) {
      choice.talk = talks_.size();
      talks_.push_back({.salt = request.cache_salt, .tokens = request.prompt});
      record.choices.push_back(choice);
    }
  } else {
    record.choices.resize(std::clamp(request.choices, 1u, options_.worker.choices_max));
  }
  ++open_;
  records_.emplace(request.id, std::move(record));
}

void RequestChecker::OnCancel(RequestId request) { records_.at(request).cancelled = true; }

void RequestChecker::OnCutOff(RequestId request) {
  Live(request).ended = true;
  --open_;
}

void RequestChecker::OnStopChoice(RequestId request, uint32_t choice) {
  Record& record = records_.at(request);
  if (choice < record.choices.size()) record.choices[choice].stop_asked = true;
}

void RequestChecker::OnStepBoundary() const {
  for (const auto& [id, record] : records_) {
    Demand(!record.cancelled || record.ended, "cancel", id,
           " was cancelled and has not ended at the step boundary");
  }
}

void RequestChecker::DemandAllEnded() const {
  for (const auto& [id, record] : records_) {
    Demand(record.ended, "progress", id, " never ended");
  }
}

void RequestChecker::OnReport(const Report& report) {
  std::visit([this](const auto& one) { On(one); }, report);
}

RequestChecker::Record& RequestChecker::Live(RequestId id) {
  const auto found = records_.find(id);
  Demand(found != records_.end(), "report_order", "a report on ", id, ", which nobody asked for");
  Demand(!found->second.ended, "report_order", "a report on ", id, " after its end");
  return found->second;
}

TokenId RequestChecker::Expected(const Record& record, const Choice& choice,
                                 uint32_t number) const {
  const GenerationRequest& request = record.request;
  const uint32_t min_tokens = std::min(request.min_tokens, record.max_tokens);
  const bool forbidden = !request.ignore_eos && choice.produced < min_tokens;
  return choice.read.Next(
      request.sampling.seed + number,
      static_cast<uint32_t>(request.prompt.size()) + choice.produced,
      forbidden ? std::span<const TokenId>(request.stop_tokens) : std::span<const TokenId>(),
      options_.worker.vocabulary_size);
}

// How much of its prompt somebody with this salt may have had.
size_t RequestChecker::LongestComputed(const Record& asked) const {
  size_t longest = 0;
  for (const auto& [id, record] : records_) {
    const bool own = &record == &asked && !asked.begun_before;
    if (own || record.refused || record.request.cache_salt != asked.request.cache_salt) continue;
    for (uint32_t number = 0; number < record.choices.size(); ++number) {
      Choice choice = record.choices[number];
      std::vector<TokenId> text = talks_[choice.talk].tokens;
      while (heard_late_ && choice.produced < record.max_tokens) {
        text.push_back(Expected(record, choice, number));
        choice.read.Read(choice.read.WordOf(text.back()));
        ++choice.produced;
      }
      const auto [end, _] = std::ranges::mismatch(asked.request.prompt, text);
      longest = std::max(longest, static_cast<size_t>(end - asked.request.prompt.begin()));
    }
  }
  return longest;
}

void RequestChecker::On(const PrefillDone& report) {
  Record& record = Live(report.request);
  Demand(!record.prefill_done, "report_order", report.request, " was prefilled twice");
  record.prefill_done = true;
  const PromptUsage& usage = report.usage;
  Demand(usage.prompt_tokens == record.request.prompt.size(), "hit_truth", report.request,
         " has another prompt length: ", usage.prompt_tokens);
  Demand(usage.cached_tokens() < usage.prompt_tokens, "hit_truth", report.request,
         " did not compute its last token");
  const size_t longest = LongestComputed(record);
  Demand(usage.cached_tokens() <= longest, "hit_truth", report.request, " found ",
         usage.cached_tokens(), " cached tokens, but at most ", longest,
         " were ever computed with its salt");
}

void RequestChecker::On(const TokenProduced& report) {
  Record& record = Live(report.request);
  Demand(record.prefill_done, "report_order", report.request, " has a token before its prefill");
  Demand(report.choice < record.choices.size(), "report_order", "no such choice");
  Choice& choice = record.choices[report.choice];
  Demand(!choice.ended, "report_order", report.request, " choice ", report.choice,
         " has a token after its end");
  Demand(report.position == choice.produced, "report_order", report.request, " choice ",
         report.choice, " reports token ", report.position, " as the ", choice.produced, "th");
  Demand(choice.produced < record.max_tokens, "end_reason", report.request, " is too long");
  const TokenId expected = Expected(record, choice, report.choice);
  Demand(report.token.token == expected, "token_oracle", report.request, " choice ", report.choice,
         " diverges at token ", report.position, ": ", report.token.token, ", should be ",
         expected);
  const bool stops =
      !record.request.ignore_eos && std::ranges::count(record.request.stop_tokens, expected) > 0;
  Demand(!stops, "end_reason", report.request, " went on behind a stop token");
  choice.read.Read(choice.read.WordOf(expected));
  ++choice.produced;
  talks_[choice.talk].tokens.push_back(expected);
}

void RequestChecker::On(const ChoiceEnded& report) {
  Record& record = Live(report.request);
  Demand(report.choice < record.choices.size(), "report_order", "no such choice");
  Choice& choice = record.choices[report.choice];
  Demand(!choice.ended, "report_order", report.request, " choice ", report.choice, " ends twice");
  choice.ended = true;
  switch (report.reason) {
    case FinishReason::kFailed:
      Demand(record.refused || record.may_be_refused || failed_steps_ > 0, "end_reason",
             report.request, " failed: ", report.message);
      Demand(!report.message.empty(), "end_reason", report.request, " failed without a word");
      return;
    case FinishReason::kCancelled:
      Demand(record.cancelled, "end_reason", report.request, " was not cancelled");
      return;
    case FinishReason::kExpired:
      Demand(false, "end_reason", report.request, " expired, which a worker cannot know");
      return;
    case FinishReason::kLength:
      Demand(!record.refused && choice.produced == record.max_tokens, "end_reason", report.request,
             " ends for its length at ", choice.produced, " of ", record.max_tokens);
      return;
    case FinishReason::kStop: {
      if (choice.stop_asked) return;
      Demand(!record.refused && !record.request.ignore_eos && choice.produced < record.max_tokens,
             "end_reason", report.request, " stops without a cause");
      const TokenId stop = Expected(record, choice, report.choice);
      Demand(std::ranges::count(record.request.stop_tokens, stop) > 0, "token_oracle",
             report.request, " choice ", report.choice, " stops at token ", choice.produced,
             ", where ", stop, " comes");
      Demand(report.tokens == choice.produced + 1, "end_reason", "the stop token is not counted");
      return;
    }
  }
}

void RequestChecker::On(const RequestEnded& report) {
  Record& record = Live(report.request);
  for (const Choice& choice : record.choices) {
    Demand(choice.ended, "report_order", report.request, " ends before its choices");
  }
  record.ended = true;
  --open_;
}

void RequestChecker::On(const Yielded& report) {
  Demand(false, "report_order", report.request, " is yielded, and nobody asked for that");
}

void RequestChecker::On(const WorkerLoad& load) {
  Demand(load.device_slots_free <= load.device_slots, "budget", "more free slots than slots");
  Demand(load.dram_slots_used <= load.dram_slots, "budget", "DRAM over its budget");
}

}  // namespace cairn::sim
