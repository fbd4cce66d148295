#include "scheduler/ingress/front_door.h"

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_join.h"
#include "kvstore/base/check.h"
#include "kvstore/base/prng.h"
#include "scheduler/ingress/json_text.h"
#include "scheduler/ingress/live_call.h"
#include "scheduler/ingress/service_terms.h"
#include "scheduler/ingress/status_map.h"
#include "scheduler/operator/text_cat.h"

namespace cairn {
namespace {

constexpr std::string_view kModelsPrefix = "/v1/models/";
constexpr size_t kIgnoredHeaderBytesMax = 1024;

bool IsRequestId(std::string_view text) {
  return !text.empty() && text.size() <= 128 && std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
           std::string_view("-_.:/+=").find(c) != std::string_view::npos;
  });
}

std::string PercentDecode(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto hex = [&](size_t at) {
      return at < text.size() && absl::ascii_isxdigit(static_cast<unsigned char>(text[at]));
    };
    if (text[i] == '%' && hex(i + 1) && hex(i + 2)) {
      uint32_t byte = 0;
      if (absl::SimpleHexAtoi(ToAbsl(text.substr(i + 1, 2)), &byte)) out += static_cast<char>(byte);
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

// Names of strangers' fields go into a header: printable ASCII without separators, and not too
// many.
std::string IgnoredHeader(const std::vector<std::string>& fields) {
  std::string out;
  for (const std::string& field : fields) {
    if (!out.empty()) out += ", ";
    for (const char c : field.substr(0, 128)) {
      const bool plain = absl::ascii_isgraph(static_cast<unsigned char>(c)) && c != ',';
      out += plain ? c : '?';
    }
    if (out.size() > kIgnoredHeaderBytesMax) {
      out.resize(kIgnoredHeaderBytesMax);
      return out + "...";
    }
  }
  return out;
}

std::string ModelObject(const ServedModel& model) {
  return TextCat("{\"id\":", JsonString(model.name),
                 ",\"object\":\"model\",\"created\":", model.created_unix_seconds,
                 ",\"owned_by\":\"cairn\",\"root\":", JsonString(model.name),
                 ",\"parent\":null,\"max_model_len\":", model.context_length,
                 ",\"vocabulary_size\":", model.vocabulary_size, "}");
}

std::string ReasonsBody(std::string_view status, const std::vector<std::string>& reasons) {
  return TextCat("{\"status\":\"", status, "\",\"reasons\":[",
                 absl::StrJoin(reasons, ",",
                               [](std::string* out, const std::string& reason) {
                                 AppendJsonString(reason, *out);
                               }),
                 "]}");
}

int64_t UnixSeconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace

FrontDoor::FrontDoor(FrontDoorConfig config, std::vector<std::shared_ptr<const ServedModel>> models,
                     GenerationPort& port, const Clock& clock)
    : config_(std::move(config)), models_(std::move(models)), port_(port), clock_(clock) {
  CAIRN_CHECK(!models_.empty());
}

void FrontDoor::SetHttpCounters(std::function<HttpServerCounters()> counters) {
  http_counters_ = std::move(counters);
}

void FrontDoor::StartDrain() { draining_ = true; }

HttpReply FrontDoor::ErrorPage(int status, std::string_view message) {
  metrics_.CountReply(Route::kOther, status);
  return ErrorReply(StatusFromHttp(status, message));
}

std::string FrontDoor::RequestIdFor(const HttpRequest& request) {
  const std::string_view given = request.Header("x-request-id");
  if (IsRequestId(given)) return std::string(given);
  return TextCat(config_.server_nonce, config_.server_nonce.empty() ? "" : "-",
                 absl::Hex(next_visit_.fetch_add(1), absl::kZeroPad8));
}

void FrontDoor::Handle(HttpRequest request, std::shared_ptr<HttpExchange> exchange) {
  Visit visit;
  visit.received = clock_.Now();
  visit.request_id = RequestIdFor(request);
  visit.request = std::move(request);
  visit.exchange = std::move(exchange);
  std::string& path = visit.request.path;
  if (path.size() > 1 && path.back() == '/') path.pop_back();
  if (path == "/v1/chat/completions") {
    visit.route = Route::kChat;
    if (Allow(visit, "POST") && Authenticate(visit)) HandleCall(visit, OpenAiEndpoint::kChat);
  } else if (path == "/v1/completions") {
    visit.route = Route::kCompletions;
    if (Allow(visit, "POST") && Authenticate(visit)) {
      HandleCall(visit, OpenAiEndpoint::kCompletions);
    }
  } else if (path == "/v1/models" || absl::StartsWith(path, ToAbsl(kModelsPrefix))) {
    visit.route = Route::kModels;
    if (Allow(visit, "GET") && Authenticate(visit)) HandleModels(visit);
  } else {
    HandleOperator(visit);
  }
}

void FrontDoor::HandleOperator(Visit& visit) {
  const std::string& path = visit.request.path;
  visit.route = Route::kOperator;
  if (path == "/health" || path == "/livez" || path == "/live") {
    if (Allow(visit, "GET")) SendJson(visit, 200, ReasonsBody("ok", {}));
  } else if (path == "/readyz" || path == "/ready") {
    if (Allow(visit, "GET")) Readyz(visit);
  } else if (path == "/version") {
    if (Allow(visit, "GET")) {
      SendJson(visit, 200, TextCat("{\"version\":", JsonString(config_.version), "}"));
    }
  } else if (path == "/metrics") {
    if (Allow(visit, "GET") && (!config_.metrics_need_key || Authenticate(visit))) Metrics(visit);
  } else {
    visit.route = Route::kOther;
    SendError(visit, absl::NotFoundError(TextCat(
                         "nothing is served at ", path.substr(0, 256),
                         "; there are /v1/chat/completions, /v1/completions, /v1/models, /health, "
                         "/livez, /readyz, /version and /metrics")));
  }
}

// ---- sending ----

void FrontDoor::Send(Visit& visit, HttpReply reply) {
  metrics_.CountReply(visit.route, reply.head.status);
  reply.head.headers.push_back({"x-request-id", visit.request_id});
  visit.exchange->Reply(std::move(reply));
}

void FrontDoor::SendJson(Visit& visit, int status, std::string body) {
  HttpReply reply;
  reply.head.status = status;
  reply.body = std::move(body);
  Send(visit, std::move(reply));
}

void FrontDoor::SendError(Visit& visit, const absl::Status& status) {
  Send(visit, ErrorReply(status));
}

bool FrontDoor::Allow(Visit& visit, std::string_view method) {
  const std::string& given = visit.request.method;
  if (given == method || (method == "GET" && given == "HEAD")) return true;
  HttpReply reply =
      ErrorReply(WithErrorCode(StatusFromHttp(405, TextCat(visit.request.path, " takes ", method,
                                                           ", not ", given.substr(0, 32))),
                               "method_not_allowed"));
  reply.head.headers.push_back({"allow", method == "GET" ? "GET, HEAD" : std::string(method)});
  Send(visit, std::move(reply));
  return false;
}

bool FrontDoor::Authenticate(Visit& visit) {
  absl::StatusOr<std::string> tenant = config_.keys.Authenticate(
      visit.request.Header("authorization"), visit.request.Header("x-api-key"));
  if (!tenant.ok()) {
    SendError(visit, tenant.status());
    return false;
  }
  visit.tenant = *std::move(tenant);
  return true;
}

// ---- answering ----

absl::StatusOr<std::shared_ptr<const ServedModel>> FrontDoor::FindModel(
    std::string_view name) const {
  // Like llama.cpp and unlike OpenAI: who names no model gets the only one there is.
  if (name.empty()) return models_.front();
  for (const auto& model : models_) {
    if (model->name == name) return model;
  }
  std::string known = absl::StrJoin(
      models_, ", ", [](std::string* out, const auto& model) { out->append(model->name); });
  absl::Status status = InvalidField(
      "model", TextCat("\"", name.substr(0, 128), "\" is not served here; there is ", known));
  return WithHttpStatus(WithErrorCode(status, "model_not_found"), 404);
}

void FrontDoor::HandleModels(Visit& visit) {
  const std::string_view path = visit.request.path;
  if (path.size() > kModelsPrefix.size()) {
    const auto model = FindModel(PercentDecode(path.substr(kModelsPrefix.size())));
    if (!model.ok()) return SendError(visit, model.status());
    return SendJson(visit, 200, ModelObject(**model));
  }
  SendJson(visit, 200,
           TextCat("{\"object\":\"list\",\"data\":[",
                   absl::StrJoin(models_, ",",
                                 [](std::string* out, const auto& model) {
                                   out->append(ModelObject(*model));
                                 }),
                   "]}"));
}

void FrontDoor::Readyz(Visit& visit) {
  Readiness readiness = port_.CheckReadiness();
  if (draining_) readiness.reasons.push_back("the server is draining");
  if (readiness.ready()) return SendJson(visit, 200, ReasonsBody("ready", {}));
  SendJson(visit, 503, ReasonsBody("not ready", readiness.reasons));
}

void FrontDoor::Metrics(Visit& visit) {
  MetricsPageInput input{.model = models_.front()->name, .version = config_.version};
  input.front = &metrics_;
  input.scheduler = port_.Snapshot();
  input.readiness = port_.CheckReadiness();
  input.vllm_names = config_.metrics_vllm_names;
  if (http_counters_) {
    const HttpServerCounters http = http_counters_();
    input.http_connections_open = http.connections_open;
    input.http_connections_accepted = http.connections_accepted;
    input.http_connections_refused = http.connections_refused;
    input.http_timeouts = http.timed_out;
  }
  HttpReply reply;
  reply.head.content_type = "text/plain; version=0.0.4; charset=utf-8";
  reply.body = MetricsPage(input);
  Send(visit, std::move(reply));
}

void FrontDoor::HandleCall(Visit& visit, OpenAiEndpoint endpoint) {
  if (draining_) {
    return SendError(visit, absl::UnavailableError("the server is draining; ask another one"));
  }
  if (metrics_.calls_in_flight >= config_.calls_in_flight) {
    return SendError(visit, absl::ResourceExhaustedError(TextCat(
                                "more than ", config_.calls_in_flight, " calls are in flight")));
  }
  if (visit.request.body.size() > config_.body_bytes_inline) return HandleLongCall(visit, endpoint);
  Answer(visit, Read(visit, endpoint));
}

void FrontDoor::HandleLongCall(Visit& visit, OpenAiEndpoint endpoint) {
  if (long_bodies_.fetch_add(1) >= config_.long_bodies_waiting) {
    --long_bodies_;
    return SendError(
        visit, absl::ResourceExhaustedError(TextCat("more than ", config_.long_bodies_waiting,
                                                    " long prompts are waiting to be tokenized")));
  }
  const auto held = std::make_shared<Visit>(std::move(visit));
  reader_.Post([this, held, endpoint] {
    const auto read = std::make_shared<absl::StatusOr<ReadCall>>(Read(*held, endpoint));
    --long_bodies_;
    held->exchange->Post([this, held, read] { Answer(*held, *std::move(read)); });
  });
}

absl::StatusOr<FrontDoor::ReadCall> FrontDoor::Read(Visit& visit, OpenAiEndpoint endpoint) {
  auto body = ParseJson(visit.request.body, config_.json);
  if (!body.ok()) return body.status();
  std::string().swap(visit.request.body);
  const absl::StatusOr<std::string> name = RequestedModel(*body);
  if (!name.ok()) return name.status();
  const auto model = FindModel(*name);
  if (!model.ok()) return model.status();
  const uint64_t number = next_visit_.fetch_add(1);
  absl::StatusOr<OpenAiCall> call =
      ReadOpenAiCall(endpoint, *body, **model, config_.call,
                     Prng(number ^ static_cast<uint64_t>(visit.received.nanoseconds())).Next());
  if (!call.ok()) return call.status();
  call->options.tenant = visit.tenant;
  if (!visit.tenant.empty() && !config_.tenants_share_cache) {
    call->options.cache_salt = TextCat(visit.tenant, ":", call->options.cache_salt);
  }
  const auto header = [&visit](std::string_view name) { return visit.request.Header(name); };
  absl::Status terms = ReadServiceTerms(header, body->contains("priority"), call->options);
  if (terms.ok()) terms = CheckClass(config_.classes, "x-cairn-class", call->options);
  if (!terms.ok()) return terms;
  return ReadCall{*std::move(call), *model, number};
}

void FrontDoor::Answer(Visit& visit, absl::StatusOr<ReadCall> read) {
  if (!read.ok()) return SendError(visit, read.status());
  OpenAiCall& call = read->call;
  // Two calls with the same x-request-id are still two answers.
  const std::string id = TextCat(config_.server_nonce, absl::Hex(read->number, absl::kZeroPad8));
  auto dress = [this, route = visit.route, request_id = visit.request_id,
                ignored = IgnoredHeader(call.ignored_fields)](HttpReplyHead& head) {
    metrics_.CountReply(route, head.status);
    head.headers.push_back({"x-request-id", request_id});
    head.headers.push_back({"x-cairn-worker", config_.worker_name});
    if (!ignored.empty()) head.headers.push_back({"x-cairn-ignored-fields", ignored});
  };
  const LiveCallHouse house{.port = &port_, .metrics = &metrics_, .clock = &clock_};
  auto live = std::make_shared<LiveCall>(house, visit.exchange, call.stream, call.options.choices,
                                         OpenAiAnswer(call, read->model, id, UnixSeconds()),
                                         visit.received, std::move(dress));
  live->Start(std::move(call));
}

}  // namespace cairn
