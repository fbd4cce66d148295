// OpenAI's request bodies: what is read from them, and how what is wrong is named.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "scheduler/ingress/json_document.h"
#include "scheduler/ingress/openai_request.h"
#include "scheduler/ingress/status_map.h"
#include "tests/scheduler/letter_model.h"

namespace cairn {
namespace {

absl::StatusOr<OpenAiCall> Read(OpenAiEndpoint endpoint, const std::string& text) {
  const auto body = ParseJson(text, JsonLimits());
  if (!body.ok()) return body.status();
  return ReadOpenAiCall(endpoint, *body, *LetterModel(100), CallLimits(), 42);
}

absl::StatusOr<OpenAiCall> ReadText(const std::string& members) {
  return Read(OpenAiEndpoint::kCompletions, R"({"prompt":"abc")" + members + "}");
}

absl::StatusOr<OpenAiCall> ReadChat(const std::string& members) {
  return Read(OpenAiEndpoint::kChat,
              R"({"messages":[{"role":"user","content":"hi"}])" + members + "}");
}

TEST_CASE("every option arrives where the worker looks for it") {
  const auto call = ReadText(
      R"(,"n":2,"max_tokens":7,"min_tokens":3,"temperature":0.5,"top_k":40,"top_p":0.9,"min_p":0.1,)"
      R"("repetition_penalty":1.2,"presence_penalty":-1,"frequency_penalty":2,"seed":9,"logprobs":3,)"
      R"("logit_bias":{"65":-100,"66":1.5},"stop_token_ids":[7],"cache_salt":"s","priority":-2)");
  REQUIRE(call.ok());
  const GenerationRequest& options = call->options;
  CHECK(call->prompts[0] == std::vector<TokenId>{kLetterStart, 'a', 'b', 'c'});
  CHECK(options.choices == 2);
  CHECK(options.max_tokens == 7);
  CHECK(options.min_tokens == 3);
  CHECK(options.sampling.temperature == 0.5);
  CHECK(options.sampling.top_k == 40);
  CHECK(options.sampling.top_p == 0.9);
  CHECK(options.sampling.min_p == 0.1);
  CHECK(options.sampling.repetition_penalty == 1.2);
  CHECK(options.sampling.presence_penalty == -1);
  CHECK(options.sampling.frequency_penalty == 2);
  CHECK(options.sampling.seed == 9);
  CHECK(options.sampling.top_logprobs == 3);
  CHECK(options.sampling.logit_bias.size() == 2);
  CHECK(options.stop_tokens == std::vector<TokenId>{kLetterEnd, 7});
  CHECK(options.cache_salt == "s");
  CHECK(options.priority == -2);
  CHECK(call->ignored_fields.empty());
}

TEST_CASE("what is not given has OpenAI's defaults") {
  const auto text = ReadText("");
  REQUIRE(text.ok());
  CHECK(text->options.max_tokens == 16);
  CHECK(text->options.sampling.temperature == 1);
  CHECK(text->options.sampling.top_logprobs == -1);
  CHECK(text->options.sampling.seed == 42);
  const auto chat = ReadChat("");
  REQUIRE(chat.ok());
  CHECK(chat->options.max_tokens + chat->prompts[0].size() == 100);
  CHECK(ReadChat(R"(,"max_tokens":5,"max_completion_tokens":6)")->options.max_tokens == 6);
  CHECK(ReadChat(R"(,"temperature":null,"stop":null,"tools":null)").ok());
}

struct Refusal {
  const char* members;
  const char* param;
};

TEST_CASE("what is out of range or of the wrong kind is refused by the field's name") {
  const std::vector<Refusal> refusals = {
      {R"(,"temperature":2.1)", "temperature"},
      {R"(,"temperature":-0.1)", "temperature"},
      {R"(,"temperature":"hot")", "temperature"},
      {R"(,"top_p":0)", "top_p"},
      {R"(,"top_p":1.1)", "top_p"},
      {R"(,"top_k":-2)", "top_k"},
      {R"(,"top_k":1.5)", "top_k"},
      {R"(,"min_p":2)", "min_p"},
      {R"(,"repetition_penalty":0)", "repetition_penalty"},
      {R"(,"presence_penalty":3)", "presence_penalty"},
      {R"(,"frequency_penalty":-3)", "frequency_penalty"},
      {R"(,"n":0)", "n"},
      {R"(,"n":65)", "n"},
      {R"(,"max_tokens":0)", "max_tokens"},
      {R"(,"max_tokens":97)", "max_tokens"},
      {R"(,"max_tokens":99999999999999999999)", "max_tokens"},
      {R"(,"min_tokens":17)", "min_tokens"},
      {R"(,"seed":"x")", "seed"},
      {R"(,"logprobs":21)", "logprobs"},
      {R"(,"logit_bias":{"258":1})", "logit_bias"},
      {R"(,"logit_bias":{"a":1})", "logit_bias"},
      {R"(,"logit_bias":{"1":101})", "logit_bias"},
      {R"(,"stop":"")", "stop"},
      {R"(,"stop":[1])", "stop"},
      {R"(,"stop_token_ids":[258])", "stop_token_ids"},
      {R"(,"stop_token_ids":[-1])", "stop_token_ids"},
      {R"(,"stream":1)", "stream"},
      {R"(,"stream_options":{})", "stream_options"},
      {R"(,"stream":true,"stream_options":{"include_usage":1})", "stream_options.include_usage"},
      {R"(,"priority":4294967296)", "priority"},
      {R"(,"prompt":[])", "prompt"},
      {R"(,"prompt":[[]])", "prompt"},
      {R"(,"prompt":[258])", "prompt"},
      {R"(,"prompt":[1,"a"])", "prompt"},
      {R"(,"prompt":7)", "prompt"},
  };
  for (const Refusal& refusal : refusals) {
    CAPTURE(refusal.members);
    const auto call = ReadText(refusal.members);
    REQUIRE_FALSE(call.ok());
    const ApiErrorView view = DescribeError(call.status());
    CHECK(view.http_status == 400);
    CHECK(view.param == refusal.param);
    CHECK(view.type == "invalid_request_error");
  }
}

TEST_CASE("a field we know and cannot do is refused by name, unless it asks for nothing") {
  const std::vector<std::pair<const char*, const char*>> chat = {
      {R"(,"response_format":{"type":"json_object"})", R"(,"response_format":{"type":"text"})"},
      {R"(,"functions":[{}])", R"(,"functions":[])"},
      {R"(,"modalities":["audio"])", R"(,"modalities":["text"])"},
      {R"(,"parallel_tool_calls":false)", R"(,"parallel_tool_calls":true)"},
      {R"(,"store":true)", R"(,"store":false)"},
      {R"(,"guided_json":{})", R"(,"guided_json":null)"},
      {R"(,"use_beam_search":true)", R"(,"use_beam_search":false)"},
      {R"(,"tool_choice":"required")", R"(,"tool_choice":"auto")"},
      {R"(,"tool_choice":{"type":"function"})", R"(,"tool_choice":"none")"},
  };
  for (const auto& [refused, accepted] : chat) {
    CAPTURE(refused);
    const auto call = ReadChat(refused);
    REQUIRE_FALSE(call.ok());
    const ApiErrorView view = DescribeError(call.status());
    CHECK(view.code == "unsupported_parameter");
    CHECK(std::string(refused).find(view.param) != std::string::npos);
    CHECK(ReadChat(accepted).ok());
  }
  for (const char* refused : {R"(,"echo":true)", R"(,"best_of":2)", R"(,"suffix":"x")"}) {
    CHECK(DescribeError(ReadText(refused).status()).code == "unsupported_parameter");
  }
  CHECK(ReadText(R"(,"echo":false,"best_of":1,"suffix":"")").ok());
}

TEST_CASE("a field nobody knows is passed over and listed") {
  const auto call =
      ReadChat(R"(,"foo":1,"stream":true,"stream_options":{"bar":2},"user":"u","baz":null)");
  REQUIRE(call.ok());
  CHECK(call->ignored_fields == std::vector<std::string>{"stream_options.bar", "foo", "baz"});
}

TEST_CASE("a prompt longer than the context is refused with both numbers") {
  const auto call = ReadText(R"(,"prompt":")" + std::string(120, 'x') + "\"");
  const ApiErrorView view = DescribeError(call.status());
  CHECK(view.code == "context_length_exceeded");
  CHECK(view.message.find("100") != std::string::npos);
  CHECK(view.message.find("121") != std::string::npos);
}

TEST_CASE("messages are read part by part and refused by their place") {
  const auto read = [](const std::string& messages) {
    return Read(OpenAiEndpoint::kChat, R"({"messages":)" + messages + "}");
  };
  const auto text = [](const OpenAiCall& call) {
    std::string out;
    for (const TokenId token : call.prompts[0]) {
      if (token < 256) out += static_cast<char>(token);
    }
    return out;
  };
  CHECK(text(*read(R"([{"role":"user","content":[{"type":"text","text":"a"},)"
                   R"({"type":"text","text":"b"}]},{"role":"assistant","content":null}])")) ==
        "user:ab|assistant:|assistant:");
  CHECK(text(*read(R"([{"role":"developer","content":"d"}])")) == "system:d|assistant:");
  const std::vector<std::pair<const char*, const char*>> refusals = {
      {"[]", "messages"},
      {R"([1])", "messages[0]"},
      {R"([{"content":"x"}])", "messages[0].role"},
      {R"([{"role":"king","content":"x"}])", "messages[0].role"},
      {R"([{"role":"user"}])", "messages[0].content"},
      {R"([{"role":"user","content":5}])", "messages[0].content"},
      {R"([{"role":"user","content":[{"type":"image_url","image_url":{}}]}])",
       "messages[0].content[0].type"},
      {R"([{"role":"assistant","tool_calls":[{"function":{"name":"f","arguments":"{"}}]}])",
       "messages[0].tool_calls[0].function.arguments"},
  };
  for (const auto& [messages, param] : refusals) {
    CAPTURE(messages);
    CHECK(DescribeError(read(messages).status()).param == param);
  }
}

TEST_CASE("chat on a model without a template is refused with the reason") {
  auto model = LetterModel(100);
  auto words = std::make_shared<LetterText>();
  words->RefuseChat("this model's file has no chat template; give one with --chat-template FILE");
  model->text = words;
  const auto body = ParseJson(R"({"messages":[{"role":"user","content":"hi"}]})", JsonLimits());
  const auto call = ReadOpenAiCall(OpenAiEndpoint::kChat, *body, *model, CallLimits(), 1);
  CHECK(DescribeError(call.status()).http_status == 400);
  CHECK(std::string(call.status().message()).find("--chat-template") != std::string::npos);
}

TEST_CASE("what is no JSON, too deep, too wide or no UTF-8 is refused with its byte") {
  const std::vector<std::pair<std::string, const char*>> refusals = {
      {"", "empty"},
      {"{\"a\":}", "byte 5"},
      {"{\"a\":1", "byte 6"},
      {"{\"a\":\"\xff\"}", "byte 6"},
      {"{\"a\":\"\\ud800\"}", "byte 12"},
      {"[1e999]", "not valid JSON"},
      {std::string(100, '['), "byte 64"},
      {"[" + std::string(2'000'000, ',') + "]", "values"},
  };
  for (const auto& [text, words] : refusals) {
    CAPTURE(text.substr(0, 40));
    const auto body = ParseJson(text, JsonLimits());
    REQUIRE_FALSE(body.ok());
    CHECK_THAT(std::string(body.status().message()), Catch::Contains(words));
  }
  std::string wide = "{";
  for (int i = 0; i < 2000; ++i) wide += "\"" + std::to_string(i) + "\":1,";
  CHECK_FALSE(ParseJson(wide + "\"x\":1}", JsonLimits()).ok());
}

}  // namespace
}  // namespace cairn
