// A front door over loopback, with an echo instead of a scheduler. The engine's time passes when
// the test says so; nothing sleeps.
#pragma once

#include <catch2/catch.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "kvstore/shell/system_clock.h"
#include "scheduler/ingress/front_door.h"
#include "scheduler/ingress/http_server.h"
#include "tests/scheduler/echo_port.h"
#include "tests/scheduler/letter_model.h"
#include "tests/support/raw_client.h"

namespace cairn {

using nlohmann::json;

class House {
 public:
  explicit House(HttpLimits limits = {}, FrontDoorConfig config = {}, uint32_t threads = 1,
                 std::shared_ptr<const ServedModel> model = LetterModel(100'000))
      : echo_(kLetterEnd), door_(std::move(config), {std::move(model)}, echo_, clock_) {
    auto server = StartHttpServer(
        {.port = 0, .threads = threads, .limits = limits},
        [this](HttpRequest request, std::shared_ptr<HttpExchange> exchange) {
          door_.Handle(std::move(request), std::move(exchange));
        },
        [this](int status, std::string_view message) { return door_.ErrorPage(status, message); });
    REQUIRE(server.ok());
    server_ = *std::move(server);
    door_.SetHttpCounters([this] { return server_->counters(); });
  }

  EchoPort& echo() { return echo_; }
  FrontDoor& door() { return door_; }
  HttpServer& server() { return *server_; }
  uint16_t port() const { return server_->port(); }
  // Lets other threads go on until it is so; the test runner has the time-out.
  template <typename Condition>
  void Await(Condition condition) {
    while (!condition()) std::this_thread::yield();
  }
  void AwaitLive(size_t requests) {
    Await([&] { return echo_.live() == requests; });
  }
  // Steps until nothing lives.
  void RunAll() {
    while (echo_.Step()) {
    }
  }
  RawReply Complete(RawClient& client, std::string_view path, std::string_view body,
                    std::string_view headers = "") {
    client.Post(path, body, headers);
    AwaitLive(1);
    RunAll();
    return client.ReadReply();
  }

 private:
  SystemClock clock_;
  EchoPort echo_;
  FrontDoor door_;
  std::unique_ptr<HttpServer> server_;
};

inline constexpr char kChat[] = "/v1/chat/completions";
inline constexpr char kText[] = "/v1/completions";

inline std::vector<json> Events(const std::string& body) {
  std::vector<json> events;
  size_t at = 0;
  while ((at = body.find("data: ", at)) != std::string::npos) {
    at += 6;
    const std::string line = body.substr(at, body.find("\n\n", at) - at);
    if (line != "[DONE]") events.push_back(json::parse(line));
  }
  return events;
}

}  // namespace cairn
