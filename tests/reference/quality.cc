#include "tests/reference/quality.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>
#include <numeric>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "kvstore/media/host_arena.h"

namespace cairn {
namespace {

constexpr uint32_t kChunk = 256;

template <typename T>
bool Take(const std::string& data, size_t& at, size_t count, std::vector<T>& out) {
  if (count > (data.size() - at) / sizeof(T)) return false;
  out.resize(count);
  std::memcpy(out.data(), data.data() + at, count * sizeof(T));
  at += count * sizeof(T);
  return true;
}

bool TakeText(const std::string& data, size_t& at, ReferenceText& text) {
  std::vector<uint32_t> size;
  std::vector<char> name;
  if (!Take(data, at, 1, size) || !Take(data, at, size[0], name)) return false;
  text.name.assign(name.begin(), name.end());
  return Take(data, at, 1, size) && Take(data, at, size[0], text.ids) &&
         Take(data, at, size[0], text.top) && Take(data, at, size[0], text.total) &&
         Take(data, at, size[0], text.following);
}

double LogSumExp(std::span<const float> logits) {
  const double largest = *std::ranges::max_element(logits);
  double sum = 0;
  for (const float x : logits) sum += std::exp(x - largest);
  return largest + std::log(sum);
}

}  // namespace

absl::StatusOr<std::vector<ReferenceText>> ReadReference(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  const std::string data(std::istreambuf_iterator<char>(in), {});
  if (!data.starts_with("CRRS")) {
    return absl::InvalidArgumentError(absl::StrCat(path.string(), " is no reference file"));
  }
  size_t at = 4;
  std::vector<uint32_t> count;
  if (!Take(data, at, 1, count)) return absl::InvalidArgumentError("cut short");
  std::vector<ReferenceText> texts(count[0]);
  for (ReferenceText& text : texts) {
    if (!TakeText(data, at, text)) {
      return absl::InvalidArgumentError(absl::StrCat(path.string(), " is cut short"));
    }
  }
  return texts;
}

double Quality::agreement() const {
  return static_cast<double>(agreements) / static_cast<double>(predictions);
}
double Quality::reference_perplexity() const {
  return std::exp(reference_nats / static_cast<double>(predictions));
}
double Quality::engine_perplexity() const {
  return std::exp(engine_nats / static_cast<double>(predictions));
}
double Quality::perplexity_change() const {
  return std::exp((engine_nats - reference_nats) / static_cast<double>(predictions)) - 1;
}
void Quality::Add(const Quality& other) {
  predictions += other.predictions;
  agreements += other.agreements;
  reference_nats += other.reference_nats;
  engine_nats += other.engine_nats;
}

uint32_t SlotsFor(const std::vector<ReferenceText>& texts, uint32_t block_tokens) {
  size_t longest = 1;
  for (const ReferenceText& text : texts) longest = std::max(longest, text.ids.size());
  return static_cast<uint32_t>((longest + block_tokens - 1) / block_tokens);
}

absl::StatusOr<Quality> MeasureQuality(CpuEngine& engine, const ReferenceText& text) {
  Quality quality;
  const auto count = static_cast<uint32_t>(text.ids.size());
  const uint32_t block_tokens = engine.geometry().block_tokens;
  StepSpan span;
  for (uint32_t i = 0; i < (count + block_tokens - 1) / block_tokens; ++i) {
    span.table.push_back(SlotIndex(i));
  }
  for (uint32_t begin = 0; begin < count; begin += kChunk) {
    span.first_position = begin;
    span.tokens.assign(text.ids.begin() + begin,
                       text.ids.begin() + std::min(count, begin + kChunk));
    const absl::Status status =
        engine.RunTeacherForced(span, [&](uint32_t row, std::span<const float> logits) {
          const uint32_t i = begin + row;
          if (i + 1 == count) return;  // nothing follows
          const auto top = std::ranges::max_element(logits) - logits.begin();
          ++quality.predictions;
          quality.agreements += top == text.top[i] ? 1 : 0;
          quality.reference_nats -= text.following[i];
          quality.engine_nats += LogSumExp(logits) - logits[static_cast<size_t>(text.ids[i + 1])];
        });
    if (!status.ok()) return status;
  }
  return quality;
}

absl::StatusOr<std::vector<TextQuality>> MeasureQuality(const QualityRun& run) {
  absl::StatusOr<std::vector<ReferenceText>> texts = ReadReference(run.reference);
  if (!texts.ok()) return texts.status();
  WorkerTeam team(static_cast<int>(run.threads), /*pin=*/false);
  const CpuEngineOptions options{.weights = run.weights, .kv_type = run.kv};
  absl::StatusOr<LoadedModel> model = LoadModel(run.model, options, team, nullptr);
  if (!model.ok()) return model.status();
  auto arena = HostArena::Make(SlotsFor(*texts, options.block_tokens), model->geometry.BlockBytes(),
                               ArenaFill::kOnDemand);
  if (!arena.ok()) return arena.status();
  CpuEngine engine(*std::move(model), **arena, team);
  std::vector<TextQuality> out;
  for (const ReferenceText& text : *texts) {
    if (text.ids.size() < 2) continue;
    absl::StatusOr<Quality> quality = MeasureQuality(engine, text);
    if (!quality.ok()) return quality.status();
    out.push_back({text.name, *quality});
  }
  return out;
}

}  // namespace cairn
