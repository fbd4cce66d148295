// The bytes of a file, unpacked if it is gzip, as they are if not.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "scheduler/simulator/line_reader.h"

namespace cairn {

class GzipFile : public ByteSource {
 public:
  // Errors: NotFound, PermissionDenied, FailedPrecondition for a folder.
  static absl::StatusOr<std::unique_ptr<GzipFile>> Open(const std::string& path);
  ~GzipFile() override;
  GzipFile(const GzipFile&) = delete;
  GzipFile& operator=(const GzipFile&) = delete;

  // Errors: DataLoss where gzip's own check fails or its end is missing.
  absl::StatusOr<size_t> Read(std::span<char> into) override;

 private:
  struct Handle;
  GzipFile(std::string path, std::unique_ptr<Handle> handle);

  std::string path_;
  std::unique_ptr<Handle> handle_;
};

}  // namespace cairn
