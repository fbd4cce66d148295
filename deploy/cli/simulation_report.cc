#include "deploy/cli/simulation_report.h"

#include <fmt/format.h>

#include <algorithm>

#include "deploy/cli/units.h"

namespace cairn {
namespace {

using nlohmann::ordered_json;

ordered_json ToJson(const Percentiles& p) {
  return {{"count", p.count},         {"mean_s", p.mean.seconds()}, {"p50_s", p.p50.seconds()},
          {"p90_s", p.p90.seconds()}, {"p99_s", p.p99.seconds()},   {"max_s", p.max.seconds()}};
}

double HitShare(const ClusterSummary& s) {
  const uint64_t hits = s.hit_device_tokens + s.hit_dram_tokens;
  return s.prompt_tokens == 0 ? 0
                              : static_cast<double>(hits) / static_cast<double>(s.prompt_tokens);
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

std::vector<Goodput> GoodputsOf(const SimulationReport& report) {
  std::vector<Goodput> all;
  for (const SeedGoodput& one : report.searched) all.push_back(one.goodput);
  return all;
}

std::string Row(const char* name, const Percentiles& p) {
  const auto cell = [](Duration d) { return FormatDurationRounded(d); };
  return fmt::format("  {:<10} {:>12} {:>12} {:>12} {:>12} {:>12}\n", name, cell(p.mean),
                     cell(p.p50), cell(p.p90), cell(p.p99), cell(p.max));
}

std::string TextOf(const SeedReport& seed) {
  const ClusterSummary& s = seed.summary;
  std::string out =
      fmt::format("seed {}: {:.2f} requests/s, {} of {} finished, {:.1f} % within the targets\n",
                  seed.seed, seed.rate, s.finished, s.requests, 100 * s.attainment);
  out += fmt::format("  {:<10} {:>12} {:>12} {:>12} {:>12} {:>12}\n", "", "mean", "p50", "p90",
                     "p99", "max");
  out += Row("TTFT", s.ttft) + Row("TPOT", s.tpot) + Row("worst gap", s.gap_max) +
         Row("queue", s.queue);
  out += fmt::format(
      "  {:.1f} % of prompt tokens were cached, workers {:.0f} % busy, the busiest {:.2f} of "
      "the mean, {} preemptions\n",
      100 * HitShare(s), 100 * s.busy_share, s.imbalance, s.preemptions);
  if (s.shed + s.failed + s.unfinished + s.restarts > 0) {
    out += fmt::format("  {} shed, {} failed, {} unfinished, {} begun again\n", s.shed, s.failed,
                       s.unfinished, s.restarts);
  }
  return out;
}

std::string TargetText(const SloTarget& target) {
  std::string out;
  if (target.ttft > Duration()) out += "TTFT " + FormatDuration(target.ttft);
  if (target.tpot > Duration()) {
    out += (out.empty() ? "TPOT " : ", TPOT ") + FormatDuration(target.tpot);
  }
  return out.empty() ? "none" : out;
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
    const GoodputSpread spread = SpreadOf(GoodputsOf(report));
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

std::string ToText(const SimulationReport& report) {
  std::string out = fmt::format("simulated, not measured: {}, profile {}\n{}\n", report.cluster,
                                report.profile, report.trace);
  for (const std::string& line : report.history) out += "  " + line + "\n";
  out += "targets: " + TargetText(report.target) + "\n";
  for (const SeedReport& seed : report.seeds) out += TextOf(seed);
  for (const SeedGoodput& seed : report.searched) {
    out += fmt::format("seed {}: {:.2f} requests/s after {} runs\n", seed.seed, seed.goodput.rate,
                       seed.goodput.runs.size());
  }
  if (!report.searched.empty()) {
    const GoodputSpread spread = SpreadOf(GoodputsOf(report));
    out += fmt::format("goodput at {:.0f} %: {:.2f} requests/s ({:.2f} to {:.2f} over {} seeds)\n",
                       100 * report.wanted_attainment, spread.mean, spread.min, spread.max,
                       report.searched.size());
  }
  out += fmt::format("took {:.1f} s\n", report.wall_seconds);
  return out;
}

}  // namespace cairn
