// The gRPC front door: cairn.v1.Inference, health and reflection. Fields and limits are those of
// the HTTP front door, because a request is read by the same code.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "kvstore/base/clock.h"
#include "kvstore/base/time.h"
#include "scheduler/ingress/api_keys.h"
#include "scheduler/ingress/generation_port.h"
#include "scheduler/ingress/openai_request.h"
#include "scheduler/ingress/served_model.h"
#include "scheduler/operator/metrics_page.h"

namespace cairn {

struct GrpcConfig {
  std::string host = "127.0.0.1";
  uint16_t port = 50051;  // 0: any free one
  uint32_t message_bytes = 8 * 1024 * 1024;
  uint32_t calls_in_flight = 1024;      // more: RESOURCE_EXHAUSTED
  uint32_t replies_unsent = 16 * 1024;  // of one call; a client slower than this is cancelled
  bool tenants_share_cache = false;
  std::string server_nonce;
  ApiKeys keys;  // as metadata "authorization: Bearer KEY" or "x-api-key: KEY"
  CallLimits call;
  LatencyClasses classes;  // that a client may name
};

class GrpcFrontend {
 public:
  virtual ~GrpcFrontend() = default;  // stops without waiting
  virtual uint16_t port() const = 0;
  // What the health service says of cairn.v1.Inference.
  virtual void SetServing(bool serving) = 0;
  // Health says NOT_SERVING, new calls are refused.
  virtual void StartDrain() = 0;
  // Waits for calls in flight, at most this long, then cancels them. True: none was cut.
  virtual bool Stop(Duration at_most) = 0;
};

// What it is given must outlive it. Unavailable: the address is taken; the message names it.
absl::StatusOr<std::unique_ptr<GrpcFrontend>> StartGrpcFrontend(
    GrpcConfig config, std::vector<std::shared_ptr<const ServedModel>> models, GenerationPort& port,
    const Clock& clock, FrontDoorMetrics& metrics);

}  // namespace cairn
