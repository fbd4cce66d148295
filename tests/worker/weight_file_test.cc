#include "worker/model/weight_file.h"

#include <catch2/catch.hpp>
#include <cstring>
#include <string>
#include <vector>

#include "kvstore/base/prng.h"
#include "tests/support/gguf_writer.h"
#include "tests/support/scratch_folder.h"
#include "tests/support/test_models.h"
#include "worker/model/gguf_reader.h"
#include "worker/model/safetensors_reader.h"

namespace cairn {
namespace {

std::span<const std::byte> BytesOf(const std::string& text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

// A file with one of each: the shortest that has everything a reader looks at.
GgufWriter SmallFile(uint32_t version = 3) {
  GgufWriter writer(version);
  writer.AddString("general.architecture", "llama");
  writer.AddUint32("llama.block_count", 2);
  writer.AddFloat("llama.rope.freq_base", 10000.0f);
  writer.AddBool("tokenizer.ggml.add_bos_token", true);
  writer.AddStrings("tokenizer.ggml.tokens", {"a", "", "ccc"});
  writer.AddFloats("tokenizer.ggml.scores", {0.0f, -1.0f, -2.5f});
  writer.AddIntegers("tokenizer.ggml.token_type", {1, 3, -1});
  writer.AddFloatTensor("norm", {3}, {1, 2, 3});
  writer.AddTensor("matrix", {32, 2}, /*type Q8_0*/ 8, std::string(68, '\1'));
  return writer;
}

std::string RefusalOf(const std::string& bytes) {
  const absl::StatusOr<GgufContents> contents = ReadGguf(BytesOf(bytes));
  REQUIRE_FALSE(contents.ok());
  REQUIRE(contents.status().code() == absl::StatusCode::kInvalidArgument);
  return std::string(contents.status().message());
}

// Replaces the first `from` by `to`, which has the same length.
std::string Edited(std::string bytes, const std::string& from, const std::string& to) {
  const size_t at = bytes.find(from);
  REQUIRE(at != std::string::npos);
  return bytes.replace(at, from.size(), to);
}

template <typename T>
std::string Raw(T value) {
  return std::string(reinterpret_cast<const char*>(&value), sizeof(value));
}

TEST_CASE("a GGUF file gives its values and tensors, in versions 2 and 3") {
  for (const uint32_t version : {2u, 3u}) {
    const std::string bytes = SmallFile(version).Finish();
    const absl::StatusOr<GgufContents> contents = ReadGguf(BytesOf(bytes));
    REQUIRE(contents.ok());
    const Metadata& metadata = contents->metadata;
    REQUIRE(**metadata.String("general.architecture") == "llama");
    REQUIRE(**metadata.Unsigned("llama.block_count") == 2);
    REQUIRE(**metadata.Number("llama.rope.freq_base") == 10000.0);
    REQUIRE(**metadata.Bool("tokenizer.ggml.add_bos_token"));
    REQUIRE(**metadata.Strings("tokenizer.ggml.tokens") ==
            std::vector<std::string_view>{"a", "", "ccc"});
    REQUIRE(**metadata.Floats("tokenizer.ggml.scores") == std::vector<float>{0, -1, -2.5f});
    REQUIRE(**metadata.Integers("tokenizer.ggml.token_type") == std::vector<int64_t>{1, 3, -1});
    REQUIRE(contents->tensors.size() == 2);
    REQUIRE(contents->tensors[1].name == "matrix");
    REQUIRE(contents->tensors[1].shape == std::vector<uint64_t>{2, 32});
    REQUIRE(contents->tensors[1].row(1).size() == 34);
  }
}

TEST_CASE("an absent value is an answer, one of another type is an error that names it") {
  const std::string bytes = SmallFile().Finish();
  const absl::StatusOr<GgufContents> contents = ReadGguf(BytesOf(bytes));
  REQUIRE(contents.ok());
  const Metadata& metadata = contents->metadata;
  REQUIRE(metadata.Unsigned("nothing").ok());
  REQUIRE_FALSE(metadata.Unsigned("nothing")->has_value());
  REQUIRE(metadata.Unsigned("general.architecture").status().message() ==
          "metadata 'general.architecture' is a string, expected a number that is not negative");
  REQUIRE(metadata.Strings("tokenizer.ggml.scores").status().message() ==
          "metadata 'tokenizer.ggml.scores' is a array of float32, expected an array of strings");
  REQUIRE_FALSE(metadata.Floats("llama.block_count").ok());
  REQUIRE_FALSE(metadata.Integers("tokenizer.ggml.tokens").ok());
}

TEST_CASE("a GGUF file cut anywhere is refused with an offset") {
  const std::string bytes = SmallFile().Finish();
  for (size_t size = 0; size < bytes.size(); ++size) {
    const std::string cut = bytes.substr(0, size);
    REQUIRE(RefusalOf(cut).starts_with("offset "));
  }
}

TEST_CASE("a foreign file is refused by name") {
  REQUIRE(RefusalOf("PK\3\4 and so on").find("not a GGUF file") != std::string::npos);
  const std::string bytes = SmallFile().Finish();
  REQUIRE(RefusalOf(Edited(bytes, "GGUF" + Raw(3u), "GGUF" + Raw(1u))).find("version 1") !=
          std::string::npos);
  REQUIRE(RefusalOf(Edited(bytes, "GGUF" + Raw(3u), "GGUF" + Raw(3u << 24))).find("big-endian") !=
          std::string::npos);
}

TEST_CASE("a GGUF file that lies is refused with the reason") {
  const std::string bytes = SmallFile().Finish();
  const auto refusal = [&](const std::string& from, const std::string& to) {
    return RefusalOf(Edited(bytes, from, to));
  };
  const uint64_t huge = uint64_t{1} << 62;
  CHECK(
      refusal(Raw(uint64_t{2}) + Raw(uint64_t{7}), Raw(huge) + Raw(uint64_t{7})).find("too many") !=
      std::string::npos);
  CHECK(refusal(Raw(uint64_t{20}) + "general", Raw(huge) + "general").find("the file ends") !=
        std::string::npos);
  CHECK(refusal(Raw(8u) + Raw(uint64_t{3}), Raw(8u) + Raw(huge)).find("elements") !=
        std::string::npos);
  CHECK(refusal(Raw(9u) + Raw(8u), Raw(9u) + Raw(9u)).find("array of type 9") != std::string::npos);
  CHECK(refusal("block_count" + Raw(4u), "block_count" + Raw(77u)).find("unknown type 77") !=
        std::string::npos);
  CHECK(refusal("tokenizer.ggml.scores", "tokenizer.ggml.tokens").find("there twice") !=
        std::string::npos);
  CHECK(refusal("norm" + Raw(1u), "norm" + Raw(9u)).find("9 dimensions") != std::string::npos);
  CHECK(refusal("norm" + Raw(1u) + Raw(uint64_t{3}), "norm" + Raw(1u) + Raw(huge))
            .find("impossible dimension") != std::string::npos);
  CHECK(refusal("norm" + Raw(1u) + Raw(uint64_t{3}), "norm" + Raw(1u) + Raw(uint64_t{0}))
            .find("impossible dimension") != std::string::npos);
  const std::string matrix = "matrix" + Raw(2u) + Raw(uint64_t{32}) + Raw(uint64_t{2});
  CHECK(refusal(matrix + Raw(8u), matrix + Raw(10u)).find("type Q2_K") != std::string::npos);
  CHECK(refusal(matrix + Raw(8u), matrix + Raw(99u)).find("type number 99") != std::string::npos);
  CHECK(refusal(matrix + Raw(8u), matrix + Raw(12u)).find("blocks of 256") != std::string::npos);
  CHECK(refusal(matrix + Raw(8u) + Raw(uint64_t{32}), matrix + Raw(8u) + Raw(uint64_t{33}))
            .find("not a multiple of 32") != std::string::npos);
  CHECK(refusal(matrix + Raw(8u) + Raw(uint64_t{32}), matrix + Raw(8u) + Raw(uint64_t{0}))
            .find("share bytes") != std::string::npos);
  CHECK(refusal(matrix + Raw(8u) + Raw(uint64_t{32}), matrix + Raw(8u) + Raw(uint64_t{64}))
            .find("cut short") != std::string::npos);
}

TEST_CASE("random damage to a GGUF file never reads outside it") {
  const std::string bytes = SmallFile().Finish();
  Prng prng(11);
  for (int round = 0; round < 20'000; ++round) {
    std::string damaged = bytes;
    for (uint64_t edits = 1 + prng.Below(4); edits > 0; --edits) {
      damaged[prng.Below(damaged.size())] = static_cast<char>(prng.Next());
    }
    if (prng.Chance(0.3)) damaged.resize(prng.Below(damaged.size()));
    const std::vector<char> exact(damaged.begin(), damaged.end());  // so that ASan sees its end
    const auto contents = ReadGguf(std::as_bytes(std::span(exact)));
    if (!contents.ok()) continue;
    for (const Tensor& tensor : contents->tensors)
      REQUIRE(tensor.row(tensor.rows() - 1).size() > 0);
    for (const Metadata::Entry& entry : contents->metadata.entries()) {
      (void)contents->metadata.Strings(entry.name);
    }
  }
}

std::string SafetensorsFile(const std::string& head, const std::string& data) {
  return Raw(uint64_t{head.size()}) + head + data;
}

constexpr const char* kHead =
    R"({"__metadata__":{"format":"pt"},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]},)"
    R"("a":{"dtype":"BF16","shape":[1,2],"data_offsets":[0,4]}})";

TEST_CASE("a safetensors file gives its tensors in the order of their bytes") {
  const std::string bytes = SafetensorsFile(kHead, std::string(12, '\1'));
  const auto tensors = ReadSafetensors(BytesOf(bytes));
  REQUIRE(tensors.ok());
  REQUIRE(tensors->size() == 2);
  REQUIRE((*tensors)[0].name == "a");
  REQUIRE((*tensors)[0].type == TensorType::kBf16);
  REQUIRE((*tensors)[1].shape == std::vector<uint64_t>{2});
  REQUIRE((*tensors)[1].bytes.size() == 8);
}

TEST_CASE("a safetensors file that is cut or lies is refused with the reason") {
  const std::string whole = SafetensorsFile(kHead, std::string(12, '\1'));
  for (size_t size = 0; size < whole.size(); ++size) {
    const std::string cut = whole.substr(0, size);
    REQUIRE_FALSE(ReadSafetensors(BytesOf(cut)).ok());
  }
  const auto refusal = [&](const std::string& from, const std::string& to) {
    const std::string bytes = Edited(whole, from, to);
    const auto tensors = ReadSafetensors(BytesOf(bytes));
    REQUIRE_FALSE(tensors.ok());
    return std::string(tensors.status().message());
  };
  CHECK(refusal("[4,12]", "[0,08]").find("not a JSON object") != std::string::npos);
  CHECK(refusal("[4,12]", "[2,10]").find("shares bytes") != std::string::npos);
  CHECK(refusal("[4,12]", "[12,4]").find("lies at 12 to 4") != std::string::npos);
  CHECK(refusal("[4,12]", "[4,99]").find("cut short") != std::string::npos);
  CHECK(refusal("\"shape\":[2]", "\"shape\":[3]").find("shape asks for") != std::string::npos);
  CHECK(refusal("\"shape\":[2]", "\"shape\":[0]").find("shape asks for") != std::string::npos);
  CHECK(refusal("BF16", "BOOL").find("'BOOL'") != std::string::npos);
  CHECK(refusal("\"shape\":[2]", "\"shapE\":[2]").find("no sound shape") != std::string::npos);
  const std::string longer = whole + "x";
  CHECK_FALSE(ReadSafetensors(BytesOf(longer)).ok());
}

TEST_CASE("a folder with config.json and two safetensors files opens as one") {
  ScratchFolder folder;
  folder.Write("config.json", R"({"model_type":"llama"})");
  folder.Write(
      "model-00001-of-00002.safetensors",
      SafetensorsFile(R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", "1234"));
  folder.Write(
      "model-00002-of-00002.safetensors",
      SafetensorsFile(R"({"y":{"dtype":"F16","shape":[2],"data_offsets":[0,4]}})", "5678"));
  const auto file = OpenWeightFile(folder.path());
  REQUIRE(file.ok());
  REQUIRE((*file)->Find("x") != nullptr);
  REQUIRE(std::memcmp((*file)->Find("y")->bytes.data(), "5678", 4) == 0);
  REQUIRE((*file)->Find("z") == nullptr);
  REQUIRE((*file)->config_json() == R"({"model_type":"llama"})");

  SECTION("but not if its index names a tensor that no file has") {
    folder.Write("model.safetensors.index.json", R"({"weight_map":{"x":"a","lost":"b"}})");
    const auto status = OpenWeightFile(folder.path()).status();
    REQUIRE(status.message().find("'lost'") != std::string::npos);
  }
  SECTION("and not if a name is in both files") {
    folder.Write(
        "more.safetensors",
        SafetensorsFile(R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", "1234"));
    REQUIRE(OpenWeightFile(folder.path()).status().message().find("'x'") != std::string::npos);
  }
}

TEST_CASE("what cannot be opened says which path") {
  ScratchFolder folder;
  REQUIRE(OpenWeightFile(folder.path() / "no.gguf").status().code() == absl::StatusCode::kNotFound);
  REQUIRE(OpenWeightFile(folder.Write("empty.gguf", "")).status().message().find("empty") !=
          std::string::npos);
  REQUIRE(OpenWeightFile(folder.path()).status().message().find("config.json") !=
          std::string::npos);
  REQUIRE(OpenWeightFile("/dev/null").status().message().find("not a regular file") !=
          std::string::npos);
}

TEST_CASE("the real models open with their vocabularies") {
  const std::vector<std::pair<std::string_view, size_t>> models = {{kSmolLm, 49152},
                                                                   {kGemma, 262144}};
  for (const auto& [name, tokens] : models) {
    const auto path = TestModel(name);
    if (!path) {
      SkippedWithout("weight_file_test (real models)", name);
      continue;
    }
    const auto file = OpenWeightFile(*path);
    REQUIRE(file.ok());
    REQUIRE((*file)->metadata().Strings("tokenizer.ggml.tokens").value()->size() == tokens);
    REQUIRE((*file)->Find("token_embd.weight")->rows() == tokens);
  }
}

}  // namespace
}  // namespace cairn
