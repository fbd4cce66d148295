// One worker as the simulator builds it: the worker core with its store, a memory, the fingerprint
// engine and the moves, with faults in all of them, and who watches over its slots. What its core
// wants is carried out in virtual time: the owner keeps the time and says when a step or move ends.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "kvstore/base/prng.h"
#include "tests/sim/checker/slot_checker.h"
#include "tests/sim/double/fingerprint_engine.h"
#include "tests/sim/double/sim_memory.h"
#include "tests/sim/workload/sim_options.h"
#include "worker/core/worker_core.h"

namespace cairn::sim {

// What became of the core's wishes.
struct MachineTurn {
  std::vector<Report> reports;
  std::optional<Duration> step_ends_in;                 // a step has begun: EndStep then
  std::vector<std::pair<Duration, Move>> moves_end_in;  // moves have begun: EndMove then
  std::vector<WorkerAction> to_peers;                   // words and blocks for other workers
};

// One block as it travels to another worker: with its key (nothing for a partly filled one) and the
// checksum of what was read.
struct SentBlock {
  BlockKey key;
  std::vector<uint64_t> words;
  uint64_t checksum = 0;
};

// Of the model that the fingerprint engine runs.
ModelIdentity SimModel();

class SimMachine {
 public:
  using Log = std::function<void(const std::string&)>;

  // `options` and `prng` outlive the machine. `log` may be empty.
  SimMachine(const SimOptions& options, Prng& prng, Log log);

  void Tell(WorkerEvent event, Instant now);
  // Steps and moves may only fail while the world is hostile. False: the step failed.
  bool EndStep(Instant now, bool hostile);
  void EndMove(const Move& move, Instant now, bool hostile);
  // What a send carries is read when it ends, so it must be there until then.
  std::vector<SentBlock> EndSend(const SendBlocks& send, Instant now);
  // What has come for a fetch is written, and perhaps damaged.
  void EndFetch(const StartFetch& fetch, const std::vector<SentBlock>& blocks, Instant now,
                bool hostile);
  MachineTurn Act();
  // After everything that has happened to it: audits, and poisons what nobody holds.
  void Check(bool hostile);
  void DemandQuiet() const;  // nothing runs and nothing leaks

  uint32_t prompt_chunk() const { return prompt_chunk_; }  // that it was last told of
  bool in_step() const { return step_.has_value(); }
  WorkerCore& core() { return core_; }
  const WorkerCore& core() const { return core_; }

 private:
  Duration Start(const StepPlan& plan);
  Duration Start(const Move& move);
  void PoisonFree();
  void Rot();
  template <typename... Parts>
  void Tale(const Parts&... parts);

  const SimOptions& options_;
  Prng& prng_;
  Log log_;
  SimMemory memory_;
  FingerprintEngine engine_;
  WorkerCore core_;
  SlotChecker slots_;
  uint32_t prompt_chunk_;  // 0: as much as there is room for
  std::optional<StepPlan> step_;
  std::optional<StepResult> step_result_;  // if the engine ran at once
};

}  // namespace cairn::sim
