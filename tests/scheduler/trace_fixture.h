// Traces from text, for the tests of their readers and of what is done with them.
#pragma once

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "scheduler/simulator/trace.h"
#include "scheduler/simulator/trace_reader.h"

namespace cairn {

// Reads `text` as the file "t"; `lengths` is a ServeGen trace's second table.
inline absl::StatusOr<Trace> ReadText(std::string_view text, const TraceReadOptions& options = {},
                                      std::string_view lengths = "") {
  StringSource source(text);
  const OpenLengths open_lengths =
      [lengths](std::string& name) -> absl::StatusOr<std::unique_ptr<ByteSource>> {
    name = "lengths";
    if (lengths.empty()) return std::unique_ptr<ByteSource>();
    return std::unique_ptr<ByteSource>(std::make_unique<StringSource>(lengths));
  };
  return ReadTrace("t", source, options, open_lengths);
}

inline Trace MustRead(std::string_view text, const TraceReadOptions& options = {},
                      std::string_view lengths = "") {
  absl::StatusOr<Trace> trace = ReadText(text, options, lengths);
  INFO(trace.status());
  REQUIRE(trace.ok());
  REQUIRE(CheckTrace(*trace).ok());
  return *std::move(trace);
}

// The error's text; empty if there was none.
inline std::string ReadError(std::string_view text, const TraceReadOptions& options = {}) {
  return std::string(ReadText(text, options).status().message());
}

// An open loop with blocks of `block_tokens`: a request for each list of ids, a second apart, whose
// prompt fills its blocks.
inline Trace OpenLoop(const std::vector<std::vector<uint64_t>>& prompts,
                      uint32_t block_tokens = 10) {
  Trace trace;
  trace.block_tokens = block_tokens;
  trace.name = "open loop";
  for (size_t i = 0; i < prompts.size(); ++i) {
    TraceRequest request;
    request.arrival = Instant() + Seconds(static_cast<int64_t>(i));
    request.input_tokens = std::max(1u, static_cast<uint32_t>(prompts[i].size()) * block_tokens);
    request.blocks = prompts[i];
    request.session = static_cast<uint32_t>(i);
    trace.requests.push_back(std::move(request));
  }
  return trace;
}

inline std::vector<double> ArrivalSeconds(const Trace& trace) {
  std::vector<double> seconds;
  for (const TraceRequest& request : trace.requests) {
    seconds.push_back(static_cast<double>(request.arrival.nanoseconds()) / 1e9);
  }
  return seconds;
}

// A public trace below the folder CAIRN_TRACES, which tests do without: they say so.
inline std::optional<std::string> PublicTrace(const std::string& test, const std::string& file) {
  const char* folder = std::getenv("CAIRN_TRACES");
  std::error_code error;
  if (folder != nullptr) {
    const std::filesystem::path path = std::filesystem::path(folder) / file;
    if (std::filesystem::exists(path, error)) return path.string();
  }
  std::cout << "SKIPPED: " << test << " needs " << file << " in the folder CAIRN_TRACES\n";
  return std::nullopt;
}

}  // namespace cairn
