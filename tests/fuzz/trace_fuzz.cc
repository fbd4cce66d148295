// Bytes as a trace of any format: whatever is accepted can be shaped, described, written and read
// back the same.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kvstore/base/check.h"
#include "scheduler/simulator/arrival_shape.h"
#include "scheduler/simulator/recorded_trace.h"
#include "scheduler/simulator/trace_facts.h"
#include "scheduler/simulator/trace_mix.h"
#include "scheduler/simulator/trace_reader.h"

namespace {

using namespace cairn;

absl::StatusOr<Trace> Read(std::string_view text) {
  TraceReadOptions options;
  options.limits.requests_max = 300;
  options.limits.blocks_max = 20'000;
  options.lines.line_bytes_max = 8 << 10;
  options.servegen.length = Seconds(100);
  options.sessions.share_heads = text.size() % 2 == 0;
  StringSource source(text);
  static const std::string kLengths = [] {
    std::string table = "workload,client,t_s";
    for (int i = 0; i < 22; ++i) table += ",q";
    table += "\nw,0,0";
    for (int i = 0; i < 22; ++i) table += ",9";
    return table + "\n";
  }();
  const OpenLengths open_lengths =
      [](std::string& name) -> absl::StatusOr<std::unique_ptr<ByteSource>> {
    name = "lengths";
    return std::unique_ptr<ByteSource>(std::make_unique<StringSource>(kLengths));
  };
  return ReadTrace("fuzz", source, options, open_lengths);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  absl::StatusOr<Trace> trace = Read({reinterpret_cast<const char*>(data), size});
  if (!trace.ok()) return 0;
  CAIRN_CHECK(CheckTrace(*trace).ok());
  const std::vector<uint64_t> capacities = {0, 512, 1 << 20};
  const TraceFacts facts = FactsOf(*trace, capacities);
  CAIRN_CHECK(facts.block_hits <= 1 && facts.token_hits <= 1);

  std::string written = RecordedHead(trace->block_tokens);
  for (const TraceRequest& request : trace->requests) written += RecordedLine(*trace, request);
  StringSource source(written);
  const absl::StatusOr<Trace> back = ReadTrace("back", source, {}, nullptr);
  // Two turns of a session may have one number in a file of ours; then it is not said which is
  // meant.
  if (back.ok()) CAIRN_CHECK_EQ(back->requests.size(), trace->requests.size());

  TraceShape shape;
  shape.seed = size;
  shape.input_tokens_max = 1 << 20;
  shape.rate_rps = 3;
  shape.permute_ids = true;
  shape.poisson = size % 3 == 0;
  shape.ticks = TickSpread::kSeeded;
  shape.block_tokens = size % 5 == 0 ? trace->block_tokens * 2 : 0;
  Trace shaped = *trace;
  if (ShapeTrace(shaped, shape).ok()) {
    CAIRN_CHECK(CheckTrace(shaped).ok());
    shaped.block_tokens = trace->block_tokens;
    (void)MixTraces({std::move(shaped), *std::move(trace)});
  }
  return 0;
}
