#include "deploy/cli/instruction_flags.h"

#include "absl/strings/str_cat.h"

namespace cairn {

void AddInstructionFlags(CLI::App& app, InstructionFlags& flags, const std::string& group) {
  app.add_option("--cpu-level", flags.cpu_level, "instructions to use; auto: the best there are")
      ->check(CLI::IsMember({"auto", "portable", "avx2", "avx512", "amx"}))
      ->capture_default_str()
      ->group(group);
  app.add_option("--attention", flags.attention,
                 "how attention rounds and adds; machines that differ in it share no KV; auto: the "
                 "fastest of the level")
      ->check(CLI::IsMember({"auto", "float", "bf16", "bf16-tiles"}))
      ->capture_default_str()
      ->group(group);
}

absl::Status ApplyInstructionFlags(const InstructionFlags& flags, CpuEngineOptions& engine) {
  const CpuLevel best = DetectCpuLevel();
  engine.level = flags.cpu_level == "auto" ? best : *ParseCpuLevel(flags.cpu_level);
  if (engine.level > best) {
    return absl::FailedPreconditionError(absl::StrCat("--cpu-level ", flags.cpu_level,
                                                      ": this machine has only ",
                                                      std::string(CpuLevelName(best))));
  }
  if (flags.attention == "auto") return absl::OkStatus();
  engine.attention = *ParseAttentionArithmetic(flags.attention);
  const AttentionArithmetic used = AttentionArithmeticOf(engine.level, engine.attention);
  if (used != engine.attention) {
    return absl::FailedPreconditionError(absl::StrCat(
        "--attention ", flags.attention, ": with ", std::string(CpuLevelName(engine.level)),
        " instructions this machine has only ", std::string(AttentionArithmeticName(used))));
  }
  return absl::OkStatus();
}

}  // namespace cairn
