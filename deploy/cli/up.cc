#include "deploy/cli/up.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <fstream>
#include <random>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "deploy/cli/class_flags.h"
#include "deploy/cli/instruction_flags.h"
#include "deploy/cli/local_node.h"
#include "deploy/cli/model_catalog.h"
#include "deploy/cli/options.h"
#include "deploy/cli/progress.h"
#include "deploy/cli/served_text.h"
#include "deploy/cli/trace_recording.h"
#include "deploy/cli/units.h"
#include "deploy/cli/version.h"
#include "scheduler/ingress/front_door.h"
#include "scheduler/ingress/grpc_frontend.h"
#include "scheduler/ingress/http_server.h"
#include "scheduler/simulator/plan_cost.h"
#include "scheduler/simulator/step_profile.h"

namespace cairn {
namespace {

struct UpOptions {
  std::string model = "smollm2-135m-instruct";
  std::string models_dir;
  std::string served_model_name;
  std::string chat_template;
  std::string weights = "auto";
  std::string kv_type = "bf16";
  InstructionFlags instructions;
  std::string engine = "cpu";
  std::string profile;
  LocalNodeConfig node;
  ClassFlags classes;
  TraceRecordingFlags trace;
  FrontDoorConfig door;
  HttpServerConfig http;
  uint16_t grpc_port = 50051;
  std::vector<std::string> api_keys;
  std::string api_key_file;
  std::string metrics_compat = "none";
  Duration drain_timeout = Seconds(30);
  std::string log_level = "info";
};

void AddModelFlags(CLI::App& up, UpOptions& options) {
  up.option_defaults()->group("Model");
  up.add_option("--model", options.model, "a known name, a GGUF file or a safetensors folder")
      ->capture_default_str();
  AddModelsDir(up, options.models_dir);
  up.add_option("--served-model-name", options.served_model_name,
                "what clients call it (default: the file's name)");
  up.add_option("--chat-template", options.chat_template,
                "Jinja file that replaces the model's own")
      ->check(CLI::ExistingFile);
  up.add_option("--weights", options.weights,
                "run-time format; auto: q4 where the file has 4-bit codes, otherwise int8")
      ->check(CLI::IsMember({"auto", "bf16", "int8", "q4"}))
      ->capture_default_str();
  up.add_option("--max-model-len", options.node.context_length,
                "longest prompt and answer together, in tokens (default: the model's)");
}

void AddKvFlags(CLI::App& up, UpOptions& options) {
  up.option_defaults()->group("KV cache");
  AddSize(up, "--kv-budget", options.node.kv_budget_bytes, "memory for KV that the engine reads");
  AddSize(up, "--dram-budget", options.node.dram_budget_bytes,
          "memory for KV that was evicted and may come back; 0B: none");
  up.add_option("--block-size", options.node.engine.block_tokens, "tokens in one block")
      ->check(CLI::IsMember({16}))
      ->capture_default_str();
  up.add_option("--kv-type", options.kv_type, "int8 halves the memory and is not exact")
      ->check(CLI::IsMember({"bf16", "int8"}))
      ->capture_default_str();
}

void AddEngineFlags(CLI::App& up, UpOptions& options) {
  up.option_defaults()->group("Engine");
  up.add_option("--threads", options.node.threads, "threads that compute; 0: all cores")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
  up.add_option("--pin-threads", options.node.pin_threads, "keep each of them on a core of its own")
      ->capture_default_str();
  AddInstructionFlags(up, options.instructions, "Engine");
  up.add_option("--engine", options.engine,
                "modelled: steps are waited for as --profile says, nothing is computed")
      ->check(CLI::IsMember({"cpu", "modelled"}))
      ->capture_default_str();
  up.add_option("--profile", options.profile,
                "what a step costs: a name or a file (docs/SIMULATOR.md); with --engine modelled");
  up.add_option("--step-tokens", options.node.engine.step_tokens_max,
                "tokens computed in one step: decodes first, then chunks of prompts")
      ->check(CLI::Range(16, 8192))
      ->capture_default_str();
  up.add_option("--max-num-seqs", options.node.sequences_max, "sequences that run at the same time")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
}

void AddServerFlags(CLI::App& up, UpOptions& options) {
  up.option_defaults()->group("Server");
  up.add_option("--host", options.http.host, "address to listen on")->capture_default_str();
  up.add_option("--port", options.http.port, "HTTP port; 0: any free one")->capture_default_str();
  up.add_option("--grpc-port", options.grpc_port, "gRPC port; 0: no gRPC")->capture_default_str();
  Secret(up.add_option("--api-key", options.api_keys,
                       "KEY or TENANT:KEY that clients must show; repeatable"));
  up.add_option("--api-key-file", options.api_key_file, "the same, one a line")
      ->check(CLI::ExistingFile);
  up.add_option("--metrics-compat", options.metrics_compat,
                "vllm adds the vllm:* names to /metrics")
      ->check(CLI::IsMember({"none", "vllm"}))
      ->capture_default_str();
  AddDuration(up, "--drain-timeout", options.drain_timeout,
              "after SIGTERM, how long requests inside may take to finish");
  up.add_option("--log-level", options.log_level)
      ->check(CLI::IsMember({"debug", "info", "warn", "error"}))
      ->capture_default_str();
}

void AddLimitFlags(CLI::App& up, UpOptions& options) {
  up.option_defaults()->group("Limits");
  up.add_option("--max-live-requests", options.node.scheduler.live_requests_max,
                "queued and running; more are answered 429")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();
  up.add_option("--max-queued-tokens", options.node.scheduler.queued_tokens_max,
                "of waiting prompts; more are answered 429")
      ->capture_default_str();
  AddDuration(up, "--max-queue-wait", options.node.scheduler.queue_wait_max,
              "predicted; a longer one is answered 429");
  up.add_option("--early-reject", options.node.scheduler.early_reject_percent,
                "percent of its TTFT target; what would wait longer is answered 429; 0: nothing is")
      ->check(CLI::Range(0u, 10'000u))
      ->capture_default_str();
  AddSize(up, "--max-body", options.http.limits.parse.body_bytes, "of a request; larger: 413");
  up.add_option("--max-header-bytes", options.http.limits.parse.header_bytes, "larger: 431")
      ->capture_default_str();
  up.add_option("--max-json-depth", options.door.json.depth, "of nested arrays and objects")
      ->capture_default_str();
  up.add_option("--max-choices", options.node.choices_max,
                "n times the number of prompts of a call")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  up.add_option("--max-connections", options.http.limits.connections, "more are told 503")
      ->capture_default_str();
  AddDuration(up, "--header-timeout", options.http.limits.header_time,
              "from a request's first byte");
  AddDuration(up, "--body-timeout", options.http.limits.body_time, "from the header's end");
  AddDuration(up, "--idle-timeout", options.http.limits.idle_time,
              "of a connection between requests");
}

absl::StatusOr<ApiKeys> ReadApiKeys(const UpOptions& options) {
  std::vector<std::string> entries = options.api_keys;
  if (!options.api_key_file.empty()) {
    std::ifstream file(options.api_key_file);
    for (std::string line; std::getline(file, line);) {
      const auto entry = absl::StripAsciiWhitespace(line);
      if (!entry.empty() && entry[0] != '#') entries.emplace_back(entry);
    }
    if (file.bad()) return absl::InvalidArgumentError("cannot read " + options.api_key_file);
  }
  return ApiKeys::Parse(entries);
}

absl::StatusOr<std::shared_ptr<const WeightFile>> OpenModel(const UpOptions& options) {
  absl::StatusOr<std::filesystem::path> path = ResolveModel(options.model, options.models_dir);
  if (!path.ok()) return path.status();
  return OpenWeightFile(*path);
}

absl::Status ResolveEngine(UpOptions& options) {
  CpuEngineOptions& engine = options.node.engine;
  if (absl::Status s = ApplyInstructionFlags(options.instructions, engine); !s.ok()) return s;
  if (options.weights != "auto") engine.weights = *ParseWeightFormat(options.weights);
  engine.kv_type = options.kv_type == "int8" ? KvType::kInt8 : KvType::kBf16;
  return absl::OkStatus();
}

absl::Status ResolvePace(UpOptions& options) {
  if (options.engine != "modelled") {
    if (options.profile.empty()) return absl::OkStatus();
    return absl::InvalidArgumentError("--profile needs --engine modelled");
  }
  if (options.profile.empty()) {
    return absl::InvalidArgumentError(
        "--engine modelled needs --profile: what a step costs, such as h100-llama-3.1-8b or a file "
        "that cairn bench kernels --fit wrote");
  }
  const absl::StatusOr<StepProfile> profile = FindStepProfile(options.profile);
  if (!profile.ok()) return profile.status();
  options.node.paced = [cost = StepCost(*profile)](const StepPlan& plan, Duration idle) {
    return CostOf(plan, cost, idle);
  };
  return absl::OkStatus();
}

void SetLogLevel(const std::string& level) {
  spdlog::set_level(spdlog::level::from_str(level));
  spdlog::set_pattern("%Y-%m-%dT%H:%M:%S.%e %^%l%$ %v");
}

// Before the first thread starts: all of them inherit it, and only AwaitStopSignal hears signals.
sigset_t BlockStopSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  return signals;
}

void AwaitStopSignal(const sigset_t& signals) {
  int received = 0;
  sigwait(&signals, &received);
  spdlog::info("{}: draining", received == SIGTERM ? "SIGTERM" : "SIGINT");
}

absl::StatusOr<std::unique_ptr<LocalNode>> StartNode(std::shared_ptr<const WeightFile> file,
                                                     const UpOptions& options) {
  std::unique_ptr<ProgressBar> bar;
  return LocalNode::Start(std::move(file), options.node, [&](uint64_t done, uint64_t total) {
    if (bar == nullptr) bar = std::make_unique<ProgressBar>("loading", total);
    bar->Update(done);
  });
}

void LogNode(const LocalNode& node, const UpOptions& options) {
  const uint32_t block_tokens = node.engine().geometry().block_tokens;
  spdlog::info("{}", node.EngineText());
  spdlog::info("KV: {} for {} tokens, {} behind it for {} more; longest request {} tokens",
               FormatSizeRounded(options.node.kv_budget_bytes), node.device_slots() * block_tokens,
               FormatSizeRounded(options.node.dram_budget_bytes), node.dram_slots() * block_tokens,
               node.context_length());
}

GrpcConfig GrpcConfigFor(const UpOptions& options) {
  return {.host = options.http.host,
          .port = options.grpc_port,
          .calls_in_flight = options.door.calls_in_flight,
          .tenants_share_cache = options.door.tenants_share_cache,
          .server_nonce = options.door.server_nonce,
          .keys = options.door.keys,
          .call = options.door.call,
          .classes = options.door.classes};
}

absl::Status Resolve(UpOptions& options) {
  if (absl::Status status = ResolveEngine(options); !status.ok()) return status;
  if (absl::Status status = ResolvePace(options); !status.ok()) return status;
  return ApplyClassFlags(options.classes, options.node.scheduler);
}

void CompleteDoor(UpOptions& options, ApiKeys keys) {
  FrontDoorConfig& door = options.door;
  door.version = ReleaseNumber();
  door.keys = std::move(keys);
  door.metrics_vllm_names = options.metrics_compat == "vllm";
  door.calls_in_flight = options.node.scheduler.live_requests_max;
  door.classes = *options.node.scheduler.classes;
  door.call.choices = options.node.choices_max;
  door.server_nonce = absl::StrCat(absl::Hex(std::random_device{}(), absl::kZeroPad8));
}

absl::Status RunUp(UpOptions& options) {
  const auto begin = std::chrono::steady_clock::now();
  SetLogLevel(options.log_level);
  absl::StatusOr<ApiKeys> keys = ReadApiKeys(options);
  if (!keys.ok()) return keys.status();
  if (absl::Status status = Resolve(options); !status.ok()) return status;
  absl::StatusOr<std::shared_ptr<const WeightFile>> file = OpenModel(options);
  if (!file.ok()) return file.status();
  const sigset_t signals = BlockStopSignals();

  absl::StatusOr<ServedModel> served = LoadServedModel(**file, options.chat_template);
  if (!served.ok()) return served.status();
  absl::StatusOr<std::unique_ptr<LocalNode>> node = StartNode(*file, options);
  if (!node.ok()) return node.status();
  LogNode(**node, options);
  if (!options.served_model_name.empty()) {
    served->name = options.served_model_name;
  } else if (FindCatalogModel(options.model).ok()) {
    served->name = options.model;
  }
  served->context_length = (*node)->context_length();
  served->vocabulary_size = (*node)->engine().vocabulary_size();
  const auto model = std::make_shared<const ServedModel>(*std::move(served));

  CompleteDoor(options, *std::move(keys));
  absl::StatusOr<std::unique_ptr<GenerationPort>> recording =
      StartTraceRecording(options.trace, (*node)->port(), (*node)->clock(),
                          (*node)->engine().geometry().block_tokens, model);
  if (!recording.ok()) return recording.status();
  GenerationPort& port = *recording != nullptr ? **recording : (*node)->port();
  FrontDoor door(options.door, {model}, port, (*node)->clock());
  std::atomic<const HttpServer*> counted{nullptr};  // a client may ask before we have its address
  door.SetHttpCounters([&counted] {
    const HttpServer* server = counted;
    return server == nullptr ? HttpServerCounters{} : server->counters();
  });
  absl::StatusOr<std::unique_ptr<HttpServer>> http = StartHttpServer(
      options.http,
      [&](HttpRequest request, std::shared_ptr<HttpExchange> exchange) {
        door.Handle(std::move(request), std::move(exchange));
      },
      [&](int status, std::string_view message) { return door.ErrorPage(status, message); });
  if (!http.ok()) return http.status();
  counted = http->get();
  std::unique_ptr<GrpcFrontend> grpc;
  if (options.grpc_port != 0) {
    absl::StatusOr<std::unique_ptr<GrpcFrontend>> started =
        StartGrpcFrontend(GrpcConfigFor(options), {model}, port, (*node)->clock(), door.metrics());
    if (!started.ok()) return started.status();
    grpc = *std::move(started);
    grpc->SetServing(true);
  }
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  spdlog::info("ready after {:.2f} s: {} at http://{}:{}", seconds, model->name, options.http.host,
               (*http)->port());

  AwaitStopSignal(signals);
  door.StartDrain();
  (*http)->StartDrain();
  if (grpc != nullptr) grpc->StartDrain();
  const bool drained = (*node)->Drain(options.drain_timeout);
  if (grpc != nullptr) grpc->Stop(Seconds(1));
  const bool quiet = (*http)->Stop(Seconds(1));
  spdlog::info(drained && quiet ? "stopped; every request was answered"
                                : "stopped; requests that took too long were cut off");
  return absl::OkStatus();
}

}  // namespace

void AddUp(CLI::App& root) {
  auto options = std::make_shared<UpOptions>();
  CLI::App* up =
      root.add_subcommand("up", "serve a model: everything on one machine")->group("Serve");
  AddModelFlags(*up, *options);
  AddKvFlags(*up, *options);
  AddEngineFlags(*up, *options);
  AddServerFlags(*up, *options);
  AddLimitFlags(*up, *options);
  up->option_defaults()->group("Options");
  AddClassFlags(*up, options->classes);
  AddTraceRecordingFlags(*up, options->trace);
  up->footer(
      "Examples:\n"
      "  cairn up\n"
      "  cairn up --model model.gguf --kv-budget 4GiB --port 8080\n"
      "  cairn up --config cairn.yaml --print-config");
  OnRun(*up, [options] { return RunUp(*options); });
}

}  // namespace cairn
