#include "tests/sim/workload/sim_options.h"

#include "kvstore/base/prng.h"

namespace cairn::sim {
namespace {

uint32_t Draw(Prng& prng, int64_t low, int64_t high) {
  return static_cast<uint32_t>(prng.Between(low, high));
}

// Most runs are free of a fault, so that each fault is also seen alone.
double DrawChance(Prng& prng, double some, double high) {
  return prng.Chance(some) ? prng.Uniform() * high : 0.0;
}

}  // namespace

SimOptions DrawOptions(uint64_t seed) {
  Prng prng(SplitMix64(seed));
  SimOptions o;
  o.seed = seed;
  o.store.block_tokens = Draw(prng, 1, 6);
  o.store.device.slots = prng.Chance(0.7) ? Draw(prng, 2, 24) : Draw(prng, 24, 80);
  o.store.dram.slots = prng.Chance(0.25) ? 0 : Draw(prng, 1, 64);
  o.store.moves.in_flight_max = Draw(prng, 1, 8);
  o.store.device_headroom_slots = prng.Chance(0.5) ? 0 : Draw(prng, 1, 6);
  o.worker.vocabulary_size = Draw(prng, 12, 60);
  o.worker.context_length = Draw(prng, 8, 160);
  o.worker.step_tokens = prng.Chance(0.3) ? Draw(prng, 1, 4) : Draw(prng, 4, 64);
  o.worker.sequences_max = Draw(prng, 1, 10);
  o.worker.requests_max = prng.Chance(0.1) ? Draw(prng, 2, 6) : 1000;
  o.worker.choices_max = 8;
  o.worker.step_attempts_max = Draw(prng, 1, 4);

  o.requests = Draw(prng, 3, 30);
  o.prompt_max = Draw(prng, 1, 60);
  o.output_max = Draw(prng, 1, 40);
  o.choices_max = prng.Chance(0.5) ? 1 : Draw(prng, 2, 5);
  o.salts = prng.Chance(0.6) ? 1 : 2;
  o.shared_prompts = Draw(prng, 1, 4);
  o.priorities = prng.Chance(0.6) ? 1 : 3;
  o.arrival_gap_us_max = prng.Chance(0.3) ? 0 : prng.Between(1, 800);
  o.follow_up_chance = DrawChance(prng, 0.6, 0.7);
  o.repeat_chance = DrawChance(prng, 0.6, 0.7);
  o.cancel_chance = DrawChance(prng, 0.5, 0.5);
  o.stop_chance = DrawChance(prng, 0.3, 0.4);
  o.bad_request_chance = DrawChance(prng, 0.2, 0.2);

  o.step_failure_chance = DrawChance(prng, 0.3, 0.2);
  o.move_failure_chance = DrawChance(prng, 0.3, 0.4);
  o.corruption_chance = DrawChance(prng, 0.3, 0.4);
  o.rot_chance = DrawChance(prng, 0.2, 0.2);
  o.move_us_max = prng.Chance(0.5) ? 20 : prng.Between(20, 2000);
  return o;
}

std::ostream& operator<<(std::ostream& out, const SimOptions& o) {
  return out << "seed=" << o.seed << " block_tokens=" << o.store.block_tokens
             << " device_slots=" << o.store.device.slots << " dram_slots=" << o.store.dram.slots
             << " moves_in_flight=" << o.store.moves.in_flight_max
             << " headroom=" << o.store.device_headroom_slots
             << " vocabulary=" << o.worker.vocabulary_size << " context=" << o.worker.context_length
             << " step_tokens=" << o.worker.step_tokens << " sequences=" << o.worker.sequences_max
             << " requests_max=" << o.worker.requests_max
             << " attempts=" << o.worker.step_attempts_max << " requests=" << o.requests
             << " prompt_max=" << o.prompt_max << " output_max=" << o.output_max
             << " choices=" << o.choices_max << " salts=" << o.salts
             << " priorities=" << o.priorities << " gap_us=" << o.arrival_gap_us_max
             << " follow_up=" << o.follow_up_chance << " repeat=" << o.repeat_chance
             << " cancel=" << o.cancel_chance << " stop=" << o.stop_chance
             << " bad=" << o.bad_request_chance << " step_failure=" << o.step_failure_chance
             << " move_failure=" << o.move_failure_chance << " corruption=" << o.corruption_chance
             << " rot=" << o.rot_chance << " move_us=" << o.move_us_max;
}

}  // namespace cairn::sim
