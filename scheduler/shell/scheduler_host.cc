#include "scheduler/shell/scheduler_host.h"

#include <algorithm>
#include <utility>

namespace cairn {

SchedulerHost::SchedulerHost(const SchedulerLimits& limits, WorkerLink& link, const Clock& clock)
    : clock_(clock), loop_(limits, link) {}

SchedulerHost::~SchedulerHost() { StopTimer(); }

void SchedulerHost::StopTimer() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  sooner_.Notify();
  if (timer_.joinable()) timer_.join();
}

// After an event: is there a deadline before the one that the timer sleeps for?
void SchedulerHost::KeepTime() {
  const std::optional<Instant> next = loop_.core().NextDeadline();
  if (!next || stopping_ || (timer_until_ && *timer_until_ <= *next)) return;
  timer_until_ = next;
  if (timer_.joinable()) return sooner_.Notify();
  timer_ = std::thread([this] { RunTimer(); });
}

void SchedulerHost::RunTimer() {
  MutexLock lock(mutex_);
  while (!stopping_) {
    const std::optional<Instant> until = timer_until_;
    const auto changed = [&] { return stopping_ || timer_until_ != until; };
    if (!until) {
      sooner_.Await(lock, changed);
      continue;
    }
    if (sooner_.AwaitFor(lock, std::max(Duration(), *until - clock_.Now()), changed)) continue;
    loop_.Handle(TimePassed{}, clock_.Now());
    timer_until_ = loop_.core().NextDeadline();
    if (NothingLives()) drained_.Notify();
  }
}

RequestId SchedulerHost::NextRequestId() { return RequestId(next_request_.fetch_add(1)); }

Admission SchedulerHost::Submit(GenerationRequest request,
                                std::shared_ptr<GenerationObserver> observer) {
  MutexLock lock(mutex_);
  Admission admission = loop_.Submit(std::move(request), std::move(observer), clock_.Now());
  KeepTime();
  return admission;
}

void SchedulerHost::Handle(const SchedulerEvent& event) {
  MutexLock lock(mutex_);
  loop_.Handle(event, clock_.Now());
  if (NothingLives()) drained_.Notify();
}

void SchedulerHost::CancelRequest(RequestId request) { Handle(RequestCancelled{request}); }

void SchedulerHost::StopChoice(RequestId request, uint32_t choice) {
  Handle(ChoiceStopped{request, choice});
}

void SchedulerHost::WorkerJoins(NodeId worker, Epoch epoch) { Handle(WorkerJoined{worker, epoch}); }

void SchedulerHost::WorkerReports(NodeId worker, Epoch epoch, std::span<const Report> reports) {
  MutexLock lock(mutex_);
  const Instant now = clock_.Now();
  for (const Report& report : reports) loop_.Handle(WorkerReported{worker, epoch, report}, now);
  if (NothingLives()) drained_.Notify();
}

void SchedulerHost::WorkerPublishes(std::span<const PublishWord> words) {
  MutexLock lock(mutex_);
  const Instant now = clock_.Now();
  for (const PublishWord& word : words) {
    if (const auto* batch = std::get_if<PublishBatch>(&word)) {
      loop_.Handle(BlocksPublished{*batch}, now);
    } else {
      loop_.Handle(BlocksListed{std::get<PublishSnapshotPart>(word)}, now);
    }
  }
}

void SchedulerHost::StartDrain() { Handle(DrainStarted{}); }

bool SchedulerHost::AwaitDrained(Duration at_most) {
  MutexLock lock(mutex_);
  return drained_.AwaitFor(lock, at_most, [this] { return NothingLives(); });
}

Readiness SchedulerHost::CheckReadiness() {
  MutexLock lock(mutex_);
  Readiness readiness;
  if (loop_.core().workers().empty()) readiness.reasons.push_back("no worker has joined");
  if (loop_.core().draining()) readiness.reasons.push_back("draining");
  return readiness;
}

SchedulerSnapshot SchedulerHost::Snapshot() {
  MutexLock lock(mutex_);
  const SchedulerCore& core = loop_.core();
  SchedulerSnapshot snapshot{
      .requests_accepted = core.counts().accepted,
      .requests_ended = core.counts().ended,
      .requests_cancelled = core.counts().cancelled,
      .requests_expired = core.counts().expired,
      .requests_live = static_cast<uint32_t>(core.live_requests()),
      .requests_queued = static_cast<uint32_t>(core.queued_requests()),
      .shed = {},
      .workers = {},
      .directory = {.blocks = core.directory().index().blocks(),
                    .bytes = core.directory().index().bytes_max(),
                    .resyncs = core.counts().resyncs,
                    .workers = {}},
      .classes = {},
      .tenants = {},
      .trace = {},
  };
  for (size_t i = 0; i < kShedReasons; ++i) {
    snapshot.shed.emplace_back(NameOf(static_cast<ShedReason>(i)), core.counts().shed_by_reason[i]);
  }
  for (size_t i = 0; i < core.classes().size(); ++i) {
    snapshot.classes.push_back({core.classes().at(i).name, core.attainment()[i]});
  }
  for (const TenantAccount& tenant : core.tenants().accounts()) {
    snapshot.tenants.push_back({.name = tenant.name,
                                .live = tenant.live,
                                .queued = tenant.waiting,
                                .accepted = tenant.accepted,
                                .shed = tenant.shed,
                                .prompt_tokens = tenant.prompt_tokens,
                                .output_tokens = tenant.output_tokens});
  }
  const Directory& directory = core.directory();
  const Instant now = clock_.Now();
  for (const auto& [node, worker] : core.workers()) {
    snapshot.workers.push_back(worker.load);
    snapshot.directory.workers.push_back(
        directory.Coverage(node, now).value_or(DirectoryCoverage()));
  }
  return snapshot;
}

}  // namespace cairn
