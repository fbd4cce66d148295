#include "deploy/cli/model_inspect.h"

#include <algorithm>
#include <fstream>
#include <iostream>
#include <memory>
#include <utility>

#include <nlohmann/json.hpp>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "deploy/cli/model_catalog.h"
#include "deploy/cli/options.h"
#include "worker/model/kv_geometry.h"
#include "worker/model/model_config.h"

namespace cairn {
namespace {

namespace fs = std::filesystem;

struct InspectOptions {
  std::string model;
  std::string models_dir;
  OutputFormat format = OutputFormat::kText;
  bool tensors = false;
};

std::string Text(const Metadata& metadata, const std::string& name) {
  const auto value = metadata.String(name);
  return value.ok() && value->has_value() ? std::string(**value) : std::string();
}

// Strings of a file may hold anything; a terminal must not obey them.
std::string Printable(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 32 || c == 127) c = '?';
  }
  return text;
}

void ReadGgufHead(const WeightFile& file, ModelReport& report) {
  const Metadata& metadata = file.metadata();
  report.format = "GGUF";
  report.architecture = Text(metadata, "general.architecture");
  report.name = Text(metadata, "general.name");
  report.tokenizer = Text(metadata, "tokenizer.ggml.model");
  const std::string pre = Text(metadata, "tokenizer.ggml.pre");
  if (!pre.empty()) absl::StrAppend(&report.tokenizer, " (", pre, ")");
  if (const MetadataValue* tokens = metadata.Find("tokenizer.ggml.tokens")) {
    const auto* array = std::get_if<MetadataArray>(&tokens->value);
    if (array != nullptr) report.vocabulary = array->count;
  }
  report.has_chat_template = metadata.Find("tokenizer.chat_template") != nullptr;
}

void ReadFolderHead(const WeightFile& file, ModelReport& report) {
  using Json = nlohmann::json;
  report.format = "safetensors";
  report.name = file.path().filename().string();
  const Json config = Json::parse(file.config_json(), nullptr, /*allow_exceptions=*/false);
  if (config.is_object() && config.contains("model_type") && config["model_type"].is_string()) {
    report.architecture = config["model_type"].get<std::string>();
  }
  std::error_code error;
  if (fs::exists(file.path() / "tokenizer.json", error)) report.tokenizer = "tokenizer.json";
  std::ifstream in(file.path() / "tokenizer_config.json");
  const Json tokenizer = Json::parse(in, nullptr, /*allow_exceptions=*/false);
  report.has_chat_template = fs::exists(file.path() / "chat_template.jinja", error) ||
                             (tokenizer.is_object() && tokenizer.contains("chat_template"));
}

std::string Bytes(uint64_t bytes) {
  if (bytes < 10'000) return absl::StrFormat("%d B", bytes);
  if (bytes < 10'000'000) return absl::StrFormat("%.1f KiB", static_cast<double>(bytes) / 1024);
  return absl::StrFormat("%.1f MiB", static_cast<double>(bytes) / (1024 * 1024));
}

void PrintText(const ModelReport& report, const WeightFile& file, bool tensors) {
  const auto line = [](const std::string& name, const std::string& value) {
    std::cout << absl::StrFormat("%-18s %s\n", name, Printable(value));
  };
  line("file", report.path);
  line("format", report.format);
  line("architecture", report.architecture);
  if (!report.name.empty()) line("name", report.name);
  if (!report.refusal.empty()) line("not runnable", report.refusal);
  line("parameters", absl::StrFormat("%.1f million in %d tensors, %s",
                                     static_cast<double>(report.parameters) / 1e6,
                                     file.tensors().size(), Bytes(report.tensor_bytes)));
  for (const auto& [name, value] : report.sizes) line(name, absl::StrCat(value));
  if (report.kv_bytes_per_token != 0) {
    line("KV per token", absl::StrCat(Bytes(report.kv_bytes_per_token), " in bf16"));
  }
  line("tokenizer", report.tokenizer.empty() ? "none" : report.tokenizer);
  if (report.vocabulary != 0) line("vocabulary", absl::StrCat(report.vocabulary, " tokens"));
  line("chat template", report.has_chat_template ? "yes" : "no");
  for (const auto& [type, use] : report.types) {
    line(absl::StrCat("  ", type),
         absl::StrFormat("%d tensors, %s", use.tensors, Bytes(use.bytes)));
  }
  if (!tensors) return;
  std::cout << "\n";
  for (const Tensor& tensor : file.tensors()) {
    std::string shape;
    for (const uint64_t size : tensor.shape)
      absl::StrAppend(&shape, shape.empty() ? "" : " x ", size);
    std::cout << absl::StrFormat("%-40s %-5s %s\n", Printable(tensor.name),
                                 InfoOf(tensor.type).name, shape);
  }
}

void PrintJson(const ModelReport& report, const WeightFile& file, bool tensors) {
  nlohmann::ordered_json out;
  out["file"] = report.path;
  out["format"] = report.format;
  out["architecture"] = report.architecture;
  out["name"] = report.name;
  out["runnable"] = report.refusal.empty();
  if (!report.refusal.empty()) out["refusal"] = report.refusal;
  out["parameters"] = report.parameters;
  out["tensor_bytes"] = report.tensor_bytes;
  for (const auto& [name, value] : report.sizes) {
    std::string key = name;
    std::ranges::replace(key, ' ', '_');
    out[key] = value;
  }
  out["kv_bytes_per_token"] = report.kv_bytes_per_token;
  out["tokenizer"] = report.tokenizer;
  out["vocabulary"] = report.vocabulary;
  out["chat_template"] = report.has_chat_template;
  for (const auto& [type, use] : report.types) {
    out["types"][type] = {{"tensors", use.tensors}, {"bytes", use.bytes}};
  }
  if (tensors) {
    for (const Tensor& tensor : file.tensors()) {
      out["tensors"].push_back({{"name", tensor.name},
                                {"type", InfoOf(tensor.type).name},
                                {"shape", tensor.shape},
                                {"bytes", tensor.bytes.size()}});
    }
  }
  // A file's strings need not be UTF-8, JSON's must.
  std::cout << out.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << "\n";
}

absl::Status RunInspect(const InspectOptions& options) {
  absl::StatusOr<fs::path> path = ResolveModel(options.model, options.models_dir);
  if (!path.ok()) return path.status();
  const auto file = OpenWeightFile(*path);
  if (!file.ok()) return file.status();
  const ModelReport report = InspectModel(**file);
  if (options.format == OutputFormat::kJson) {
    PrintJson(report, **file, options.tensors);
  } else {
    PrintText(report, **file, options.tensors);
  }
  return absl::OkStatus();
}

}  // namespace

ModelReport InspectModel(const WeightFile& file) {
  ModelReport report;
  report.path = file.path().string();
  if (file.kind() == WeightFileKind::kGguf) {
    ReadGgufHead(file, report);
  } else {
    ReadFolderHead(file, report);
  }
  for (const Tensor& tensor : file.tensors()) {
    report.parameters += tensor.rows() * tensor.columns();
    ModelReport::TypeUse& use = report.types[InfoOf(tensor.type).name];
    ++use.tensors;
    use.bytes += tensor.bytes.size();
  }
  report.tensor_bytes = file.tensor_bytes();
  const absl::StatusOr<ModelConfig> config = ReadModelConfig(file);
  if (!config.ok()) {
    report.refusal = std::string(config.status().message());
    return report;
  }
  if (report.vocabulary == 0) report.vocabulary = config->vocabulary;
  report.sizes = {{"layers", config->layers},
                  {"width", config->width},
                  {"feed forward", config->feed_forward},
                  {"heads", config->heads},
                  {"KV heads", config->kv_heads},
                  {"head size", config->head_dim},
                  {"context", config->context_length}};
  if (config->window != 0) {
    report.sizes.emplace_back("window", config->window);
    report.sizes.emplace_back("local layers", config->local_layers.size());
  }
  report.kv_bytes_per_token = KvGeometryOf(*config, 16, KvType::kBf16).BlockBytes() / 16;
  return report;
}

void AddModelInspect(CLI::App& model) {
  auto options = std::make_shared<InspectOptions>();
  CLI::App* inspect = model.add_subcommand("inspect", "show what is in a model file");
  inspect->add_option("model", options->model, "a GGUF file, a safetensors folder, or a known name")
      ->required()
      ->type_name("MODEL");
  AddModelsDir(*inspect, options->models_dir);
  inspect->add_flag("--tensors", options->tensors, "list every tensor too")->configurable(false);
  AddOutputFormat(*inspect, options->format);
  OnRun(*inspect, [options] { return RunInspect(*options); });
}

}  // namespace cairn
