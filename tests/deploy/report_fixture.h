// A small report with two policies, as a study might have found it.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "deploy/cli/simulation/simulation_report.h"

namespace cairn {

inline SeedRun RunWith(uint64_t seed, double rate, double attainment, int64_t ttft_ms) {
  SeedRun run{.seed = seed, .rate = rate};
  run.summary.requests = run.summary.finished = 100;
  run.summary.attainment = attainment;
  run.summary.ttft.p50 = run.summary.ttft.p90 = run.summary.ttft.p99 = Milliseconds(ttft_ms);
  run.summary.tpot.p90 = Milliseconds(20);
  run.summary.prompt_tokens = 1000;
  run.summary.hit_device_tokens = 500;
  run.summary.hit_dram_tokens = 125;
  run.summary.imbalance = 1.25;
  run.ttft_curve = {Milliseconds(1), Milliseconds(ttft_ms)};
  run.tpot_curve = {Milliseconds(10), Milliseconds(20)};
  run.timeline = {.slice = Seconds(1),
                  .slices = {{.queued = 1, .busy_share = 0.5}, {.queued = 3, .busy_share = 0.7}}};
  run.busy_by_worker = {0.5, 0.75};
  return run;
}

inline SeedGoodput GoodputWith(uint64_t seed, double rate) {
  return {.seed = seed, .goodput = {.rate = rate, .runs = {{rate, 0.93}, {rate * 1.01, 0.85}}}};
}

inline PolicyReport PolicyWith(const std::string& name, std::vector<double> goodputs) {
  PolicyReport policy{.policy = name};
  for (size_t i = 0; i < goodputs.size(); ++i) {
    policy.searched.push_back(GoodputWith(i + 1, goodputs[i]));
  }
  return policy;
}

// What a run's classes, tenants and roles may have come to.
inline void AddGroups(SeedRun& run, double interactive) {
  run.classes = {{.name = "interactive",
                  .target = {.ttft = Seconds(1), .tpot = Milliseconds(50)},
                  .requests = 40,
                  .attainment = interactive,
                  .work_tokens = 300,
                  .work_share = 0.375,
                  .ttft_curve = {Milliseconds(10), Milliseconds(900)},
                  .tpot_curve = {Milliseconds(20), Milliseconds(60)}},
                 {.name = "batch",
                  .target = {.ttft = Seconds(60)},
                  .requests = 60,
                  .attainment = 1,
                  .work_tokens = 500,
                  .work_share = 0.625}};
  for (int i = 0; i < 20; ++i) {
    run.tenants.push_back({.name = "t" + std::to_string(i),
                           .requests = 5,
                           .attainment = 0.75,
                           .work_share = i == 3 ? 0.24 : 0.04});
  }
  run.roles = {{.role = PhaseRole::kPrefillHeavy,
                .workers = 1,
                .busy_share = 0.6875,
                .prefilling = 1.5,
                .handoffs_out = 90},
               {.role = PhaseRole::kDecodeHeavy,
                .workers = 1,
                .busy_share = 0.96875,
                .decoding = 12,
                .handoffs_in = 90}};
}

inline SimulationReport ReportFixture() {
  SimulationReport report;
  report.version = "cairn 0.0 (test)";
  report.command = "cairn simulate conversation.jsonl --workers 2";
  report.trace = "conversation.jsonl";
  report.history = {"read conversation.jsonl (mooncake, sha256 0123): 100 requests"};
  report.facts.requests = 100;
  report.cluster = "2 workers of 1000 KV tokens";
  report.configuration = {{"workers", "2"}};
  report.profile.name = "h100";
  report.profile.source = "somewhere";
  report.workers = 2;
  report.seeds = {1, 2};
  report.target = {.ttft = Seconds(5), .tpot = Milliseconds(100)};
  report.bounds = {.hit_share = 0.8,
                   .cache_tokens = 2000,
                   .lru_share = 0.7,
                   .work_rps = 20,
                   .prefill_rps = 30,
                   .decode_batch = 256};
  for (const char* name : {"dual-hash", "round-robin"}) {
    PolicyReport policy = PolicyWith(name, {10, 14});
    policy.rates = {{.rate = 8, .seeds = {RunWith(1, 8, 0.9375, 300), RunWith(2, 8, 1.0, 200)}},
                    {.rate = 16, .seeds = {RunWith(1, 16, 0.5, 9000), RunWith(2, 16, 0.25, 8000)}}};
    report.policies.push_back(std::move(policy));
  }
  return report;
}

// The same with latency classes, tenants and roles.
inline SimulationReport GroupedReportFixture() {
  SimulationReport report = ReportFixture();
  report.classes = {{"interactive", {.ttft = Seconds(1), .tpot = Milliseconds(50)}, 0},
                    {"batch", {.ttft = Seconds(60), .tpot = Duration()}, 10}};
  for (PolicyReport& policy : report.policies) {
    for (RatePoint& point : policy.rates) {
      for (SeedRun& run : point.seeds) AddGroups(run, run.seed == 1 ? 0.5 : 0.75);
    }
  }
  return report;
}

}  // namespace cairn
