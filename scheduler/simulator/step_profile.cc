#include "scheduler/simulator/step_profile.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <optional>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "scheduler/simulator/built_in_profiles.h"

namespace cairn {
namespace {

constexpr size_t kFileBytesMax = 1 << 20;
constexpr double kFixedMsMax = 100'000;
constexpr double kTokenMsMax = 1'000;

std::optional<double> NumberIn(const std::string& text, double min, double max) {
  double number = 0;
  if (!absl::SimpleAtod(text, &number) || !(number >= min && number <= max)) return std::nullopt;
  return number;
}

// One map of the file. The first wrong field sticks; what was never asked for is unknown.
class ProfileFields {
 public:
  ProfileFields(const std::string& file, std::string path, const YAML::Node& map)
      : file_(file), path_(std::move(path)), map_(map) {
    if (!map.IsMap()) Wrong(map.Mark(), "", "not a map of fields");
  }

  void Text(const char* name, std::string& value) {
    const YAML::Node node = Take(name, /*required=*/true);
    if (!node) return;
    if (!node.IsScalar()) return Wrong(node.Mark(), name, "not a text");
    value = node.Scalar();
  }
  void Number(const char* name, double& value, double max, bool required = true) {
    const YAML::Node node = Take(name, required);
    if (!node) return;
    const std::optional<double> number =
        node.IsScalar() ? NumberIn(node.Scalar(), 0, max) : std::nullopt;
    if (!number.has_value()) {
      return Wrong(node.Mark(), name, absl::StrCat("not a number from 0 to ", max));
    }
    value = *number;
  }
  template <typename Count>
  void Whole(const char* name, Count& value, double min, double max) {
    const YAML::Node node = Take(name, /*required=*/true);
    if (!node) return;
    const std::optional<double> number =
        node.IsScalar() ? NumberIn(node.Scalar(), min, max) : std::nullopt;
    if (!number.has_value() || std::floor(*number) != *number) {
      return Wrong(node.Mark(), name,
                   absl::StrFormat("not a whole number from %.0f to %.0f", min, max));
    }
    value = static_cast<Count>(*number);
  }
  YAML::Node Map(const char* name) {
    const YAML::Node node = Take(name, /*required=*/true);
    return node ? node : YAML::Node(YAML::NodeType::Map);
  }
  bool Has(const char* name) const { return map_.IsMap() && map_[name]; }

  void Wrong(const YAML::Mark& mark, std::string_view name, std::string_view what) {
    if (!status_.ok()) return;
    status_ = absl::InvalidArgumentError(absl::StrCat(file_, ":", mark.line + 1, ": ", path_,
                                                      std::string(name), name.empty() ? "" : ": ",
                                                      std::string(what)));
  }
  // Once everything was asked for.
  absl::Status Finish() {
    if (!map_.IsMap()) return status_;
    for (const auto& entry : map_) {
      const std::string name = entry.first.IsScalar() ? entry.first.Scalar() : "?";
      if (std::find(taken_.begin(), taken_.end(), name) == taken_.end()) {
        Wrong(entry.first.Mark(), name, "no such field");
      }
    }
    return status_;
  }

 private:
  YAML::Node Take(const char* name, bool required) {
    taken_.emplace_back(name);
    if (!map_.IsMap()) return YAML::Node(YAML::NodeType::Undefined);
    const YAML::Node& map = map_;  // a constant node does not grow when it is asked
    const YAML::Node node = map[name];
    if (!node && required) Wrong(map_.Mark(), name, "is missing");
    return node;
  }

  const std::string& file_;
  std::string path_;
  YAML::Node map_;
  std::vector<std::string> taken_;
  absl::Status status_;
};

absl::Status ReadPrefill(const std::string& file, const YAML::Node& map, StepProfile& profile) {
  ProfileFields fields(file, "prefill.", map);
  fields.Number("fixed_ms", profile.prefill_fixed_ms, kFixedMsMax);
  fields.Number("token_ms", profile.prefill_token_ms, kTokenMsMax);
  fields.Number("pair_ms", profile.prefill_pair_ms, 1);
  if (fields.Has("attention_tokens_min")) {
    fields.Whole("attention_tokens_min", profile.attention_tokens_min, 0, 1 << 20);
  }
  fields.Number("error_mean", profile.prefill_error_mean, 1e6, /*required=*/false);
  fields.Number("error_max", profile.prefill_error_max, 1e6, /*required=*/false);
  return fields.Finish();
}

absl::Status ReadDecode(const std::string& file, const YAML::Node& map, StepProfile& profile) {
  ProfileFields fields(file, "decode.", map);
  fields.Number("fixed_ms", profile.decode_fixed_ms, kFixedMsMax);
  fields.Number("sequence_ms", profile.decode_sequence_ms, kTokenMsMax);
  fields.Number("context_token_ms", profile.decode_context_token_ms, kTokenMsMax);
  fields.Number("error_mean", profile.decode_error_mean, 1e6, /*required=*/false);
  fields.Number("error_max", profile.decode_error_max, 1e6, /*required=*/false);
  return fields.Finish();
}

absl::Status ReadLinks(const std::string& file, const YAML::Node& map, StepProfile& profile) {
  ProfileFields fields(file, "links.", map);
  for (size_t i = 0; i < kKvLinks; ++i) {
    const char* name = NameOf(static_cast<KvLink>(i));
    if (!fields.Has(name)) continue;
    ProfileFields link(file, absl::StrCat("links.", name, "."), fields.Map(name));
    link.Number("gigabytes_per_s", profile.links[i].gigabytes_per_s, 1e6);
    link.Number("call_us", profile.links[i].call_us, 1e9);
    if (absl::Status done = link.Finish(); !done.ok()) return done;
  }
  return fields.Finish();
}

absl::StatusOr<StepProfile> ReadProfile(const std::string& file, const YAML::Node& map) {
  StepProfile profile;
  ProfileFields fields(file, "", map);
  fields.Text("name", profile.name);
  fields.Text("source", profile.source);
  fields.Text("hardware", profile.hardware);
  fields.Text("model", profile.model);
  fields.Whole("gpus", profile.gpus, 1, 1e6);
  fields.Whole("kv_bytes_per_token", profile.kv_bytes_per_token, 1, 1e9);
  fields.Whole("kv_tokens", profile.kv_tokens, 1, 1e15);
  fields.Number("host_overhead_ms", profile.host_overhead_ms, kFixedMsMax);
  if (fields.Has("wake_ms")) fields.Number("wake_ms", profile.wake_ms, kFixedMsMax);
  std::string mix;
  fields.Text("mixed_steps", mix);
  if (mix != "roofline" && mix != "sum") {
    fields.Wrong(map.Mark(), "mixed_steps", "neither roofline nor sum");
  }
  profile.mix = mix == "sum" ? StepMix::kSum : StepMix::kRoofline;
  const YAML::Node prefill = fields.Map("prefill");
  const YAML::Node decode = fields.Map("decode");
  const YAML::Node links = fields.Map("links");
  if (absl::Status done = fields.Finish(); !done.ok()) return done;
  if (absl::Status read = ReadPrefill(file, prefill, profile); !read.ok()) return read;
  if (absl::Status read = ReadDecode(file, decode, profile); !read.ok()) return read;
  if (absl::Status read = ReadLinks(file, links, profile); !read.ok()) return read;
  return profile;
}

// YAML's double quotes, for what a person may have typed.
std::string Quoted(const std::string& text) {
  YAML::Emitter out;
  out << YAML::DoubleQuoted << text;
  return out.c_str();
}

}  // namespace

absl::StatusOr<StepProfile> ParseStepProfile(const std::string& text, const std::string& file) {
  if (text.size() > kFileBytesMax) {
    return absl::InvalidArgumentError(file + ": over 1 MiB: is this a profile?");
  }
  try {
    return ReadProfile(file, YAML::Load(text));
  } catch (const YAML::Exception& error) {
    return absl::InvalidArgumentError(
        absl::StrCat(file, ":", error.mark.line + 1, ": ", error.msg));
  }
}

std::string FormatStepProfile(const StepProfile& profile) {
  std::string text = absl::StrFormat(
      "name: %s\nsource: %s\nhardware: %s\nmodel: %s\ngpus: %d\nkv_bytes_per_token: %d\n"
      "kv_tokens: %d\nhost_overhead_ms: %.6g\nwake_ms: %.6g\nmixed_steps: %s\n",
      Quoted(profile.name), Quoted(profile.source), Quoted(profile.hardware), Quoted(profile.model),
      profile.gpus, profile.kv_bytes_per_token, profile.kv_tokens, profile.host_overhead_ms,
      profile.wake_ms, profile.mix == StepMix::kSum ? "sum" : "roofline");
  absl::StrAppendFormat(&text,
                        "prefill:\n  fixed_ms: %.6g\n  token_ms: %.6g\n  pair_ms: %.6g\n"
                        "  attention_tokens_min: %d\n  error_mean: %.3g\n  error_max: %.3g\n",
                        profile.prefill_fixed_ms, profile.prefill_token_ms, profile.prefill_pair_ms,
                        profile.attention_tokens_min, profile.prefill_error_mean,
                        profile.prefill_error_max);
  absl::StrAppendFormat(&text,
                        "decode:\n  fixed_ms: %.6g\n  sequence_ms: %.6g\n  context_token_ms: %.6g\n"
                        "  error_mean: %.3g\n  error_max: %.3g\nlinks:",
                        profile.decode_fixed_ms, profile.decode_sequence_ms,
                        profile.decode_context_token_ms, profile.decode_error_mean,
                        profile.decode_error_max);
  bool any = false;
  for (size_t i = 0; i < kKvLinks; ++i) {
    const LinkCost& link = profile.links[i];
    if (!(link.gigabytes_per_s > 0)) continue;
    absl::StrAppendFormat(&text, "\n  %s: {gigabytes_per_s: %.6g, call_us: %.6g}",
                          NameOf(static_cast<KvLink>(i)), link.gigabytes_per_s, link.call_us);
    any = true;
  }
  absl::StrAppend(&text, any ? "\n" : " {}\n");
  return text;
}

std::vector<std::string> BuiltInProfiles() {
  std::vector<std::string> names;
  for (const BuiltInProfile& profile : BuiltInProfileTexts()) names.emplace_back(profile.name);
  std::sort(names.begin(), names.end());
  return names;
}

absl::StatusOr<StepProfile> FindStepProfile(const std::string& name) {
  for (const BuiltInProfile& profile : BuiltInProfileTexts()) {
    if (name == profile.name) return ParseStepProfile(profile.text, name);
  }
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(name, ignored)) {
    std::string known;
    for (const std::string& one : BuiltInProfiles()) {
      absl::StrAppend(&known, known.empty() ? "" : ", ", one);
    }
    return absl::NotFoundError(absl::StrCat("no profile '", name, "': a file, or one of ", known));
  }
  std::ifstream in(name, std::ios::binary);
  std::string text(kFileBytesMax + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad()) return absl::DataLossError(name + ": cannot be read");
  text.resize(static_cast<size_t>(in.gcount()));
  return ParseStepProfile(text, name);
}

}  // namespace cairn
