#include "scheduler/shell/scheduler_loop.h"

#include <string>
#include <utility>

#include "kvstore/base/check.h"

namespace cairn {
namespace {

absl::Status WhyShed(ShedReason reason) {
  switch (reason) {
    case ShedReason::kLiveRequests:
      return absl::ResourceExhaustedError("as many requests are live as may be; try again later");
    case ShedReason::kQueuedTokens:
      return absl::ResourceExhaustedError("too many tokens are waiting; try again later");
    case ShedReason::kTenantRequests:
      return absl::ResourceExhaustedError(
          "this tenant has its share of live requests; try again later");
    case ShedReason::kTenantTokens:
      return absl::ResourceExhaustedError(
          "this tenant has its share of waiting tokens; try again later");
    case ShedReason::kWaitTooLong:
      return absl::ResourceExhaustedError("the predicted wait is too long; try again later");
    case ShedReason::kTtftTooLong:
      return absl::ResourceExhaustedError(
          "the first token would come too late for its target; try again later");
    case ShedReason::kTooLate:
      return absl::ResourceExhaustedError(
          "the first token cannot come before the deadline; try again later, or allow more time");
    case ShedReason::kDraining:
      return absl::UnavailableError("the server is shutting down");
    case ShedReason::kNoWorker:
      return absl::UnavailableError("no worker is ready");
  }
  return absl::InternalError("unknown shed reason");
}

}  // namespace

SchedulerLoop::SchedulerLoop(const SchedulerLimits& limits, WorkerLink& link)
    : core_(limits), link_(link) {}

Admission SchedulerLoop::Submit(GenerationRequest request,
                                std::shared_ptr<GenerationObserver> observer, Instant now) {
  const RequestId id = request.id;
  observers_[id] = std::move(observer);
  Handle(RequestSubmitted{std::move(request)}, now);
  if (!admission_.status.ok()) observers_.erase(id);
  return std::exchange(admission_, {});
}

void SchedulerLoop::Handle(const SchedulerEvent& event, Instant now) {
  core_.Handle(event, now);
  CarryOut();
}

void SchedulerLoop::CarryOut() {
  for (SchedulerAction& action : core_.TakeActions()) {
    if (auto* send = std::get_if<SendAssignment>(&action)) {
      link_.Send(send->worker, send->epoch, std::move(send->assignment));
    } else if (const auto* shed = std::get_if<Shed>(&action)) {
      admission_ = {.status = WhyShed(shed->reason), .retry_after = shed->retry_after};
    } else if (const auto* deliver = std::get_if<DeliverWord>(&action)) {
      Deliver(deliver->request, deliver->word);
    } else if (const auto* ask = std::get_if<AskResync>(&action)) {
      link_.Ask(ask->request);
    }
  }
}

void SchedulerLoop::Deliver(RequestId request, const ClientWord& word) {
  const auto found = observers_.find(request);
  CAIRN_CHECK(found != observers_.end());
  GenerationObserver& observer = *found->second;
  if (const auto* prefill = std::get_if<PrefillDone>(&word)) {
    observer.OnPrefillDone(prefill->usage);
  } else if (const auto* token = std::get_if<TokenProduced>(&word)) {
    observer.OnToken(token->choice, token->token);
  } else if (const auto* ended = std::get_if<ChoiceEnded>(&word)) {
    observer.OnChoiceEnded(ended->choice, ended->reason, ended->message);
  } else {
    observer.OnRequestEnded();
    observers_.erase(found);
  }
}

}  // namespace cairn
