// Bytes as a profile of step costs: whatever is accepted prices steps without overflow, and is read
// back as it is written.
#include <cstddef>
#include <cstdint>
#include <string>

#include "kvstore/base/check.h"
#include "scheduler/simulator/step_profile.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace cairn;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const absl::StatusOr<StepProfile> profile = ParseStepProfile(text, "fuzz.yaml");
  if (!profile.ok()) return 0;
  const StepCost cost(*profile);
  CAIRN_CHECK(cost.Prefill(1 << 20, 1 << 20) <= StepCost::kNever);
  CAIRN_CHECK(cost.Decode(1 << 16, 1 << 30) <= StepCost::kNever);
  for (size_t i = 0; i < kKvLinks; ++i) {
    CAIRN_CHECK(cost.TransferTokens(static_cast<KvLink>(i), 1 << 30, 16) <= StepCost::kNever);
  }
  CAIRN_CHECK(ParseStepProfile(FormatStepProfile(*profile), "back.yaml").ok());
  return 0;
}
