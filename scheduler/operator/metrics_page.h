// What /metrics says: what the front doors counted, and what the scheduler and its workers report.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

#include "kvstore/base/generation.h"
#include "scheduler/ingress/generation_port.h"
#include "scheduler/operator/latency_histogram.h"

namespace cairn {

// Counted by the front doors; every member may be bumped by any thread.
struct FrontDoorMetrics {
  enum class Route : uint8_t { kChat, kCompletions, kModels, kOperator, kOther, kGrpc };
  static constexpr std::array<std::string_view, 6> kRouteNames = {
      "chat", "completions", "models", "operator", "other", "grpc"};
  static constexpr int kCodes = 600;
  static constexpr std::array<std::string_view, 5> kReasonNames = {"stop", "length", "cancelled",
                                                                   "failed", "expired"};

  void CountReply(Route route, int http_status) {
    if (http_status < 0 || http_status >= kCodes) http_status = 0;
    ++replies[static_cast<size_t>(route)][static_cast<size_t>(http_status)];
  }
  void CountChoice(FinishReason reason) { ++choices_ended[static_cast<size_t>(reason)]; }

  std::array<std::array<std::atomic<uint64_t>, kCodes>, kRouteNames.size()> replies{};
  std::array<std::atomic<uint64_t>, kReasonNames.size()> choices_ended{};
  std::atomic<uint64_t> calls_in_flight{0};
  std::atomic<uint64_t> clients_gone{0};  // calls cancelled because nobody listened any more
  std::atomic<uint64_t> prompt_tokens{0}, generation_tokens{0};
  std::atomic<uint64_t> cached_device_tokens{0}, cached_dram_tokens{0};
  LatencyHistogram time_to_first_token, inter_token, end_to_end;
};

struct MetricsPageInput {
  std::string_view model;
  std::string_view version;
  const FrontDoorMetrics* front = nullptr;
  SchedulerSnapshot scheduler;
  Readiness readiness;
  uint64_t http_connections_open = 0;
  uint64_t http_connections_accepted = 0;
  uint64_t http_connections_refused = 0;
  uint64_t http_timeouts = 0;
  bool vllm_names = false;  // adds the vllm:* families
};

std::string MetricsPage(const MetricsPageInput& input);

}  // namespace cairn
