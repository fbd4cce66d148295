// The house's table (docs/ARCHITECTURE.md, "Who may include whom") as data: tests/tidy reads every
// #include and every CMake link against it. Whoever changes a line here changes the architecture,
// and says so in docs/ARCHITECTURE.md in the same commit.
#pragma once

#include <string_view>
#include <vector>

namespace cairn::tidy {

// Files below `folder` may include files below each of `may_include`, and of course their own. The
// longest matching folder decides. A path that ends in ".h" allows that one header.
struct IncludeRule {
  std::string_view folder;
  std::vector<std::string_view> may_include;
};

inline const std::vector<std::string_view>& PureFolders() {
  static const std::vector<std::string_view> kFolders = {
      "kvstore/base",        "kvstore/block",  "kvstore/tier", "kvstore/directory",
      "kvstore/transfer",    "kvstore/memory", "kvstore/core", "scheduler/core",
      "scheduler/tokenizer", "worker/core"};
  return kFolders;
}

inline const std::vector<IncludeRule>& IncludeRules() {
  static const std::vector<IncludeRule> kRules = {
      {"kvstore/base", {}},
      {"kvstore/block", {"kvstore/base"}},
      {"kvstore/tier", {"kvstore/base", "kvstore/block"}},
      {"kvstore/directory", {"kvstore/base", "kvstore/block"}},
      {"kvstore/transfer", {"kvstore/base", "kvstore/block"}},
      {"kvstore/memory", {"kvstore/base", "kvstore/block"}},
      {"kvstore/core",
       {"kvstore/base", "kvstore/block", "kvstore/tier", "kvstore/directory", "kvstore/transfer",
        "kvstore/memory"}},
      {"kvstore/wire",
       {"kvstore/base", "kvstore/block/block_geometry.h", "kvstore/transfer/tcp_frame.h"}},
      {"kvstore/media",
       {"kvstore/base", "kvstore/block/block_geometry.h", "kvstore/transfer/tcp_frame.h"}},
      {"kvstore/shell", {"kvstore", "proto"}},

      {"scheduler/core",
       {"kvstore/base", "kvstore/block", "kvstore/tier", "kvstore/directory", "kvstore/transfer",
        "kvstore/memory", "kvstore/core"}},
      {"scheduler/tokenizer", {"kvstore/base"}},
      {"scheduler/ingress",
       {"scheduler", "proto", "kvstore/base", "kvstore/block", "kvstore/tier", "kvstore/directory",
        "kvstore/transfer", "kvstore/memory", "kvstore/core", "kvstore/shell/system_clock.h",
        "kvstore/shell/mutex.h"}},
      {"scheduler/operator",
       {"scheduler/operator", "scheduler/ingress/generation_port.h", "kvstore/base"}},
      {"scheduler/shell",
       {"scheduler", "proto", "kvstore/base", "kvstore/block", "kvstore/tier", "kvstore/directory",
        "kvstore/transfer", "kvstore/memory", "kvstore/core", "kvstore/shell/system_clock.h",
        "kvstore/shell/mutex.h"}},
      {"scheduler/simulator",
       {"kvstore/base", "kvstore/block", "kvstore/tier", "kvstore/directory", "kvstore/transfer",
        "kvstore/memory", "kvstore/core", "scheduler/core", "scheduler/tokenizer", "worker/core"}},

      {"worker/core",
       {"kvstore/base", "kvstore/block", "kvstore/tier", "kvstore/directory", "kvstore/transfer",
        "kvstore/memory", "kvstore/core"}},
      {"worker/model",
       {"kernels", "worker/core/step_plan.h", "worker/engine/worker_team.h", "kvstore/base",
        "kvstore/block", "kvstore/media"}},
      {"worker/engine",
       {"kernels", "worker/model", "worker/core/step_plan.h", "kvstore/base", "kvstore/block",
        "kvstore/media"}},
      {"worker/shell", {"worker", "kvstore", "proto"}},

      {"kernels", {}},
      {"proto", {}},
      {"deploy/cli", {"kvstore", "scheduler", "worker", "kernels", "proto"}},
      {"tests", {"kvstore", "scheduler", "worker", "kernels", "proto", "deploy"}},
  };
  return kRules;
}

// What a pure folder or a loop must not name, and what to use instead.
struct BannedWord {
  std::string_view pattern;  // ECMAScript regular expression
  std::string_view instead;
};

inline const std::vector<BannedWord>& BannedWords() {
  static const std::vector<BannedWord> kWords = {
      {R"(\b(system_clock|steady_clock|high_resolution_clock)\b)",
       "time is an argument: take an Instant, or a Clock& in a loop"},
      {R"(\babsl::(Now|Time|GetCurrentTimeNanos)\b)", "time is an argument: take an Instant"},
      {R"(\b(clock_gettime|gettimeofday|time\(nullptr\)|time\(NULL\)))", "take an Instant"},
      {R"(#include <(chrono|ctime)>)", "kvstore/base/time.h"},
      {R"(\b(sleep_for|sleep_until|usleep|nanosleep|SleepFor)\b)", "an event with an Instant"},
      {R"(#include <(thread|mutex|shared_mutex|condition_variable|future|semaphore|latch|barrier)>)",
       "an adapter in shell/, which pushes events into the inbox"},
      {R"(#include ("absl/synchronization/|"kvstore/shell/mutex.h"))", "an adapter in shell/"},
      {R"(\b(random_device|mt19937|mt19937_64|default_random_engine|srand|rand)\b\s*[({;])",
       "kvstore/base/prng.h, with the seed as an argument"},
      {R"(\bgetenv\b)", "a field of the configuration, read once in deploy/cli"},
      {R"(\bspdlog\b)", "an action that carries the reason; the loop's owner logs it"},
      {R"(#include <(iostream|fstream|print)>)", "return a value; adapters print and read"},
      {R"(\b(printf|fprintf|puts|std::cout|std::cerr)\b)", "return a value; adapters print"},
      {R"(\.pb\.h")", "our own struct; an adapter in ingress/ or shell/ converts"},
      {R"(\babsl::(HashOf|Hash)\b|\bstd::hash\b)",
       "BlockKeyBuilder or a pinned hash: identity must not depend on the process"},
  };
  return kWords;
}

// Pure although not in a pure folder: deterministic glue.
inline bool IsLoop(std::string_view path) {
  return path.ends_with("_loop.h") || path.ends_with("_loop.cc");
}

struct Exception {
  std::string_view path;
  std::string_view reason;
};

// Where one banned word is needed after all: the path, and the reason that a reviewer accepted.
inline const std::vector<Exception>& BannedWordExceptions() {
  static const std::vector<Exception> kExceptions = {
      {"kvstore/base/check.h", "a failed check prints why before it aborts"},
  };
  return kExceptions;
}

// The only files that may know threads and locks: adapters to the outside. A dozen, not a habit.
inline const std::vector<Exception>& ThreadFiles() {
  static const std::vector<Exception> kFiles = {
      {"kvstore/shell/mutex.h", "the lock that adapters use"},
      {"kvstore/media/host_arena.h", "pages get their memory behind the start"},
      {"deploy/cli/bench_serve.cc", "one thread a simulated client"},
      {"deploy/cli/standalone_engine.cc", "asks how many cores there are"},
      {"deploy/cli/replay.cc", "one thread a simulated client"},
      {"deploy/cli/replay_schedule.h", "what those threads take from"},
      {"deploy/cli/simulation/cell_queue.h", "the progress of cells that run beside each other"},
      {"deploy/cli/simulation/cell_queue.cc", "runs cells of a study beside each other"},
      {"deploy/cli/local_node.cc", "puts the threads of one process together"},
      {"scheduler/ingress/grpc_call.h", "a call's state, between gRPC's threads and the worker's"},
      {"scheduler/ingress/grpc_frontend.cc", "gRPC brings its own threads"},
      {"scheduler/ingress/http_server.cc", "one thread runs all connections"},
      {"scheduler/ingress/live_call.h",
       "tokens cross from the worker's thread to the connection's"},
      {"scheduler/ingress/work_thread.h", "long texts are read beside the connections' thread"},
      {"worker/engine/paced_engine.cc", "waits instead of computing"},
      {"worker/engine/step_meter.cc", "lets an engine rest before what it measures"},
      {"worker/engine/worker_team.h", "the compute threads, pinned and parked"},
      {"worker/shell/worker_inbox.h", "the queue between the loop and everybody else"},
      {"worker/shell/worker_thread.h", "one thread runs the loop"},
      {"scheduler/shell/trace_log.h", "a thread writes the trace, so that nobody waits for a disk"},
      {"scheduler/shell/scheduler_host.h", "one thread runs the loop; its inbox is the only lock"},
  };
  return kFiles;
}

// A library that one pure file uses because its functions are pure themselves.
struct PureLibrary {
  std::string_view path;
  std::string_view header;  // how the include starts
  std::string_view reason;
};

inline const std::vector<PureLibrary>& PureLibraries() {
  static const std::vector<PureLibrary> kLibraries = {
      {"kvstore/block/digest.cc", "openssl/", "SHA-256: a function of its bytes"},
      {"scheduler/tokenizer/chat_template.h", "nlohmann/", "JSON as a value: what a request holds"},
      {"scheduler/tokenizer/jinja_value.h", "nlohmann/", "JSON as a value: what a request holds"},
      {"scheduler/tokenizer/jinja_text.cc", "utf8proc", "Unicode's tables"},
      {"scheduler/tokenizer/character_class.cc", "utf8proc", "Unicode's tables"},
      {"scheduler/tokenizer/normal_form.cc", "utf8proc", "Unicode's tables"},
  };
  return kLibraries;
}

struct PureLink {
  std::string_view target;
  std::string_view link;
};

inline const std::vector<PureLink>& PureLinks() {
  static const std::vector<PureLink> kLinks = {
      {"cairn_block", "OpenSSL::Crypto"},
      {"cairn_tokenizer", "PkgConfig::UTF8PROC"},
      {"cairn_chat_template", "PkgConfig::UTF8PROC"},
      {"cairn_chat_template", "nlohmann_json::nlohmann_json"},
  };
  return kLinks;
}

// Part of an interface that nothing in this tree uses yet.
inline const std::vector<Exception>& UnincludedHeaders() {
  static const std::vector<Exception> kHeaders = {
      {"deploy/cli/bench_engine.h", "the command line gets it with cairn bench"},
      {"kvstore/base/vocabulary_data.h", "between the model file and the tokenizer"},
      {"scheduler/tokenizer/text_segment.h", "between the template and the tokenizer"},
      {"kvstore/media/arena.h", "the port that the arenas implement"},
      {"worker/core/worker_core.h", "the port of the worker's core"},
      {"worker/engine/engine.h", "the port that the engines implement"},
  };
  return kHeaders;
}

// Tests whose subject is more than one noun.
inline const std::vector<Exception>& TestsWithoutMirror() {
  static const std::vector<Exception> kTests = {
      {"tests/worker/quality_test.cc", "the whole engine against the NumPy reference"},
      {"tests/worker/safetensors_model_test.cc", "a safetensors folder, from file to logits"},
      {"tests/kernels/rows_test.cc", "the kernels that work row by row, at every level"},
      {"tests/scheduler/elasticity_test.cc", "a whole cluster that grows and shrinks under load"},
  };
  return kTests;
}

// Longer than 400 lines, with the reason.
inline const std::vector<Exception>& LongFiles() {
  static const std::vector<Exception> kFiles = {
      {"scheduler/tokenizer/jinja_evaluator.cc", "every statement and expression, in one walk"},
      {"scheduler/tokenizer/jinja_expression_parser.cc", "one function a level of precedence"},
      {"scheduler/tokenizer/jinja_filters.cc", "one short function a filter"},
      {"scheduler/tokenizer/jinja_methods.cc", "one short function a method"},
      {"scheduler/tokenizer/jinja_value.cc", "every operator over every kind of value"},
      {"tests/worker/sampler_test.cc", "one story for each sampling parameter, and their order"},
  };
  return kFiles;
}

// Functions over 70 lines that exist today: a ratchet. Lines may only shrink and entries may only
// go.
struct LongFunction {
  std::string_view path;
  int lines_max;
};

inline const std::vector<LongFunction>& LongFunctions() {
  static const std::vector<LongFunction> kFunctions;
  return kFunctions;
}

inline constexpr int kFileLinesMax = 400;
inline constexpr int kFunctionLinesMax = 70;
inline constexpr int kLineColumnsMax = 124;

}  // namespace cairn::tidy
