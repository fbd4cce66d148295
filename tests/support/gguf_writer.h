// Writes GGUF files for tests: metadata and tensors in, bytes out. Lies can be told by editing the
// bytes.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "worker/model/metadata.h"

namespace cairn {

class GgufWriter {
 public:
  explicit GgufWriter(uint32_t version = 3) : version_(version) {}

  void AddString(std::string_view name, std::string_view value) {
    BeginValue(name, MetadataType::kString);
    PutString(values_, value);
  }
  void AddUint32(std::string_view name, uint32_t value) {
    BeginValue(name, MetadataType::kUint32);
    Put(values_, value);
  }
  void AddFloat(std::string_view name, float value) {
    BeginValue(name, MetadataType::kFloat32);
    Put(values_, value);
  }
  void AddBool(std::string_view name, bool value) {
    BeginValue(name, MetadataType::kBool);
    Put(values_, static_cast<uint8_t>(value));
  }
  void AddStrings(std::string_view name, const std::vector<std::string>& list) {
    BeginArray(name, MetadataType::kString, list.size());
    for (const std::string& item : list) PutString(values_, item);
  }
  void AddFloats(std::string_view name, const std::vector<float>& list) {
    BeginArray(name, MetadataType::kFloat32, list.size());
    for (const float item : list) Put(values_, item);
  }
  void AddIntegers(std::string_view name, const std::vector<int32_t>& list) {
    BeginArray(name, MetadataType::kInt32, list.size());
    for (const int32_t item : list) Put(values_, item);
  }

  // `shape` is innermost first, as in the file; `type` is ggml's number; `bytes` are not checked.
  void AddTensor(std::string_view name, const std::vector<uint64_t>& shape, uint32_t type,
                 std::string_view bytes) {
    PutString(tensors_, name);
    Put(tensors_, static_cast<uint32_t>(shape.size()));
    for (const uint64_t size : shape) Put(tensors_, size);
    Put(tensors_, type);
    data_.resize((data_.size() + 31) / 32 * 32);
    Put(tensors_, static_cast<uint64_t>(data_.size()));
    data_.append(bytes);
    ++tensor_count_;
  }
  void AddFloatTensor(std::string_view name, const std::vector<uint64_t>& shape,
                      const std::vector<float>& values) {
    AddTensor(name, shape, /*type=*/0,
              {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)});
  }

  std::string Finish() const {
    std::string out = "GGUF";
    Put(out, version_);
    Put(out, tensor_count_);
    Put(out, value_count_);
    out += values_;
    out += tensors_;
    out.resize((out.size() + 31) / 32 * 32);
    return out + data_;
  }

 private:
  template <typename T>
  static void Put(std::string& out, T value) {
    out.append(reinterpret_cast<const char*>(&value), sizeof(value));
  }
  static void PutString(std::string& out, std::string_view text) {
    Put(out, static_cast<uint64_t>(text.size()));
    out.append(text);
  }
  void BeginValue(std::string_view name, MetadataType type) {
    PutString(values_, name);
    Put(values_, static_cast<uint32_t>(type));
    ++value_count_;
  }
  void BeginArray(std::string_view name, MetadataType element, size_t count) {
    BeginValue(name, MetadataType::kArray);
    Put(values_, static_cast<uint32_t>(element));
    Put(values_, static_cast<uint64_t>(count));
  }

  uint32_t version_;
  uint64_t tensor_count_ = 0;
  uint64_t value_count_ = 0;
  std::string values_;
  std::string tensors_;
  std::string data_;
};

}  // namespace cairn
