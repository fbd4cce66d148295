// The HTTP front door over loopback, with an echo instead of a scheduler. The engine's time passes
// when the test says so; nothing sleeps.
#include <sys/resource.h>

#include <catch2/catch.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "kvstore/shell/system_clock.h"
#include "scheduler/ingress/front_door.h"
#include "scheduler/ingress/http_server.h"
#include "tests/scheduler/echo_port.h"
#include "tests/scheduler/letter_model.h"
#include "tests/support/raw_client.h"

namespace cairn {
namespace {

using nlohmann::json;

class House {
 public:
  explicit House(HttpLimits limits = {}, FrontDoorConfig config = {}, uint32_t threads = 1)
      : echo_(kLetterEnd), door_(std::move(config), {LetterModel(100'000)}, echo_, clock_) {
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

constexpr char kChat[] = "/v1/chat/completions";
constexpr char kText[] = "/v1/completions";

std::vector<json> Events(const std::string& body) {
  std::vector<json> events;
  size_t at = 0;
  while ((at = body.find("data: ", at)) != std::string::npos) {
    at += 6;
    const std::string line = body.substr(at, body.find("\n\n", at) - at);
    if (line != "[DONE]") events.push_back(json::parse(line));
  }
  return events;
}

TEST_CASE("a completion comes back whole, and the connection serves the next one") {
  House house;
  RawClient client(house.port());
  for (int i = 0; i < 3; ++i) {
    const RawReply reply = house.Complete(client, kText, R"({"prompt":"abc","model":"letters"})");
    REQUIRE(reply.status == 200);
    const json body = json::parse(reply.body);
    CHECK(body["choices"][0]["text"] == "abc");
    CHECK(body["choices"][0]["finish_reason"] == "stop");
    CHECK(body["usage"]["prompt_tokens"] == 4);
    CHECK(body["usage"]["completion_tokens"] == 4);
    CHECK(reply.Has("x-request-id: "));
    CHECK(reply.Has("x-cairn-worker: local"));
    CHECK(reply.Has("x-cairn-cached-tokens: 0"));
  }
}

TEST_CASE("a stream brings the role, the text in pieces, the usage and [DONE]") {
  House house;
  RawClient client(house.port());
  const RawReply reply =
      house.Complete(client, kChat,
                     R"({"messages":[{"role":"user","content":"h\u00e9"}],"stream":true,)"
                     R"("stream_options":{"include_usage":true}})");
  REQUIRE(reply.status == 200);
  CHECK(reply.Has("content-type: text/event-stream"));
  CHECK(reply.body.ends_with("data: [DONE]\n\n"));
  const std::vector<json> events = Events(reply.body);
  REQUIRE(events.size() >= 3);
  CHECK(events[0]["choices"][0]["delta"]["role"] == "assistant");
  std::string text;
  for (size_t i = 0; i + 1 < events.size(); ++i) {
    CHECK(events[i]["object"] == "chat.completion.chunk");
    CHECK(events[i]["usage"].is_null());
    text += events[i]["choices"][0]["delta"].value("content", "");
  }
  CHECK(text == "user:h\xC3\xA9|assistant:");
  CHECK(events[events.size() - 2]["choices"][0]["finish_reason"] == "stop");
  CHECK(events.back()["choices"].empty());
  CHECK(events.back()["usage"]["completion_tokens"] == 20);
}

TEST_CASE("a client that leaves in the middle of its stream is cancelled at once") {
  House house;
  RawClient client(house.port());
  client.Post(kText, R"({"prompt":"abc","stream":true,"ignore_eos":true,"max_tokens":1000})");
  house.AwaitLive(1);
  house.echo().Step();
  REQUIRE(!client.ReceiveUntil("\n\n").empty());
  client.Close();
  // No token has to be written for the server to notice.
  house.Await([&] { return house.door().metrics().clients_gone == 1; });
  CHECK_FALSE(house.echo().Step());
  CHECK(house.echo().cancelled() == 1);
}

TEST_CASE("a client that leaves while it waits for a whole answer is cancelled too") {
  House house;
  {
    RawClient client(house.port());
    client.Post(kText, R"({"prompt":"abc","ignore_eos":true,"max_tokens":1000})");
    house.AwaitLive(1);
  }
  house.Await([&] { return house.door().metrics().clients_gone == 1; });
  CHECK_FALSE(house.echo().Step());
  CHECK(house.echo().cancelled() == 1);
}

TEST_CASE("requests sent without waiting are answered in their order") {
  House house;
  RawClient client(house.port());
  std::string all = "GET /version HTTP/1.1\r\nHost: h\r\n\r\n";
  for (const char* text : {"one", "two", "three"}) {
    const std::string body = std::string(R"({"prompt":")") + text + R"("})";
    all += "POST /v1/completions HTTP/1.1\r\nHost: h\r\nContent-Length: " +
           std::to_string(body.size()) + "\r\n\r\n" + body;
  }
  all += "GET /livez HTTP/1.1\r\nHost: h\r\n\r\n";
  REQUIRE(client.Send(all));
  CHECK(client.ReadReply().body == "{\"version\":\"0\"}");
  for (const char* text : {"one", "two", "three"}) {
    house.AwaitLive(1);
    house.RunAll();
    CHECK(json::parse(client.ReadReply().body)["choices"][0]["text"] == text);
  }
  CHECK(client.ReadReply().status == 200);
}

TEST_CASE("a request may arrive byte by byte") {
  House house;
  RawClient client(house.port());
  const std::string body = R"({"prompt":"bytes"})";
  const std::string request =
      "POST /v1/completions HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(body.size()) +
      "\r\n\r\n" + body;
  for (const char byte : request) REQUIRE(client.Send(std::string_view(&byte, 1)));
  house.AwaitLive(1);
  house.RunAll();
  CHECK(json::parse(client.ReadReply().body)["choices"][0]["text"] == "bytes");
}

TEST_CASE("a chunked body is a body") {
  House house;
  RawClient client(house.port());
  client.Send(
      "POST /v1/completions HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
      "9\r\n{\"prompt\"\r\n7\r\n:\"ab\"}\n\r\n0\r\n\r\n");
  house.AwaitLive(1);
  house.RunAll();
  CHECK(json::parse(client.ReadReply().body)["choices"][0]["text"] == "ab");
}

TEST_CASE("a client that asks before it sends its body is told to go on") {
  House house;
  RawClient client(house.port());
  client.Send(
      "POST /v1/completions HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n"
      "Content-Length: 15\r\n\r\n");
  CHECK(client.ReceiveUntil("\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n");
  client.Send(R"({"prompt":"ab"})");
  house.AwaitLive(1);
  house.RunAll();
  CHECK(client.ReadReply().status == 200);
}

TEST_CASE("what is no HTTP is told so and left") {
  House house;
  for (const char* bytes :
       {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n",
        "GET / HTTP/1.1\r\nHost : h\r\n\r\n", "GET / HTTP/1.1\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nHost: i\r\n\r\n"}) {
    CAPTURE(bytes);
    RawClient client(house.port());
    client.Send(bytes);
    const RawReply reply = client.ReadReply();
    CHECK(reply.status == 400);
    CHECK(reply.Has("connection: close"));
    CHECK(json::parse(reply.body)["error"]["type"] == "invalid_request_error");
    client.Close();
  }
}

TEST_CASE("too large a header is 431, too large a body 413, and the answer arrives") {
  HttpLimits limits;
  limits.parse.header_bytes = 4096;
  limits.parse.body_bytes = 100'000;
  House house(limits);
  SECTION("header") {
    RawClient client(house.port());
    client.Send("GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(10'000, 'x'));
    CHECK(client.ReadReply().status == 431);
  }
  SECTION("body with its length") {
    RawClient client(house.port());
    // The whole body is sent: the answer must survive that nobody reads it.
    client.Post(kText, std::string(3'000'000, ' '));
    CHECK(client.ReadReply().status == 413);
  }
  SECTION("chunked body") {
    RawClient client(house.port());
    std::string bytes =
        "POST /v1/completions HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (int i = 0; i < 30; ++i) bytes += "1388\r\n" + std::string(5000, ' ') + "\r\n";
    client.Send(bytes);
    CHECK(client.ReadReply().status == 413);
  }
}

TEST_CASE("a header or a body that trickles is given up after its time") {
  HttpLimits limits;
  limits.header_time = Milliseconds(50);
  limits.body_time = Milliseconds(50);
  House house(limits);
  SECTION("header") {
    RawClient client(house.port());
    client.Send("GET / HT");
    CHECK(client.ReadReply().status == 408);
  }
  SECTION("bytes that keep coming do not wind the clock up again") {
    RawClient client(house.port());
    client.Send("GET / HTTP/1.1\r\nHost: h\r\n");
    while (!client.Readable(5)) client.Send("X: y\r\n");
    CHECK(client.ReadReply().status == 408);
  }
  SECTION("body") {
    RawClient client(house.port());
    client.Send("POST /v1/completions HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n{");
    CHECK(client.ReadReply().status == 408);
  }
  CHECK(house.server().counters().timed_out == 1);
}

TEST_CASE("an idle connection is closed after its time, without a word") {
  HttpLimits limits;
  limits.idle_time = Milliseconds(20);
  House house(limits);
  RawClient client(house.port());
  CHECK_FALSE(client.Receive());
}

TEST_CASE("more connections than the limit are told so") {
  HttpLimits limits;
  limits.connections = 2;
  House house(limits);
  RawClient first(house.port());
  RawClient second(house.port());
  first.Get("/livez");
  second.Get("/livez");
  CHECK(first.ReadReply().status == 200);
  CHECK(second.ReadReply().status == 200);
  RawClient third(house.port());
  const RawReply refused = third.ReadReply();
  CHECK(refused.status == 503);
  CHECK(refused.Has("retry-after: "));
  first.Get("/livez");
  CHECK(first.ReadReply().status == 200);
}

TEST_CASE("a thousand idle connections disturb nobody") {
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = std::min<rlim_t>(files.rlim_max, 4096);
  ::setrlimit(RLIMIT_NOFILE, &files);
  if (files.rlim_cur < 2100) {
    WARN("SKIPPED: needs 2,100 file descriptors");
    return;
  }
  House house;
  std::vector<RawClient> idle;
  for (int i = 0; i < 1000; ++i) {
    idle.emplace_back(house.port());
    REQUIRE(idle.back().connected());
  }
  house.Await([&] { return house.server().counters().connections_open == 1000; });
  RawClient client(house.port());
  const RawReply reply = house.Complete(client, kText, R"({"prompt":"abc"})");
  CHECK(reply.status == 200);
  idle[500].Get("/livez");
  CHECK(idle[500].ReadReply().status == 200);
}

TEST_CASE("a stream whose client does not read is cut, and its request cancelled") {
  HttpLimits limits;
  limits.stream_unsent_bytes = 64 * 1024;
  House house(limits);
  RawClient client(house.port(), 4096);
  client.Post(
      kText, R"({"prompt":"abc","stream":true,"ignore_eos":true,"max_tokens":90000,"logprobs":5})");
  house.AwaitLive(1);
  while (house.echo().Step()) {
  }
  house.Await([&] { return house.server().counters().requests_in_flight == 0; });
  CHECK(house.server().counters().clients_too_slow == 1);
  CHECK(house.echo().cancelled() == 1);
}

TEST_CASE("a stop string ends the answer and the generation, wherever tokens are cut") {
  House house;
  RawClient client(house.port());
  for (const char* stream : {"false", "true"}) {
    client.Post(kText, std::string(R"({"prompt":"one two three","stop":["two t","xyz"],)") +
                           R"("ignore_eos":true,"max_tokens":50000,"stream":)" + stream + "}");
    house.AwaitLive(1);
    house.Await([&] { return !house.echo().Step(); });
    const RawReply reply = client.ReadReply();
    std::string text, reason;
    if (std::string(stream) == "true") {
      for (const json& event : Events(reply.body)) {
        text += event["choices"][0]["text"].get<std::string>();
        if (event["choices"][0]["finish_reason"].is_string()) {
          reason = event["choices"][0]["finish_reason"];
        }
      }
    } else {
      text = json::parse(reply.body)["choices"][0]["text"];
      reason = json::parse(reply.body)["choices"][0]["finish_reason"];
    }
    CHECK(text == "one ");
    CHECK(reason == "stop");
  }
}

TEST_CASE("overload is 429 with the scheduler's time, no worker 503") {
  House house;
  RawClient client(house.port());
  house.echo().RefuseWith({absl::ResourceExhaustedError("the queue is full"), Milliseconds(2500)});
  client.Post(kText, R"({"prompt":"abc"})");
  RawReply reply = client.ReadReply();
  CHECK(reply.status == 429);
  CHECK(reply.Has("retry-after: 3\r\n"));
  CHECK(json::parse(reply.body)["error"]["message"] == "the queue is full");
  house.echo().RefuseWith({absl::UnavailableError("no worker"), std::nullopt});
  client.Post(kText, R"({"prompt":"abc"})");
  reply = client.ReadReply();
  CHECK(reply.status == 503);
  CHECK(reply.Has("retry-after: 1\r\n"));
}

TEST_CASE("more calls in flight than the limit are shed") {
  FrontDoorConfig config;
  config.calls_in_flight = 1;
  House house({}, std::move(config));
  RawClient first(house.port());
  first.Post(kText, R"({"prompt":"abc"})");
  house.AwaitLive(1);
  RawClient second(house.port());
  second.Post(kText, R"({"prompt":"abc"})");
  CHECK(second.ReadReply().status == 429);
  house.RunAll();
  CHECK(first.ReadReply().status == 200);
}

TEST_CASE("an engine that fails gives 500 before the first byte, an error event after it") {
  House house;
  RawClient client(house.port());
  client.Post(kText, R"({"prompt":"abc","stream":true})");
  house.AwaitLive(1);
  house.echo().Step();
  REQUIRE(!client.ReceiveUntil("data: ").empty());
  house.echo().FailEverything("lost device");
  house.RunAll();
  CHECK(client.ReceiveUntil("0\r\n\r\n").find(R"({"error":{"message":"lost device")") !=
        std::string::npos);
  CHECK(house.Complete(client, kText, R"({"prompt":"abc"})").status == 500);
}

TEST_CASE("keys are asked for, probes are open") {
  FrontDoorConfig config;
  config.keys = *ApiKeys::Parse({"team-a:secret", "plain"});
  House house({}, std::move(config));
  RawClient client(house.port());
  for (const char* path : {"/health", "/livez", "/readyz", "/metrics", "/version"}) {
    client.Get(path);
    CHECK(client.ReadReply().status == 200);
  }
  client.Get("/v1/models");
  RawReply reply = client.ReadReply();
  CHECK(reply.status == 401);
  CHECK(json::parse(reply.body)["error"]["code"] == "invalid_api_key");
  client.Post(kText, "{}", "Authorization: Bearer secre\r\n");
  CHECK(client.ReadReply().status == 401);
  client.Post(kText, R"({"prompt":"abc","cache_salt":"x"})", "Authorization: Bearer secret\r\n");
  house.AwaitLive(1);
  CHECK(house.echo().LiveRequests()[0].tenant == "team-a");
  CHECK(house.echo().LiveRequests()[0].cache_salt == "team-a:x");
  house.RunAll();
  CHECK(client.ReadReply().status == 200);
}

TEST_CASE("paths, methods and models that are not there are said to be missing") {
  House house;
  RawClient client(house.port());
  client.Get("/nowhere");
  CHECK(client.ReadReply().status == 404);
  client.Get(kChat);
  RawReply reply = client.ReadReply();
  CHECK(reply.status == 405);
  CHECK(reply.Has("allow: POST\r\n"));
  client.Post(kText, R"({"model":"gpt","prompt":"a"})");
  reply = client.ReadReply();
  CHECK(reply.status == 404);
  CHECK(json::parse(reply.body)["error"]["code"] == "model_not_found");
  CHECK(json::parse(reply.body)["error"]["param"] == "model");
  client.Get("/v1/models/letters");
  CHECK(json::parse(client.ReadReply().body)["id"] == "letters");
  client.Get("/v1/models/other");
  CHECK(client.ReadReply().status == 404);
  client.Send("HEAD /livez HTTP/1.1\r\nHost: h\r\n\r\n");
  CHECK(client.ReadReply(true).status == 200);
  client.Get("/livez");
  CHECK(client.ReadReply().status == 200);
}

TEST_CASE("a client's request id comes back, an odd one is replaced") {
  House house;
  RawClient client(house.port());
  client.Send("GET /livez HTTP/1.1\r\nHost: h\r\nx-request-id: abc-123\r\n\r\n");
  CHECK(client.ReadReply().Has("x-request-id: abc-123\r\n"));
  client.Send("GET /livez HTTP/1.1\r\nHost: h\r\nx-request-id: <script>\r\n\r\n");
  CHECK_FALSE(client.ReadReply().Has("script"));
}

TEST_CASE("HTTP/1.0 gets its stream without chunks and the connection's end") {
  House house;
  RawClient client(house.port());
  const std::string body = R"({"prompt":"ab","stream":true})";
  client.Send("POST /v1/completions HTTP/1.0\r\nContent-Length: " + std::to_string(body.size()) +
              "\r\n\r\n" + body);
  house.AwaitLive(1);
  house.RunAll();
  const RawReply reply = client.ReadReply();
  CHECK(reply.status == 200);
  CHECK_FALSE(reply.Has("chunked"));
  CHECK(reply.body.ends_with("data: [DONE]\n\n"));
}

TEST_CASE("a drain lets streams finish, refuses new work with a reason, and ends clean") {
  House house;
  RawClient busy(house.port());
  busy.Post(kText, R"({"prompt":"abc","stream":true})");
  house.AwaitLive(1);
  house.door().StartDrain();
  RawClient probe(house.port());
  probe.Get("/readyz");
  const RawReply ready = probe.ReadReply();
  CHECK(ready.status == 503);
  CHECK(ready.body.find("draining") != std::string::npos);
  probe.Post(kText, R"({"prompt":"abc"})");
  const RawReply refused = probe.ReadReply();
  CHECK(refused.status == 503);
  CHECK(refused.Has("retry-after: "));
  std::thread stopper([&] { CHECK(house.server().Stop(Seconds(60))); });
  house.RunAll();
  CHECK(busy.ReadReply().body.ends_with("data: [DONE]\n\n"));
  busy.Close();
  probe.Close();
  stopper.join();
}

TEST_CASE("a drain that takes too long is cut, and what was in flight is cancelled") {
  House house;
  RawClient busy(house.port());
  busy.Post(kText, R"({"prompt":"abc","stream":true,"ignore_eos":true,"max_tokens":1000})");
  house.AwaitLive(1);
  CHECK_FALSE(house.server().Stop(Milliseconds(1)));
  CHECK_FALSE(house.echo().Step());
  CHECK(house.echo().cancelled() == 1);
}

TEST_CASE("sixty-four streams on four threads get their own text each") {
  House house({}, {}, 4);
  std::vector<RawClient> clients;
  for (int i = 0; i < 64; ++i) {
    clients.emplace_back(house.port());
    clients.back().Post(kText, R"({"stream":true,"prompt":"text )" + std::to_string(i) + "\"}");
  }
  house.AwaitLive(64);
  house.RunAll();
  for (int i = 0; i < 64; ++i) {
    std::string text;
    for (const json& event : Events(clients[static_cast<size_t>(i)].ReadReply().body)) {
      text += event["choices"][0]["text"].get<std::string>();
    }
    CHECK(text == "text " + std::to_string(i));
  }
}

TEST_CASE("the metrics count what happened, under vLLM's names too if asked") {
  FrontDoorConfig config;
  config.metrics_vllm_names = true;
  House house({}, std::move(config));
  RawClient client(house.port());
  house.Complete(client, kText, R"({"prompt":"0123456789abcdef0"})");
  client.Get("/metrics");
  const std::string page = client.ReadReply().body;
  for (const char* line :
       {"cairn_http_replies_total{model=\"letters\",route=\"completions\",code=\"200\"} 1\n",
        "cairn_front_prompt_tokens_total{model=\"letters\"} 18\n",
        "cairn_front_generation_tokens_total{model=\"letters\"} 16\n",
        "cairn_front_cached_tokens_total{model=\"letters\",tier=\"device\"} 16\n",
        "cairn_front_time_to_first_token_seconds_count{model=\"letters\"} 1\n",
        "cairn_front_choices_ended_total{model=\"letters\",reason=\"length\"} 1\n",
        "cairn_kv_device_slots{model=\"letters\",worker=\"0\"} 8\n",
        "vllm:generation_tokens_total{model_name=\"letters\",engine=\"0\"} 16\n"}) {
    CAPTURE(line);
    CHECK(page.find(line) != std::string::npos);
  }
}

TEST_CASE("a port that is taken is refused with its name") {
  House house;
  const auto second = StartHttpServer(
      {.port = house.port()}, [](HttpRequest, std::shared_ptr<HttpExchange>) {},
      [](int, std::string_view) { return HttpReply(); });
  REQUIRE_FALSE(second.ok());
  CHECK(std::string(second.status().message()).find(std::to_string(house.port())) !=
        std::string::npos);
}

}  // namespace
}  // namespace cairn
