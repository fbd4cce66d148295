#include "deploy/cli/model_catalog.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <set>

namespace cairn {
namespace {

namespace fs = std::filesystem;

TEST_CASE("every model of the catalogue says all that pulling it takes") {
  std::set<std::string> names;
  for (const CatalogModel& model : ModelCatalog()) {
    CAPTURE(model.name);
    CHECK(names.insert(model.name).second);
    CHECK(model.bytes > 0);
    CHECK(model.sha256.size() == 64);
    CHECK_FALSE(model.packages.empty());
    CHECK(fs::path(model.file_name).filename() == model.file_name);
  }
}

TEST_CASE("a model is found by its name or its file's name, in any case") {
  CHECK(FindCatalogModel("SmolLM2-135M-Instruct")->name == "smollm2-135m-instruct");
  CHECK(FindCatalogModel("gemma-3-270m-q4_k_m.gguf")->name == "gemma3-270m");
  const absl::Status unknown = FindCatalogModel("gemma3-27m").status();
  CHECK(std::string(unknown.message()).find("did you mean 'gemma3-270m'?") != std::string::npos);
}

TEST_CASE("models live in the cache folder of whoever runs it") {
  CHECK(DefaultModelsFolder("", "/home/a") == "/home/a/.cache/cairn/models");
  CHECK(DefaultModelsFolder("/x", "/home/a") == "/x/cairn/models");
  CHECK(DefaultModelsFolder("", "") == "models");
}

TEST_CASE("--model takes a path as it is and a name as a file of the models folder") {
  const fs::path folder =
      fs::temp_directory_path() / ("cairn_model_catalog_test." + std::to_string(getpid()));
  fs::create_directories(folder);
  CHECK(ResolveModel(folder.string(), "/nowhere").value() == folder);
  const absl::Status missing = ResolveModel("gemma3-270m", folder).status();
  CHECK(std::string(missing.message()).find("cairn model pull gemma3-270m") != std::string::npos);
  std::ofstream(folder / "gemma-3-270m-q4_k_m.gguf") << "x";
  CHECK(ResolveModel("gemma3-270m", folder).value() == folder / "gemma-3-270m-q4_k_m.gguf");
  CHECK_FALSE(ResolveModel("no-such-file.gguf", folder).ok());
  fs::remove_all(folder);
}

}  // namespace
}  // namespace cairn
