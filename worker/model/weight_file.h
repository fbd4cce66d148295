// A model's file or folder, opened: tensors by name and metadata, memory-mapped and never copied.
// Reads GGUF files (versions 2 and 3) and safetensors folders (config.json beside *.safetensors).
//
// Everything a file says is checked before it is believed. A truncated, foreign or lying file is
// refused with the byte offset and the reason; nothing is read outside the mapping. (A file that
// somebody shortens while it is mapped is beyond this: the system ends the process.)
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "worker/model/mapped_file.h"
#include "worker/model/metadata.h"
#include "worker/model/tensor.h"

namespace cairn {

enum class WeightFileKind : uint8_t { kGguf, kSafetensors };

class WeightFile {
 public:
  WeightFile(WeightFileKind kind, std::filesystem::path path, std::vector<MappedFile> files,
             Metadata metadata, std::vector<Tensor> tensors, std::string config_json);

  WeightFileKind kind() const { return kind_; }
  const std::filesystem::path& path() const { return path_; }
  const Metadata& metadata() const { return metadata_; }         // GGUF; empty for safetensors
  std::string_view config_json() const { return config_json_; }  // safetensors; empty for GGUF
  std::span<const Tensor> tensors() const { return tensors_; }   // in the file's order
  const Tensor* Find(std::string_view name) const;               // null: not here
  uint64_t tensor_bytes() const;                                 // of all tensors

 private:
  WeightFileKind kind_;
  std::filesystem::path path_;
  std::vector<MappedFile> files_;
  Metadata metadata_;
  std::vector<Tensor> tensors_;
  std::string config_json_;
  absl::flat_hash_map<std::string_view, uint32_t> by_name_;
};

// `path` is a GGUF file, or a folder with config.json and one or more *.safetensors.
// NOT_FOUND or PERMISSION_DENIED: with the path. INVALID_ARGUMENT: not a file we read, with path,
// offset and reason.
absl::StatusOr<std::unique_ptr<const WeightFile>> OpenWeightFile(const std::filesystem::path& path);

}  // namespace cairn
