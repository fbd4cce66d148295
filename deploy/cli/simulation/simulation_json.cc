#include "deploy/cli/simulation/simulation_json.h"

#include <utility>

namespace cairn {
namespace {

using nlohmann::ordered_json;

ordered_json ToJson(const Percentiles& p) {
  return {{"count", p.count},         {"mean_s", p.mean.seconds()}, {"p50_s", p.p50.seconds()},
          {"p90_s", p.p90.seconds()}, {"p99_s", p.p99.seconds()},   {"max_s", p.max.seconds()}};
}

ordered_json ToJson(const SeedReport& seed) {
  const ClusterSummary& s = seed.summary;
  return {{"seed", seed.seed},
          {"rate", seed.rate},
          {"attainment", s.attainment},
          {"requests", s.requests},
          {"finished", s.finished},
          {"cancelled", s.cancelled},
          {"failed", s.failed},
          {"shed", s.shed},
          {"unfinished", s.unfinished},
          {"ttft", ToJson(s.ttft)},
          {"tpot", ToJson(s.tpot)},
          {"worst_gap", ToJson(s.gap_max)},
          {"queue", ToJson(s.queue)},
          {"prompt_tokens", s.prompt_tokens},
          {"hit_device_tokens", s.hit_device_tokens},
          {"hit_dram_tokens", s.hit_dram_tokens},
          {"hit_share", HitShare(s)},
          {"output_tokens", s.output_tokens},
          {"preemptions", s.preemptions},
          {"restarts", s.restarts},
          {"span_s", s.span.seconds()},
          {"busy_share", s.busy_share},
          {"imbalance", s.imbalance}};
}

}  // namespace

nlohmann::ordered_json ToJson(const SimulationReport& report) {
  ordered_json out = {
      {"simulated", true},
      {"trace", report.trace},
      {"history", report.history},
      {"cluster", report.cluster},
      {"profile", report.profile},
      {"slo",
       {{"ttft_s", report.target.ttft.seconds()}, {"tpot_s", report.target.tpot.seconds()}}}};
  if (!report.searched.empty()) {
    const GoodputSpread spread = SpreadOf(report);
    out["goodput"] = spread.mean;
    out["goodput_min"] = spread.min;
    out["goodput_max"] = spread.max;
    out["wanted_attainment"] = report.wanted_attainment;
    for (const SeedGoodput& seed : report.searched) {
      ordered_json runs = ordered_json::array();
      for (const GoodputRun& run : seed.goodput.runs) {
        runs.push_back({{"rate", run.rate}, {"attainment", run.attainment}});
      }
      out["searches"].push_back(
          {{"seed", seed.seed}, {"goodput", seed.goodput.rate}, {"runs", std::move(runs)}});
    }
  }
  if (!report.seeds.empty()) {
    double sum = 0;
    for (const SeedReport& seed : report.seeds) {
      sum += seed.summary.attainment;
      out["seeds"].push_back(ToJson(seed));
    }
    out["attainment"] = sum / static_cast<double>(report.seeds.size());
  }
  out["wall_s"] = report.wall_seconds;
  return out;
}

}  // namespace cairn
