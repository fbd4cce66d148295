// The lines of a text file, one at a time and in bounded memory, and errors that say where.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace cairn {

// Where a file's bytes come from: a file, gzip or not (gzip_file.h), or a string.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  // How many bytes it wrote to the front of `into`; 0 at the end. REQUIRES: `into` is not empty.
  virtual absl::StatusOr<size_t> Read(std::span<char> into) = 0;
};

class StringSource : public ByteSource {
 public:
  explicit StringSource(std::string_view text) : rest_(text) {}  // `text` outlives it
  absl::StatusOr<size_t> Read(std::span<char> into) override;

 private:
  std::string_view rest_;
};

struct LineLimits {
  size_t line_bytes_max = 4 << 20;
  uint64_t file_bytes_max = uint64_t{64} << 30;  // unpacked
};

class LineReader {
 public:
  // `file` is its name in errors. `source` outlives the reader.
  LineReader(std::string file, ByteSource& source, const LineLimits& limits = {});
  ~LineReader();
  LineReader(const LineReader&) = delete;
  LineReader& operator=(const LineReader&) = delete;

  // The next line that is not blank, without its end ("\n" or "\r\n"), valid until the next call;
  // nothing behind the last. Errors: ResourceExhausted for a line or file over the limits, whatever
  // the source says.
  absl::StatusOr<std::optional<std::string_view>> Next();

  // The next Next() returns the last line again.
  void PutBack() { put_back_ = true; }

  const std::string& file() const { return file_; }
  uint64_t line_number() const { return line_number_; }  // of the last line; from 1
  // The last line had no end: its file may have been cut off within it.
  bool unfinished() const { return unfinished_; }

  // The first 16 hexadecimal digits of the SHA-256 of all bytes read so far, unpacked: at the end,
  // what `sha256sum` says of the file (`zcat FILE | sha256sum`).
  std::string Digest() const;

  // "FILE:LINE: FIELD: WHAT", InvalidArgument. `field` may be empty.
  absl::Status Error(std::string_view field, std::string_view what) const;

 private:
  struct Hash;

  absl::Status Fill();
  absl::StatusOr<bool> NextRaw();

  std::string file_;
  ByteSource& source_;
  LineLimits limits_;
  std::unique_ptr<Hash> hash_;
  std::string buffer_;
  size_t start_ = 0;     // of what is not yet handed out
  size_t searched_ = 0;  // no line end before
  std::string_view line_;
  uint64_t file_bytes_ = 0;
  uint64_t line_number_ = 0;
  bool at_end_ = false;
  bool unfinished_ = false;
  bool put_back_ = false;
};

}  // namespace cairn
