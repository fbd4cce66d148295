#include "deploy/cli/trace_describe.h"

#include <algorithm>
#include <cmath>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "deploy/cli/options.h"
#include "deploy/cli/trace_flags.h"
#include "deploy/cli/units.h"
#include "scheduler/simulator/step_profile.h"

namespace cairn {
namespace {

using OrderedJson = nlohmann::ordered_json;

constexpr int kBarCells = 40;
constexpr int kLabel = 16;

struct DescribeOptions {
  TraceFlags flags;
  std::vector<uint64_t> cache_tokens = {500'000,    1'000'000,  2'000'000, 5'000'000,
                                        10'000'000, 20'000'000, 50'000'000};
  std::string profile;
  uint32_t workers = 8;
  uint32_t decode_batch = 64;
  OutputFormat format = OutputFormat::kText;
};

// 500000 -> "0.5 M"
std::string Millions(uint64_t number) {
  return absl::StrFormat("%.4g M", static_cast<double>(number) / 1e6);
}

std::string Percent(double part) { return absl::StrFormat("%.1f %%", part * 100); }

// `part` of a bar of kBarCells cells, in eighths of one.
std::string Bar(double part) {
  static constexpr const char* kEighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const int eighths = static_cast<int>(std::lround(std::clamp(part, 0.0, 1.0) * kBarCells * 8));
  std::string bar;
  for (int i = 0; i < eighths / 8; ++i) absl::StrAppend(&bar, "█");
  return absl::StrCat(bar, kEighths[eighths % 8]);
}

std::string SpanText(Duration span) {
  if (span < Seconds(2 * 3600)) return FormatDurationRounded(span);
  return absl::StrFormat("%.1f h", span.seconds() / 3600);
}

std::string Line(const std::string& label, const std::string& text) {
  return absl::StrFormat("  %-*s  %s\n", kLabel, label, text);
}

std::string DistributionLine(const std::string& label, const Distribution& d) {
  const auto mean = static_cast<uint64_t>(std::llround(d.mean));
  std::string line = absl::StrFormat("  %-*s", kLabel, label);
  for (const uint64_t value : {mean, d.p10, d.p50, d.p90, d.p99, d.max}) {
    absl::StrAppendFormat(&line, "%11s", FormatGrouped(value));
  }
  return line + "\n";
}

std::string ArrivalText(const TraceFacts& facts) {
  std::string text =
      Line("requests", absl::StrFormat("%s in %s, %.3g a second", FormatGrouped(facts.requests),
                                       SpanText(facts.span), facts.mean_rps));
  absl::StrAppend(
      &text, Line("gaps", absl::StrFormat("vary by %.2f of their mean; %s are zero", facts.gap_cv,
                                          Percent(facts.same_instant_share))));
  if (facts.sessions < facts.requests) {
    std::string sessions = FormatGrouped(facts.sessions);
    if (facts.waiting_requests > 0) {
      absl::StrAppend(&sessions, ", in a closed loop: ", FormatGrouped(facts.waiting_requests),
                      " requests wait for an answer first (times as if answers took none)");
    }
    absl::StrAppend(&text, Line("sessions", sessions));
  }
  if (facts.tenants > 1) absl::StrAppend(&text, Line("tenants", FormatGrouped(facts.tenants)));
  return text;
}

std::string LengthText(const TraceFacts& facts) {
  std::string text = absl::StrFormat("  %-*s", kLabel, "tokens");
  for (const char* name : {"mean", "p10", "p50", "p90", "p99", "max"}) {
    absl::StrAppendFormat(&text, "%11s", name);
  }
  absl::StrAppend(&text, "\n", DistributionLine("  input", facts.input),
                  DistributionLine("  output", facts.output));
  if (facts.blocks > 0) {
    absl::StrAppend(&text, DistributionLine("  to compute", facts.missed_tokens));
  }
  return text;
}

std::string SharingText(const Trace& trace, const TraceFacts& facts) {
  if (facts.blocks == 0) return Line("shared", "unknown: the trace says nothing of contents");
  std::string text =
      Line("blocks", absl::StrFormat("%s of %d tokens, %s different; %s of those used once",
                                     FormatGrouped(facts.blocks), trace.block_tokens,
                                     FormatGrouped(facts.distinct_blocks),
                                     Percent(static_cast<double>(facts.blocks_used_once) /
                                             static_cast<double>(facts.distinct_blocks))));
  absl::StrAppend(
      &text,
      Line("hottest",
           absl::StrFormat("1 %% of blocks have %s of the hits; %s of prompts begin "
                           "with the same one, which has %s",
                           Percent(facts.top_percent_hits), Percent(facts.first_block_requests),
                           Percent(facts.first_block_hits))),
      Line("hit bound",
           absl::StrFormat("%s of tokens, %s of blocks, %s of a request on average; "
                           "%s of requests hit nothing",
                           Percent(facts.token_hits), Percent(facts.block_hits),
                           Percent(facts.request_hits), Percent(facts.requests_without_hit))),
      "\n", absl::StrFormat("  %-*s%11s\n", kLabel, "one LRU cache of", "token hits"));
  for (const LruPoint& point : facts.lru) {
    absl::StrAppendFormat(&text, "  %*s%11s  %s\n", kLabel,
                          Millions(point.capacity_tokens) + " tokens", Percent(point.token_hits),
                          Bar(point.token_hits));
  }
  absl::StrAppendFormat(&text, "  %*s%11s  %s\n", kLabel, "infinite", Percent(facts.token_hits),
                        Bar(facts.token_hits));
  return text;
}

OrderedJson AsJson(const Distribution& d) {
  return {{"mean", d.mean}, {"min", d.min}, {"p10", d.p10}, {"p50", d.p50},
          {"p90", d.p90},   {"p99", d.p99}, {"max", d.max}};
}

OrderedJson FactsJson(const Trace& trace, const TraceFacts& facts) {
  OrderedJson out = {
      {"name", trace.name},
      {"history", trace.history},
      {"requests", facts.requests},
      {"sessions", facts.sessions},
      {"tenants", facts.tenants},
      {"waiting_requests", facts.waiting_requests},
      {"span_s", facts.span.seconds()},
      {"mean_rps", facts.mean_rps},
      {"gap_cv", facts.gap_cv},
      {"same_instant_share", facts.same_instant_share},
      {"input_tokens_total", facts.input_tokens},
      {"output_tokens_total", facts.output_tokens},
      {"input_tokens", AsJson(facts.input)},
      {"output_tokens", AsJson(facts.output)},
      {"missed_tokens", AsJson(facts.missed_tokens)},
      {"block_tokens", trace.block_tokens},
      {"blocks", facts.blocks},
      {"distinct_blocks", facts.distinct_blocks},
      {"blocks_used_once", facts.blocks_used_once},
      {"hit_bound",
       {{"tokens", facts.token_hits},
        {"blocks", facts.block_hits},
        {"request_mean", facts.request_hits},
        {"requests_without_hit", facts.requests_without_hit}}},
      {"first_block", {{"requests", facts.first_block_requests}, {"hits", facts.first_block_hits}}},
      {"top_percent_hits", facts.top_percent_hits},
      {"lru", OrderedJson::array()}};
  for (const LruPoint& point : facts.lru) {
    out["lru"].push_back({{"capacity_tokens", point.capacity_tokens},
                          {"token_hits", point.token_hits},
                          {"block_hits", point.block_hits}});
  }
  return out;
}

std::string Dump(const OrderedJson& json) {
  // A file's name need not be UTF-8, JSON must.
  return json.dump(2, ' ', false, OrderedJson::error_handler_t::replace) + "\n";
}

void PrintBoundText(const DescribeOptions& options, const StepProfile& profile,
                    const WorkBound& bound) {
  std::cout << "\n"
            << Line("work bound",
                    absl::StrFormat(
                        "%.3g requests/s for prefill on %d workers, %.3g with decode in batches "
                        "of %d",
                        bound.prefill_rps, options.workers, bound.serve_rps, options.decode_batch))
            << Line("", absl::StrCat("(modelled: ", profile.name, ", one cache without end)"));
}

absl::Status RunDescribe(const DescribeOptions& options) {
  const absl::StatusOr<Trace> trace = LoadTrace(options.flags);
  if (!trace.ok()) return trace.status();
  const TraceFacts facts = FactsOf(*trace, options.cache_tokens);
  std::optional<StepProfile> profile;
  WorkBound bound;
  if (!options.profile.empty()) {
    absl::StatusOr<StepProfile> found = FindStepProfile(options.profile);
    if (!found.ok()) return found.status();
    profile = *std::move(found);
    bound = WorkBoundOf(*trace, StepCost(*profile), options.workers, options.decode_batch);
  }
  if (options.format == OutputFormat::kText) {
    std::cout << DescribeAsText(*trace, facts);
    if (profile.has_value()) PrintBoundText(options, *profile, bound);
    return absl::OkStatus();
  }
  OrderedJson json = FactsJson(*trace, facts);
  if (profile.has_value()) {
    json["work_bound"] = {{"profile", profile->name},
                          {"workers", options.workers},
                          {"decode_batch", options.decode_batch},
                          {"prefill_rps", bound.prefill_rps},
                          {"serve_rps", bound.serve_rps}};
  }
  std::cout << Dump(json);
  return absl::OkStatus();
}

}  // namespace

std::string DescribeAsText(const Trace& trace, const TraceFacts& facts) {
  std::string text = absl::StrCat(trace.name, "\n");
  for (const std::string& step : trace.history) absl::StrAppend(&text, "  · ", step, "\n");
  absl::StrAppend(&text, "\n", ArrivalText(facts), "\n", LengthText(facts), "\n",
                  SharingText(trace, facts));
  return text;
}

std::string DescribeAsJson(const Trace& trace, const TraceFacts& facts) {
  return Dump(FactsJson(trace, facts));
}

void AddTraceDescribe(CLI::App& trace) {
  auto options = std::make_shared<DescribeOptions>();
  CLI::App* describe =
      trace.add_subcommand("describe", "say what is in a trace and what bounds it sets");
  AddTraceFlags(*describe, options->flags);
  describe->add_option("--cache", options->cache_tokens, "cache sizes in tokens for the LRU curve")
      ->delimiter(',')
      ->allow_extra_args(false)  // a file may follow
      ->check(CLI::PositiveNumber)
      ->type_name("TOKENS")
      ->capture_default_str()
      ->group("Bounds");
  describe
      ->add_option("--profile", options->profile,
                   "costs of a step, for the work bound: a file or a known name")
      ->type_name("PROFILE")
      ->group("Bounds");
  describe->add_option("--workers", options->workers, "for the work bound")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str()
      ->group("Bounds");
  describe->add_option("--decode-batch", options->decode_batch, "for the work bound")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str()
      ->group("Bounds");
  AddOutputFormat(*describe, options->format);
  OnRun(*describe, [options] { return RunDescribe(*options); });
}

}  // namespace cairn
