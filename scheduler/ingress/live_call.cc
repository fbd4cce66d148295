#include "scheduler/ingress/live_call.h"

#include <utility>

#include "scheduler/ingress/status_map.h"
#include "scheduler/operator/text_cat.h"

namespace cairn {

// Hears one request, that is, one prompt of the call.
class LiveCall::Observer : public GenerationObserver {
 public:
  Observer(std::shared_ptr<LiveCall> call, size_t prompt)
      : call_(std::move(call)), prompt_(prompt) {}

  void OnPrefillDone(const PromptUsage& usage) override {
    Event event = Make(Event::Kind::kPrefillDone, 0);
    event.usage = usage;
    call_->Push(std::move(event));
  }
  void OnToken(uint32_t choice, const SampledToken& token) override {
    Event event = Make(Event::Kind::kToken, choice);
    event.token = token;
    call_->Push(std::move(event));
  }
  void OnChoiceEnded(uint32_t choice, FinishReason reason, const std::string& message) override {
    Event event = Make(Event::Kind::kChoiceEnded, choice);
    event.reason = reason;
    event.message = message;
    call_->Push(std::move(event));
  }
  void OnRequestEnded() override {}  // every choice has ended before

 private:
  Event Make(Event::Kind kind, uint32_t choice) const {
    Event event{.kind = kind};
    event.choice = choice;
    event.prompt = prompt_;
    event.at = call_->house_.clock->Now();
    return event;
  }

  std::shared_ptr<LiveCall> call_;
  size_t prompt_;
};

LiveCall::LiveCall(const LiveCallHouse& house, std::shared_ptr<HttpExchange> exchange, bool stream,
                   uint32_t choices_per_prompt, OpenAiAnswer answer, Instant received, Dress dress)
    : house_(house),
      stream_(stream),
      received_(received),
      dress_(std::move(dress)),
      choices_per_prompt_(choices_per_prompt),
      answer_(std::move(answer)),
      exchange_(std::move(exchange)) {
  ++house_.metrics->calls_in_flight;
}

LiveCall::~LiveCall() {
  if (!over_) --house_.metrics->calls_in_flight;
}

void LiveCall::Start(OpenAiCall call) {
  last_token_.resize(call.choices());
  HeldExchange()->OnGone([self = shared_from_this()] {
    if (self->over_) return;
    self->AbandonRequests();
    self->Over();
    ++self->house_.metrics->clients_gone;
  });
  for (size_t i = 0; i < call.prompts.size() && !over_; ++i) {
    GenerationRequest request = call.options;
    request.id = house_.port->NextRequestId();
    request.prompt = std::move(call.prompts[i]);
    // Prompts of one call draw differently, as choices of one prompt do.
    request.sampling.seed += i * call.options.choices;
    const RequestId id = request.id;
    const Admission admission =
        house_.port->Submit(std::move(request), std::make_shared<Observer>(shared_from_this(), i));
    if (!admission.status.ok()) {
      AbandonRequests();
      Refuse(admission.retry_after ? WithRetryAfter(admission.status, *admission.retry_after)
                                   : admission.status);
      return;
    }
    requests_.push_back(id);
  }
}

void LiveCall::Push(Event event) {
  MutexLock lock(mutex_);
  if (exchange_ == nullptr) return;
  events_.push_back(std::move(event));
  // One post for all that comes before the connection's thread gets to it.
  if (std::exchange(drain_posted_, true)) return;
  exchange_->Post([self = shared_from_this()] { self->Drain(); });
}

void LiveCall::Drain() {
  std::vector<Event> events;
  {
    MutexLock lock(mutex_);
    drain_posted_ = false;
    events.swap(events_);
  }
  if (over_) return;
  for (const Event& event : events) Apply(event);
  if (answer_.complete() || !answer_.failure().ok()) {
    FinishCall();
  } else if (stream_) {
    WriteNews();
  }
}

void LiveCall::Apply(const Event& event) {
  switch (event.kind) {
    case Event::Kind::kPrefillDone:
      answer_.PrefillDone(event.prompt, event.usage);
      house_.metrics->prompt_tokens += event.usage.prompt_tokens;
      house_.metrics->cached_device_tokens += event.usage.cached_device_tokens;
      house_.metrics->cached_dram_tokens += event.usage.cached_dram_tokens;
      return;
    case Event::Kind::kToken:
      MeasureToken(event);
      if (answer_.AddToken(event.prompt, event.choice, event.token) ==
          OpenAiAnswer::TokenOutcome::kStopStringFound) {
        house_.port->StopChoice(requests_[event.prompt], event.choice);
      }
      return;
    case Event::Kind::kChoiceEnded:
      answer_.EndChoice(event.prompt, event.choice, event.reason, event.message);
      return;
  }
}

void LiveCall::MeasureToken(const Event& event) {
  ++house_.metrics->generation_tokens;
  if (!std::exchange(first_token_seen_, true)) {
    house_.metrics->time_to_first_token.Observe(event.at - received_);
  }
  Instant& last = last_token_[event.prompt * choices_per_prompt_ + event.choice];
  if (last != Instant()) house_.metrics->inter_token.Observe(event.at - last);
  last = event.at;
}

void LiveCall::BeginStream() {
  if (std::exchange(stream_begun_, true)) return;
  HttpReplyHead head;
  head.content_type = "text/event-stream; charset=utf-8";
  head.headers.push_back({"cache-control", "no-cache"});
  head.headers.push_back({"x-accel-buffering", "no"});  // nginx would collect events otherwise
  head.headers.push_back({"x-cairn-cached-tokens", TextCat(answer_.usage().cached_tokens())});
  dress_(head);
  const std::shared_ptr<HttpExchange> exchange = HeldExchange();
  exchange->BeginStream(std::move(head));
}

void LiveCall::WriteNews() {
  BeginStream();
  out_.clear();
  answer_.TakeEvents(out_);
  if (out_.empty()) return;
  const std::shared_ptr<HttpExchange> exchange = HeldExchange();
  if (exchange != nullptr) exchange->Write(out_);
}

void LiveCall::FinishCall() {
  if (!answer_.failure().ok()) AbandonRequests();
  if (!answer_.failure().ok() && !stream_begun_) return Refuse(answer_.failure());
  if (stream_) {
    BeginStream();
    out_.clear();
    answer_.TakeEvents(out_);
    answer_.TakeLastEvents(out_);
  }
  for (const FinishReason reason : answer_.finish_reasons()) house_.metrics->CountChoice(reason);
  house_.metrics->end_to_end.Observe(house_.clock->Now() - received_);
  const std::shared_ptr<HttpExchange> exchange = HeldExchange();
  Over();
  if (exchange == nullptr) return;
  if (stream_) {
    exchange->Write(out_);
    exchange->EndStream();
    return;
  }
  HttpReply reply;
  reply.head.headers.push_back({"x-cairn-cached-tokens", TextCat(answer_.usage().cached_tokens())});
  reply.body = answer_.TakeWhole();
  dress_(reply.head);
  exchange->Reply(std::move(reply));
}

void LiveCall::Refuse(const absl::Status& status) {
  const std::shared_ptr<HttpExchange> exchange = HeldExchange();
  Over();
  if (exchange == nullptr) return;
  HttpReply reply = ErrorReply(status);
  dress_(reply.head);
  exchange->Reply(std::move(reply));
}

std::shared_ptr<HttpExchange> LiveCall::HeldExchange() {
  MutexLock lock(mutex_);
  return exchange_;
}

void LiveCall::AbandonRequests() {
  for (const RequestId request : requests_) house_.port->CancelRequest(request);
}

// Nothing is written after it; events that still come are dropped.
void LiveCall::Over() {
  if (std::exchange(over_, true)) return;
  --house_.metrics->calls_in_flight;
  MutexLock lock(mutex_);
  exchange_.reset();
  events_.clear();
}

}  // namespace cairn
