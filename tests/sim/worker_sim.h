// One worker and its store in virtual time, with the fingerprint engine and a hostile world around
// it. A run is a function of its options: the same seed, the same events, the same end.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "kvstore/base/prng.h"
#include "kvstore/base/time.h"
#include "tests/sim/checker/request_checker.h"
#include "tests/sim/sim_machine.h"
#include "tests/sim/workload/sim_clients.h"
#include "tests/sim/workload/sim_options.h"

namespace cairn::sim {

struct SimResult {
  std::string checker;  // the one whose invariant broke; empty: PASSED
  std::string what;
  uint64_t events = 0;
  WorkerLoad load;  // at the end

  bool passed() const { return checker.empty(); }
};

class WorkerSim {
 public:
  // `log` hears one line for every event, if given.
  explicit WorkerSim(const SimOptions& options, std::function<void(const std::string&)> log = {});

  SimResult Run();

 private:
  struct Arrive {};
  struct EndStep {};
  struct EndMove {
    Move move;
  };
  using Happening = std::variant<Arrive, Cancel, StopChoice, EndStep, EndMove>;

  void At(Duration from_now, Happening happening);
  void Happen(const Arrive&);
  void Happen(const Cancel& cancel);
  void Happen(const StopChoice& stop);
  void Happen(const EndStep&);
  void Happen(const EndMove& end);
  void CarryOut(MachineTurn turn);
  void Hear(const Report& report);
  bool hostile() const;  // the world heals when the last request has come
  template <typename... Parts>
  void Log(const Parts&... parts);

  SimOptions options_;
  std::function<void(const std::string&)> log_;
  Prng prng_;
  SimMachine machine_;
  SimClients clients_;
  RequestChecker requests_;

  Instant now_;
  uint64_t happenings_ = 0;
  std::map<std::pair<Instant, uint64_t>, Happening> agenda_;
  uint32_t to_arrive_ = 0;
};

}  // namespace cairn::sim
