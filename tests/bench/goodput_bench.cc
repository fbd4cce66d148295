// Fills the table of docs/numbers/routing.md: goodput at 90 % of policies on traces, over the cross
// product of all lists given. Appends one JSON line for each cell and skips those that are there.
//
//   goodput_bench OUT.jsonl [trace=conversation,skewed] [policy=dual-hash/affinity=50,e2] [n=16]
//                 [stale=1] [schedulers=3] [kv=1198080] [seed=1,2,3,4,5] [tuning=0] [coarse=8]
//                 [outputs=0] [requests=6000] [profile=dualmap-7b] [overhead=0] [fetch=0] [ttft=5]
//                 [tpot=0] [step=4096] [rate=0] [traces=FOLDER] [threads=1]
//
// With rate=R a cell is one run at that rate and not a search.
#include <malloc.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "kvstore/shell/system_clock.h"
#include "tests/bench/goodput_cell.h"

namespace cairn {
namespace {

using Json = nlohmann::json;
using Arguments = std::map<std::string, std::vector<std::string>>;

Arguments ParseArguments(int argc, char** argv) {
  Arguments arguments = {{"trace", {"conversation"}},
                         {"policy", {"dual-hash"}},
                         {"n", {"16"}},
                         {"stale", {"1"}},
                         {"schedulers", {"3"}},
                         {"kv", {"1198080"}},
                         {"seed", {"1", "2", "3", "4", "5"}},
                         {"tuning", {"0"}},
                         {"coarse", {"8"}},
                         {"outputs", {"0"}},
                         {"requests", {"6000"}},
                         {"profile", {"dualmap-7b"}},
                         {"overhead", {"0"}},
                         {"fetch", {"0"}},
                         {"ttft", {"5"}},
                         {"tpot", {"0"}},
                         {"step", {"4096"}},
                         {"rate", {"0"}},
                         {"traces", {"../shared/traces"}},
                         {"threads", {"1"}}};
  for (int i = 2; i < argc; ++i) {
    const std::string text = argv[i];
    const size_t equals = text.find('=');
    if (equals == std::string::npos || !arguments.contains(text.substr(0, equals))) {
      std::fprintf(stderr, "not an argument: %s\n", argv[i]);
      std::exit(2);
    }
    arguments[text.substr(0, equals)] = absl::StrSplit(text.substr(equals + 1), ',');
  }
  return arguments;
}

uint32_t Number(const std::string& text) {
  return static_cast<uint32_t>(std::strtoul(text.c_str(), nullptr, 10));
}

// The cross product, seeds last: cells that differ in their seed alone are neighbours.
std::vector<GoodputCell> CellsOf(const Arguments& arguments) {
  std::vector<GoodputCell> cells(1);
  const auto spread = [&](const char* name, auto set) {
    std::vector<GoodputCell> more;
    for (const GoodputCell& cell : cells) {
      for (const std::string& value : arguments.at(name)) {
        more.push_back(cell);
        set(more.back(), value);
      }
    }
    cells = std::move(more);
  };
  using Text = const std::string&;
  spread("profile", [](GoodputCell& cell, Text value) { cell.profile = value; });
  spread("fetch",
         [](GoodputCell& cell, Text value) { cell.fetch_gbps = std::atof(value.c_str()); });
  spread("overhead",
         [](GoodputCell& cell, Text value) { cell.overhead_ms = std::atof(value.c_str()); });
  spread("ttft", [](GoodputCell& cell, Text value) { cell.ttft_s = std::atof(value.c_str()); });
  spread("tpot", [](GoodputCell& cell, Text value) { cell.tpot_s = std::atof(value.c_str()); });
  spread("step", [](GoodputCell& cell, Text value) { cell.step_tokens = Number(value); });
  spread("tuning", [](GoodputCell& cell, Text value) { cell.tuning = value == "1"; });
  spread("outputs", [](GoodputCell& cell, Text value) { cell.outputs = value == "1"; });
  spread("coarse", [](GoodputCell& cell, Text value) { cell.coarse = Number(value); });
  spread("requests", [](GoodputCell& cell, Text value) { cell.requests = Number(value); });
  spread("trace", [](GoodputCell& cell, Text value) { cell.trace = value; });
  spread("kv", [](GoodputCell& cell, Text value) { cell.kv_tokens = Number(value); });
  spread("n", [](GoodputCell& cell, Text value) { cell.workers = Number(value); });
  spread("schedulers", [](GoodputCell& cell, Text value) { cell.schedulers = Number(value); });
  spread("stale",
         [](GoodputCell& cell, Text value) { cell.staleness_s = std::atof(value.c_str()); });
  spread("policy", [](GoodputCell& cell, Text value) {
    cell.policy = absl::StrReplaceAll(value, {{"/", ","}});
  });
  spread("seed", [](GoodputCell& cell, Text value) { cell.seed = Number(value); });
  return cells;
}

Json JsonOf(const GoodputCell& cell) {
  return {{"cell", cell.Name()},
          {"trace", cell.trace},
          {"tuning", cell.tuning},
          {"policy", cell.policy},
          {"workers", cell.workers},
          {"staleness_s", cell.staleness_s},
          {"seed", cell.seed},
          {"schedulers", cell.schedulers},
          {"kv_tokens", cell.kv_tokens},
          {"profile", cell.profile},
          {"ttft_s", cell.ttft_s},
          {"tpot_s", cell.tpot_s},
          {"step_tokens", cell.step_tokens},
          {"coarse", cell.coarse},
          {"outputs", cell.outputs},
          {"requests", cell.requests},
          {"overhead_ms", cell.overhead_ms},
          {"fetch_gbps", cell.fetch_gbps}};
}

double Rounded(double value) { return std::atof(absl::StrCat(value).c_str()); }

void AddSummary(const ClusterSummary& summary, Json& json) {
  json["attainment"] = Rounded(summary.attainment);
  json["ttft_p50_s"] = Rounded(summary.ttft.p50.seconds());
  json["ttft_p90_s"] = Rounded(summary.ttft.p90.seconds());
  json["ttft_p99_s"] = Rounded(summary.ttft.p99.seconds());
  json["busy"] = Rounded(summary.busy_share);
  json["imbalance"] = Rounded(summary.imbalance);
  json["shed"] = summary.shed;
}

class Bench {
 public:
  Bench(std::string path, const Arguments& arguments)
      : path_(std::move(path)),
        folder_(arguments.at("traces")[0]),
        rate_(std::atof(arguments.at("rate")[0].c_str())),
        cells_(CellsOf(arguments)) {
    std::ifstream in(path_);
    for (std::string line; std::getline(in, line);) {
      const Json json = Json::parse(line, nullptr, false);
      if (json.is_discarded()) continue;
      done_.insert(json.value("cell", ""));
      if (json.contains("goodput")) Remember(json.value("family", ""), json["goodput"]);
    }
  }

  void Run(uint32_t threads) {
    std::vector<std::thread> running;
    for (uint32_t t = 0; t < threads; ++t) {
      running.emplace_back([this] {
        for (size_t i; (i = next_++) < cells_.size();) RunOne(cells_[i]);
      });
    }
    for (std::thread& one : running) one.join();
  }

 private:
  // Cells whose answers are good guesses for one another.
  static std::string Family(GoodputCell cell) {
    cell.seed = 0;
    return cell.Name();
  }

  void Remember(const std::string& family, double rate) {
    const std::lock_guard<std::mutex> lock(mutex_);
    guesses_[family] = rate;
  }
  double Guess(const GoodputCell& cell) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = guesses_.find(Family(cell));
    return found == guesses_.end() ? 0 : found->second;
  }

  void RunOne(const GoodputCell& cell) {
    const std::string name = rate_ > 0 ? absl::StrCat(cell.Name(), ";rate=", rate_) : cell.Name();
    if (done_.contains(name)) return;
    const SystemClock clock;
    const Instant start = clock.Now();
    Json json = JsonOf(cell);
    json["cell"] = name;
    const absl::StatusOr<Trace> trace = ReadCellTrace(cell, folder_);
    const absl::Status status = !trace.ok() ? trace.status()
                                : rate_ > 0 ? AddRun(cell, *trace, json)
                                            : AddGoodput(cell, *trace, json);
    if (!status.ok()) {
      std::fprintf(stderr, "%s: %s\n", name.c_str(), std::string(status.message()).c_str());
      return;
    }
    const double wall_s = (clock.Now() - start).seconds();
    const std::lock_guard<std::mutex> lock(mutex_);
    std::ofstream(path_, std::ios::app) << json.dump() << "\n";
    std::printf("%-100s %8.2f %6.1f s\n", name.c_str(),
                json.value("goodput", json.value("attainment", 0.0)), wall_s);
    std::fflush(stdout);
  }

  absl::Status AddGoodput(const GoodputCell& cell, const Trace& trace, Json& json) {
    const absl::StatusOr<GoodputCellResult> found = SearchCell(cell, trace, Guess(cell));
    if (!found.ok()) return found.status();
    json["family"] = Family(cell);
    json["goodput"] = Rounded(found->goodput.rate);
    json["bound"] = Rounded(found->bound_rps);
    json["hit"] = Rounded(found->hit_share);
    if (cell.fetch_gbps > 0) json["fetched"] = Rounded(found->fetched_share);
    json["hit_bound"] = Rounded(found->hit_bound);
    for (const GoodputRun& run : found->goodput.runs) {
      json["runs"].push_back({Rounded(run.rate), Rounded(run.attainment)});
    }
    AddSummary(found->summary, json);
    Remember(Family(cell), found->goodput.rate);
    return absl::OkStatus();
  }

  absl::Status AddRun(const GoodputCell& cell, const Trace& trace, Json& json) {
    const absl::StatusOr<GoodputCellRun> run = RunCell(cell, trace, rate_);
    if (!run.ok()) return run.status();
    const SloTarget target = cell.target();
    const ClusterSummary summary = Summarize(run->result, target, run->measured_from);
    json["rate"] = rate_;
    const auto prompts = static_cast<double>(std::max<uint64_t>(1, summary.prompt_tokens));
    json["hit"] = Rounded(static_cast<double>(summary.hit_device_tokens) / prompts);
    if (cell.fetch_gbps > 0) {
      json["fetched"] = Rounded(static_cast<double>(summary.fetched_tokens) / prompts);
    }
    AddSummary(summary, json);
    return absl::OkStatus();
  }

  const std::string path_;
  const std::string folder_;
  const double rate_;
  const std::vector<GoodputCell> cells_;
  std::set<std::string> done_;
  std::atomic<size_t> next_{0};
  std::mutex mutex_;
  std::map<std::string, double> guesses_;
};

}  // namespace
}  // namespace cairn

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "goodput_bench OUT.jsonl [name=value,...]...: see its first lines\n");
    return 2;
  }
  // A run is over in less than a second and the next wants the same memory: it is not given back.
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
  mallopt(M_TOP_PAD, 64 << 20);
  const cairn::Arguments arguments = cairn::ParseArguments(argc, argv);
  cairn::Bench(argv[1], arguments).Run(std::max(1u, cairn::Number(arguments.at("threads")[0])));
  return 0;
}
