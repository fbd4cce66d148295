// The HTTP front door: paths to answers. OpenAI's API, health, version and metrics; keys, limits
// and request ids for all of them. Give `Handle` and `ErrorPage` to StartHttpServer.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "kvstore/base/clock.h"
#include "scheduler/core/slo.h"
#include "scheduler/ingress/api_keys.h"
#include "scheduler/ingress/generation_port.h"
#include "scheduler/ingress/http_server.h"
#include "scheduler/ingress/json_document.h"
#include "scheduler/ingress/openai_request.h"
#include "scheduler/ingress/served_model.h"
#include "scheduler/ingress/work_thread.h"
#include "scheduler/operator/metrics_page.h"

namespace cairn {

struct FrontDoorConfig {
  std::string version = "0";
  std::string worker_name = "local";  // what x-cairn-worker says
  std::string server_nonce;           // makes request ids differ between lives of the server
  ApiKeys keys;
  bool metrics_need_key = false;
  bool metrics_vllm_names = false;
  // Tenants share no KV unless this is set: a cache hit tells that somebody asked the same before.
  bool tenants_share_cache = false;
  uint32_t calls_in_flight = 1024;  // more: 429
  // A longer body is parsed, rendered and tokenized on a thread of its own, so that other clients'
  // streams go on meanwhile; only so many may wait for that thread, more: 429.
  size_t body_bytes_inline = 64 * 1024;
  uint32_t long_bodies_waiting = 64;
  JsonLimits json;
  CallLimits call;
  LatencyClasses classes;  // that a client may name
};

class FrontDoor {
 public:
  FrontDoor(FrontDoorConfig config, std::vector<std::shared_ptr<const ServedModel>> models,
            GenerationPort& port, const Clock& clock);

  void Handle(HttpRequest request, std::shared_ptr<HttpExchange> exchange);
  HttpReply ErrorPage(int status, std::string_view message);
  // Where /metrics finds the counters of the sockets. Before the server starts.
  void SetHttpCounters(std::function<HttpServerCounters()> counters);
  // From now on /readyz fails with this reason and generation is refused with 503.
  void StartDrain();

  FrontDoorMetrics& metrics() { return metrics_; }

 private:
  using Route = FrontDoorMetrics::Route;
  // What is known about a request before its route looks at it.
  struct Visit {
    HttpRequest request;
    std::shared_ptr<HttpExchange> exchange;
    std::string request_id;
    std::string tenant;
    Route route = Route::kOther;
    Instant received;
  };

  std::string RequestIdFor(const HttpRequest& request);
  void Send(Visit& visit, HttpReply reply);
  void SendJson(Visit& visit, int status, std::string body);
  void SendError(Visit& visit, const absl::Status& status);
  bool Authenticate(Visit& visit);
  bool Allow(Visit& visit, std::string_view method);
  void HandleOperator(Visit& visit);
  void HandleModels(Visit& visit);
  // A generation request, read and understood.
  struct ReadCall {
    OpenAiCall call;
    std::shared_ptr<const ServedModel> model;
    uint64_t number = 0;
  };
  void HandleCall(Visit& visit, OpenAiEndpoint endpoint);
  void HandleLongCall(Visit& visit, OpenAiEndpoint endpoint);
  absl::StatusOr<ReadCall> Read(Visit& visit, OpenAiEndpoint endpoint);  // on any thread
  void Answer(Visit& visit, absl::StatusOr<ReadCall> read);
  void Readyz(Visit& visit);
  void Metrics(Visit& visit);
  absl::StatusOr<std::shared_ptr<const ServedModel>> FindModel(std::string_view name) const;

  const FrontDoorConfig config_;
  const std::vector<std::shared_ptr<const ServedModel>> models_;
  GenerationPort& port_;
  const Clock& clock_;
  FrontDoorMetrics metrics_;
  std::function<HttpServerCounters()> http_counters_;
  std::atomic<uint64_t> next_visit_{1};
  std::atomic<bool> draining_{false};
  std::atomic<uint32_t> long_bodies_{0};
  WorkThread reader_{"cairn-text"};  // last: it uses the others
};

}  // namespace cairn
