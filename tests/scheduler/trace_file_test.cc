// Traces in files, gzip or not.
#include "scheduler/simulator/trace_file.h"

#include <zlib.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/scheduler/trace_fixture.h"

namespace cairn {
namespace {

namespace fs = std::filesystem;

constexpr char kTable[] = "timestamp,input_tokens,output_tokens\n0,10,20\n1,30,40\n";

// A folder that is gone with the test.
class Folder {
 public:
  explicit Folder(const std::string& name)
      : path_(fs::temp_directory_path() / ("cairn_trace_file_test_" + name)) {
    fs::remove_all(path_);
    fs::create_directories(path_);
  }
  ~Folder() { fs::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  std::string Plain(const std::string& name, const std::string& text) const {
    std::ofstream(path_ / name, std::ios::binary) << text;
    return (path_ / name).string();
  }
  std::string Gzip(const std::string& name, const std::string& text) const {
    const std::string path = (path_ / name).string();
    gzFile file = gzopen(path.c_str(), "wb");
    gzwrite(file, text.data(), static_cast<unsigned>(text.size()));
    gzclose(file);
    return path;
  }
  std::string path() const { return path_.string(); }

 private:
  fs::path path_;
};

TEST_CASE("a gzip file is read as what is in it") {
  const Folder folder("gzip");
  const auto plain = ReadTraceFile(folder.Plain("a.csv", kTable), "", {});
  const auto packed = ReadTraceFile(folder.Gzip("a.csv.gz", kTable), "", {});
  REQUIRE(plain.ok());
  REQUIRE(packed.ok());
  CHECK(plain->requests == packed->requests);
  CHECK(packed->name == "a.csv.gz");
  // The hash is of what is in it.
  CHECK(plain->history[0].substr(plain->history[0].find("sha256")) ==
        packed->history[0].substr(packed->history[0].find("sha256")));
}

TEST_CASE("a gzip file without its end, or with damage, is refused") {
  const Folder folder("damage");
  std::string table = "timestamp,input_tokens,output_tokens\n";
  for (int i = 0; i < 20'000; ++i) table += std::to_string(i * 7919 % 10'007) + ",10,20\n";
  const std::string path = folder.Gzip("a.gz", table);
  std::ifstream in(path, std::ios::binary);
  std::string packed((std::istreambuf_iterator<char>(in)), {});
  const auto cut = ReadTraceFile(folder.Plain("b.gz", packed.substr(0, packed.size() / 2)), "", {});
  CHECK(cut.status().code() == absl::StatusCode::kDataLoss);
  packed[packed.size() / 2] = static_cast<char>(packed[packed.size() / 2] ^ 0x55);
  const auto damaged = ReadTraceFile(folder.Plain("c.gz", packed), "", {});
  CHECK_FALSE(damaged.ok());
}

TEST_CASE("what is not there or no file is said to be") {
  const Folder folder("missing");
  const auto missing = ReadTraceFile(folder.path() + "/none.csv", "", {});
  CHECK(missing.status().code() == absl::StatusCode::kNotFound);
  const auto directory = ReadTraceFile(folder.path(), "", {});
  CHECK(std::string(directory.status().message()).find("is a folder") != std::string::npos);
}

TEST_CASE("lengths of ServeGen's clients are found beside their rates") {
  const Folder folder("servegen");
  const std::string rates = folder.Plain(
      "rates_x.csv", "workload,client,t_s,rate_rps,cv,dist,p1,p2\na,0,0,2.0,1,Gamma,1,0.5\n");
  CHECK(std::string(ReadTraceFile(rates, "", {}).status().message()).find("without lengths") !=
        std::string::npos);
  std::string lengths = "workload,client,t_s";
  for (int i = 0; i < 22; ++i) lengths += ",q" + std::to_string(i);
  lengths += "\na,0,0";
  for (int i = 0; i < 22; ++i) lengths += ",5";
  folder.Gzip("lengths_x.csv.gz", lengths + "\n");
  const auto trace = ReadTraceFile(rates, "", {});
  INFO(trace.status());
  REQUIRE(trace.ok());
  CHECK(trace->requests[0].input_tokens == 5);
}

}  // namespace
}  // namespace cairn
