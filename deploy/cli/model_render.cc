#include "deploy/cli/model_render.h"

#include <ctime>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>

#include "absl/strings/str_cat.h"
#include "deploy/cli/model_catalog.h"
#include "scheduler/tokenizer/tokenizer.h"
#include "worker/model/chat_template_source.h"
#include "worker/model/vocabulary_source.h"
#include "worker/model/weight_file.h"

namespace cairn {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kRequestBytesMax = size_t{64} << 20;

struct RenderOptions {
  std::string model;
  std::string models_dir;
  std::string template_file;
  OutputFormat format = OutputFormat::kText;
};

absl::StatusOr<std::string> ReadAll(std::istream& in, const std::string& name, size_t bytes_max) {
  std::string text;
  char buffer[1 << 16];
  while (in.read(buffer, sizeof(buffer)) || in.gcount() > 0) {
    text.append(buffer, static_cast<size_t>(in.gcount()));
    if (text.size() > bytes_max) {
      return absl::InvalidArgumentError(absl::StrCat(name, ": more than ", bytes_max, " bytes"));
    }
  }
  if (in.bad()) return absl::UnavailableError(absl::StrCat(name, ": cannot be read"));
  return text;
}

absl::StatusOr<std::string> TemplateSource(const RenderOptions& options, const WeightFile& file) {
  if (options.template_file.empty()) {
    absl::StatusOr<std::string> source = ReadChatTemplate(file);
    if (source.ok() || !absl::IsNotFound(source.status())) return source;
    return absl::NotFoundError(
        absl::StrCat(file.path().string(),
                     " has no chat template: it is a base model, or was converted "
                     "without one. Give one with --chat-template FILE."));
  }
  std::ifstream in(options.template_file, std::ios::binary);
  if (!in) return absl::NotFoundError(absl::StrCat(options.template_file, ": cannot be opened"));
  return ReadAll(in, options.template_file, size_t{1} << 20);
}

// The texts of the control tokens that templates know by name.
absl::StatusOr<std::vector<std::pair<std::string, std::string>>> SpecialTokens(
    const WeightFile& file) {
  absl::StatusOr<VocabularyData> data = ReadVocabulary(file);
  if (!data.ok()) return data.status();
  std::vector<std::pair<std::string, std::string>> special;
  for (const auto& [name, token] :
       {std::pair("bos_token", data->bos), std::pair("eos_token", data->eos),
        std::pair("unk_token", data->unk), std::pair("pad_token", data->pad)}) {
    if (token && *token >= 0 && static_cast<size_t>(*token) < data->tokens.size()) {
      special.emplace_back(name, data->tokens[static_cast<size_t>(*token)]);
    }
  }
  return special;
}

CivilTime LocalTime() {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  localtime_r(&now, &local);
  return {local.tm_year + 1900, local.tm_mon + 1, local.tm_mday,
          local.tm_hour,        local.tm_min,     local.tm_sec};
}

absl::Status RunRender(const RenderOptions& options, std::istream& in, std::ostream& out) {
  const auto path = ResolveModel(options.model, options.models_dir);
  if (!path.ok()) return path.status();
  const auto file = OpenWeightFile(*path);
  if (!file.ok()) return file.status();
  const absl::StatusOr<std::string> source = TemplateSource(options, **file);
  if (!source.ok()) return source.status();
  const absl::StatusOr<ChatTemplate> chat_template = ChatTemplate::Parse(*source);
  if (!chat_template.ok()) return chat_template.status();
  auto special = SpecialTokens(**file);
  if (!special.ok()) return special.status();
  const absl::StatusOr<std::string> request = ReadAll(in, "standard input", kRequestBytesMax);
  if (!request.ok()) return request.status();
  absl::StatusOr<ChatTemplateInput> input = ReadRenderRequest(*request);
  if (!input.ok()) return input.status();
  input->special_tokens = *std::move(special);
  input->now = LocalTime();
  const auto segments = chat_template->Render(*input);
  if (!segments.ok()) return segments.status();
  out << ShowPrompt(*segments, options.format) << std::flush;
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ChatTemplateInput> ReadRenderRequest(std::string_view json) {
  const Json request = Json::parse(json, nullptr, /*allow_exceptions=*/false);
  if (!request.is_object()) {
    return absl::InvalidArgumentError(
        "standard input: expected a chat request, a JSON object with `messages`");
  }
  ChatTemplateInput input;
  const auto take = [&](const char* name, auto is_right, Json& target) {
    const auto found = request.find(name);
    if (found == request.end() || found->is_null()) return true;
    target = *found;
    return is_right(target);
  };
  const auto is_array = [](const Json& value) { return value.is_array(); };
  const auto is_object = [](const Json& value) { return value.is_object(); };
  const auto is_boolean = [](const Json& value) { return value.is_boolean(); };
  if (!request.contains("messages") || !take("messages", is_array, input.messages)) {
    return absl::InvalidArgumentError("standard input: `messages` must be a list");
  }
  if (!take("tools", is_array, input.tools))
    return absl::InvalidArgumentError("standard input: `tools` must be a list");
  if (!take("documents", is_array, input.documents)) {
    return absl::InvalidArgumentError("standard input: `documents` must be a list");
  }
  if (!take("chat_template_kwargs", is_object, input.extra)) {
    return absl::InvalidArgumentError("standard input: `chat_template_kwargs` must be an object");
  }
  Json generation = true;
  if (!take("add_generation_prompt", is_boolean, generation)) {
    return absl::InvalidArgumentError(
        "standard input: `add_generation_prompt` must be true or false");
  }
  input.add_generation_prompt = generation.get<bool>();
  return input;
}

std::string ShowPrompt(const std::vector<TextSegment>& segments, OutputFormat format) {
  if (format == OutputFormat::kText) return JoinSegments(segments);
  Json shown = {{"prompt", JoinSegments(segments)}, {"segments", Json::array()}};
  for (const TextSegment& segment : segments) {
    shown["segments"].push_back({{"text", segment.text}, {"special", segment.special}});
  }
  return shown.dump(2) + "\n";
}

void AddModelRender(CLI::App& model) {
  auto options = std::make_shared<RenderOptions>();
  CLI::App* command =
      model.add_subcommand("render", "a chat request on standard input to its prompt");
  command->add_option("model", options->model, "a GGUF file, a safetensors folder, or a known name")
      ->required()
      ->type_name("MODEL");
  AddModelsDir(*command, options->models_dir);
  command
      ->add_option("--chat-template", options->template_file,
                   "use this Jinja template instead of the model's")
      ->type_name("FILE");
  AddOutputFormat(*command, options->format);
  OnRun(*command, [options]() -> absl::Status { return RunRender(*options, std::cin, std::cout); });
}

}  // namespace cairn
