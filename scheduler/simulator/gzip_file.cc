#include "scheduler/simulator/gzip_file.h"

#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"

namespace cairn {

struct GzipFile::Handle {
  explicit Handle(gzFile opened) : file(opened) {}
  ~Handle() { gzclose(file); }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

  gzFile file;
};

absl::StatusOr<std::unique_ptr<GzipFile>> GzipFile::Open(const std::string& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) {
    return absl::FailedPreconditionError(path + ": is a folder; name a file in it");
  }
  errno = 0;
  gzFile file = gzopen(path.c_str(), "rb");
  if (file == nullptr) return absl::ErrnoToStatus(errno == 0 ? ENOMEM : errno, path);
  gzbuffer(file, 128 << 10);
  return std::unique_ptr<GzipFile>(new GzipFile(path, std::make_unique<Handle>(file)));
}

GzipFile::GzipFile(std::string path, std::unique_ptr<Handle> handle)
    : path_(std::move(path)), handle_(std::move(handle)) {}

GzipFile::~GzipFile() = default;

absl::StatusOr<size_t> GzipFile::Read(std::span<char> into) {
  constexpr size_t kReadMax = 1 << 30;  // gzread counts in int
  const int count =
      gzread(handle_->file, into.data(), static_cast<unsigned>(std::min(into.size(), kReadMax)));
  if (count > 0) return static_cast<size_t>(count);
  int error = Z_OK;
  const char* message = gzerror(handle_->file, &error);
  if (count == 0 && error == Z_OK) return size_t{0};
  if (error == Z_BUF_ERROR) {
    return absl::DataLossError(path_ + ": gzip data without its end: the file is cut off");
  }
  if (error == Z_ERRNO) return absl::ErrnoToStatus(errno, path_);
  return absl::DataLossError(absl::StrCat(path_, ": damaged gzip data: ", message));
}

}  // namespace cairn
