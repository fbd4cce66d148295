#include "worker/model/gguf_reader.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace cairn {
namespace {

constexpr uint64_t kNameBytesMax = 1024;
constexpr uint32_t kDimensionsMax = 4;
constexpr uint64_t kAlignmentMax = 1 << 20;
constexpr uint64_t kDefaultAlignment = 32;

// Walks the file. The first failure sticks: what is read after it is zero, and `status` tells of
// it.
class Cursor {
 public:
  explicit Cursor(std::span<const std::byte> file) : file_(file) {}

  uint64_t offset() const { return offset_; }
  uint64_t left() const { return file_.size() - offset_; }
  bool ok() const { return status_.ok(); }
  const absl::Status& status() const { return status_; }

  void Refuse(uint64_t offset, const std::string& why) {
    if (!ok()) return;
    status_ = absl::InvalidArgumentError(absl::StrCat("offset ", offset, ": ", why));
  }

  std::span<const std::byte> Bytes(uint64_t count, const char* what) {
    if (!ok()) return {};
    if (count > left()) {
      Refuse(offset_, absl::StrCat(what, " needs ", count, " bytes, the file ends after ", left()));
      return {};
    }
    const auto out = file_.subspan(offset_, count);
    offset_ += count;
    return out;
  }

  template <typename T>
  T Number(const char* what) {
    T value{};
    const auto bytes = Bytes(sizeof(T), what);
    if (!bytes.empty()) std::memcpy(&value, bytes.data(), sizeof(T));
    return value;
  }

  std::string_view String(const char* what) {
    const auto size = Number<uint64_t>(what);
    const auto bytes = Bytes(size, what);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

  // A name of a value or tensor: not empty, not absurdly long.
  std::string_view Name(const char* what) {
    const uint64_t at = offset_;
    const std::string_view name = String(what);
    if (ok() && (name.empty() || name.size() > kNameBytesMax)) {
      Refuse(at, absl::StrCat(what, " has ", name.size(), " bytes, expected 1 to ", kNameBytesMax));
    }
    return ok() ? name : std::string_view();
  }

 private:
  std::span<const std::byte> file_;
  uint64_t offset_ = 0;
  absl::Status status_;
};

// Names come from the file: they are shown escaped and cut.
std::string Quoted(std::string_view name) {
  return absl::StrCat("'", absl::CHexEscape({name.data(), std::min<size_t>(name.size(), 80)}), "'");
}

MetadataArray ReadArray(Cursor& file, std::string_view name) {
  const uint64_t at = file.offset();
  const auto element = static_cast<MetadataType>(file.Number<uint32_t>("an array's type"));
  const auto count = file.Number<uint64_t>("an array's length");
  if (!file.ok()) return {};
  const uint32_t fixed = FixedBytes(element);
  if (fixed == 0 && element != MetadataType::kString) {
    file.Refuse(at, absl::StrCat("metadata ", Quoted(name), " is an array of type ",
                                 static_cast<uint32_t>(element), ", which is not read"));
    return {};
  }
  const uint64_t least = fixed != 0 ? fixed : sizeof(uint64_t);  // a string has its length
  if (count > file.left() / least) {
    file.Refuse(at, absl::StrCat("metadata ", Quoted(name), " says it has ", count,
                                 " elements, the file has ", file.left(), " bytes left"));
    return {};
  }
  const uint64_t begin = file.offset();
  if (fixed != 0) return {element, count, file.Bytes(count * fixed, "an array")};
  const Cursor start = file;
  for (uint64_t i = 0; i < count && file.ok(); ++i) file.String("a string of an array");
  Cursor again = start;
  return {element, count, again.Bytes(file.offset() - begin, "an array")};
}

MetadataValue ReadValue(Cursor& file, std::string_view name) {
  const uint64_t at = file.offset();
  const auto type = static_cast<MetadataType>(file.Number<uint32_t>("a value's type"));
  if (!file.ok()) return {};
  if (type == MetadataType::kString) return {type, file.String("a string")};
  if (type == MetadataType::kArray) return {type, ReadArray(file, name)};
  if (FixedBytes(type) == 0) {
    file.Refuse(at, absl::StrCat("metadata ", Quoted(name), " has the unknown type ",
                                 static_cast<uint32_t>(type)));
    return {};
  }
  const auto bytes = file.Bytes(FixedBytes(type), "a number");
  return file.ok() ? DecodeMetadataNumber(type, bytes.data()) : MetadataValue{};
}

std::vector<Metadata::Entry> ReadMetadata(Cursor& file, uint64_t count) {
  std::vector<Metadata::Entry> entries;
  absl::flat_hash_set<std::string_view> names;
  for (uint64_t i = 0; i < count && file.ok(); ++i) {
    const uint64_t at = file.offset();
    const std::string_view name = file.Name("a metadata name");
    if (file.ok() && !names.insert(name).second) {
      file.Refuse(at, absl::StrCat("metadata ", Quoted(name), " is there twice"));
    }
    entries.push_back({name, ReadValue(file, name)});
  }
  return entries;
}

// A tensor before the start of the data is known.
struct Placed {
  Tensor tensor;
  uint64_t described_at;  // offset of its entry in the head
  uint64_t offset;        // from the start of the data
  uint64_t size;
};

// Dimensions, innermost first in the file, and the bytes they ask for.
void ReadShape(Cursor& file, Placed& placed) {
  const auto dimensions = file.Number<uint32_t>("a tensor's dimension count");
  if (file.ok() && (dimensions == 0 || dimensions > kDimensionsMax)) {
    file.Refuse(placed.described_at,
                absl::StrCat("tensor ", Quoted(placed.tensor.name), " has ", dimensions,
                             " dimensions, expected 1 to ", kDimensionsMax));
  }
  uint64_t values = 1;
  for (uint32_t d = 0; d < dimensions && file.ok(); ++d) {
    const auto size = file.Number<uint64_t>("a tensor's dimension");
    // 2^50 values are more than any file: products and bytes (at most 4 a value) stay in 64 bits.
    if (file.ok() && (size == 0 || size > (uint64_t{1} << 50) / values)) {
      file.Refuse(placed.described_at, absl::StrCat("tensor ", Quoted(placed.tensor.name),
                                                    " has an impossible dimension of ", size));
    }
    if (!file.ok()) return;
    values *= size;
    placed.tensor.shape.insert(placed.tensor.shape.begin(), size);
  }
  placed.size = values;
}

std::optional<Placed> ReadTensor(Cursor& file) {
  Placed placed{.tensor = {}, .described_at = file.offset(), .offset = 0, .size = 0};
  placed.tensor.name = std::string(file.Name("a tensor's name"));
  ReadShape(file, placed);
  const auto number = file.Number<uint32_t>("a tensor's type");
  placed.offset = file.Number<uint64_t>("a tensor's offset");
  if (!file.ok()) return std::nullopt;
  const std::optional<TensorType> type = TensorTypeFromGguf(number);
  if (!type) {
    file.Refuse(placed.described_at,
                absl::StrCat("tensor ", Quoted(placed.tensor.name), " has type ",
                             GgufTypeName(number), ", which is not read"));
    return std::nullopt;
  }
  placed.tensor.type = *type;
  const TensorTypeInfo& info = InfoOf(*type);
  if (placed.tensor.columns() % info.values != 0) {
    file.Refuse(placed.described_at,
                absl::StrCat("tensor ", Quoted(placed.tensor.name), " has rows of ",
                             placed.tensor.columns(), " values, but type ", info.name,
                             " comes in blocks of ", info.values));
    return std::nullopt;
  }
  placed.size = placed.size / info.values * info.bytes;
  return placed;
}

// Gives every tensor its bytes: inside the file, aligned, none sharing bytes with another.
void PlaceTensors(Cursor& file, std::span<const std::byte> data, uint64_t alignment,
                  std::vector<Placed>& tensors) {
  std::vector<const Placed*> by_offset;
  for (Placed& placed : tensors) {
    const std::string name = Quoted(placed.tensor.name);
    if (placed.offset % alignment != 0) {
      return file.Refuse(placed.described_at,
                         absl::StrCat("tensor ", name, " lies at ", placed.offset,
                                      " of the data, which is not a multiple of ", alignment));
    }
    if (placed.offset > data.size() || placed.size > data.size() - placed.offset) {
      return file.Refuse(placed.described_at,
                         absl::StrCat("tensor ", name, " needs ", placed.size, " bytes at ",
                                      placed.offset, " of the data, which ends at ", data.size(),
                                      ": the file is cut short or its head is wrong"));
    }
    placed.tensor.bytes = data.subspan(placed.offset, placed.size);
    by_offset.push_back(&placed);
  }
  std::ranges::sort(by_offset, {}, [](const Placed* p) { return p->offset; });
  for (size_t i = 1; i < by_offset.size(); ++i) {
    const Placed& before = *by_offset[i - 1];
    if (before.offset + before.size <= by_offset[i]->offset) continue;
    return file.Refuse(by_offset[i]->described_at,
                       absl::StrCat("tensors ", Quoted(before.tensor.name), " and ",
                                    Quoted(by_offset[i]->tensor.name), " share bytes"));
  }
}

absl::StatusOr<uint64_t> AlignmentOf(const Metadata& metadata) {
  absl::StatusOr<std::optional<uint64_t>> found = metadata.Unsigned("general.alignment");
  if (!found.ok()) return found.status();
  const uint64_t alignment = found->value_or(kDefaultAlignment);
  if (!std::has_single_bit(alignment) || alignment > kAlignmentMax) {
    return absl::InvalidArgumentError(absl::StrCat("metadata 'general.alignment' is ", alignment,
                                                   ", expected a power of two of at most ",
                                                   kAlignmentMax));
  }
  return alignment;
}

// Magic and version.
void ReadOpening(Cursor& file) {
  const auto magic = file.Bytes(4, "the magic");
  if (file.ok() && std::memcmp(magic.data(), "GGUF", 4) != 0) {
    file.Refuse(0, "not a GGUF file (it does not start with 'GGUF')");
  }
  const auto version = file.Number<uint32_t>("the version");
  if (!file.ok() || version == 2 || version == 3) return;
  if ((version & 0xffff) == 0)
    return file.Refuse(4, "a big-endian GGUF file; only little-endian is read");
  file.Refuse(4, absl::StrCat("GGUF version ", version, "; versions 2 and 3 are read"));
}

}  // namespace

absl::StatusOr<GgufContents> ReadGguf(std::span<const std::byte> bytes) {
  Cursor file(bytes);
  ReadOpening(file);
  const uint64_t counts_at = file.offset();
  const auto tensor_count = file.Number<uint64_t>("the tensor count");
  const auto value_count = file.Number<uint64_t>("the metadata count");
  // Every entry has at least its name's length, so no honest count exceeds this.
  if (file.ok() && std::max(tensor_count, value_count) > bytes.size() / sizeof(uint64_t)) {
    file.Refuse(counts_at,
                absl::StrCat("the head says ", tensor_count, " tensors and ", value_count,
                             " values, too many for ", bytes.size(), " bytes"));
  }
  std::vector<Metadata::Entry> entries = ReadMetadata(file, file.ok() ? value_count : 0);
  if (!file.ok()) return file.status();
  Metadata metadata(std::move(entries));
  absl::StatusOr<uint64_t> alignment = AlignmentOf(metadata);
  if (!alignment.ok()) return alignment.status();

  std::vector<Placed> placed;
  absl::flat_hash_set<std::string> names;
  for (uint64_t i = 0; i < tensor_count && file.ok(); ++i) {
    std::optional<Placed> tensor = ReadTensor(file);
    if (!tensor) break;
    if (!names.insert(tensor->tensor.name).second) {
      file.Refuse(tensor->described_at,
                  absl::StrCat("tensor ", Quoted(tensor->tensor.name), " is there twice"));
    }
    placed.push_back(*std::move(tensor));
  }
  if (!file.ok()) return file.status();
  const uint64_t data_at = (file.offset() + *alignment - 1) / *alignment * *alignment;
  PlaceTensors(file, bytes.subspan(std::min<uint64_t>(data_at, bytes.size())), *alignment, placed);
  if (!file.ok()) return file.status();

  GgufContents contents{.metadata = std::move(metadata), .tensors = {}};
  for (Placed& p : placed) contents.tensors.push_back(std::move(p.tensor));
  return contents;
}

}  // namespace cairn
