#include "scheduler/ingress/grpc_call.h"

#include <utility>

#include "scheduler/ingress/status_map.h"

namespace cairn {

grpc::Status ToGrpcStatus(const absl::Status& status, grpc::CallbackServerContext* context) {
  if (status.ok()) return grpc::Status::OK;
  const ApiErrorView view = DescribeError(status);
  if (view.retry_after) {
    context->AddTrailingMetadata("retry-after-ms",
                                 std::to_string(view.retry_after->nanoseconds() / 1'000'000));
  }
  return {static_cast<grpc::StatusCode>(status.code()), view.message};
}

namespace {

absl::Status WhyUnfinished(FinishReason reason, const std::string& message) {
  if (reason == FinishReason::kExpired) return DeadlinePassed(message);
  if (reason == FinishReason::kCancelled) {
    return absl::CancelledError("the request was cancelled");
  }
  return absl::InternalError(message.empty() ? "the engine could not go on" : message);
}

}  // namespace

class GrpcCall::Observer : public GenerationObserver {
 public:
  explicit Observer(std::shared_ptr<GrpcCall> call) : call_(std::move(call)) {}
  void OnPrefillDone(const PromptUsage& usage) override {
    call_->Push([usage](GrpcCall& call) { call.HandlePrefill(usage); });
  }
  void OnToken(uint32_t choice, const SampledToken& token) override {
    call_->Push([choice, token, at = call_->house_.clock->Now()](GrpcCall& call) {
      call.HandleToken(choice, token, at);
    });
  }
  void OnChoiceEnded(uint32_t choice, FinishReason reason, const std::string& message) override {
    call_->Push([choice, reason, message](GrpcCall& call) {
      call.HandleChoiceEnded(choice, reason, message);
    });
  }
  void OnRequestEnded() override {}  // every choice has ended before

 private:
  std::shared_ptr<GrpcCall> call_;
};

GrpcCall::GrpcCall(House house, grpc::CallbackServerContext* context, std::string request_id)
    : house_(std::move(house)),
      context_(context),
      request_id_(std::move(request_id)),
      received_(house_.clock->Now()),
      request_(house_.port->NextRequestId()) {
  ++house_.metrics->calls_in_flight;
}

void GrpcCall::Refuse(const absl::Status& status) {
  {
    MutexLock lock(mutex_);
    self_ = shared_from_this();
  }
  End(status);
}

void GrpcCall::Start(OpenAiCall call, std::shared_ptr<const ServedModel> model) {
  {
    MutexLock lock(mutex_);
    self_ = shared_from_this();
  }
  const std::shared_ptr<const TextRules> rules = RulesOf(call);
  unfinished_ = call.options.choices;
  for (size_t i = 0; i < unfinished_; ++i) texts_.emplace_back(rules, *model->text);
  ended_.resize(unfinished_, false);
  last_token_.resize(unfinished_);
  wants_logprobs_ = call.wants_logprobs;
  GenerationRequest request = std::move(call.options);
  request.id = request_;
  request.prompt = std::move(call.prompts.front());
  const Admission admission =
      house_.port->Submit(std::move(request), std::make_shared<Observer>(shared_from_this()));
  if (!admission.status.ok()) {
    return End(admission.retry_after ? WithRetryAfter(admission.status, *admission.retry_after)
                                     : admission.status);
  }
  // Somebody may have cancelled it before there was anything to cancel.
  const bool ended_already = [this] {
    MutexLock lock(mutex_);
    return ending_;
  }();
  if (ended_already) house_.port->CancelRequest(request_);
}

void GrpcCall::CancelWith(const absl::Status& status) {
  house_.port->CancelRequest(request_);
  End(status);
}

void GrpcCall::OnCancel() {
  ++house_.metrics->clients_gone;
  CancelWith(absl::CancelledError("the client has left or its deadline has passed"));
}

void GrpcCall::OnDone() {
  --house_.metrics->calls_in_flight;
  house_.over(this);
  std::shared_ptr<GrpcCall> last;  // declared before the lock, so destroyed after it
  MutexLock lock(mutex_);
  last = std::move(self_);
}

void GrpcCall::Push(Event event) {
  {
    MutexLock lock(mutex_);
    if (ending_) return;
    events_.push_back(std::move(event));
    if (std::exchange(work_posted_, true)) return;
  }
  house_.post([self = shared_from_this()] { self->Work(); });
}

void GrpcCall::Work() {
  std::vector<Event> events;
  {
    MutexLock lock(mutex_);
    work_posted_ = false;
    events.swap(events_);
  }
  for (const Event& event : events) event(*this);
}

void GrpcCall::HandlePrefill(const PromptUsage& usage) {
  house_.metrics->prompt_tokens += usage.prompt_tokens;
  house_.metrics->cached_device_tokens += usage.cached_device_tokens;
  house_.metrics->cached_dram_tokens += usage.cached_dram_tokens;
  v1::GenerateReply reply;
  v1::Started& started = *reply.mutable_started();
  started.set_request_id(request_id_);
  started.set_prompt_tokens(usage.prompt_tokens);
  started.set_cached_device_tokens(usage.cached_device_tokens);
  started.set_cached_dram_tokens(usage.cached_dram_tokens);
  Write(std::move(reply));
}

void GrpcCall::HandleToken(uint32_t choice, const SampledToken& token, Instant at) {
  if (ended_[choice]) return;
  ++house_.metrics->generation_tokens;
  if (!std::exchange(first_token_seen_, true)) {
    house_.metrics->time_to_first_token.Observe(at - received_);
  }
  const Instant last = std::exchange(last_token_[choice], at);
  if (last != Instant()) house_.metrics->inter_token.Observe(at - last);
  v1::GenerateReply reply;
  v1::Delta& delta = *reply.mutable_delta();
  delta.set_choice(choice);
  v1::Token& out = *delta.add_tokens();
  out.set_id(token.token);
  if (wants_logprobs_) {
    out.set_logprob(token.logprob);
    for (const TokenLogprob& top : token.top_logprobs) {
      v1::TokenLogprob& entry = *out.add_top_logprobs();
      entry.set_token(top.token);
      entry.set_logprob(top.logprob);
    }
  }
  const bool stopped = texts_[choice].Feed(token.token, *delta.mutable_text());
  Write(std::move(reply));
  if (!stopped) return;
  house_.port->StopChoice(request_, choice);
  HandleChoiceEnded(choice, FinishReason::kStop, "");
}

void GrpcCall::HandleChoiceEnded(uint32_t choice, FinishReason reason, const std::string& message) {
  if (ended_[choice]) return;
  ended_[choice] = true;
  house_.metrics->CountChoice(reason);
  if (reason != FinishReason::kStop && reason != FinishReason::kLength) {
    house_.port->CancelRequest(request_);  // the other choices
    return End(WhyUnfinished(reason, message));
  }
  v1::GenerateReply rest;
  if (texts_[choice].Finish(*rest.mutable_delta()->mutable_text())) reason = FinishReason::kStop;
  rest.mutable_delta()->set_choice(choice);
  if (!rest.delta().text().empty()) Write(std::move(rest));
  v1::GenerateReply reply;
  v1::Finished& finished = *reply.mutable_finished();
  finished.set_choice(choice);
  finished.set_completion_tokens(texts_[choice].tokens());
  finished.set_reason(reason == FinishReason::kLength ? v1::FINISH_REASON_LENGTH
                                                      : v1::FINISH_REASON_STOP);
  Write(std::move(reply));
  if (--unfinished_ > 0) return;
  house_.metrics->end_to_end.Observe(house_.clock->Now() - received_);
  End(absl::OkStatus());
}

void GrpcCall::Write(v1::GenerateReply reply) {
  {
    MutexLock lock(mutex_);
    if (ending_) return;
    if (replies_.size() < house_.replies_unsent) {
      replies_.push_back(std::move(reply));
      if (!writing_) StartNextWrite();
      return;
    }
  }
  ++house_.metrics->clients_gone;
  CancelWith(absl::ResourceExhaustedError("the client reads too slowly"));
}

void GrpcCall::StartNextWrite() {
  writing_ = true;
  StartWrite(&replies_.front());
}

void GrpcCall::OnWriteDone(bool ok) {
  MutexLock lock(mutex_);
  writing_ = false;
  replies_.pop_front();
  if (!ok) replies_.clear();
  if (!replies_.empty()) return StartNextWrite();
  if (ending_ && !std::exchange(finished_, true)) Finish(ToGrpcStatus(final_, context_));
}

// After what is queued has been written, unless the end is an error: then at once.
void GrpcCall::End(const absl::Status& status) {
  MutexLock lock(mutex_);
  if (std::exchange(ending_, true)) return;
  house_.metrics->CountReply(FrontDoorMetrics::Route::kGrpc,
                             status.ok() ? 200 : DescribeError(status).http_status);
  final_ = status;
  events_.clear();
  if (!status.ok() && replies_.size() > 1) replies_.erase(replies_.begin() + 1, replies_.end());
  if (!writing_ && !std::exchange(finished_, true)) Finish(ToGrpcStatus(final_, context_));
}

}  // namespace cairn
