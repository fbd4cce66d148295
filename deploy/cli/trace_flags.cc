#include "deploy/cli/trace_flags.h"

#include <CLI/CLI.hpp>
#include <filesystem>
#include <map>
#include <string_view>
#include <utility>

#include "absl/strings/numbers.h"
#include "deploy/cli/options.h"
#include "scheduler/simulator/arrival_shape.h"
#include "scheduler/simulator/skewed_trace.h"
#include "scheduler/simulator/trace_blocks.h"
#include "scheduler/simulator/trace_file.h"
#include "scheduler/simulator/trace_mix.h"
#include "scheduler/simulator/trace_terms.h"

namespace cairn {
namespace {

constexpr std::string_view kSkewed = "skewed:";
constexpr uint64_t kSkewedRequests = 9000;

TickSpread SpreadOf(const std::string& name) {
  static const std::map<std::string, TickSpread> kSpreads = {{"auto", TickSpread::kDetect},
                                                             {"literal", TickSpread::kLiteral},
                                                             {"even", TickSpread::kEvenly},
                                                             {"random", TickSpread::kSeeded}};
  return kSpreads.at(name);
}

absl::StatusOr<TraceReadOptions> ReadOptions(const TraceFlags& flags) {
  TraceReadOptions options;
  if (flags.format != "auto") {
    const absl::StatusOr<TraceFormat> format = ParseTraceFormat(flags.format);
    if (!format.ok()) return format.status();
    options.format = *format;
  }
  options.sessions.share_heads = flags.share_heads;
  options.servegen = {.workload = flags.workload,
                      .from = flags.servegen_from,
                      .length = flags.servegen_length,
                      .rate_rps = flags.rate_rps,
                      .seed = flags.seed};
  return options;
}

TraceShape ShapeOf(const TraceFlags& flags) {
  TraceShape shape;
  shape.seed = flags.seed;
  shape.input_tokens_max = flags.input_tokens_max;
  shape.first_request = flags.first_request;
  shape.request_count = flags.request_count;
  shape.from = flags.from;
  if (flags.until > Duration()) shape.until = flags.until;
  shape.block_tokens = flags.block_tokens;
  shape.ticks = SpreadOf(flags.ticks);
  shape.repeat_to = flags.repeat_to;
  shape.speed = flags.speed;
  shape.rate_rps = flags.rate_rps;
  shape.poisson = flags.poisson;
  if (flags.think_max > Duration()) shape.think_max = flags.think_max;
  shape.permute_ids = flags.permute_ids;
  shape.warm_up_requests = flags.warm_up_requests;
  return shape;
}

void AddReadFlags(CLI::App& app, TraceFlags& flags) {
  constexpr char kGroup[] = "Reading";
  app.add_option("files", flags.files,
                 "trace files, gzip or not, each maybe with @RATE; several are mixed into one; "
                 "skewed:N makes one up")
      ->required()
      ->type_name("FILE");
  app.add_option("--format", flags.format,
                 "auto, mooncake, sessions, arrivals, servegen or recorded")
      ->check(CLI::IsMember({"auto", "mooncake", "sessions", "arrivals", "servegen", "recorded"}))
      ->capture_default_str()
      ->group(kGroup);
  AddSwitch(app, "share-heads", flags.share_heads,
            "sessions whose tool and system text have equal sizes share them")
      ->group(kGroup);
  app.add_option("--lengths", flags.lengths, "lengths of a ServeGen trace's clients")
      ->type_name("FILE")
      ->group(kGroup);
  app.add_option("--workload", flags.workload, "of a ServeGen trace, such as language/m-large")
      ->type_name("NAME")
      ->group(kGroup);
  AddDuration(app, "--servegen-from", flags.servegen_from, "where in its days to begin")
      ->group(kGroup);
  AddDuration(app, "--servegen-length", flags.servegen_length, "how much of them to draw")
      ->group(kGroup);
}

void AddShapeFlags(CLI::App& app, TraceFlags& flags) {
  constexpr char kGroup[] = "Shaping";
  app.add_option("--seed", flags.seed, "of all draws")->capture_default_str()->group(kGroup);
  app.add_option("--rate", flags.rate_rps, "requests a second on average; 0: as recorded")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str()
      ->group(kGroup);
  app.add_option("--speed", flags.speed, "factor on arrivals: 2 is twice as fast")
      ->check(CLI::PositiveNumber)
      ->capture_default_str()
      ->group(kGroup);
  AddSwitch(app, "poisson", flags.poisson, "arrivals without memory at --rate")->group(kGroup);
  AddDuration(app, "--think-max", flags.think_max, "longest pause in a closed loop; 0: as it is")
      ->group(kGroup);
  app.add_option("--ticks", flags.ticks,
                 "arrivals recorded in ticks: even or random over each, literal, or even if there "
                 "are any (auto)")
      ->check(CLI::IsMember({"auto", "literal", "even", "random"}))
      ->capture_default_str()
      ->group(kGroup);
  AddDuration(app, "--from", flags.from, "leave out what arrives earlier")->group(kGroup);
  AddDuration(app, "--until", flags.until, "leave out what arrives later; 0: nothing")
      ->group(kGroup);
  app.add_option("--skip", flags.first_request, "leave out so many requests first")
      ->capture_default_str()
      ->group(kGroup);
  app.add_option("--requests", flags.request_count, "take so many; 0: all")
      ->capture_default_str()
      ->group(kGroup);
  app.add_option("--repeat-to", flags.repeat_to,
                 "repeat with other contents up to so many requests; 0: once")
      ->capture_default_str()
      ->group(kGroup);
  app.add_option("--warm-up", flags.warm_up_requests, "requests replayed first and not measured")
      ->capture_default_str()
      ->group(kGroup);
  app.add_option("--input-max", flags.input_tokens_max,
                 "leave out requests of more input tokens; 0: none")
      ->capture_default_str()
      ->group(kGroup);
  app.add_option("--block-tokens", flags.block_tokens, "size of blocks; 0: the trace's own")
      ->capture_default_str()
      ->group(kGroup);
  AddSwitch(app, "permute-ids", flags.permute_ids, "give blocks other ids, drawn from the seed")
      ->group(kGroup);
}

void AddTermFlags(CLI::App& app, TraceFlags& flags) {
  constexpr char kGroup[] = "Classes and tenants";
  app.add_option("--assign-class", flags.assign_classes,
                 "NAME=PERCENT: so many sessions are of this latency class; repeatable")
      ->type_name("NAME=PERCENT")
      ->allow_extra_args(false)
      ->group(kGroup);
  app.add_option("--assign-tenants", flags.assign_tenants,
                 "spread sessions over so many tenants; 0: as they are")
      ->check(CLI::Range(0u, 4096u))
      ->capture_default_str()
      ->group(kGroup);
}

absl::Status AssignTerms(Trace& trace, const TraceFlags& flags) {
  if (flags.assign_tenants > 0) AssignTenants(trace, flags.assign_tenants, flags.seed);
  if (flags.assign_classes.empty()) return absl::OkStatus();
  std::vector<ClassPart> parts;
  for (const std::string& text : flags.assign_classes) {
    const size_t at = text.find('=');
    ClassPart part{.name = text.substr(0, at)};
    if (at == std::string::npos || part.name.empty() ||
        !absl::SimpleAtoi(text.substr(at + 1), &part.percent)) {
      return absl::InvalidArgumentError("--assign-class " + text +
                                        ": NAME=PERCENT, such as interactive=20");
    }
    parts.push_back(std::move(part));
  }
  return AssignClasses(trace, parts, flags.seed);
}

// "FILE@RATE": the file and its own rate, where there is no file of the whole name.
struct NamedFile {
  std::string path;
  double rate_rps = 0;
};

NamedFile ParseFile(const std::string& text) {
  const size_t at = text.rfind('@');
  std::error_code ignored;
  double rate = 0;
  if (at == std::string::npos || std::filesystem::exists(text, ignored) ||
      !absl::SimpleAtod(text.substr(at + 1), &rate) || !(rate > 0)) {
    return {text};
  }
  return {text.substr(0, at), rate};
}

absl::StatusOr<Trace> ReadOne(const std::string& path, const TraceFlags& flags,
                              const TraceReadOptions& options) {
  if (!path.starts_with(kSkewed)) return ReadTraceFile(path, flags.lengths, options);
  const std::string count = path.substr(kSkewed.size());
  uint64_t requests = kSkewedRequests;
  if (!count.empty() && !absl::SimpleAtoi(count, &requests)) {
    return absl::InvalidArgumentError(path + ": how many requests? Such as skewed:9000");
  }
  return MakeSkewedTrace(requests, flags.seed);
}

// Each trace at its own rate and with the common size of blocks, before they are mixed.
absl::Status Prepare(Trace& trace, double rate_rps, const TraceFlags& flags) {
  if (flags.block_tokens > 0 && flags.block_tokens != trace.block_tokens) {
    if (absl::Status done = Reblock(trace, flags.block_tokens); !done.ok()) return done;
  }
  if (!(rate_rps > 0)) return absl::OkStatus();
  TraceShape shape;
  shape.seed = flags.seed;
  shape.ticks = SpreadOf(flags.ticks);
  shape.rate_rps = rate_rps;
  return ShapeTrace(trace, shape);
}

}  // namespace

void AddTraceFlags(CLI::App& app, TraceFlags& flags) {
  AddReadFlags(app, flags);
  AddShapeFlags(app, flags);
  AddTermFlags(app, flags);
}

absl::StatusOr<Trace> ReadTraces(const TraceFlags& flags) {
  const absl::StatusOr<TraceReadOptions> options = ReadOptions(flags);
  if (!options.ok()) return options.status();
  std::vector<Trace> traces;
  for (const std::string& text : flags.files) {
    const NamedFile file = ParseFile(text);
    absl::StatusOr<Trace> trace = ReadOne(file.path, flags, *options);
    if (!trace.ok()) return trace;
    if (absl::Status done = Prepare(*trace, file.rate_rps, flags); !done.ok()) return done;
    traces.push_back(*std::move(trace));
  }
  return MixTraces(std::move(traces));
}

absl::Status ShapeTrace(Trace& trace, const TraceFlags& flags) {
  if (absl::Status shaped = ShapeTrace(trace, ShapeOf(flags)); !shaped.ok()) return shaped;
  return AssignTerms(trace, flags);
}

absl::StatusOr<Trace> LoadTrace(const TraceFlags& flags) {
  absl::StatusOr<Trace> trace = ReadTraces(flags);
  if (!trace.ok()) return trace;
  if (absl::Status done = ShapeTrace(*trace, flags); !done.ok()) return done;
  return trace;
}

}  // namespace cairn
