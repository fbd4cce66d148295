#include "deploy/cli/simulation/simulation_text.h"

#include <fmt/format.h>

#include "deploy/cli/units.h"

namespace cairn {
namespace {

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
    const GoodputSpread spread = SpreadOf(report);
    out += fmt::format("goodput at {:.0f} %: {:.2f} requests/s ({:.2f} to {:.2f} over {} seeds)\n",
                       100 * report.wanted_attainment, spread.mean, spread.min, spread.max,
                       report.searched.size());
  }
  out += fmt::format("took {:.1f} s\n", report.wall_seconds);
  return out;
}

}  // namespace cairn
