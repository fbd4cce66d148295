// Where tests find real model files: the folder CAIRN_TEST_MODELS, else `models` in the source
// tree.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <optional>
#include <string_view>

namespace cairn {

// Nothing if the file is missing: the test then says so with SkippedWithout and passes.
inline std::optional<std::filesystem::path> TestModel(std::string_view file) {
  const char* folder = std::getenv("CAIRN_TEST_MODELS");
  const std::filesystem::path path =
      std::filesystem::path(folder != nullptr ? folder : "models") / file;
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return std::nullopt;
  return path;
}

inline void SkippedWithout(std::string_view test, std::string_view file) {
  std::cout << "SKIPPED: " << test << " needs " << file << "\n";
}

// With sanitizers a real model's arithmetic takes an hour, and looks at nothing that a small one's
// does not.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

inline constexpr std::string_view kSmolLm = "SmolLM2-135M-Instruct.Q4_1.gguf";
inline constexpr std::string_view kGemma = "gemma-3-270m-q4_k_m.gguf";

}  // namespace cairn
