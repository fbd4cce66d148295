#include "scheduler/simulator/servegen_trace.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "kvstore/base/prng.h"
#include "scheduler/simulator/trace_builder.h"

namespace cairn {
namespace {

constexpr double kWindowSeconds = 600;
constexpr uint32_t kClientMax = 1'000'000;
constexpr double kRateMax = 1e6;
constexpr std::array<double, 11> kQuantiles = {0,    0.01, 0.05, 0.1,  0.25, 0.5,
                                               0.75, 0.9,  0.95, 0.99, 1};
constexpr size_t kNamedMax = 32;  // workloads that an error lists
constexpr size_t kRateCells = 8;
constexpr size_t kLengthCells = 3 + 2 * kQuantiles.size();

struct Window {
  double start_s = 0;
  double rate_rps = 0;
  double shape = 1;
  bool weibull = false;
};

// Quantiles of tokens from `start_s` on.
struct Lengths {
  double start_s = 0;
  std::array<double, kQuantiles.size()> input{};
  std::array<double, kQuantiles.size()> output{};
};

struct Client {
  std::vector<Window> windows;
  std::vector<Lengths> lengths;
};

using Clients = std::map<uint32_t, Client>;

// The cells of a row and the first that is wrong.
class Row {
 public:
  Row(const LineReader& lines, std::string_view line, size_t cells)
      : lines_(lines), cells_(SplitCells(line)) {
    if (cells_.size() == cells) return;
    status_ = lines.Error("", absl::StrCat(cells_.size(), " cells where ", cells, " are wanted"));
    cells_.resize(cells);
  }

  const std::string& cell(size_t i) const { return cells_[i]; }
  double Number(size_t i, const char* name, double min, double max) {
    const std::optional<double> number = ParseNumber(cells_[i], min, max);
    if (!number.has_value()) Wrong(name, absl::StrCat("not a number from ", min, " to ", max));
    return number.value_or(min);
  }
  void Wrong(const char* name, std::string_view what) {
    if (status_.ok()) status_ = lines_.Error(name, what);
  }
  const absl::Status& status() const { return status_; }

 private:
  const LineReader& lines_;
  std::vector<std::string> cells_;
  absl::Status status_;
};

// Calls `read` with each line behind the first.
template <typename Read>
absl::Status ForEachRow(LineReader& lines, size_t cells, Read read) {
  auto line = lines.Next();  // the column names
  if (!line.ok()) return line.status();
  while (true) {
    line = lines.Next();
    if (!line.ok()) return line.status();
    if (!line->has_value()) return absl::OkStatus();
    Row row(lines, **line, cells);
    if (row.status().ok()) read(row);
    if (!row.status().ok()) return row.status();
  }
}

struct RateTable {
  std::string workload;
  std::set<std::string> workloads;
  Clients clients;
};

absl::StatusOr<RateTable> ReadRates(LineReader& lines, const ServeGenOptions& options,
                                    double seconds_max) {
  RateTable table;
  table.workload = options.workload;
  const double from = options.from.seconds();
  const double until = from + options.length.seconds();
  const absl::Status read = ForEachRow(lines, kRateCells, [&](Row& row) {
    if (table.workloads.size() < kNamedMax) table.workloads.insert(row.cell(0));
    if (table.workload.empty()) table.workload = row.cell(0);
    const auto client = static_cast<uint32_t>(row.Number(1, "client", 0, kClientMax));
    Window window;
    window.start_s = row.Number(2, "t_s", 0, seconds_max);
    window.rate_rps = row.Number(3, "rate_rps", 0, kRateMax);
    window.weibull = row.cell(5) == "Weibull";
    if (!window.weibull && row.cell(5) != "Gamma") row.Wrong("dist", "neither Gamma nor Weibull");
    window.shape = row.Number(6, "p1", 1e-3, 1e9);
    if (row.cell(0) != table.workload) return;
    if (window.start_s + kWindowSeconds <= from || window.start_s >= until) return;
    table.clients[client].windows.push_back(window);
  });
  if (!read.ok()) return read;
  if (table.clients.empty()) {
    std::string known;
    for (const std::string& name : table.workloads) {
      absl::StrAppend(&known, known.empty() ? "" : ", ", name);
    }
    return absl::NotFoundError(
        absl::StrFormat("%s: %s sends nothing from %.0f s to %.0f s; in it: %s", lines.file(),
                        table.workload, from, until, known));
  }
  for (auto& [id, client] : table.clients) {
    std::stable_sort(client.windows.begin(), client.windows.end(),
                     [](const Window& a, const Window& b) { return a.start_s < b.start_s; });
  }
  return table;
}

absl::Status ReadLengths(LineReader& lines, const std::string& workload, const TraceLimits& limits,
                         Clients& clients) {
  return ForEachRow(lines, kLengthCells, [&](Row& row) {
    const auto id = static_cast<uint32_t>(row.Number(1, "client", 0, kClientMax));
    Lengths lengths;
    lengths.start_s = row.Number(2, "t_s", 0, static_cast<double>(limits.seconds_max));
    for (size_t side = 0; side < 2; ++side) {
      auto& quantiles = side == 0 ? lengths.input : lengths.output;
      double least = 0;
      for (size_t i = 0; i < kQuantiles.size(); ++i) {
        least = quantiles[i] = row.Number(3 + side * kQuantiles.size() + i,
                                          side == 0 ? "in_q" : "out_q", least, limits.tokens_max);
      }
    }
    const auto client = clients.find(id);
    if (row.cell(0) == workload && client != clients.end()) {
      client->second.lengths.push_back(lengths);
    }
  });
}

// Clients without lengths take another's; false if nobody has any.
bool FillLengths(Clients& clients, uint64_t seed) {
  std::vector<const Client*> known;
  for (auto& [id, client] : clients) {
    std::stable_sort(client.lengths.begin(), client.lengths.end(),
                     [](const Lengths& a, const Lengths& b) { return a.start_s < b.start_s; });
    if (!client.lengths.empty()) known.push_back(&client);
  }
  if (known.empty()) return false;
  for (auto& [id, client] : clients) {
    if (!client.lengths.empty()) continue;
    Prng prng(SplitMix64(seed) ^ id);
    client.lengths = known[prng.Below(known.size())]->lengths;
  }
  return true;
}

uint32_t DrawTokens(const std::array<double, kQuantiles.size()>& quantiles, Prng& prng) {
  const double u = prng.Uniform();
  size_t i = 1;
  while (i + 1 < kQuantiles.size() && kQuantiles[i] < u) ++i;
  const double part = (u - kQuantiles[i - 1]) / (kQuantiles[i] - kQuantiles[i - 1]);
  const double tokens = quantiles[i - 1] + part * (quantiles[i] - quantiles[i - 1]);
  return static_cast<uint32_t>(std::max(1.0, std::round(tokens)));
}

double DrawNormal(Prng& prng) {
  const double u = 1 - prng.Uniform();  // above 0
  const double angle = 2 * 3.14159265358979323846 * prng.Uniform();
  return std::sqrt(-2 * std::log(u)) * std::cos(angle);
}

// Marsaglia and Tsang, "A simple method for generating gamma variables", 2000; scale 1.
double DrawGamma(double shape, Prng& prng) {
  if (shape < 1) {
    return DrawGamma(shape + 1, prng) * std::pow(1 - prng.Uniform(), 1 / shape);
  }
  const double d = shape - 1.0 / 3;
  const double c = 1 / std::sqrt(9 * d);
  while (true) {
    const double x = DrawNormal(prng);
    const double v = std::pow(1 + c * x, 3);
    if (v <= 0) continue;
    if (std::log(1 - prng.Uniform()) < 0.5 * x * x + d - d * v + d * std::log(v)) return d * v;
  }
}

// A gap with mean 1.
double DrawGap(const Window& window, Prng& prng) {
  if (window.weibull) {
    const double power = 1 / window.shape;
    return std::pow(-std::log(1 - prng.Uniform()), power) / std::tgamma(1 + power);
  }
  return DrawGamma(window.shape, prng) / window.shape;
}

// The client's requests. Gaps are drawn with mean 1 and laid along the integral of the rate, so
// that a long one reaches into the next window and a window's mean is its rate.
absl::Status DrawClient(const Client& client, uint32_t tenant, const LineReader& lines,
                        const ServeGenOptions& options, double scale, TraceBuilder& builder) {
  const double from = options.from.seconds();
  const double until = from + options.length.seconds();
  Prng prng(SplitMix64(options.seed) ^ SplitMix64(tenant + 1));
  double laid = 0;  // of the integral
  double next = prng.Uniform() * DrawGap(client.windows.front(), prng);
  size_t lengths = 0;
  for (const Window& window : client.windows) {
    const double start = std::max(from, window.start_s);
    const double rate = window.rate_rps * scale;
    const double end = laid + rate * (std::min(until, window.start_s + kWindowSeconds) - start);
    for (; next < end; next += DrawGap(window, prng)) {
      const double at = start + (next - laid) / rate;
      while (lengths + 1 < client.lengths.size() && client.lengths[lengths + 1].start_s <= at) {
        ++lengths;
      }
      TraceRequest request;
      request.arrival = Instant() + DurationOf(at - from, Seconds(1));
      request.input_tokens = DrawTokens(client.lengths[lengths].input, prng);
      request.output_tokens = DrawTokens(client.lengths[lengths].output, prng);
      request.session = builder.size();
      request.tenant = tenant;
      if (absl::Status added = builder.Add(lines, std::move(request)); !added.ok()) return added;
    }
    laid = end;
  }
  return absl::OkStatus();
}

double MeanRate(const Clients& clients, const ServeGenOptions& options) {
  const double from = options.from.seconds();
  const double until = from + options.length.seconds();
  double requests = 0;
  for (const auto& [id, client] : clients) {
    for (const Window& window : client.windows) {
      requests += window.rate_rps * (std::min(until, window.start_s + kWindowSeconds) -
                                     std::max(from, window.start_s));
    }
  }
  return requests / options.length.seconds();
}

}  // namespace

bool IsServeGenHeader(std::string_view line) {
  const std::vector<std::string> cells = SplitCells(line);
  return cells.size() == kRateCells && ColumnName(cells[1]) == "client" &&
         ColumnName(cells[3]) == "raterps";
}

absl::StatusOr<Trace> ReadServeGenTrace(LineReader& rates, LineReader& lengths,
                                        uint32_t block_tokens, const ServeGenOptions& options,
                                        const TraceLimits& limits) {
  if (options.length <= Duration() || options.length > Seconds(limits.seconds_max)) {
    return absl::InvalidArgumentError("a ServeGen trace needs a length of time above 0");
  }
  absl::StatusOr<RateTable> table =
      ReadRates(rates, options, static_cast<double>(limits.seconds_max));
  if (!table.ok()) return table.status();
  if (absl::Status read = ReadLengths(lengths, table->workload, limits, table->clients);
      !read.ok()) {
    return read;
  }
  if (!FillLengths(table->clients, options.seed)) {
    return absl::NotFoundError(lengths.file() + ": no lengths of " + table->workload);
  }
  const double recorded = MeanRate(table->clients, options);
  if (!(recorded > 0)) return absl::NotFoundError(rates.file() + ": all rates are 0");
  const double scale = options.rate_rps > 0 ? options.rate_rps / recorded : 1;
  if (recorded * scale * options.length.seconds() > limits.requests_max) {
    return absl::ResourceExhaustedError(absl::StrFormat(
        "%s: %.0f requests a second for %.0f s are over %d requests: lower the rate "
        "or the length",
        rates.file(), recorded * scale, options.length.seconds(), limits.requests_max));
  }
  TraceBuilder builder(limits, block_tokens);
  for (const auto& [id, client] : table->clients) {
    if (absl::Status drawn = DrawClient(client, id, rates, options, scale, builder); !drawn.ok()) {
      return drawn;
    }
  }
  absl::StatusOr<Trace> trace = std::move(builder).Finish(rates, "ServeGen client rates");
  if (!trace.ok()) return trace;
  trace->history.push_back(absl::StrFormat(
      "drew %s of %d clients from %.0f s for %.0f s, at %.4g of their recorded %.4g requests/s "
      "(seed %d, lengths %s, sha256 %s)",
      table->workload, table->clients.size(), options.from.seconds(), options.length.seconds(),
      scale, recorded, options.seed, FileName(lengths.file()), lengths.Digest()));
  return trace;
}

}  // namespace cairn
