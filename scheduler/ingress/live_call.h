// One call being answered: submits its requests, brings their events from the scheduler's thread to
// the connection's, writes what becomes of them, and cancels everything if the client leaves.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "kvstore/base/clock.h"
#include "kvstore/shell/mutex.h"
#include "scheduler/ingress/generation_port.h"
#include "scheduler/ingress/http_server.h"
#include "scheduler/ingress/openai_answer.h"
#include "scheduler/ingress/openai_request.h"
#include "scheduler/operator/metrics_page.h"

namespace cairn {

// What a call borrows from its front door, which outlives it.
struct LiveCallHouse {
  GenerationPort* port = nullptr;
  FrontDoorMetrics* metrics = nullptr;
  const Clock* clock = nullptr;
};

class LiveCall : public std::enable_shared_from_this<LiveCall> {
 public:
  // Gets each reply or stream head before it is sent, to add headers and to count it.
  using Dress = std::function<void(HttpReplyHead&)>;

  LiveCall(const LiveCallHouse& house, std::shared_ptr<HttpExchange> exchange, bool stream,
           uint32_t choices_per_prompt, OpenAiAnswer answer, Instant received, Dress dress);
  ~LiveCall();

  // On the exchange's executor. Everything after it goes by itself.
  void Start(OpenAiCall call);

 private:
  class Observer;

  struct Event {
    enum class Kind : uint8_t { kPrefillDone, kToken, kChoiceEnded };
    Kind kind;
    uint32_t choice = 0;
    size_t prompt = 0;
    Instant at;
    PromptUsage usage;
    SampledToken token;
    FinishReason reason = FinishReason::kStop;
    std::string message;
  };

  void Push(Event event);  // the scheduler's thread
  void Drain();
  void Apply(const Event& event);
  void MeasureToken(const Event& event);
  void BeginStream();
  void WriteNews();
  void FinishCall();
  void Refuse(const absl::Status& status);
  void AbandonRequests();
  void Over();
  std::shared_ptr<HttpExchange> HeldExchange();

  const LiveCallHouse house_;
  const bool stream_;
  const Instant received_;
  const Dress dress_;
  const uint32_t choices_per_prompt_;
  OpenAiAnswer answer_;
  std::vector<RequestId> requests_;  // by prompt
  std::vector<Instant> last_token_;  // by choice of the call; 0: none yet
  bool first_token_seen_ = false;
  bool stream_begun_ = false;
  bool over_ = false;
  std::string out_;

  Mutex mutex_;
  std::vector<Event> events_ ABSL_GUARDED_BY(mutex_);
  bool drain_posted_ ABSL_GUARDED_BY(mutex_) = false;
  std::shared_ptr<HttpExchange> exchange_ ABSL_GUARDED_BY(mutex_);  // null: over
};

}  // namespace cairn
