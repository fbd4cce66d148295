// Requests and answers over HTTP: whole, streamed, cancelled, pipelined.
#include <atomic>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "tests/scheduler/front_door_house.h"

namespace cairn {
namespace {

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

// Tokenizes a long text only when it is told to.
class GatedText : public LetterText {
 public:
  explicit GatedText(size_t length) : length_(length) {}
  absl::StatusOr<std::vector<TokenId>> Encode(std::string_view text) const override {
    if (text.size() >= length_) gate_.wait(false);
    return LetterText::Encode(text);
  }
  void Open() {
    gate_ = true;
    gate_.notify_all();
  }

 private:
  const size_t length_;
  std::atomic<bool> gate_{false};
};

TEST_CASE("while a long prompt is tokenized the other connections are served") {
  const auto model = LetterModel(100'000);
  const auto text = std::make_shared<GatedText>(5000);
  model->text = text;
  House house({}, {.body_bytes_inline = 4096, .long_bodies_waiting = 1}, 1, model);
  RawClient patient(house.port()), refused(house.port()), quick(house.port());
  const std::string body = R"({"prompt":")" + std::string(5000, 'x') + R"("})";
  patient.Post(kText, body);
  house.Await([&] { return house.server().counters().requests_in_flight == 1; });
  refused.Post(kText, body);
  CHECK(refused.ReadReply().status == 429);
  CHECK(
      json::parse(house.Complete(quick, kText, R"({"prompt":"abc"})").body)["choices"][0]["text"] ==
      "abc");
  text->Open();
  house.AwaitLive(1);
  house.RunAll();
  const RawReply reply = patient.ReadReply();
  REQUIRE(reply.status == 200);
  CHECK(json::parse(reply.body)["usage"]["prompt_tokens"] == 5001);
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
        "cairn_directory_blocks{model=\"letters\"} 12\n",
        "cairn_directory_resyncs_total{model=\"letters\"} 3\n",
        "cairn_directory_worker_gap{model=\"letters\",worker=\"0\"} 1\n",
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
