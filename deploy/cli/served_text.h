// The words of a model on disk: its tokenizer and its chat template, for the front doors.
#pragma once

#include <filesystem>
#include <memory>

#include "absl/status/statusor.h"
#include "scheduler/ingress/served_model.h"
#include "worker/model/weight_file.h"

namespace cairn {

// A model without a chat template is served; chat on it is refused with the reason. `chat_template`
// is a file that stands in for the model's own; empty: none.
absl::StatusOr<ServedModel> LoadServedModel(const WeightFile& model,
                                            const std::filesystem::path& chat_template);

}  // namespace cairn
