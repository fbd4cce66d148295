#include "scheduler/ingress/openai_request.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/numbers.h"
#include "scheduler/ingress/field_reader.h"
#include "scheduler/ingress/openai_prompt.h"
#include "scheduler/ingress/status_map.h"
#include "scheduler/operator/text_cat.h"

namespace cairn {
namespace {

using Json = nlohmann::ordered_json;

constexpr int64_t kMaxTokensMax = std::numeric_limits<int32_t>::max();

void ReadLogitBias(FieldReader& fields, const ServedModel& model, SamplingParams& sampling) {
  const Json* bias = fields.Find("logit_bias");
  if (bias == nullptr) return;
  if (!bias->is_object() || bias->size() > SamplingParams::kLogitBiasMax) {
    return fields.Fail(InvalidField(
        "logit_bias", TextCat("must be an object of at most ", SamplingParams::kLogitBiasMax,
                              " token ids and biases")));
  }
  for (const auto& [key, value] : bias->items()) {
    uint32_t token = 0;
    if (!absl::SimpleAtoi(key, &token) || token >= model.vocabulary_size) {
      return fields.Fail(InvalidField(
          "logit_bias", TextCat("names must be token ids from 0 to ", model.vocabulary_size - 1)));
    }
    if (!value.is_number() || !(value.get<double>() >= -100 && value.get<double>() <= 100)) {
      return fields.Fail(InvalidField("logit_bias", "values must be numbers from -100 to 100"));
    }
    sampling.logit_bias.emplace_back(static_cast<TokenId>(token), value.get<float>());
  }
}

void ReadSampling(FieldReader& fields, const ServedModel& model, uint64_t fallback_seed,
                  SamplingParams& sampling) {
  sampling.temperature = fields.Number("temperature", 0, 2).value_or(1.0);
  sampling.top_p = fields.Number("top_p", 0, 1).value_or(1.0);
  if (sampling.top_p <= 0) {
    fields.Fail(InvalidField("top_p", "must be a number above 0 and at most 1"));
  }
  // vLLM's -1 and 0 both mean: off.
  const int64_t top_k =
      fields.Integer("top_k", -1, std::numeric_limits<int32_t>::max()).value_or(0);
  sampling.top_k = static_cast<int32_t>(std::max<int64_t>(top_k, 0));
  sampling.min_p = fields.Number("min_p", 0, 1).value_or(0.0);
  sampling.repetition_penalty = fields.Number("repetition_penalty", 0, 100).value_or(1.0);
  if (sampling.repetition_penalty <= 0) {
    fields.Fail(InvalidField("repetition_penalty", "must be a number above 0 and at most 100"));
  }
  sampling.presence_penalty = fields.Number("presence_penalty", -2, 2).value_or(0.0);
  sampling.frequency_penalty = fields.Number("frequency_penalty", -2, 2).value_or(0.0);
  const std::optional<int64_t> seed = fields.Integer("seed", std::numeric_limits<int64_t>::min(),
                                                     std::numeric_limits<int64_t>::max());
  sampling.seed = seed ? static_cast<uint64_t>(*seed) : fallback_seed;
  ReadLogitBias(fields, model, sampling);
}

void ReadStops(FieldReader& fields, const ServedModel& model, const CallLimits& limits,
               OpenAiCall& call) {
  std::vector<std::string> strings;
  const bool include = fields.Bool("include_stop_str_in_output", false);
  if (const Json* stop = fields.Find("stop")) {
    const Json list = stop->is_string() ? Json::array({*stop}) : *stop;
    if (!list.is_array() || list.size() > limits.stop_strings) {
      return fields.Fail(InvalidField("stop", TextCat("must be a string or an array of at most ",
                                                      limits.stop_strings, " strings")));
    }
    for (const Json& item : list) {
      if (!item.is_string() || item.get_ref<const std::string&>().empty() ||
          item.get_ref<const std::string&>().size() > limits.stop_string_bytes) {
        return fields.Fail(InvalidField(
            "stop", TextCat("strings must be of 1 to ", limits.stop_string_bytes, " bytes")));
      }
      strings.push_back(item.get<std::string>());
    }
  }
  if (!strings.empty()) {
    call.stops = std::make_shared<const StopStrings>(std::move(strings), include);
  }
  call.options.stop_tokens = model.stop_tokens;
  call.options.ignore_eos = fields.Bool("ignore_eos", false);
  if (const Json* ids = fields.Find("stop_token_ids")) {
    const auto valid = [&](const Json& id) {
      return id.is_number_unsigned() && id.get<uint64_t>() < model.vocabulary_size;
    };
    if (!ids->is_array() || ids->size() > limits.stop_tokens ||
        !std::all_of(ids->begin(), ids->end(), valid)) {
      return fields.Fail(InvalidField("stop_token_ids",
                                      TextCat("must be an array of at most ", limits.stop_tokens,
                                              " token ids from 0 to ", model.vocabulary_size - 1)));
    }
    // ignore_eos takes the model's own stop tokens away, not those the client names.
    if (call.options.ignore_eos) call.options.stop_tokens.clear();
    call.options.ignore_eos = false;
    for (const Json& id : *ids) call.options.stop_tokens.push_back(id.get<TokenId>());
  }
}

void ReadStreaming(FieldReader& fields, OpenAiCall& call) {
  call.stream = fields.Bool("stream", false);
  const Json* options = fields.Find("stream_options");
  if (options == nullptr) return;
  if (!options->is_object()) {
    return fields.Fail(InvalidField("stream_options", "must be an object"));
  }
  if (!call.stream) {
    return fields.Fail(InvalidField("stream_options", "is allowed only when stream is true"));
  }
  FieldReader inner(*options, "stream_options.");
  call.stream_usage = inner.Bool("include_usage", false);
  inner.Ignore("include_obfuscation");  // padding against traffic analysis: none is sent
  if (!inner.ok()) fields.Fail(inner.status());
  const std::vector<std::string> unknown = inner.Unknown();
  call.ignored_fields.insert(call.ignored_fields.end(), unknown.begin(), unknown.end());
}

// Fields of OpenAI and vLLM that we know and cannot do; each may be sent with the value that asks
// for nothing.
void RefuseUnsupported(FieldReader& fields) {
  constexpr std::string_view kNo = "is not supported";
  fields.Only("use_beam_search", {"false"}, "beam search is not supported");
  fields.Only("length_penalty", {"1.0", "1"}, "beam search is not supported");
  fields.Only("early_stopping", {"false"}, "beam search is not supported");
  fields.Only("spaces_between_special_tokens", {"true"}, kNo);
  fields.Only("return_tokens_as_token_ids", {"false"}, kNo);
  fields.Only("return_token_ids", {"false"}, kNo);
  for (const char* name :
       {"prompt_logprobs", "truncate_prompt_tokens", "allowed_token_ids", "bad_words",
        "logits_processors", "vllm_xargs", "kv_transfer_params", "prompt_embeds"}) {
    fields.Only(name, {"[]"}, kNo);
  }
  for (const char* name : {"guided_json", "guided_regex", "guided_choice", "guided_grammar",
                           "structured_outputs", "grammar", "json_schema"}) {
    fields.Only(name, {}, "constrained output is not supported");
  }
  fields.Only("response_format", {R"({"type":"text"})"},
              "only {\"type\":\"text\"} is supported: output is not constrained");
  // Taken without effect: they ask for nothing that a single answer could show.
  for (const char* name : {"model", "user", "safety_identifier", "prompt_cache_key"}) {
    fields.Ignore(name);
  }
}

void RefuseUnsupportedChat(FieldReader& fields) {
  constexpr std::string_view kTools = "is not supported; use tools";
  fields.Only("functions", {"[]"}, kTools);
  fields.Only("function_call", {"\"none\""}, kTools);
  fields.Only("parallel_tool_calls", {"true"}, "cannot be switched off");
  fields.Only("modalities", {R"(["text"])"}, "only [\"text\"] is supported");
  fields.Only("audio", {}, "audio is not supported");
  fields.Only("prediction", {}, "predicted output is not supported");
  fields.Only("web_search_options", {}, "web search is not supported");
  fields.Only("reasoning_effort", {}, "is not supported");
  fields.Only("verbosity", {"\"medium\""}, "is not supported");
  fields.Only("store", {"false"}, "answers are not stored");
  fields.Only("continue_final_message", {"false"}, "is not supported");
  fields.Only("add_special_tokens", {"false"}, "the chat template writes the special tokens");
  fields.Only("chat_template", {}, "the server's template cannot be replaced by a request");
  fields.Only("documents", {"[]"}, "is not supported");
  fields.Only("echo", {"false"}, "is not supported");
  fields.Only("mm_processor_kwargs", {}, "only text is supported");
}

// OpenAI's tiers are classes of ours: "priority" answers sooner, "flex" may take its time.
void ReadServiceTier(FieldReader& fields, GenerationRequest& options) {
  const std::string tier = fields.Text("service_tier", 64).value_or("auto");
  if (tier == "priority") {
    options.latency_class = "interactive";
  } else if (tier == "flex") {
    options.latency_class = "batch";
  } else if (tier != "auto" && tier != "default") {
    fields.Fail(InvalidField("service_tier", "must be auto, default, priority or flex"));
  }
}

void RefuseUnsupportedCompletion(FieldReader& fields, uint32_t choices) {
  fields.Only("echo", {"false"}, "is not supported");
  fields.Only("suffix", {"\"\""}, "insertion is not supported");
  fields.Only("add_special_tokens", {"true"}, "is not supported");
  const std::string as_n = TextCat(choices);
  fields.Only("best_of", {as_n.c_str()}, "is not supported beyond n");
}

void ReadLogprobs(FieldReader& fields, OpenAiCall& call) {
  constexpr int32_t kMost = SamplingParams::kTopLogprobsMax;
  if (call.endpoint == OpenAiEndpoint::kCompletions) {
    const std::optional<int64_t> logprobs = fields.Integer("logprobs", 0, kMost);
    call.wants_logprobs = logprobs.has_value();
    call.options.sampling.top_logprobs = static_cast<int32_t>(logprobs.value_or(-1));
    return;
  }
  call.wants_logprobs = fields.Bool("logprobs", false);
  const std::optional<int64_t> top = fields.Integer("top_logprobs", 0, kMost);
  if (top.value_or(0) > 0 && !call.wants_logprobs) {
    return fields.Fail(InvalidField("top_logprobs", "is allowed only when logprobs is true"));
  }
  if (call.wants_logprobs) {
    call.options.sampling.top_logprobs = static_cast<int32_t>(top.value_or(0));
  }
}

// 0: the client gave none.
uint32_t ReadMaxTokens(FieldReader& fields, OpenAiEndpoint endpoint) {
  const std::optional<int64_t> old_name = fields.Integer("max_tokens", 1, kMaxTokensMax);
  if (endpoint == OpenAiEndpoint::kCompletions) return static_cast<uint32_t>(old_name.value_or(0));
  const std::optional<int64_t> new_name = fields.Integer("max_completion_tokens", 1, kMaxTokensMax);
  return static_cast<uint32_t>(new_name.value_or(old_name.value_or(0)));
}

}  // namespace

std::shared_ptr<const TextRules> RulesOf(const OpenAiCall& call) {
  auto rules = std::make_shared<TextRules>();
  rules->stops = call.stops;
  if (!call.options.ignore_eos) rules->stop_tokens = call.options.stop_tokens;
  rules->min_tokens = call.options.min_tokens;
  rules->skip_special_tokens = call.skip_special_tokens;
  return rules;
}

absl::StatusOr<std::string> RequestedModel(const Json& body) {
  if (!body.is_object()) return absl::InvalidArgumentError("the body must be a JSON object");
  FieldReader fields(body);
  const std::string model = fields.Text("model", 1024).value_or("");
  if (!fields.ok()) return fields.status();
  return model;
}

absl::StatusOr<OpenAiCall> ReadOpenAiCall(OpenAiEndpoint endpoint, const Json& body,
                                          const ServedModel& model, const CallLimits& limits,
                                          uint64_t fallback_seed) {
  if (!body.is_object()) return absl::InvalidArgumentError("the body must be a JSON object");
  OpenAiCall call;
  call.endpoint = endpoint;
  FieldReader fields(body);
  call.options.choices = static_cast<uint32_t>(fields.Integer("n", 1, limits.choices).value_or(1));
  RefuseUnsupported(fields);
  if (endpoint == OpenAiEndpoint::kChat) {
    RefuseUnsupportedChat(fields);
    ReadServiceTier(fields, call.options);
  } else {
    RefuseUnsupportedCompletion(fields, call.options.choices);
  }
  ReadSampling(fields, model, fallback_seed, call.options.sampling);
  ReadLogprobs(fields, call);
  ReadStops(fields, model, limits, call);
  ReadStreaming(fields, call);
  call.skip_special_tokens = fields.Bool("skip_special_tokens", true);
  call.options.min_tokens =
      static_cast<uint32_t>(fields.Integer("min_tokens", 0, kMaxTokensMax).value_or(0));
  call.options.cache_salt = fields.Text("cache_salt", limits.cache_salt_bytes).value_or("");
  call.options.priority =
      static_cast<int32_t>(fields
                               .Integer("priority", std::numeric_limits<int32_t>::min(),
                                        std::numeric_limits<int32_t>::max())
                               .value_or(0));
  const uint32_t max_tokens = ReadMaxTokens(fields, endpoint);
  // Tokenizing is the expensive part: only for what is otherwise right.
  if (!fields.ok()) return fields.status();
  ReadPrompts(fields, model, limits, max_tokens, call);
  if (!fields.ok()) return fields.status();
  for (std::string& name : fields.Unknown()) call.ignored_fields.push_back(std::move(name));
  return call;
}

}  // namespace cairn
