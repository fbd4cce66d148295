#include "scheduler/simulator/virtual_worker.h"

#include <algorithm>
#include <variant>

#include "kvstore/base/check.h"

namespace cairn {

VirtualWorker::VirtualWorker(NodeId node, Epoch epoch, const WorkerOptions& options,
                             const ModelledEngine& engine, Duration slice, WorkerRecord& record)
    : options_(options),
      engine_(engine),
      slice_(slice),
      record_(record),
      core_(options.limits, options.store, ModelIdentity()) {
  if (options.publishes) core_.StartPublishing(node, epoch);
  ++record_.lives;
  record_.device_slots = options.store.device.slots;
}

VirtualWorker::~VirtualWorker() {
  const WorkerLoad load = core_.load();
  record_.lookup_tokens += load.lookup_tokens;
  record_.hit_device_tokens += load.hit_device_tokens;
  record_.hit_dram_tokens += load.hit_dram_tokens;
  record_.preemptions += load.preemptions;
  record_.prefixes += core_.prefix_fetches();
}

WorkerTurn& VirtualWorker::Deliver(Assignment assignment, Instant now) {
  if (step_ && !std::holds_alternative<Ask>(assignment)) {
    inbox_.push_back(std::move(assignment));
    return turn_;
  }
  // Whoever asks counts on what it sent before.
  TakeInbox(now);
  std::visit([&](auto& one) { core_.Handle(std::move(one), now); }, assignment);
  Act(now);
  return turn_;
}

WorkerTurn& VirtualWorker::EndStep(Instant now) {
  CAIRN_CHECK(step_.has_value());
  core_.Handle(StepFinished{step_->number, engine_.Run(*step_, step_time_)}, now);
  step_.reset();
  step_ended_ = now;
  TakeInbox(now);
  Act(now);
  return turn_;
}

void VirtualWorker::TakeInbox(Instant now) {
  for (Assignment& assignment : inbox_) {
    std::visit([&](auto& one) { core_.Handle(std::move(one), now); }, assignment);
  }
  inbox_.clear();
}

WorkerTurn& VirtualWorker::EndMove(MoveId move, Instant now) {
  // Nothing is copied, so all checksums are equal.
  core_.Handle(MoveFinished{.move = move}, now);
  Act(now);
  return turn_;
}

WorkerTurn& VirtualWorker::Hear(WorkerEvent event, Instant now) {
  core_.Handle(std::move(event), now);
  Act(now);
  return turn_;
}

WorkerTurn& VirtualWorker::Tick(Instant now) {
  core_.Tick(now);
  Act(now);
  return turn_;
}

std::vector<PublishBatch> VirtualWorker::TakeBatches() {
  BlockAnnouncer* announcer = core_.announcer();
  if (announcer == nullptr) return {};
  std::vector<PublishBatch> batches = announcer->TakeBatches();
  for (const PublishBatch& batch : batches) {
    ++record_.batches_published;
    record_.changes_published += batch.changes.size();
  }
  return batches;
}

std::vector<PublishWord> VirtualWorker::Answer(const ResyncRequest& request) {
  const BlockAnnouncer* announcer = core_.announcer();
  if (announcer == nullptr) return {};
  ++record_.resyncs;
  return announcer->Answer(request);
}

void VirtualWorker::Act(Instant now) {
  for (WorkerAction& action : core_.TakeActions()) {
    if (auto* report = std::get_if<SendReport>(&action)) {
      turn_.reports.push_back(std::move(report->report));
    } else if (const auto* move = std::get_if<StartMove>(&action)) {
      Begin(move->move, now);
    } else if (auto* run = std::get_if<RunStep>(&action)) {
      Begin(std::move(run->plan), now);
    } else {
      turn_.to_peers.push_back(std::move(action));
    }
  }
}

void VirtualWorker::Begin(StepPlan plan, Instant now) {
  CAIRN_CHECK(!step_);
  step_time_ = engine_.TimeOf(plan, now - step_ended_) * options_.step_percent / 100;
  CAIRN_CHECK_GE(step_time_, Duration());
  turn_.step_ends = now + step_time_;
  CountBusy(now, now + step_time_);
  ++record_.steps;
  for (const StepSpan& span : plan.spans) {
    (span.tokens.size() == 1 ? record_.decode_tokens : record_.prefill_tokens) +=
        span.tokens.size();
  }
  const uint32_t used = options_.store.device.slots - core_.store().device_slots_available();
  record_.device_slots_used_max = std::max(record_.device_slots_used_max, used);
  record_.slot_nanoseconds += uint64_t{used} * static_cast<uint64_t>(step_time_.nanoseconds());
  step_ = std::move(plan);
}

void VirtualWorker::CountBusy(Instant from, Instant until) {
  record_.busy = record_.busy + (until - from);
  if (slice_ == Duration()) return;
  while (from < until) {
    const int64_t slice = from.nanoseconds() / slice_.nanoseconds();
    const Instant end = std::min(until, Instant() + slice_ * (slice + 1));
    const auto index = static_cast<size_t>(slice);
    if (record_.busy_by_slice.size() <= index) record_.busy_by_slice.resize(index + 1);
    record_.busy_by_slice[index] = record_.busy_by_slice[index] + (end - from);
    from = end;
  }
}

void VirtualWorker::Begin(const Move& move, Instant now) {
  Instant& free = carrier_free_[TierNumber(move.to)];
  free = std::max(free, now) + options_.move_time;
  turn_.moves.emplace_back(free, move.id);
  ++record_.moves;
}

}  // namespace cairn
