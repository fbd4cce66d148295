// Runs a fuzz target without libFuzzer: every file of its corpus, then seeded mutations of them.
// The same inputs in every run and on every machine, so that a failure can be repeated.
//
//   NAME_smoke CORPUS-FOLDER [--runs=N] [--seed=N]
//   NAME_smoke FILE                 one input, to look into a finding
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "kvstore/base/prng.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

namespace fs = std::filesystem;

constexpr size_t kInputBytesMax = 16 << 10;

std::string ReadFile(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void RunOne(const std::string& input) {
  // An exact copy on the heap: a sanitizer sees the first byte read behind it.
  const std::vector<uint8_t> bytes(input.begin(), input.end());
  LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
}

// One small change: what a transfer, an editor or an attacker would do.
std::string Mutate(std::string input, const std::vector<std::string>& corpus, cairn::Prng& prng) {
  static const std::vector<std::string> kPieces = {"\xff\xff\xff\xff",
                                                   std::string(8, '\0'),
                                                   "18446744073709551615",
                                                   "-1",
                                                   "{{",
                                                   "\"",
                                                   "[",
                                                   "}",
                                                   "\xf0\x9f\xaa\xa8",
                                                   "\xc3",
                                                   "\r\n",
                                                   "e999"};
  const size_t at = input.empty() ? 0 : prng.Next() % input.size();
  const size_t length = 1 + prng.Next() % 16;
  switch (prng.Next() % 7) {
    case 0:
      if (!input.empty()) input[at] = static_cast<char>(input[at] ^ (1 << (prng.Next() % 8)));
      break;
    case 1:
      if (!input.empty()) input[at] = static_cast<char>(prng.Next());
      break;
    case 2:
      input.erase(at, length);
      break;
    case 3:
      input.insert(at, input.substr(at, length));
      break;
    case 4:
      input.insert(at, kPieces[prng.Next() % kPieces.size()]);
      break;
    case 5:
      input.resize(at);
      break;
    default:
      const std::string& other = corpus[prng.Next() % corpus.size()];
      input.resize(at);
      input += other.substr(other.empty() ? 0 : prng.Next() % other.size());
  }
  if (input.size() > kInputBytesMax) input.resize(kInputBytesMax);
  return input;
}

}  // namespace

int main(int argc, char** argv) {
  uint64_t runs = 3000;
  uint64_t seed = 1;
  std::vector<std::string> corpus;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument.starts_with("--runs=")) {
      runs = std::strtoull(argument.c_str() + 7, nullptr, 10);
    } else if (argument.starts_with("--seed=")) {
      seed = std::strtoull(argument.c_str() + 7, nullptr, 10);
    } else if (fs::is_directory(argument)) {
      std::vector<fs::path> files;
      for (const auto& entry : fs::directory_iterator(argument)) files.push_back(entry.path());
      std::sort(files.begin(), files.end());
      for (const fs::path& file : files) corpus.push_back(ReadFile(file));
    } else if (fs::exists(argument)) {
      RunOne(ReadFile(argument));
      return 0;
    }
  }
  if (corpus.empty()) corpus.emplace_back();
  for (const std::string& input : corpus) RunOne(input);
  cairn::Prng prng(seed);
  for (uint64_t run = 0; run < runs; ++run) {
    std::string input = corpus[prng.Next() % corpus.size()];
    for (uint64_t changes = 1 + prng.Next() % 6; changes > 0; --changes) {
      input = Mutate(std::move(input), corpus, prng);
    }
    RunOne(input);
  }
  std::printf("%zu inputs of the corpus and %llu mutations (seed %llu)\n", corpus.size(),
              static_cast<unsigned long long>(runs), static_cast<unsigned long long>(seed));
  return 0;
}
