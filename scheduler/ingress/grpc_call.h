// One Generate call being answered. Events of the scheduler are queued here and worked on by the
// front door's own thread; gRPC's threads report what was written and who has left.
#pragma once

#include <grpcpp/grpcpp.h>

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "kvstore/base/clock.h"
#include "kvstore/shell/mutex.h"
#include "proto/inference.grpc.pb.h"
#include "scheduler/ingress/choice_text.h"
#include "scheduler/ingress/generation_port.h"
#include "scheduler/ingress/openai_request.h"
#include "scheduler/operator/metrics_page.h"

namespace cairn {

// gRPC's status with the message and, where there is one, the time to wait as trailing metadata.
grpc::Status ToGrpcStatus(const absl::Status& status, grpc::CallbackServerContext* context);

class GrpcCall : public grpc::ServerWriteReactor<v1::GenerateReply>,
                 public std::enable_shared_from_this<GrpcCall> {
 public:
  struct House {
    GenerationPort* port = nullptr;
    FrontDoorMetrics* metrics = nullptr;
    const Clock* clock = nullptr;
    uint32_t replies_unsent = 0;
    std::function<void(std::function<void()>)> post;  // to the front door's thread
    std::function<void(const GrpcCall*)> over;
  };

  GrpcCall(House house, grpc::CallbackServerContext* context, std::string request_id);

  // Exactly one of these follows. Both may be called on any thread, before anything else.
  void Refuse(const absl::Status& status);
  void Start(OpenAiCall call, std::shared_ptr<const ServedModel> model);
  // From any thread; the call ends with this status if it has not ended.
  void CancelWith(const absl::Status& status);

  void OnWriteDone(bool ok) override;
  void OnCancel() override;  // the client has left, or its deadline has passed
  void OnDone() override;

 private:
  class Observer;
  using Event = std::function<void(GrpcCall&)>;

  void Push(Event event);  // the scheduler's thread
  void Work();             // the front door's thread
  void HandlePrefill(const PromptUsage& usage);
  void HandleToken(uint32_t choice, const SampledToken& token, Instant at);
  void HandleChoiceEnded(uint32_t choice, FinishReason reason, const std::string& message);
  void Write(v1::GenerateReply reply);
  void StartNextWrite() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void End(const absl::Status& status);

  const House house_;
  grpc::CallbackServerContext* const context_;
  const std::string request_id_;
  const Instant received_;
  const RequestId request_;
  bool wants_logprobs_ = false;
  // The front door's thread alone.
  std::vector<ChoiceText> texts_;
  std::vector<bool> ended_;
  std::vector<Instant> last_token_;
  size_t unfinished_ = 0;
  bool first_token_seen_ = false;

  Mutex mutex_;
  std::vector<Event> events_ ABSL_GUARDED_BY(mutex_);
  bool work_posted_ ABSL_GUARDED_BY(mutex_) = false;
  std::deque<v1::GenerateReply> replies_ ABSL_GUARDED_BY(mutex_);  // the front one is being written
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;    // no more replies; final_ is known
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;  // Finish was called
  absl::Status final_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<GrpcCall> self_ ABSL_GUARDED_BY(mutex_);  // until OnDone
};

}  // namespace cairn
