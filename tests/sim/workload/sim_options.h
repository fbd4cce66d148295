// What one seed draws: sizes of the machine, habits of the clients, and how hostile the world is.
#pragma once

#include <cstdint>
#include <ostream>

#include "kvstore/core/store_core.h"
#include "worker/core/worker_core.h"

namespace cairn::sim {

struct SimOptions {
  uint64_t seed = 0;
  StoreLimits store;
  WorkerLimits worker;

  uint32_t requests = 0;
  uint32_t prompt_max = 0;
  uint32_t output_max = 0;
  uint32_t choices_max = 1;
  uint32_t salts = 1;
  uint32_t shared_prompts = 1;  // prompts begin like one of so many texts
  int32_t priorities = 1;
  int64_t arrival_gap_us_max = 0;
  double follow_up_chance = 0;  // a request goes on from an earlier one's text
  double repeat_chance = 0;     // a request has exactly an earlier one's prompt
  double cancel_chance = 0;
  double stop_chance = 0;  // of a StopChoice for some choice
  double bad_request_chance = 0;

  double step_failure_chance = 0;
  double move_failure_chance = 0;
  double corruption_chance = 0;  // of a move that damages what it copies
  double rot_chance = 0;         // of damage in DRAM, after each event
  int64_t move_us_max = 0;
  int64_t step_us_max = 200;
};

SimOptions DrawOptions(uint64_t seed);
std::ostream& operator<<(std::ostream& out, const SimOptions& options);

}  // namespace cairn::sim
