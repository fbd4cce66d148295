#include "deploy/cli/simulation/simulation_json.h"

#include <utility>

#include "deploy/cli/simulation/capacity_plan.h"
#include "deploy/cli/simulation/sensitivity.h"

namespace cairn {
namespace {

using nlohmann::ordered_json;

ordered_json ToJson(const Percentiles& p) {
  return {{"count", p.count},         {"mean_s", p.mean.seconds()}, {"p50_s", p.p50.seconds()},
          {"p90_s", p.p90.seconds()}, {"p99_s", p.p99.seconds()},   {"max_s", p.max.seconds()}};
}

// "goodput", "goodput_min" and "goodput_max".
void AddSpread(ordered_json& out, const std::string& name, const Spread& spread) {
  out[name] = spread.mean;
  out[name + "_min"] = spread.min;
  out[name + "_max"] = spread.max;
}

ordered_json ToJson(const SloTarget& target) {
  return {{"ttft_s", target.ttft.seconds()}, {"tpot_s", target.tpot.seconds()}};
}

ordered_json ToJson(const std::vector<GroupSummary>& groups) {
  ordered_json out = ordered_json::array();
  for (const GroupSummary& g : groups) {
    out.push_back({{"name", g.name},
                   {"attainment", g.attainment},
                   {"requests", g.requests},
                   {"finished", g.finished},
                   {"shed", g.shed},
                   {"expired", g.expired},
                   {"work_tokens", g.work_tokens},
                   {"work_share", g.work_share},
                   {"ttft", ToJson(g.ttft)},
                   {"tpot", ToJson(g.tpot)}});
  }
  return out;
}

ordered_json ToJson(const std::vector<RoleSummary>& roles) {
  ordered_json out = ordered_json::array();
  for (const RoleSummary& role : roles) {
    out.push_back({{"role", NameOf(role)},
                   {"workers", role.workers},
                   {"busy_share", role.busy_share},
                   {"imbalance", role.imbalance},
                   {"prefilling", role.prefilling},
                   {"decoding", role.decoding},
                   {"kv_share", role.kv_share},
                   {"prefill_tokens", role.prefill_tokens},
                   {"decode_tokens", role.decode_tokens},
                   {"handoffs_in", role.handoffs_in},
                   {"handoffs_out", role.handoffs_out}});
  }
  return out;
}

ordered_json ToJson(const SeedRun& run) {
  const ClusterSummary& s = run.summary;
  ordered_json out = {{"seed", run.seed},
                      {"rate", run.rate},
                      {"attainment", s.attainment},
                      {"requests", s.requests},
                      {"finished", s.finished},
                      {"cancelled", s.cancelled},
                      {"failed", s.failed},
                      {"shed", s.shed},
                      {"unfinished", s.unfinished},
                      {"missed_ttft", s.missed_ttft},
                      {"missed_tpot", s.missed_tpot},
                      {"ttft", ToJson(s.ttft)},
                      {"tpot", ToJson(s.tpot)},
                      {"worst_gap", ToJson(s.gap_max)},
                      {"queue", ToJson(s.queue)},
                      {"prompt_tokens", s.prompt_tokens},
                      {"hit_device_tokens", s.hit_device_tokens},
                      {"hit_dram_tokens", s.hit_dram_tokens},
                      {"fetched_tokens", s.fetched_tokens},
                      {"hit_share", HitShare(s)},
                      {"output_tokens", s.output_tokens},
                      {"preemptions", s.preemptions},
                      {"restarts", s.restarts},
                      {"span_s", s.span.seconds()},
                      {"busy_share", s.busy_share},
                      {"imbalance", s.imbalance}};
  if (s.fetches.fetches > 0) {
    out["fetches"] = {{"count", s.fetches.fetches},
                      {"blocks_asked", s.fetches.blocks_asked},
                      {"blocks_arrived", s.fetches.blocks_arrived},
                      {"blocks_absent", s.fetches.blocks_absent},
                      {"blocks_refused", s.fetches.blocks_refused},
                      {"blocks_late", s.fetches.blocks_late}};
  }
  if (!run.classes.empty()) out["classes"] = ToJson(run.classes);
  if (!run.tenants.empty()) out["tenants"] = ToJson(run.tenants);
  if (!run.roles.empty()) out["roles"] = ToJson(run.roles);
  return out;
}

ordered_json ToJson(const RatePoint& point) {
  ordered_json out = {{"rate", RateOf(point)}};
  AddSpread(out, "attainment", AttainmentOf(point));
  out["seeds"] = ordered_json::array();
  for (const SeedRun& run : point.seeds) out["seeds"].push_back(ToJson(run));
  return out;
}

ordered_json Curve(const std::vector<Duration>& curve) {
  ordered_json out = ordered_json::array();
  for (const Duration value : curve) out.push_back(value.seconds());
  return out;
}

template <typename Number>
ordered_json Column(const RunTimeline& timeline, Number TimeSlice::*number) {
  ordered_json out = ordered_json::array();
  for (const TimeSlice& slice : timeline.slices) out.push_back(slice.*number);
  return out;
}

// What the report draws of one run: distributions, workers, time.
ordered_json DetailJson(const SeedRun& run) {
  const RunTimeline& timeline = run.timeline;
  ordered_json out = {{"seed", run.seed},
                      {"rate", run.rate},
                      {"ttft_percentiles_s", Curve(run.ttft_curve)},
                      {"tpot_percentiles_s", Curve(run.tpot_curve)},
                      {"busy_by_worker", run.busy_by_worker},
                      {"requests_by_worker", run.requests_by_worker},
                      {"timeline",
                       {{"slice_s", timeline.slice.seconds()},
                        {"arrivals", Column(timeline, &TimeSlice::arrivals)},
                        {"attainment", Column(timeline, &TimeSlice::attainment)},
                        {"queued", Column(timeline, &TimeSlice::queued)},
                        {"prefilling", Column(timeline, &TimeSlice::prefilling)},
                        {"decoding", Column(timeline, &TimeSlice::decoding)},
                        {"workers", Column(timeline, &TimeSlice::workers)},
                        {"busy_share", Column(timeline, &TimeSlice::busy_share)},
                        {"imbalance", Column(timeline, &TimeSlice::imbalance)},
                        {"request_imbalance", Column(timeline, &TimeSlice::request_imbalance)},
                        {"hit_share", Column(timeline, &TimeSlice::hit_share)}}}};
  for (const GroupSummary& one : run.classes) {
    out["classes"].push_back({{"name", one.name},
                              {"ttft_percentiles_s", Curve(one.ttft_curve)},
                              {"tpot_percentiles_s", Curve(one.tpot_curve)}});
  }
  return out;
}

ordered_json ToJson(const SeedGoodput& seed) {
  ordered_json runs = ordered_json::array();
  for (const GoodputRun& run : seed.goodput.runs) {
    runs.push_back({{"rate", run.rate}, {"attainment", run.attainment}});
  }
  return {{"seed", seed.seed}, {"goodput", seed.goodput.rate}, {"runs", std::move(runs)}};
}

ordered_json ToJson(const SimulationReport& report, const PolicyReport& policy) {
  ordered_json out = {{"policy", policy.policy}};
  if (!policy.searched.empty()) {
    AddSpread(out, "goodput", GoodputOf(policy));
    for (const SeedGoodput& seed : policy.searched) out["searches"].push_back(ToJson(seed));
  }
  for (const RatePoint& point : policy.rates) out["rates"].push_back(ToJson(point));
  const RatePoint* detail = DetailOf(report, policy);
  if (detail != nullptr && !detail->seeds.empty()) out["detail"] = DetailJson(detail->seeds[0]);
  return out;
}

ordered_json ToJson(const SensitivityAxis& axis) {
  ordered_json out = {{"axis", axis.name}, {"profile", axis.profile}};
  for (const SensitivitySetting& setting : axis.settings) {
    ordered_json one = {{"value", setting.value}, {"policies", ordered_json::array()}};
    for (const PolicyReport& policy : setting.policies) {
      ordered_json goodput = {{"policy", policy.policy}};
      AddSpread(goodput, "goodput", GoodputOf(policy));
      one["policies"].push_back(std::move(goodput));
    }
    out["settings"].push_back(std::move(one));
  }
  return out;
}

ordered_json ToJson(const CapacityPlan& plan) {
  ordered_json out = {{"workers", plan.capacity.workers},
                      {"gpus", plan.capacity.workers * plan.gpus},
                      {"rate", plan.rate},
                      {"headroom", HeadroomOf(plan)},
                      {"limit", LimitOf(plan)},
                      {"trials", ordered_json::array()},
                      {"sizes", ordered_json::array()},
                      {"what_if_rate", plan.overload_rate},
                      {"what_if", ordered_json::array()}};
  for (const CapacityTrial& trial : plan.capacity.trials) {
    out["trials"].push_back({{"workers", trial.workers}, {"attainment", trial.attainment}});
  }
  for (const auto& [workers, point] : plan.sizes) {
    ordered_json size = ToJson(point);
    size["workers"] = workers;
    const auto roles = plan.roles.find(workers);
    if (roles != plan.roles.end()) size["roles"] = roles->second.Name();
    out["sizes"].push_back(std::move(size));
  }
  for (const WhatIf& what_if : plan.what_ifs) {
    ordered_json one = {{"change", what_if.name}};
    AddSpread(one, "attainment", what_if.attainment);
    one["hit_share"] = what_if.hit_share.mean;
    out["what_if"].push_back(std::move(one));
  }
  for (const SeedGoodput& seed : plan.headroom) out["searches"].push_back(ToJson(seed));
  return out;
}

ordered_json ProfileJson(const StepProfile& profile) {
  return {{"name", profile.name},
          {"source", profile.source},
          {"hardware", profile.hardware},
          {"model", profile.model},
          {"prefill_error_mean", profile.prefill_error_mean},
          {"prefill_error_max", profile.prefill_error_max},
          {"decode_error_mean", profile.decode_error_mean},
          {"decode_error_max", profile.decode_error_max},
          {"kv_bytes_per_token", profile.kv_bytes_per_token}};
}

ordered_json BoundsJson(const Bounds& bounds) {
  return {{"hit_share", bounds.hit_share},     {"cache_tokens", bounds.cache_tokens},
          {"lru_hit_share", bounds.lru_share}, {"work_rps", bounds.work_rps},
          {"prefill_rps", bounds.prefill_rps}, {"decode_batch", bounds.decode_batch}};
}

}  // namespace

ordered_json ToJson(const SimulationReport& report) {
  ordered_json out = {{"simulated", true},
                      {"version", report.version},
                      {"command", report.command},
                      {"trace", report.trace},
                      {"history", report.history},
                      {"requests", report.facts.requests},
                      {"cluster", report.cluster},
                      {"workers", report.workers},
                      {"seed_list", report.seeds},
                      {"slo",
                       {{"ttft_s", report.target.ttft.seconds()},
                        {"tpot_s", report.target.tpot.seconds()},
                        {"attainment", report.wanted_attainment}}}};
  if (report.classes.size() > 1) {
    for (const LatencyClass& one : report.classes) out["classes"][one.name] = ToJson(one.target);
  }
  for (const auto& [name, value] : report.configuration) out["configuration"][name] = value;
  out["profile"] = ProfileJson(report.profile);
  out["bounds"] = BoundsJson(report.bounds);
  for (const ScriptedEvent& event : report.events) out["events"].push_back(event.text);
  if (!report.policies.empty()) {
    const PolicyReport& first = report.policies[0];
    if (!first.searched.empty()) AddSpread(out, "goodput", GoodputOf(first));
    if (const RatePoint* point = DetailOf(report, first)) {
      out["attainment"] = AttainmentOf(*point).mean;
    }
    for (const PolicyReport& policy : report.policies) {
      out["policies"].push_back(ToJson(report, policy));
    }
  }
  if (!report.sensitivity.empty()) {
    out["conclusion"] = ConclusionOf(report);
    out["order_survives"] = RobustnessOf(report) != Robustness::kReverses;
    for (const SensitivityAxis& axis : report.sensitivity) {
      out["sensitivity"].push_back(ToJson(axis));
    }
  }
  if (report.plan) out["plan"] = ToJson(*report.plan);
  return out;
}

std::string JsonText(const SimulationReport& report) {
  return ToJson(report).dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace cairn
