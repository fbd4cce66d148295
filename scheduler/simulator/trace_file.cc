#include "scheduler/simulator/trace_file.h"

#include <filesystem>
#include <utility>

#include "scheduler/simulator/gzip_file.h"
#include "scheduler/simulator/trace_builder.h"

namespace cairn {
namespace {

// "servegen/rates_dev.csv.gz" -> "servegen/lengths_dev.csv", with or without .gz; empty: none
// there.
std::string LengthsBeside(const std::string& rates) {
  std::string name = FileName(rates);
  const std::string folder = rates.substr(0, rates.size() - name.size());
  const size_t at = name.find("rates");
  if (at == std::string::npos) return "";
  name.replace(at, std::string("rates").size(), "lengths");
  const std::string plain = name.ends_with(".gz") ? name.substr(0, name.size() - 3) : name;
  for (const std::string& candidate : {plain, plain + ".gz"}) {
    std::error_code ignored;
    if (std::filesystem::is_regular_file(folder + candidate, ignored)) return folder + candidate;
  }
  return "";
}

}  // namespace

absl::StatusOr<Trace> ReadTraceFile(const std::string& path, const std::string& lengths,
                                    const TraceReadOptions& options) {
  const absl::StatusOr<std::unique_ptr<GzipFile>> file = GzipFile::Open(path);
  if (!file.ok()) return file.status();
  const OpenLengths open_lengths =
      [&](std::string& name) -> absl::StatusOr<std::unique_ptr<ByteSource>> {
    name = lengths.empty() ? LengthsBeside(path) : lengths;
    if (name.empty()) return std::unique_ptr<ByteSource>();
    absl::StatusOr<std::unique_ptr<GzipFile>> second = GzipFile::Open(name);
    if (!second.ok()) return second.status();
    return std::unique_ptr<ByteSource>(*std::move(second));
  };
  return ReadTrace(path, **file, options, open_lengths);
}

}  // namespace cairn
