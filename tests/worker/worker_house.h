// A worker core as a test sees it: an engine that always says 7 (or what `say` tells for a choice)
// and takes 3 ms a step, moves that succeed, and reports sorted by kind.
#pragma once

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <numeric>
#include <optional>
#include <utility>
#include <vector>

#include "worker/core/worker_core.h"

namespace cairn {

inline constexpr TokenId kStop = 9;

struct Worker {
  explicit Worker(uint32_t device = 64, uint32_t dram = 0, WorkerLimits limits = Limits())
      : core(limits, {.block_tokens = 4, .device = {.slots = device}, .dram = {.slots = dram}},
             {}) {}

  static WorkerLimits Limits() {
    return {.vocabulary_size = 100, .context_length = 200, .step_tokens = 16, .sequences_max = 8};
  }
  static GenerationRequest Request(uint64_t id, int prompt, uint32_t max_tokens,
                                   TokenId first = 10) {
    GenerationRequest request;
    request.id = RequestId(id);
    request.prompt.resize(static_cast<size_t>(prompt));
    std::iota(request.prompt.begin(), request.prompt.end(), first);
    for (TokenId& token : request.prompt) token %= 100;
    request.max_tokens = max_tokens;
    request.stop_tokens = {kStop};
    return request;
  }

  void Tell(const WorkerEvent& event) { core.Handle(event, now); }
  // Takes the actions; answers moves at once; keeps the step, and what is for other workers.
  void Act() {
    for (bool again = true; std::exchange(again, false);) {
      for (WorkerAction& action : core.TakeActions()) {
        if (auto* run = std::get_if<RunStep>(&action)) {
          REQUIRE_FALSE(step.has_value());
          step = std::move(run->plan);
        } else if (auto* move = std::get_if<StartMove>(&action)) {
          Tell(MoveFinished{.move = move->move.id});
          again = true;
        } else if (auto* send = std::get_if<SendReport>(&action)) {
          Keep(std::move(send->report));
        } else {
          to_peers.push_back(std::move(action));
        }
      }
    }
  }
  void Keep(Report report) {
    if (const auto* token = std::get_if<TokenProduced>(&report)) {
      REQUIRE(token->position == tokens[{token->request, token->choice}]++);
    } else if (const auto* choice = std::get_if<ChoiceEnded>(&report)) {
      choices[{choice->request, choice->choice}] = *choice;
    } else if (const auto* end = std::get_if<RequestEnded>(&report)) {
      REQUIRE(ended.emplace(end->request, *end).second);
    } else if (const auto* prefill = std::get_if<PrefillDone>(&report)) {
      REQUIRE(usage.emplace(prefill->request, prefill->usage).second);
    }
  }
  void FinishStep() {
    REQUIRE(step.has_value());
    StepFinished finished{.number = step->number, .result = StepResult()};
    for (const StepSpan& span : step->spans) {
      SpanSamples samples;
      for (const SampleRequest& sample : span.samples) {
        const auto said = say.find(sample.seed);
        const bool forbidden = !sample.forbidden.empty();
        samples.push_back({.token = said == say.end() || forbidden ? 7 : said->second});
      }
      finished.result->samples.push_back(std::move(samples));
    }
    finished.result->elapsed = Milliseconds(3);
    step.reset();
    Tell(finished);
    Act();
    core.store().Audit();
  }
  void FailStep() {
    StepFinished failed{.number = step->number, .result = absl::InternalError("no current")};
    step.reset();
    Tell(failed);
    Act();
  }
  void RunAll() {
    for (int i = 0; i < 10'000 && step; ++i) FinishStep();
    REQUIRE(core.idle());
  }
  void Assign(const GenerationRequest& request) {
    Tell(cairn::Assign{request});
    Act();
  }
  FinishReason ReasonOf(uint64_t id, uint32_t choice = 0) {
    return choices.at({RequestId(id), choice}).reason;
  }
  uint32_t TokensOf(uint64_t id, uint32_t choice = 0) { return tokens[{RequestId(id), choice}]; }
  // The one thing that it wants of other workers.
  template <typename Action>
  Action ToPeer() {
    REQUIRE(to_peers.size() == 1);
    const Action action = std::get<Action>(to_peers[0]);
    to_peers.clear();
    return action;
  }

  WorkerCore core;
  Instant now;
  std::optional<StepPlan> step;
  std::map<uint64_t, TokenId> say;  // by seed
  std::map<std::pair<RequestId, uint32_t>, uint32_t> tokens;
  std::map<std::pair<RequestId, uint32_t>, ChoiceEnded> choices;
  std::map<RequestId, RequestEnded> ended;
  std::map<RequestId, PromptUsage> usage;
  std::vector<WorkerAction> to_peers;
};

}  // namespace cairn
