// The clients of a simulated worker: what they ask, drawn from the seed.
#pragma once

#include <cstdint>
#include <vector>

#include "kvstore/base/generation.h"
#include "kvstore/base/prng.h"
#include "tests/sim/checker/request_checker.h"
#include "tests/sim/workload/sim_options.h"

namespace cairn::sim {

class SimClients {
 public:
  explicit SimClients(const SimOptions& options);

  // The next request, which may go on from what was said so far.
  GenerationRequest Draw(const std::vector<RequestChecker::Talk>& talks);

 private:
  std::vector<TokenId> DrawText(uint32_t length);
  std::vector<TokenId> DrawPrompt(GenerationRequest& request,
                                  const std::vector<RequestChecker::Talk>& talks);

  SimOptions options_;
  Prng prng_;
  uint64_t last_id_ = 0;
  std::vector<std::vector<TokenId>> shared_;
  std::vector<GenerationRequest> earlier_;
};

}  // namespace cairn::sim
