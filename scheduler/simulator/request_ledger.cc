#include "scheduler/simulator/request_ledger.h"

#include <algorithm>
#include <variant>

#include "kvstore/base/check.h"

namespace cairn {

void RequestLedger::Arrive(uint32_t request, uint32_t scheduler, uint32_t prompt_tokens,
                           Instant now) {
  RequestRecord& record = records_[request];
  CAIRN_CHECK(record.outcome == RequestOutcome::kNotArrived);
  record.outcome = RequestOutcome::kUnfinished;
  record.scheduler = scheduler;
  record.prompt_tokens = prompt_tokens;
  record.arrival = now;
  ++arrived_;
}

void RequestLedger::Dispatch(uint32_t request, uint32_t worker, bool handed, Instant now) {
  CAIRN_CHECK(IsOpen(request));
  RequestRecord& record = records_[request];
  record.worker = worker;
  if (handed) {
    ++record.handoffs;
    record.handed = now;
    return;
  }
  record.prompt_worker = worker;
  record.handed = {};
  if (record.dispatches++ == 0) record.dispatched = now;
}

void RequestLedger::Shed(uint32_t request, Instant now) {
  CAIRN_CHECK(IsOpen(request));
  records_[request].outcome = RequestOutcome::kShed;
  records_[request].ended = now;
  ++records_[request].sheds;
  ++ended_;
}

void RequestLedger::Return(uint32_t request) {
  CAIRN_CHECK(records_[request].outcome == RequestOutcome::kShed);
  records_[request].outcome = RequestOutcome::kUnfinished;
  records_[request].ended = Instant();
  --ended_;
}

bool RequestLedger::Hear(uint32_t request, const ClientWord& word, Instant now) {
  RequestRecord& record = records_[request];
  if (const auto* token = std::get_if<TokenProduced>(&word)) {
    CAIRN_CHECK(IsOpen(request));
    CAIRN_CHECK_EQ(token->position, record.tokens);
    if (record.tokens++ == 0) {
      record.first_token = now;
    } else {
      record.gap_max = std::max(record.gap_max, now - record.last_token);
    }
    record.last_token = now;
    return false;
  }
  if (const auto* prefill = std::get_if<PrefillDone>(&word)) {
    CAIRN_CHECK(IsOpen(request));
    CAIRN_CHECK_EQ(prefill->usage.prompt_tokens, record.prompt_tokens);
    CAIRN_CHECK(record.prefilled == Instant());
    record.prefilled = now;
    record.cached_device_tokens = prefill->usage.cached_device_tokens;
    record.cached_dram_tokens = prefill->usage.cached_dram_tokens;
    record.fetched_tokens = prefill->usage.fetched_tokens;
    return false;
  }
  if (const auto* ended = std::get_if<ChoiceEnded>(&word)) {
    CAIRN_CHECK(IsOpen(request));
    CAIRN_CHECK(ended->reason != FinishReason::kCancelled || cancelled_[request]);
    if (cancelled_[request]) {
      record.outcome = RequestOutcome::kCancelled;
    } else if (ended->reason == FinishReason::kExpired) {
      record.outcome = RequestOutcome::kExpired;
    } else {
      record.outcome = ended->reason == FinishReason::kFailed ? RequestOutcome::kFailed
                                                              : RequestOutcome::kFinished;
    }
    return false;
  }
  // RequestEnded: once, and behind the end of the one choice.
  CAIRN_CHECK(!IsOpen(request) && record.ended == Instant());
  record.ended = now;
  record.preemptions = std::get<RequestEnded>(word).preemptions;
  ++ended_;
  return true;
}

}  // namespace cairn
