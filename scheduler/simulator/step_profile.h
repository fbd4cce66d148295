// Profiles of step costs as YAML files: deploy/profiles holds those that come with Cairn, and the
// program carries them with it. docs/SIMULATOR.md says what each field means.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "scheduler/simulator/step_cost.h"

namespace cairn {

// `file` is its name in errors, which say file, line and field. An unknown field is one.
absl::StatusOr<StepProfile> ParseStepProfile(const std::string& text, const std::string& file);

// A profile as ParseStepProfile reads it back.
std::string FormatStepProfile(const StepProfile& profile);

// Names of the profiles that come with Cairn, sorted.
std::vector<std::string> BuiltInProfiles();

// One of those, or the file that `name` is the path of. Errors: NotFound that lists the names, and
// those of ParseStepProfile.
absl::StatusOr<StepProfile> FindStepProfile(const std::string& name);

}  // namespace cairn
