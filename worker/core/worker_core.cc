#include "worker/core/worker_core.h"

#include <utility>
#include <variant>

#include "worker/core/worker_state.h"

namespace cairn {

WorkerCore::WorkerCore(const WorkerLimits& limits, const StoreLimits& store,
                       const ModelIdentity& model)
    : state_(std::make_unique<WorkerState>(limits, store, model)) {}

WorkerCore::~WorkerCore() = default;

void WorkerCore::Handle(WorkerEvent event, Instant now) {
  state_->Tick(now);
  std::visit([this](auto& one) { state_->Handle(std::move(one)); }, event);
}

void WorkerCore::Tick(Instant now) { state_->Tick(now); }

std::optional<Instant> WorkerCore::NextDeadline() const { return state_->NextDeadline(); }

std::vector<WorkerAction> WorkerCore::TakeActions() { return state_->TakeActions(); }

void WorkerCore::StartPublishing(NodeId node, Epoch epoch, const PublishLimits& limits) {
  state_->store().StartPublishing(node, epoch, limits);
}

BlockAnnouncer* WorkerCore::announcer() { return state_->store().announcer(); }

bool WorkerCore::idle() const { return state_->idle(); }

WorkerLoad WorkerCore::load() const { return state_->load(); }

const PrefixFetchCounts& WorkerCore::prefix_fetches() const { return state_->prefix_fetches(); }

const StoreCore& WorkerCore::store() const { return state_->store(); }

}  // namespace cairn
