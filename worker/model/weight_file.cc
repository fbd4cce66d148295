#include "worker/model/weight_file.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <optional>
#include <system_error>
#include <utility>

#include <nlohmann/json.hpp>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "kvstore/base/check.h"
#include "worker/model/gguf_reader.h"
#include "worker/model/safetensors_reader.h"

namespace cairn {
namespace {

namespace fs = std::filesystem;

constexpr size_t kShardsMax = 1024;
constexpr uint64_t kJsonBytesMax = 64 << 20;

absl::Status At(const fs::path& path, const absl::Status& status) {
  return absl::Status(status.code(), absl::StrCat(path.string(), ": ", status.message()));
}

absl::StatusOr<std::unique_ptr<const WeightFile>> OpenGguf(const fs::path& path) {
  absl::StatusOr<MappedFile> file = MappedFile::Open(path);
  if (!file.ok()) return file.status();
  absl::StatusOr<GgufContents> contents = ReadGguf(file->bytes());
  if (!contents.ok()) return At(path, contents.status());
  std::vector<MappedFile> files;
  files.push_back(*std::move(file));
  return std::make_unique<const WeightFile>(WeightFileKind::kGguf, path, std::move(files),
                                            std::move(contents->metadata),
                                            std::move(contents->tensors), "");
}

absl::StatusOr<std::string> ReadSmallFile(const fs::path& path) {
  std::error_code error;
  const uint64_t size = fs::file_size(path, error);
  if (error) {
    return absl::NotFoundError(absl::StrCat(path.string(), ": ", error.message(),
                                            " (a safetensors folder has a config.json)"));
  }
  if (size > kJsonBytesMax) {
    return absl::InvalidArgumentError(
        absl::StrCat(path.string(), " has ", size, " bytes, more than any such file has"));
  }
  std::ifstream in(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

absl::StatusOr<std::vector<fs::path>> ShardsIn(const fs::path& folder) {
  std::vector<fs::path> shards;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    if (it->path().extension() == ".safetensors") shards.push_back(it->path());
  }
  if (error) {
    return absl::NotFoundError(
        absl::StrCat("cannot list ", folder.string(), ": ", error.message()));
  }
  if (shards.empty() || shards.size() > kShardsMax) {
    return absl::InvalidArgumentError(absl::StrCat(folder.string(), " has ", shards.size(),
                                                   " *.safetensors files, expected 1 to ",
                                                   kShardsMax));
  }
  std::ranges::sort(shards);  // model-00001-of-00002 ... come in this order
  return shards;
}

// A folder of several files has an index of what lies where. We look in every file, so it serves
// only to tell when a file is missing.
absl::Status CheckIndex(const fs::path& path, const absl::flat_hash_set<std::string>& names) {
  std::error_code error;
  if (!fs::exists(path, error)) return absl::OkStatus();
  absl::StatusOr<std::string> text = ReadSmallFile(path);
  if (!text.ok()) return text.status();
  const auto index = nlohmann::json::parse(*text, nullptr, /*allow_exceptions=*/false);
  const auto map = index.is_object() ? index.find("weight_map") : index.end();
  if (!index.is_object() || map == index.end() || !map->is_object()) {
    return absl::InvalidArgumentError(absl::StrCat(path.string(), " has no weight_map"));
  }
  for (const auto& [name, file] : map->items()) {
    if (names.contains(name)) continue;
    return absl::InvalidArgumentError(absl::StrCat(path.string(), " names tensor '", name,
                                                   "', which no file here has: is one missing?"));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<const WeightFile>> OpenSafetensors(const fs::path& folder) {
  absl::StatusOr<std::string> config = ReadSmallFile(folder / "config.json");
  if (!config.ok()) return config.status();
  absl::StatusOr<std::vector<fs::path>> shards = ShardsIn(folder);
  if (!shards.ok()) return shards.status();
  std::vector<MappedFile> files;
  std::vector<Tensor> tensors;
  absl::flat_hash_set<std::string> names;
  for (const fs::path& shard : *shards) {
    absl::StatusOr<MappedFile> file = MappedFile::Open(shard);
    if (!file.ok()) return file.status();
    absl::StatusOr<std::vector<Tensor>> found = ReadSafetensors(file->bytes());
    if (!found.ok()) return At(shard, found.status());
    for (Tensor& tensor : *found) {
      if (!names.insert(tensor.name).second) {
        return absl::InvalidArgumentError(
            absl::StrCat(shard.string(), ": tensor '", tensor.name, "' is in another file too"));
      }
      tensors.push_back(std::move(tensor));
    }
    files.push_back(*std::move(file));
  }
  const absl::Status index = CheckIndex(folder / "model.safetensors.index.json", names);
  if (!index.ok()) return index;
  return std::make_unique<const WeightFile>(WeightFileKind::kSafetensors, folder, std::move(files),
                                            Metadata(), std::move(tensors), *std::move(config));
}

}  // namespace

WeightFile::WeightFile(WeightFileKind kind, fs::path path, std::vector<MappedFile> files,
                       Metadata metadata, std::vector<Tensor> tensors, std::string config_json)
    : kind_(kind),
      path_(std::move(path)),
      files_(std::move(files)),
      metadata_(std::move(metadata)),
      tensors_(std::move(tensors)),
      config_json_(std::move(config_json)) {
  by_name_.reserve(tensors_.size());
  for (uint32_t i = 0; i < tensors_.size(); ++i) {
    CAIRN_CHECK(by_name_.emplace(tensors_[i].name, i).second);
  }
}

const Tensor* WeightFile::Find(std::string_view name) const {
  const auto it = by_name_.find(name);
  return it == by_name_.end() ? nullptr : &tensors_[it->second];
}

uint64_t WeightFile::tensor_bytes() const {
  uint64_t bytes = 0;
  for (const Tensor& tensor : tensors_) bytes += tensor.bytes.size();
  return bytes;
}

absl::StatusOr<std::unique_ptr<const WeightFile>> OpenWeightFile(const fs::path& path) {
  std::error_code error;
  return fs::is_directory(path, error) ? OpenSafetensors(path) : OpenGguf(path);
}

}  // namespace cairn
