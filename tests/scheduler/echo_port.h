// A scheduler for tests of the front doors: a request's answer is its prompt again, one token a
// step for every choice, then the end token. Time passes only in Step: a test says when.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "kvstore/shell/mutex.h"
#include "scheduler/ingress/generation_port.h"

namespace cairn {

class EchoPort : public GenerationPort {
 public:
  explicit EchoPort(TokenId end_token) : end_token_(end_token) {}

  RequestId NextRequestId() override {
    MutexLock lock(mutex_);
    return RequestId(++last_id_);
  }

  Admission Submit(GenerationRequest request,
                   std::shared_ptr<GenerationObserver> observer) override {
    MutexLock lock(mutex_);
    if (!refusal_.status.ok()) return refusal_;
    ++snapshot_.requests_accepted;
    const RequestId id = request.id;
    Live live;
    live.ended.resize(request.choices, false);
    live.request = std::move(request);
    live.observer = std::move(observer);
    live_.emplace(id, std::move(live));
    return {};
  }

  void CancelRequest(RequestId request) override {
    MutexLock lock(mutex_);
    if (live_.contains(request)) cancels_.insert(request);
  }
  void StopChoice(RequestId request, uint32_t choice) override {
    MutexLock lock(mutex_);
    stops_.emplace(request, choice);
  }
  Readiness CheckReadiness() override {
    MutexLock lock(mutex_);
    return readiness_;
  }
  SchedulerSnapshot Snapshot() override {
    MutexLock lock(mutex_);
    SchedulerSnapshot snapshot = snapshot_;
    snapshot.requests_live = static_cast<uint32_t>(live_.size());
    snapshot.workers.push_back({.requests_running = snapshot.requests_live, .device_slots = 8});
    snapshot.directory = {.blocks = 12,
                          .bytes = 1024,
                          .resyncs = 3,
                          .workers = {{.resync_pending = true, .blocks_known = 12}}};
    return snapshot;
  }

  // What the test does.
  void RefuseWith(Admission refusal) {
    MutexLock lock(mutex_);
    refusal_ = std::move(refusal);
  }
  void SetReadiness(Readiness readiness) {
    MutexLock lock(mutex_);
    readiness_ = std::move(readiness);
  }
  void FailEverything(std::string message) {
    MutexLock lock(mutex_);
    failure_ = std::move(message);
  }
  size_t live() {
    MutexLock lock(mutex_);
    return live_.size();
  }
  uint64_t cancelled() {
    MutexLock lock(mutex_);
    return snapshot_.requests_cancelled;
  }
  std::vector<GenerationRequest> LiveRequests() {
    MutexLock lock(mutex_);
    std::vector<GenerationRequest> requests;
    for (const auto& [id, live] : live_) requests.push_back(live.request);
    return requests;
  }
  // One token for every choice that goes on. False: nothing lives.
  bool Step() {
    MutexLock lock(mutex_);
    for (auto at = live_.begin(); at != live_.end();) {
      StepRequest(at->second);
      const std::vector<bool>& ended = at->second.ended;
      if (std::find(ended.begin(), ended.end(), false) != ended.end()) {
        ++at;
        continue;
      }
      at->second.observer->OnRequestEnded();
      ++snapshot_.requests_ended;
      cancels_.erase(at->first);
      at = live_.erase(at);
    }
    return !live_.empty();
  }

 private:
  struct Live {
    GenerationRequest request;
    std::shared_ptr<GenerationObserver> observer;
    std::vector<bool> ended;  // by choice
    uint32_t position = 0;
    bool prefilled = false;
  };

  void StepRequest(Live& live) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const GenerationRequest& request = live.request;
    const bool cancelled = cancels_.contains(request.id);
    if (cancelled) ++snapshot_.requests_cancelled;
    if (!live.prefilled && !cancelled) {
      const auto length = static_cast<uint32_t>(request.prompt.size());
      live.observer->OnPrefillDone(
          {.prompt_tokens = length, .cached_device_tokens = length / 16 * 16});
      live.prefilled = true;
    }
    for (uint32_t choice = 0; choice < live.ended.size(); ++choice) {
      if (live.ended[choice]) continue;
      if (cancelled)
        End(live, choice, FinishReason::kCancelled, "");
      else if (!failure_.empty())
        End(live, choice, FinishReason::kFailed, failure_);
      else if (stops_.contains({request.id, choice}))
        End(live, choice, FinishReason::kStop, "");
      else
        StepChoice(live, choice);
    }
    ++live.position;
  }

  void StepChoice(Live& live, uint32_t choice) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const GenerationRequest& request = live.request;
    // The prompt without its start token, again and again if the end is ignored.
    const std::vector<TokenId>& prompt = request.prompt;
    const size_t from = prompt.size() > 1 && prompt[0] >= 256 ? 1 : 0;
    const size_t at = live.position % (prompt.size() - from + 1);
    TokenId token = at < prompt.size() - from ? prompt[from + at] : end_token_;
    const bool at_end = token == end_token_;
    const bool may_end = !request.ignore_eos && live.position >= request.min_tokens;
    if (at_end && !may_end) token = '.';
    SampledToken sampled{.token = token, .logprob = -0.5f};
    for (int32_t i = 0; i < request.sampling.top_logprobs; ++i) {
      sampled.top_logprobs.push_back({i == 0 ? token : 'a' + i, -0.5f - static_cast<float>(i)});
    }
    live.observer->OnToken(choice, sampled);
    if (at_end && may_end) {
      End(live, choice, FinishReason::kStop, "");
    } else if (live.position + 1 >= request.max_tokens) {
      End(live, choice, FinishReason::kLength, "");
    }
  }

  static void End(Live& live, uint32_t choice, FinishReason reason, const std::string& message) {
    live.ended[choice] = true;
    live.observer->OnChoiceEnded(choice, reason, message);
  }

  const TokenId end_token_;
  Mutex mutex_;
  uint64_t last_id_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<RequestId, Live> live_ ABSL_GUARDED_BY(mutex_);
  std::set<RequestId> cancels_ ABSL_GUARDED_BY(mutex_);
  std::set<std::pair<RequestId, uint32_t>> stops_ ABSL_GUARDED_BY(mutex_);
  Admission refusal_ ABSL_GUARDED_BY(mutex_);
  Readiness readiness_ ABSL_GUARDED_BY(mutex_);
  std::string failure_ ABSL_GUARDED_BY(mutex_);
  SchedulerSnapshot snapshot_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace cairn
