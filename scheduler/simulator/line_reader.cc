#include "scheduler/simulator/line_reader.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "kvstore/base/check.h"

namespace cairn {
namespace {

constexpr size_t kReadBytes = 256 << 10;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";  // as some spreadsheets write it

bool IsBlank(std::string_view line) {
  return line.find_first_not_of(" \t\r") == std::string_view::npos;
}

}  // namespace

struct LineReader::Hash {
  Hash() : context(EVP_MD_CTX_new()) {
    CAIRN_CHECK(context != nullptr);
    CAIRN_CHECK_EQ(EVP_DigestInit_ex(context, EVP_sha256(), nullptr), 1);
  }
  ~Hash() { EVP_MD_CTX_free(context); }
  Hash(const Hash&) = delete;
  Hash& operator=(const Hash&) = delete;

  EVP_MD_CTX* context;
};

absl::StatusOr<size_t> StringSource::Read(std::span<char> into) {
  const size_t count = std::min(into.size(), rest_.size());
  if (count == 0) return count;  // an empty text may be nowhere
  std::memcpy(into.data(), rest_.data(), count);
  rest_.remove_prefix(count);
  return count;
}

LineReader::LineReader(std::string file, ByteSource& source, const LineLimits& limits)
    : file_(std::move(file)), source_(source), limits_(limits), hash_(std::make_unique<Hash>()) {}

LineReader::~LineReader() = default;

absl::Status LineReader::Fill() {
  // What was handed out goes; an unfinished line moves to the front.
  buffer_.erase(0, start_);
  searched_ -= start_;
  start_ = 0;
  const size_t kept = buffer_.size();
  buffer_.resize(kept + kReadBytes);
  const absl::StatusOr<size_t> count = source_.Read(std::span(buffer_).subspan(kept));
  buffer_.resize(kept + (count.ok() ? *count : 0));
  if (!count.ok()) return count.status();
  at_end_ = *count == 0;
  file_bytes_ += *count;
  CAIRN_CHECK_EQ(EVP_DigestUpdate(hash_->context, buffer_.data() + kept, *count), 1);
  if (file_bytes_ > limits_.file_bytes_max) {
    return absl::ResourceExhaustedError(
        absl::StrCat(file_, ": over ", limits_.file_bytes_max, " bytes: cut it into several"));
  }
  return absl::OkStatus();
}

// The next line, blank or not, in line_.
absl::StatusOr<bool> LineReader::NextRaw() {
  while (true) {
    const size_t end = buffer_.find('\n', searched_);
    const size_t length = std::min(end, buffer_.size()) - start_;
    if (length > limits_.line_bytes_max) {
      return absl::ResourceExhaustedError(absl::StrCat(file_, ":", line_number_ + 1,
                                                       ": a line over ", limits_.line_bytes_max,
                                                       " bytes: is this a trace?"));
    }
    if (end != std::string::npos) {
      line_ = std::string_view(buffer_).substr(start_, length);
      start_ = searched_ = end + 1;
      ++line_number_;
      return true;
    }
    searched_ = buffer_.size();
    if (at_end_) {
      if (length == 0) return false;
      line_ = std::string_view(buffer_).substr(start_, length);
      start_ = buffer_.size();
      ++line_number_;
      unfinished_ = true;
      return true;
    }
    if (absl::Status filled = Fill(); !filled.ok()) return filled;
  }
}

absl::StatusOr<std::optional<std::string_view>> LineReader::Next() {
  if (std::exchange(put_back_, false)) return line_;
  while (true) {
    const absl::StatusOr<bool> more = NextRaw();
    if (!more.ok()) return more.status();
    if (!*more) return std::nullopt;
    if (line_number_ == 1 && line_.starts_with(kByteOrderMark)) {
      line_.remove_prefix(kByteOrderMark.size());
    }
    if (IsBlank(line_)) continue;
    if (line_.ends_with('\r')) line_.remove_suffix(1);
    return line_;
  }
}

std::string LineReader::Digest() const {
  const Hash copy;
  CAIRN_CHECK_EQ(EVP_MD_CTX_copy_ex(copy.context, hash_->context), 1);
  std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
  CAIRN_CHECK_EQ(EVP_DigestFinal_ex(copy.context, bytes.data(), nullptr), 1);
  return absl::BytesToHexString({reinterpret_cast<const char*>(bytes.data()), 8});
}

absl::Status LineReader::Error(std::string_view field, std::string_view what) const {
  return absl::InvalidArgumentError(absl::StrCat(file_, ":", line_number_, ": ", std::string(field),
                                                 field.empty() ? "" : ": ", std::string(what)));
}

}  // namespace cairn
