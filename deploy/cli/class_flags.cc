#include "deploy/cli/class_flags.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "deploy/cli/options.h"
#include "deploy/cli/units.h"

namespace cairn {
namespace {

// Names become labels and headers.
bool IsName(const std::string& text) {
  return !text.empty() && text.size() <= 64 && std::ranges::all_of(text, [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_';
  });
}

}  // namespace

absl::StatusOr<LatencyClass> ParseLatencyClass(const std::string& text) {
  const absl::Status wrong = absl::InvalidArgumentError(
      absl::StrCat("--latency-class ", text,
                   ": NAME=TTFT,TPOT or NAME=TTFT,TPOT,PRIORITY, as interactive=1s,50ms,0"));
  const std::pair<std::string, std::string> halves = absl::StrSplit(text, absl::MaxSplits('=', 1));
  const std::vector<std::string> fields = absl::StrSplit(halves.second, ',');
  if (!IsName(halves.first) || fields.size() < 2 || fields.size() > 3) return wrong;
  const absl::StatusOr<Duration> ttft = ParseDuration(fields[0]), tpot = ParseDuration(fields[1]);
  if (!ttft.ok() || !tpot.ok()) return wrong;
  LatencyClass one{.name = halves.first, .target = {.ttft = *ttft, .tpot = *tpot}};
  if (fields.size() == 3 && !absl::SimpleAtoi(fields[2], &one.priority)) return wrong;
  return one;
}

void AddClassFlags(CLI::App& app, ClassFlags& flags) {
  constexpr char kGroup[] = "Classes and tenants";
  app.add_option(
         "--latency-class", flags.classes,
         "NAME=TTFT,TPOT[,PRIORITY]: changes or adds a class; there are interactive=1s,50ms, "
         "standard=5s,100ms and batch=60s,0,1; repeatable")
      ->type_name("CLASS")
      ->allow_extra_args(false)
      ->group(kGroup);
  app.add_option("--default-class", flags.default_class, "of requests that name none")
      ->capture_default_str()
      ->group(kGroup);
  AddDuration(app, "--priority-ageing", flags.priority_ageing,
              "a priority that waits so long without a turn gets one; 0: never")
      ->group(kGroup);
  app.add_option("--shorter-first", flags.shorter_first_percent,
                 "a prompt is taken to be due later by so many percent of its own work, so that "
                 "shorter ones pass it; 0: what is due first goes first")
      ->check(CLI::Range(0u, 1000u))
      ->capture_default_str()
      ->group(kGroup);
  app.add_option("--tenant-weight", flags.tenant_weights,
                 "NAME=N: this tenant gets N times the tokens of one that is not named; repeatable")
      ->type_name("NAME=N")
      ->allow_extra_args(false)
      ->group(kGroup);
  app.add_option("--tenant-percent", flags.tenant_percent,
                 "of live requests and queued tokens that one tenant may have; more: 429")
      ->check(CLI::Range(1u, 100u))
      ->capture_default_str()
      ->group(kGroup);
}

absl::Status ApplyClassFlags(const ClassFlags& flags, SchedulerLimits& limits) {
  LatencyClasses classes;
  for (const std::string& text : flags.classes) {
    absl::StatusOr<LatencyClass> one = ParseLatencyClass(text);
    if (!one.ok()) return one.status();
    if (classes.Set(*std::move(one))) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("--latency-class: at most ", LatencyClasses::kClassesMax, " classes"));
  }
  if (!classes.SetDefault(flags.default_class)) {
    return absl::InvalidArgumentError(
        absl::StrCat("--default-class ", flags.default_class, ": there are ", classes.Names()));
  }
  limits.classes = std::move(classes);
  limits.priority_ageing = flags.priority_ageing;
  limits.shorter_first_percent = flags.shorter_first_percent;
  limits.tenants.share_percent = flags.tenant_percent;
  for (const std::string& text : flags.tenant_weights) {
    const std::pair<std::string, std::string> halves =
        absl::StrSplit(text, absl::MaxSplits('=', 1));
    uint32_t weight = 0;
    if (halves.first.empty() || !absl::SimpleAtoi(halves.second, &weight) || weight == 0 ||
        weight > TenantLimits::kWeightMax) {
      return absl::InvalidArgumentError(absl::StrCat(
          "--tenant-weight ", text, ": NAME=N, N from 1 to ", TenantLimits::kWeightMax));
    }
    limits.tenants.weights[halves.first] = weight;
  }
  return absl::OkStatus();
}

}  // namespace cairn
